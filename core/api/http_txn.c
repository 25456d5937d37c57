/* /v1/txn (agent/txn_endpoint.go). */
#include "core/api/http_txn.h"

#include <stdlib.h>

#include "core/base/enc.h"
#include "core/base/mapstructure.h"
#include "core/base/slice.h"
#include "core/base/value.h"
#include "core/method/txn.h"

enum { OPS_MAX = 64, VALUE_MAX = 512 * 1024 };

/* api.TxnOp: what clients send. */
struct sent_op {
	struct slice verb, key, value;
	uint64_t flags, index;
	struct slice session;
};

struct sent_item {
	struct sent_op *kv;
};

struct sent {
	struct list ops;
};

static const struct field sent_op_fields[] = {
        FIELD(struct sent_op, verb, "Verb", F_STR, 0),
        FIELD(struct sent_op, key, "Key", F_STR, 0),
        FIELD(struct sent_op, value, "Value", F_BYTES, 0),
        FIELD(struct sent_op, flags, "Flags", F_UINT, 0),
        FIELD(struct sent_op, index, "Index", F_UINT, 0),
        FIELD(struct sent_op, session, "Session", F_STR, 0),
};
static const struct schema sent_op_schema = SCHEMA(struct sent_op, "api.KVTxnOp", sent_op_fields);

static const struct field sent_item_fields[] = {FIELD_SUB(struct sent_item, kv, "KV", F_PTR, 0, &sent_op_schema)};
static const struct schema sent_item_schema = SCHEMA(struct sent_item, "api.TxnOp", sent_item_fields);

static const char *go_type(const struct value *v)
{
	switch (v->type) {
	case V_NULL: return "<nil>";
	case V_BOOL: return "bool";
	case V_NUMBER: return "float64";
	case V_STRING: return "string";
	case V_LIST: return "[]interface {}";
	default: return "map[string]interface {}";
	}
}

static int by_key(const void *a, const void *b)
{
	return slice_cmp(((const struct value_entry *)a)->key, ((const struct value_entry *)b)->key);
}

/* Go's %t: of a map it prints the map, each part by %t; of anything else but a boolean its complaint. */
static void print_t(const struct value *v, struct buf *b)
{
	if (v->type == V_BOOL) {
		buf_cstr(b, v->boolean ? "true" : "false");
		return;
	}
	if (v->type != V_OBJECT) {
		buf_fmt(b, v->type == V_NULL ? "%%!t(%s" : "%%!t(%s=", go_type(v));
		buf_slice(b, v->type == V_NULL ? S_NONE : v->text);
		buf_char(b, ')');
		return;
	}
	qsort(v->entries, v->n, sizeof *v->entries, by_key);
	BUF_LIT(b, "map[");
	for (uint32_t i = 0; i < v->n; i++) {
		if (i)
			buf_char(b, ' ');
		BUF_LIT(b, "%!t(string=");
		buf_slice(b, v->entries[i].key);
		BUF_LIT(b, "):");
		print_t(&v->entries[i].val, b);
	}
	buf_char(b, ']');
}

static struct value *member(struct value *object, struct slice name)
{
	for (uint32_t i = 0; i < object->n; i++)
		if (slice_eq_fold(object->entries[i].key, name))
			return &object->entries[i].val;
	return NULL;
}

/* Values come in base64. The bytes are kept aside, for a value of JSON can't hold them. */
static enum err decode_value(struct value *kv, struct arena *a, struct slice *bytes, struct fail *f)
{
	if (kv->type != V_OBJECT)
		return fail_set(f, ERR_INVALID, "unexpected raw KV type: %s", go_type(kv));
	struct value *v = member(kv, S("Value"));
	if (!v || v->type == V_NULL)
		return OK;
	if (v->type != V_STRING)
		return fail_set(f, ERR_INVALID, "unexpected value type: %s", go_type(v));
	if (base64_get(v->text, a, bytes, f))
		return fail_wrap(f, "failed to decode value");
	*v = (struct value){.type = V_NULL};
	return OK;
}

/* bytes: one for each item of the list. */
static enum err decode_values(struct value *body, struct arena *a, struct slice **bytes, struct fail *f)
{
	if (body->type != V_LIST) {
		struct buf b = {0};
		print_t(body, &b);
		fail_set(f, ERR_INVALID, "unexpected raw type: %.*s", PS(buf_view(&b)));
		buf_free(&b);
		return ERR_INVALID;
	}
	*bytes = ARENA_ARRAY(a, struct slice, body->n);
	if (!*bytes)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < body->n; i++) {
		if (body->items[i].type != V_OBJECT)
			return fail_set(f, ERR_INVALID, "unexpected raw op type: %s", go_type(&body->items[i]));
		struct value *kv = member(&body->items[i], S("KV"));
		enum err e = kv && kv->type != V_NULL ? decode_value(kv, a, &(*bytes)[i], f) : OK;
		if (e)
			return e;
	}
	return OK;
}

