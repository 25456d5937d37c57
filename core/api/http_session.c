/* /v1/session/ (agent/session_endpoint.go). */
#include "core/api/http_session.h"

#include "core/agent/config.h"
#include "core/base/mapstructure.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/value.h"
#include "core/method/requests.h"
#include "core/state/command.h"

#define LOCK_DELAY_DEFAULT (15 * NS_PER_S)
#define LOCK_DELAY_SECONDS 1000 /* a number below it means seconds */

static enum api_state missing_session(struct http_call *hc)
{
	return http_text(hc, 400, "Missing session");
}

static void created(struct http_call *hc, struct message *m)
{
	if (m->result.kind != APPLY_TEXT)
		http_failed(hc, ERR_FAILED, m->result.text);
	else
		http_json_id(hc, m->result.text);
}

/* LockDelay as text is a duration; whatever comes out below 1000 (nanoseconds!) is meant as seconds. */
static enum err fix_lock_delay(struct value *body, dur_ns *out, struct fail *f)
{
	for (uint32_t i = 0; body->type == V_OBJECT && i < body->n; i++) {
		struct value_entry *e = &body->entries[i];
		double number = 0;
		dur_ns delay = 0;
		if (!slice_eq_fold(e->key, S("LockDelay")))
			continue;
		if (e->val.type == V_STRING) {
			if (dur_parse(e->val.text, &delay, f))
				return f->code;
		} else if (e->val.type == V_NUMBER && value_double(&e->val, &number)) {
			delay = (dur_ns)number;
		} else {
			continue;
		}
		*out = delay < LOCK_DELAY_SECONDS ? delay * NS_PER_S : delay;
		e->val = (struct value){.type = V_NULL};
	}
	return OK;
}

static bool has_checks(const struct value *body)
{
	return value_get_fold(body, S("Checks")) != NULL;
}

static enum err read_body(struct http_call *hc, struct session *s, struct fail *f)
{
	struct value body;
	dur_ns delay = s->lock_delay;
	enum err e = http_body_value(hc, &body, f);
	e = e ? e : fix_lock_delay(&body, &delay, f);
	if (e)
		return e;
	if (has_checks(&body))
		s->checks = (struct list){0};
	e = mapstructure_read(&session_schema, &body, s, &hc->api->arena, f);
	s->lock_delay = delay;
	return e;
}

enum api_state http_session_create(struct http_call *hc)
{
	struct slice serf = S("serfHealth");
	struct write_head head;
	params_write(hc, &head);
	struct session_request q = {
	        .datacenter = head.datacenter,
	        .token = head.token,
	        .op = S("create"),
	        .session =
	                {
	                        .node = hc->api->world->config->node_name,
	                        .checks = {&serf, 1},
	                        .lock_delay = LOCK_DELAY_DEFAULT,
	                        .behavior = S("release"),
	                },
	};
	struct fail f;
	if (hc->r->content_length > 0 && read_body(hc, &q.session, &f))
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	return http_send(hc, &method_session_apply, &q, created);
}

static void destroyed(struct http_call *hc, struct message *m)
{
	if (m->result.kind == APPLY_ERROR)
		http_failed(hc, ERR_FAILED, m->result.text);
	else
		http_bool(hc, true);
}

enum api_state http_session_destroy(struct http_call *hc)
{
	struct write_head head;
	params_write(hc, &head);
	struct session_request q = {
	        .datacenter = head.datacenter,
	        .token = head.token,
	        .op = S("destroy"),
	        .session.id = http_rest(hc),
	};
	if (!q.session.id.n)
		return missing_session(hc);
	return http_send(hc, &method_session_apply, &q, destroyed);
}

static void renewed(struct http_call *hc, struct message *m)
{
	const struct slice *id = m->request;
	if (m->reply)
		http_json_list(hc, &session_schema, (struct list){m->reply, 1});
	else
		http_text(hc, 404, "Session id '%.*s' not found", PS(*id));
}

enum api_state http_session_renew(struct http_call *hc)
{
	struct session_request_one q = {0};
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	q.session = http_rest(hc);
	if (!q.session.n)
		return missing_session(hc);
	return http_send(hc, &method_session_renew, &q, renewed);
}

static enum api_state show(struct http_call *hc, const struct method *m, void *request)
{
	struct indexed_sessions reply = {0};
	enum api_state state;
	if (!http_read_meta(hc, m, request, &reply, &reply.meta, &state))
		return state;
	return http_json_items(hc, &session_schema, reply.sessions);
}

enum api_state http_session_info(struct http_call *hc)
{
	struct session_request_one q = {0};
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	q.session = http_rest(hc);
	return q.session.n ? show(hc, &method_session_get, &q) : missing_session(hc);
}

enum api_state http_session_node(struct http_call *hc)
{
	struct node_request q = {0};
	return params_node(hc, &q) ? show(hc, &method_session_node, &q) : API_ANSWERED;
}

enum api_state http_session_list(struct http_call *hc)
{
	struct dc_request q = {0};
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	return show(hc, &method_session_list, &q);
}
