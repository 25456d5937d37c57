#include "core/method/keyring.h"

#include "core/agent/keys.h"
#include "core/base/slice.h"
#include "core/base/value.h"

static const char *const operations[] = {
        [KEY_INSTALL] = "install", [KEY_USE] = "use", [KEY_REMOVE] = "remove", [KEY_LIST] = "list"};

static const struct schema responses_schema;

static enum err keyring(struct call *c)
{
	const struct keyring_request *q = c->request;
	struct ask_keyring *ask = ARENA_NEW(&c->message->mem, struct ask_keyring);
	size_t operation = 0;
	while (operation < ARRAY_LEN(operations) && !slice_is(q->operation, operations[operation]))
		operation++;
	if (operation == ARRAY_LEN(operations) || q->relay > UINT8_MAX)
		return call_fail(c, ERR_FAILED, "Invalid keyring operation");
	if (!ask)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*ask = (struct ask_keyring){
	        .operation = (enum key_operation)operation,
	        .key = arena_copy(&c->message->mem, q->key),
	        .relay = (uint8_t)q->relay,
	        .lan_only = q->forwarded,
	};
	c->message->ask = ASK_KEYRING;
	c->message->request = ask;
	return OK;
}

/* ---- answers ---- */

static struct value *keys_value(struct list keys, struct arena *a)
{
	const struct keyring_key *k = keys.items;
	struct value *v = ARENA_NEW(a, struct value);
	struct value_entry *entries = ARENA_ARRAY(a, struct value_entry, keys.n + 1);
	if (!v || !entries)
		return NULL;
	for (uint32_t i = 0; i < keys.n; i++) {
		entries[i].key = k[i].key;
		entries[i].val.type = V_NUMBER;
		entries[i].val.text = arena_str(a, "%lld", (long long)k[i].n);
	}
	v->type = V_OBJECT;
	v->entries = entries;
	v->n = keys.n;
	return v;
}

static void reply_of(const struct message *m, void *reply, struct arena *a)
{
	const struct keyring_reply *from = m->reply;
	struct keyring_responses *to = reply;
	struct keyring_response *all = ARENA_ARRAY(a, struct keyring_response, KEYRING_ANSWERS_MAX);
	if (!from || !all)
		return;
	for (uint32_t i = 0; i < from->n; i++) {
		const struct keyring_answer *one = &from->answers[i];
		all[i] = (struct keyring_response){
		        .wan = one->wan,
		        .datacenter = one->datacenter,
		        .segment = one->segment,
		        .error = one->error,
		        .messages = {one->messages.items ? one->messages.items : list_empty, one->messages.n},
		        .keys = keys_value(one->keys, a),
		        .nodes = one->nodes,
		};
	}
	to->responses = (struct list){all, from->n};
}

static void take_keys(struct keyring_answer *to, const struct value *keys, struct arena *a)
{
	uint32_t n = keys && keys->type == V_OBJECT ? keys->n : 0;
	struct keyring_key *k = ARENA_ARRAY(a, struct keyring_key, n + 1);
	for (uint32_t i = 0; k && i < n; i++) {
		int64_t count = 0;
		value_i64(&keys->entries[i].val, &count);
		k[i] = (struct keyring_key){keys->entries[i].key, count};
	}
	to->keys = (struct list){k, k ? n : 0};
}

struct keyring_reply *keyring_take(const void *reply, struct arena *a)
{
	const struct keyring_responses *from = reply;
	const struct keyring_response *all = from->responses.items;
	struct keyring_reply *to = ARENA_NEW(a, struct keyring_reply);
	for (uint32_t i = 0; to && i < from->responses.n && i < KEYRING_ANSWERS_MAX; i++) {
		struct keyring_answer *one = &to->answers[to->n++];
		*one = (struct keyring_answer){
		        .wan = all[i].wan,
		        .datacenter = all[i].datacenter,
		        .segment = all[i].segment,
		        .error = all[i].error,
		        .messages = all[i].messages,
		        .nodes = all[i].nodes,
		};
		take_keys(one, all[i].keys, a);
	}
	return to;
}

/* The bytes of the reply live only as long as the run. */
static void take_reply(struct call *c, const void *reply)
{
	struct arena *mem = &c->message->mem;
	const struct keyring_responses *copy = schema_copy(&responses_schema, reply, mem);
	c->message->reply = copy ? keyring_take(copy, mem) : NULL;
}

void *keyring_far(const struct ask_keyring *ask, struct slice datacenter, struct slice token, struct arena *a)
{
	struct keyring_request *q = ARENA_NEW(a, struct keyring_request);
	if (q)
		*q = (struct keyring_request){
		        .head = {datacenter, {.token = token}},
		        .forwarded = true,
		        .key = ask->key,
		        .operation = slice_of(operations[ask->operation]),
		        .relay = ask->relay,
		};
	return q;
}

/* ---- on the wire ---- */

static const struct field request_fields[] = {
        FIELD_SUB(struct keyring_request, head, "QueryOptions", F_EMBED, 0, &read_head_schema),
        FIELD(struct keyring_request, operation, "Operation", F_STR, 0),
        FIELD(struct keyring_request, key, "Key", F_STR, 0),
        FIELD(struct keyring_request, forwarded, "Forwarded", F_BOOL, 0),
        FIELD(struct keyring_request, relay, "RelayFactor", F_UINT, 0),
};
static const struct schema request_schema = SCHEMA(struct keyring_request, "structs.KeyringRequest", request_fields);

static const struct field response_fields[] = {
        FIELD(struct keyring_response, wan, "WAN", F_BOOL, 0),
        FIELD(struct keyring_response, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct keyring_response, segment, "Segment", F_STR, 0),
        FIELD(struct keyring_response, messages, "Messages", F_MAP, 0),
        FIELD(struct keyring_response, keys, "Keys", F_VALUE, 0),
        FIELD(struct keyring_response, nodes, "NumNodes", F_INT, 0),
        FIELD(struct keyring_response, error, "Error", F_STR, 0),
};
static const struct schema response_schema =
        SCHEMA(struct keyring_response, "structs.KeyringResponse", response_fields);

static const struct field responses_fields[] = {
        FIELD_SUB(struct keyring_responses, meta, "QueryMeta", F_EMBED, 0, &query_meta_schema),
        FIELD_SUB(struct keyring_responses, responses, "Responses", F_LIST, 0, &response_schema),
};
static const struct schema responses_schema =
        SCHEMA(struct keyring_responses, "structs.KeyringResponses", responses_fields);

const struct method method_internal_keyring = {"Internal.KeyringOperation", &request_schema, &responses_schema,
        M_WRITE | M_LOCAL | M_ANYWHERE, keyring, .reply_of = reply_of, .take_reply = take_reply};
/* The same asked of another datacenter: it goes there. */
const struct method method_internal_keyring_far = {
        "Internal.KeyringOperation", &request_schema, &responses_schema, M_READ | M_NO_BLOCK, NULL};
