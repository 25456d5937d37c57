/* /v1/kv/ (agent/kvs_endpoint.go). */
#include "core/api/http_kv.h"

#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/method/requests.h"
#include "core/state/command.h"

enum { KV_VALUE_MAX = 512 * 1024 };

static enum api_state missing_key(struct http_call *hc)
{
	return http_text(hc, 400, "Missing key name");
}

static enum api_state get_entries(struct http_call *hc, struct key_request *q)
{
	bool recurse = param_has(hc, "recurse");
	if (!recurse && !q->key.n)
		return missing_key(hc);
	struct indexed_entries reply = {0};
	enum api_state state;
	if (!http_read(hc, recurse ? &method_kvs_list : &method_kvs_get, q, &reply, &state))
		return state;
	http_meta(hc, &reply.meta);
	if (!reply.entries.n)
		return http_status(hc, 404);
	if (!recurse && param_has(hc, "raw")) {
		const struct dir_entry *e = reply.entries.items;
		buf_slice(&hc->ans->body, e->value);
		hc->ans->sniff = true;
		if (!hc->gzip) /* said by the handler, it stands among the headers */
			buf_fmt(&hc->ans->headers, "Content-Length: %zu\r\n", e->value.n);
		return API_ANSWERED;
	}
	return http_json_list(hc, &dir_entry_schema, reply.entries);
}

/* "seperator" is how it was spelt first; both are known. */
static enum api_state get_keys(struct http_call *hc, struct key_request *q)
{
	struct key_list_request list = {
	        .head = q->head,
	        .prefix = q->key,
	        .seperator = param_get(hc, param_has(hc, "separator") ? "separator" : "seperator"),
	};
	struct indexed_keys reply = {0};
	enum api_state state;
	if (!http_read(hc, &method_kvs_list_keys, &list, &reply, &state))
		return state;
	http_meta(hc, &reply.meta);
	if (!reply.keys.n && list.prefix.n)
		return http_status(hc, 404);
	http_json_strings(hc, reply.keys);
	return http_json_end(hc);
}

static bool conflicting(struct http_call *hc, const char *const *names, size_t n)
{
	unsigned found = 0;
	for (size_t i = 0; i < n; i++)
		found += param_has(hc, names[i]);
	if (found < 2)
		return false;
	struct buf all = {0};
	params_encode(hc, &all);
	http_text(hc, 400, "Conflicting flags: %.*s", PS(buf_view(&all)));
	buf_free(&all);
	return true;
}

static void applied(struct http_call *hc, struct message *m)
{
	if (m->result.kind == APPLY_ERROR)
		http_failed(hc, ERR_FAILED, m->result.text);
	else
		http_bool(hc, m->result.kind != APPLY_BOOL || m->result.yes);
}

static enum api_state apply(struct http_call *hc, struct kvs_request *q)
{
	enum api_state state = http_send(hc, &method_kvs_apply, q, applied);
	if (state == API_ANSWERED && hc->call.refused.kind == APPLY_BOOL) /* for a lock delay */
		return http_bool(hc, hc->call.refused.yes);
	return state;
}

/* strconv's error is the answer, and it is the server's fault (500), not the client's. */
static bool number_param(struct http_call *hc, const char *name, uint64_t *out)
{
	struct fail f;
	if (num_u64(param_get(hc, name), out, &f)) {
		f.code = ERR_FAILED;
		http_error(hc, &f);
		return false;
	}
	return true;
}

static enum api_state put(struct http_call *hc, struct kvs_request *q)
{
	static const char *const exclusive[] = {"cas", "acquire", "release"};
	if (!q->dir_entry.key.n)
		return missing_key(hc);
	if (conflicting(hc, exclusive, ARRAY_LEN(exclusive)))
		return API_ANSWERED;
	q->op = S("set");
	if (param_has(hc, "flags") && !number_param(hc, "flags", &q->dir_entry.flags))
		return API_ANSWERED;
	if (param_has(hc, "cas")) {
		if (!number_param(hc, "cas", &q->dir_entry.modify_index))
			return API_ANSWERED;
		q->op = S("cas");
	}
	if (param_has(hc, "acquire")) {
		q->dir_entry.session = param_get(hc, "acquire");
		q->op = S("lock");
	}
	if (param_has(hc, "release")) {
		q->dir_entry.session = param_get(hc, "release");
		q->op = S("unlock");
	}
	if (hc->r->content_length > KV_VALUE_MAX)
		return http_text(hc, 413, "Value exceeds %d byte limit", KV_VALUE_MAX);
	if (hc->r->body_cut.n)
		return http_failed(hc, ERR_FAILED, hc->r->body_cut);
	q->dir_entry.value = hc->r->body;
	return apply(hc, q);
}

static enum api_state delete_key(struct http_call *hc, struct kvs_request *q)
{
	static const char *const exclusive[] = {"recurse", "cas"};
	if (conflicting(hc, exclusive, ARRAY_LEN(exclusive)))
		return API_ANSWERED;
	q->op = S("delete");
	if (param_has(hc, "recurse"))
		q->op = S("delete-tree");
	else if (!q->dir_entry.key.n)
		return missing_key(hc);
	if (param_has(hc, "cas")) {
		if (!number_param(hc, "cas", &q->dir_entry.modify_index))
			return API_ANSWERED;
		q->op = S("delete-cas");
	}
	return apply(hc, q);
}

bool http_kv_refuses(const struct http_request *r)
{
	return r->verb == HTTP_PUT && r->content_length > KV_VALUE_MAX && slice_starts(r->path, S("/v1/kv/"));
}

enum api_state http_kv(struct http_call *hc)
{
	struct key_request read = {0};
	if (!params_read(hc, &read.head))
		return API_ANSWERED;
	read.key = http_rest(hc);
	struct kvs_request write = {
	        .datacenter = read.head.datacenter,
	        .token = read.head.q.token,
	        .dir_entry.key = read.key,
	};
	switch (hc->r->verb) {
	case HTTP_GET: return param_has(hc, "keys") ? get_keys(hc, &read) : get_entries(hc, &read);
	case HTTP_PUT: return put(hc, &write);
	case HTTP_DELETE: return delete_key(hc, &write);
	default: return http_not_allowed(hc, VERB(HTTP_GET) | VERB(HTTP_PUT) | VERB(HTTP_DELETE), true);
	}
}
