/* KVS.*: reading and writing the key/value store (agent/consul/kvs_endpoint.go). */
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/method/method.h"
#include "core/method/notes.h"
#include "core/method/requests.h"
#include "core/state/command.h"
#include "core/state/kv.h"

/* Index 1 is impossible (Raft's own first entry): what never was answers it, so that nobody waits for index 0. */
static raft_index at_least_one(raft_index i)
{
	return i ? i : 1;
}

static enum err kvs_get(struct call *c)
{
	const struct key_request *q = c->request;
	struct indexed_entries *reply = c->reply;
	struct dir_entry *e = ARENA_NEW(c->arena, struct dir_entry);
	if (!e)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	bool found;
	raft_index index = kv_get(c->world->db, call_notes(c), q->key, c->arena, e, &found);
	reply->meta.index = found ? e->modify_index : at_least_one(index);
	reply->entries = found ? (struct list){e, 1} : (struct list){0};
	return OK;
}

static enum err kvs_list(struct call *c)
{
	const struct key_request *q = c->request;
	struct indexed_entries *reply = c->reply;
	reply->meta.index = at_least_one(kv_list(c->world->db, call_notes(c), q->key, c->arena, &reply->entries));
	return OK;
}

static enum err kvs_list_keys(struct call *c)
{
	const struct key_list_request *q = c->request;
	struct indexed_keys *reply = c->reply;
	reply->meta.index = at_least_one(
	        kv_list_keys(c->world->db, call_notes(c), q->prefix, q->seperator, c->arena, &reply->keys));
	return OK;
}

static void say_delayed(struct call *c, struct slice key, dur_ns left)
{
	struct buf until = {0};
	time_rfc3339(&until, c->log->now + left);
	log_warn(c->log, "consul.kvs: Rejecting lock of %.*s due to lock-delay until %.*s", PS(key),
	        PS(buf_view(&until)));
	buf_free(&until);
}

/* The lock delay is the leader's own clock's business, so it is asked here and not while applying. */
static enum err kvs_apply(struct call *c)
{
	const struct kvs_request *q = c->request;
	if (!q->dir_entry.key.n && !slice_is(q->op, "delete-tree"))
		return call_fail(c, ERR_FAILED, "Must provide key");
	if (slice_is(q->op, "lock")) {
		mono_ns until = kv_lock_delay_until(c->world->db, q->dir_entry.key);
		if (until > c->now) {
			say_delayed(c, q->dir_entry.key, until - c->now);
			c->refused = (struct apply_result){.kind = APPLY_BOOL, .yes = false};
			return OK;
		}
	}
	return call_command(c, COMMAND_KVS, &kvs_request_schema, q);
}

const struct method method_kvs_get = {"KVS.Get", &key_request_schema, &indexed_entries_schema, M_READ, kvs_get};
const struct method method_kvs_list = {"KVS.List", &key_request_schema, &indexed_entries_schema, M_READ, kvs_list};
const struct method method_kvs_list_keys = {
        "KVS.ListKeys", &key_list_request_schema, &indexed_keys_schema, M_READ, kvs_list_keys};
/* The bool is a verdict where the operation gives one; for the others it is false and means nothing. */
static void kvs_applied(struct call *c, const void *yes)
{
	static const char *const verdicts[] = {"cas", "delete-cas", "lock", "unlock"};
	const struct kvs_request *q = c->request;
	c->message->result = (struct apply_result){.kind = APPLY_NONE};
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
		if (slice_is(q->op, verdicts[i]))
			c->message->result = (struct apply_result){.kind = APPLY_BOOL, .yes = *(const bool *)yes};
}

const struct method method_kvs_apply = {
        "KVS.Apply", &kvs_request_schema, NULL, M_WRITE, kvs_apply, .shape = SHAPE_BOOL, .take_reply = kvs_applied};
