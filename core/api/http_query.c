/* /v1/query (agent/prepared_query_endpoint.go). */
#include "core/api/http_query.h"

#include "core/agent/config.h"
#include "core/api/http_translate.h"
#include "core/base/mapstructure.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/value.h"
#include "core/method/prepared_query.h"
#include "core/state/command.h"

/* ---- definitions ---- */

static bool refused(struct http_call *hc, const struct message *m)
{
	if (m->result.kind != APPLY_ERROR)
		return false;
	http_failed(hc, ERR_FAILED, m->result.text);
	return true;
}

static void created(struct http_call *hc, struct message *m)
{
	if (!refused(hc, m))
		http_json_id(hc, m->result.text);
}

static void changed(struct http_call *hc, struct message *m)
{
	if (!refused(hc, m))
		http_status(hc, 200);
}

static enum err read_body(struct http_call *hc, struct prepared_query *q, struct fail *f)
{
	struct value body;
	enum err e = http_body_value(hc, &body, f);
	return e ? e : mapstructure_read(&prepared_query_schema, &body, q, &hc->api->arena, f);
}

static enum api_state change(struct http_call *hc, struct slice op, struct slice id, bool body, http_finish *finish)
{
	struct write_head head;
	struct prepared_query q = {0};
	struct fail f;
	params_write(hc, &head);
	if (body && read_body(hc, &q, &f))
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	if (id.p)
		q.id = id;
	struct query_request req = {.datacenter = head.datacenter, .op = op, .query = &q, .token = head.token};
	return http_send(hc, &method_query_apply, &req, finish);
}

static enum api_state show(struct http_call *hc, const struct method *m, void *request)
{
	struct indexed_queries reply = {0};
	enum api_state state;
	if (!http_read_meta(hc, m, request, &reply, &reply.meta, &state))
		return state;
	return http_json_items(hc, &prepared_query_schema, reply.queries);
}

enum api_state http_queries(struct http_call *hc)
{
	struct dc_request q = {0};
	if (hc->r->verb == HTTP_POST)
		return change(hc, S("create"), S_NONE, true, created);
	return params_read(hc, &q.head) ? show(hc, &method_query_list, &q) : API_ANSWERED;
}

static enum api_state get(struct http_call *hc, struct slice id)
{
	struct query_one_request q = {.id = id};
	return params_read(hc, &q.head) ? show(hc, &method_query_get, &q) : API_ANSWERED;
}

/* ---- what it finds ---- */

/* False: the answer is complete. */
static bool read_execute(struct http_call *hc, struct slice id, struct query_execute_request *q)
{
	const struct agent_config *config = hc->api->world->config;
	struct slice limit = param_get(hc, "limit");
	struct fail f;
	*q = (struct query_execute_request){
	        .id_or_name = id,
	        .agent = {.datacenter = config->datacenter, .segment = config->segment, .node = config->node_name},
	};
	params_source(hc, &q->source);
	if (!params_read(hc, &q->head))
		return false;
	if (!limit.n || !num_int(limit, &q->limit, &f))
		return true;
	fail_wrap(&f, "Bad limit");
	http_failed(hc, ERR_FAILED, slice_of(f.text));
	return false;
}

static enum api_state execute(struct http_call *hc, struct slice id)
{
	struct query_execute_request q;
	struct query_execute_reply reply = {0};
	enum api_state state;
	if (!read_execute(hc, id, &q))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_query_execute, &q, &reply, &reply.meta, &state))
		return state;
	http_translate_checked(hc, reply.datacenter, reply.nodes);
	if (!reply.nodes.n)
		reply.nodes.items = list_empty;
	return http_json(hc, &query_execute_reply_schema, &reply);
}

static enum api_state explain(struct http_call *hc, struct slice id)
{
	struct query_execute_request q;
	struct query_explain_reply reply = {0};
	enum api_state state;
	if (!read_execute(hc, id, &q))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_query_explain, &q, &reply, &reply.meta, &state))
		return state;
	return http_json(hc, &query_explain_reply_schema, &reply);
}

/* ---- one path for all ---- */

/* Consul shows its response writer as JSON here. */
static enum api_state options(struct http_call *hc, struct slice verbs)
{
	http_header(hc, "Allow", verbs);
	buf_cstr(http_json_begin(hc), "{}");
	return http_json_end(hc);
}

enum api_state http_query(struct http_call *hc)
{
	struct slice id = http_rest(hc);
	bool runs = slice_ends(hc->path, S("/execute")), explains = slice_ends(hc->path, S("/explain"));
	size_t tail = strlen("/execute");
	if ((runs || explains) && id.n >= tail)
		id.n -= tail;
	if (hc->r->verb == HTTP_OPTIONS)
		return options(hc, runs || explains ? S("OPTIONS,GET") : S("OPTIONS,GET,PUT,DELETE"));
	if (runs || explains) {
		if (hc->r->verb != HTTP_GET)
			return http_not_allowed(hc, VERB(HTTP_GET), false);
		return runs ? execute(hc, id) : explain(hc, id);
	}
	switch (hc->r->verb) {
	case HTTP_GET: return get(hc, id);
	case HTTP_PUT: return change(hc, S("update"), id, hc->r->content_length > 0, changed);
	case HTTP_DELETE: return change(hc, S("delete"), id, false, changed);
	default: return http_not_allowed(hc, VERB(HTTP_GET) | VERB(HTTP_PUT) | VERB(HTTP_DELETE), false);
	}
}
