/* Txn.* (agent/consul/txn_endpoint.go): what is wrong with an operation is told by its place in the list. */
#include "core/method/txn.h"

#include "core/base/slice.h"
#include "core/state/kv.h"

static bool looks_at_key(struct slice verb)
{
	return !slice_is(verb, "delete-tree");
}

static struct slice complaint(struct call *c, const struct txn_kv_op *op)
{
	if (!op->dir_entry.key.n && looks_at_key(op->verb))
		return S("Must provide key");
	if (slice_is(op->verb, "lock") && kv_lock_delay_until(c->world->db, op->dir_entry.key) > c->now)
		return arena_str(c->arena, "failed to lock key \"%.*s\" due to lock delay", PS(op->dir_entry.key));
	return S_NONE;
}

/* Errors found before anything is tried; nil when there are none. */
static struct list check(struct call *c, struct list ops)
{
	const struct txn_op *items = ops.items;
	struct txn_error *errors = ARENA_ARRAY(c->arena, struct txn_error, ops.n);
	struct list l = {0};
	for (uint32_t i = 0; errors && i < ops.n; i++) {
		struct slice what = items[i].kv ? complaint(c, items[i].kv) : S_NONE;
		if (!what.n)
			continue;
		errors[l.n++] = (struct txn_error){i, what};
		l.items = errors;
	}
	return l;
}

static enum err txn_apply_call(struct call *c)
{
	const struct txn_request *q = c->request;
	struct list errors = check(c, q->ops);
	if (errors.n) {
		struct txn_response *r = ARENA_NEW(c->arena, struct txn_response);
		if (!r)
			return call_fail(c, ERR_NO_MEMORY, "out of memory");
		r->errors = errors;
		c->refused = (struct apply_result){.kind = APPLY_TXN, .txn = r};
		return OK;
	}
	return call_command(c, COMMAND_TXN, &txn_request_schema, q);
}

static enum err txn_read_call(struct call *c)
{
	const struct txn_read_request *q = c->request;
	struct txn_read_response *reply = c->reply;
	reply->response.errors = check(c, q->ops);
	if (!reply->response.errors.n)
		txn_read(c->world->db, q->ops, c->arena, &reply->response);
	return OK;
}

static const struct field read_request_fields[] = {
        FIELD_SUB(struct txn_read_request, head, "QueryOptions", F_EMBED, 0, &read_head_schema),
        FIELD_SUB(struct txn_read_request, ops, "Ops", F_LIST, 0, &txn_op_schema),
};
const struct schema txn_read_request_schema =
        SCHEMA(struct txn_read_request, "structs.TxnReadRequest", read_request_fields);

static const struct field read_response_fields[] = {
        FIELD_SUB(struct txn_read_response, response, "TxnResponse", F_EMBED, 0, &txn_response_schema),
        FIELD_SUB(struct txn_read_response, meta, "QueryMeta", F_EMBED, 0, &query_meta_schema),
};
const struct schema txn_read_response_schema =
        SCHEMA(struct txn_read_response, "structs.TxnReadResponse", read_response_fields);

static void applied(const struct message *m, void *reply, struct arena *a)
{
	(void)a;
	if (m->result.kind == APPLY_TXN)
		*(struct txn_response *)reply = *m->result.txn;
}

static void take_applied(struct call *c, const void *reply)
{
	struct txn_response *r = ARENA_NEW(&c->message->mem, struct txn_response);
	if (r)
		*r = *(const struct txn_response *)reply;
	c->message->result = (struct apply_result){.kind = APPLY_TXN, .txn = r};
}

const struct method method_txn_apply = {"Txn.Apply", &txn_request_schema, &txn_response_schema, M_WRITE, txn_apply_call,
        .reply_of = applied, .take_reply = take_applied};
const struct method method_txn_read = {
        "Txn.Read", &txn_read_request_schema, &txn_read_response_schema, M_READ | M_NO_BLOCK, txn_read_call};
