/* The commands install-key, use-key, remove-key and list-keys. What goes wrong in a pool is no error of the command. */
#include "core/agent/config.h"
#include "core/agent/keys.h"
#include "core/api/ipc_run.h"
#include "core/base/slice.h"

struct keyring_request {
	struct slice key;
	uint64_t relay_factor;
};
static const struct field request_fields[] = {
        FIELD(struct keyring_request, key, "Key", F_STR, 0),
        FIELD(struct keyring_request, relay_factor, "RelayFactor", F_UINT, 0),
};
static const struct schema request_schema = SCHEMA(struct keyring_request, "keyringRequest", request_fields);

struct keyring_info {
	struct slice datacenter, pool, error;
	int64_t nodes;
};
static const struct field info_fields[] = {
        FIELD(struct keyring_info, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct keyring_info, pool, "Pool", F_STR, 0),
        FIELD(struct keyring_info, nodes, "NumNodes", F_INT, 0),
        FIELD(struct keyring_info, error, "Error", F_STR, 0),
};
static const struct schema info_schema = SCHEMA(struct keyring_info, "KeyringInfo", info_fields);

struct keyring_message {
	struct slice datacenter, pool, node, message;
};
static const struct field message_fields[] = {
        FIELD(struct keyring_message, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct keyring_message, pool, "Pool", F_STR, 0),
        FIELD(struct keyring_message, node, "Node", F_STR, 0),
        FIELD(struct keyring_message, message, "Message", F_STR, 0),
};
static const struct schema message_schema = SCHEMA(struct keyring_message, "KeyringMessage", message_fields);

struct keyring_entry {
	struct slice datacenter, pool, key;
	int64_t count;
};
static const struct field entry_fields[] = {
        FIELD(struct keyring_entry, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct keyring_entry, pool, "Pool", F_STR, 0),
        FIELD(struct keyring_entry, key, "Key", F_STR, 0),
        FIELD(struct keyring_entry, count, "Count", F_INT, 0),
};
static const struct schema entry_schema = SCHEMA(struct keyring_entry, "KeyringEntry", entry_fields);

struct keyring_shown {
	struct list keys, messages, info;
};
static const struct field answer_fields[] = {
        FIELD_SUB(struct keyring_shown, keys, "Keys", F_LIST, 0, &entry_schema),
        FIELD_SUB(struct keyring_shown, messages, "Messages", F_LIST, 0, &message_schema),
        FIELD_SUB(struct keyring_shown, info, "Info", F_LIST, 0, &info_schema),
};
static const struct schema answer_schema = SCHEMA(struct keyring_shown, "keyringResponse", answer_fields);

/* ---- the commands ---- */

static enum ipc_state keyring(struct ipc_call *call, enum key_operation operation)
{
	struct keyring_request q = {0};
	if (!ipc_body(call, &request_schema, &q) || q.relay_factor > UINT8_MAX)
		return ipc_undecodable(call);
	log_info(&call->api->log, "agent: Sending rpc command with relay factor %u", (unsigned)q.relay_factor);
	if (!call->api->world->config->server_mode) {
		ipc_answer(call, S("keyring operations must run against a server node"));
		schema_mp_write_new(call->out, &answer_schema, &(struct keyring_shown){0});
		return IPC_ANSWERED;
	}
	struct message *m = ipc_message(call, ASK_KEYRING);
	struct ask_keyring *ask = m ? ARENA_NEW(&m->mem, struct ask_keyring) : NULL;
	if (ask) {
		*ask = (struct ask_keyring){
		        .operation = operation, .key = arena_copy(&m->mem, q.key), .relay = (uint8_t)q.relay_factor};
		m->request = ask;
	}
	return ipc_sent(call, m);
}

enum ipc_state ipc_keyring_list(struct ipc_call *call)
{
	return keyring(call, KEY_LIST);
}

enum ipc_state ipc_keyring_install(struct ipc_call *call)
{
	return keyring(call, KEY_INSTALL);
}

enum ipc_state ipc_keyring_use(struct ipc_call *call)
{
	return keyring(call, KEY_USE);
}

enum ipc_state ipc_keyring_remove(struct ipc_call *call)
{
	return keyring(call, KEY_REMOVE);
}

/* ---- the answer ---- */

static void add_answer(struct keyring_shown *to, const struct keyring_answer *from)
{
	struct slice pool = from->wan ? S("WAN") : S("LAN");
	const struct pair *messages = from->messages.items;
	const struct keyring_key *keys = from->keys.items;
	struct keyring_info *info = to->info.items;
	struct keyring_message *message = to->messages.items;
	struct keyring_entry *entry = to->keys.items;
	info[to->info.n++] = (struct keyring_info){from->datacenter, pool, from->error, from->nodes};
	for (uint32_t i = 0; i < from->messages.n; i++)
		message[to->messages.n++] =
		        (struct keyring_message){from->datacenter, pool, messages[i].key, messages[i].val};
	for (uint32_t i = 0; i < from->keys.n; i++)
		entry[to->keys.n++] = (struct keyring_entry){from->datacenter, pool, keys[i].key, keys[i].n};
}

void ipc_keyring_finish(const struct message *m, struct buf *out)
{
	const struct keyring_reply *r = m->reply;
	struct arena a = {0};
	struct keyring_shown shown = {0};
	uint32_t messages = 0, keys = 0;
	for (uint32_t i = 0; r && i < r->n; i++) {
		messages += r->answers[i].messages.n;
		keys += r->answers[i].keys.n;
	}
	shown.info.items = r ? ARENA_ARRAY(&a, struct keyring_info, r->n + 1) : NULL;
	shown.messages.items = messages ? ARENA_ARRAY(&a, struct keyring_message, messages) : NULL;
	shown.keys.items = keys ? ARENA_ARRAY(&a, struct keyring_entry, keys) : NULL;
	for (uint32_t i = 0; r && i < r->n && !a.failed; i++)
		add_answer(&shown, &r->answers[i]);
	schema_mp_write_new(out, &answer_schema, &shown);
	arena_free(&a);
}