static enum err read_ops(struct http_call *hc, struct list *out, struct fail *f)
{
	struct value body;
	struct arena *a = &hc->api->arena;
	struct slice *bytes = NULL;
	enum err e = http_body_value(hc, &body, f);
	e = e ? e : decode_values(&body, a, &bytes, f);
	e = e ? e : mapstructure_read_list(&sent_item_schema, &body, out, a, f);
	struct sent_item *items = out->items;
	for (uint32_t i = 0; !e && i < out->n; i++)
		if (items[i].kv)
			items[i].kv->value = bytes[i];
	return e;
}

/* What alters the store; anything else, unknown verbs too, takes the way of reads. */
static bool verb_writes(struct slice verb)
{
	static const char *const verbs[] = {"set", "delete", "delete-cas", "delete-tree", "cas", "lock", "unlock"};
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (slice_is(verb, verbs[i]))
			return true;
	return false;
}

/* False: the answer is complete. */
static bool convert(struct http_call *hc, struct list sent, struct list *ops, bool *writes)
{
	const struct sent_item *items = sent.items;
	struct txn_op *to = ARENA_ARRAY(&hc->api->arena, struct txn_op, sent.n);
	size_t total = 0;
	if (sent.n > OPS_MAX) {
		http_text(hc, 413, "Transaction contains too many operations (%u > %d)", sent.n, OPS_MAX);
		return false;
	}
	*ops = (struct list){to, 0};
	for (uint32_t i = 0; to && i < sent.n; i++) {
		const struct sent_op *kv = items[i].kv;
		struct txn_kv_op *op = kv ? ARENA_NEW(&hc->api->arena, struct txn_kv_op) : NULL;
		if (!op)
			continue;
		if (kv->value.n > VALUE_MAX) {
			http_text(hc, 413, "Value for key \"%.*s\" is too large (%zu > %d bytes)", PS(kv->key),
			        kv->value.n, VALUE_MAX);
			return false;
		}
		total += kv->value.n;
		*writes |= verb_writes(kv->verb);
		op->verb = kv->verb;
		op->dir_entry = (struct dir_entry){
		        .key = kv->key,
		        .value = kv->value,
		        .flags = kv->flags,
		        .session = kv->session,
		        .modify_index = kv->index,
		};
		to[ops->n++].kv = op;
	}
	if (total > VALUE_MAX)
		http_text(hc, 413, "Cumulative size of key data is too large (%zu > %d bytes)", total, VALUE_MAX);
	return total <= VALUE_MAX;
}

static enum api_state show(struct http_call *hc, const struct schema *s, const void *response, struct list errors)
{
	hc->ans->status = errors.n ? 409 : 200;
	return http_json(hc, s, response);
}

static enum api_state run_read(struct http_call *hc, struct list ops)
{
	struct txn_read_request q = {.ops = ops};
	struct txn_read_response reply = {0};
	enum api_state state;
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read(hc, &method_txn_read, &q, &reply, &state))
		return state;
	http_header(hc, "X-Consul-Knownleader", reply.meta.known_leader ? S("true") : S("false"));
	struct buf *b = &hc->ans->headers;
	BUF_LIT(b, "X-Consul-Lastcontact: ");
	buf_u64(b, (uint64_t)(reply.meta.last_contact / NS_PER_MS));
	BUF_LIT(b, "\r\n");
	return show(hc, &txn_read_response_schema, &reply, reply.response.errors);
}

static void applied(struct http_call *hc, struct message *m)
{
	if (m->result.kind == APPLY_TXN)
		show(hc, &txn_response_schema, m->result.txn, m->result.txn->errors);
	else
		http_failed(hc, ERR_FAILED, m->result.text);
}

enum api_state http_txn(struct http_call *hc)
{
	struct list sent = {0}, ops;
	struct fail f;
	bool writes = false;
	if (read_ops(hc, &sent, &f))
		return http_text(hc, 400, "Failed to parse body: %s", f.text);
	if (!convert(hc, sent, &ops, &writes))
		return API_ANSWERED;
	if (!writes)
		return run_read(hc, ops);
	struct write_head head;
	params_write(hc, &head);
	struct txn_request q = {.datacenter = head.datacenter, .ops = ops, .token = head.token};
	enum api_state state = http_send(hc, &method_txn_apply, &q, applied);
	/* Refused before the log: the complaints are in the result. */
	if (state == API_ANSWERED && hc->call.refused.kind == APPLY_TXN)
		return show(hc, &txn_response_schema, hc->call.refused.txn, hc->call.refused.txn->errors);
	return state;
}
