/* The commands install-key, use-key, remove-key and list-keys, as an agent answers them whose gossip is not encrypted:
 * every member says that there is no keyring, and that is no error of the command. */
#include "core/agent/config.h"
#include "core/agent/member.h"
#include "core/api/ipc_run.h"
#include "core/base/enc.h"
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

struct keyring_answer {
	struct list keys, messages, info;
};
static const struct field answer_fields[] = {
        FIELD_SUB(struct keyring_answer, keys, "Keys", F_LIST, 0, &entry_schema),
        FIELD_SUB(struct keyring_answer, messages, "Messages", F_LIST, 0, &message_schema),
        FIELD_SUB(struct keyring_answer, info, "Info", F_LIST, 0, &info_schema),
};
static const struct schema answer_schema = SCHEMA(struct keyring_answer, "keyringResponse", answer_fields);

/* ---- one pool ---- */

struct pool {
	enum db_tree tree;
	struct slice name;
};

static const struct pool pools[] = {{TREE_MEMBERS_WAN, {"WAN", 3}}, {TREE_MEMBERS_LAN, {"LAN", 3}}};

/* Everybody who is alive says `message`. */
static int64_t ask_pool(struct ipc_call *call, const struct pool *pool, struct slice message, struct list *messages)
{
	const struct world *w = call->api->world;
	struct keyring_message *all = messages->items;
	int64_t nodes = 0;
	struct cursor c;
	cursor_prefix(&c, w->db, pool->tree, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct member *m = item_payload(it);
		if (m->status != MEMBER_ALIVE)
			continue;
		all[messages->n++] = (struct keyring_message){w->config->datacenter, pool->name, m->name, message};
		nodes++;
	}
	return nodes;
}

static enum ipc_state answer(struct ipc_call *call, struct slice message, struct slice error)
{
	const struct world *w = call->api->world;
	struct arena *a = &call->api->arena;
	struct keyring_info *infos = ARENA_ARRAY(a, struct keyring_info, ARRAY_LEN(pools));
	struct keyring_answer ans = {.info = {infos, ARRAY_LEN(pools)}};
	ans.messages.items = ARENA_ARRAY(
	        a, struct keyring_message, db_count(w->db, TREE_MEMBERS_LAN) + db_count(w->db, TREE_MEMBERS_WAN));
	if (a->failed)
		return ipc_no_memory(call);
	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		int64_t n = error.n ? 0 : ask_pool(call, &pools[i], message, &ans.messages);
		infos[i] = (struct keyring_info){w->config->datacenter, pools[i].name,
		        error.n ? error : arena_str(a, "%lld/%lld nodes reported failure", (long long)n, (long long)n),
		        n};
	}
	if (!ans.messages.n)
		ans.messages.items = NULL;
	ipc_answer(call, S_NONE);
	schema_mp_write_new(call->out, &answer_schema, &ans);
	return IPC_ANSWERED;
}

/* ---- the commands ---- */

enum keyring_change { KEYRING_LIST, KEYRING_CHANGE };

static enum ipc_state keyring(struct ipc_call *call, enum keyring_change change)
{
	struct keyring_request q = {0};
	struct slice ignored;
	struct fail f = {0};
	if (!ipc_body(call, &request_schema, &q) || q.relay_factor > UINT8_MAX)
		return ipc_undecodable(call);
	log_info(&call->api->log, "agent: Sending rpc command with relay factor %u", (unsigned)q.relay_factor);
	if (!call->api->world->config->server_mode) {
		ipc_answer(call, S("keyring operations must run against a server node"));
		schema_mp_write_new(call->out, &answer_schema, &(struct keyring_answer){0});
		return IPC_ANSWERED;
	}
	if (change == KEYRING_LIST)
		return answer(call, S("Keyring is empty (encryption not enabled)"), S_NONE);
	base64_get(q.key, &call->api->arena, &ignored, &f);
	return answer(call, S("No keyring to modify (encryption not enabled)"), slice_of(f.text));
}

enum ipc_state ipc_keyring_list(struct ipc_call *call)
{
	return keyring(call, KEYRING_LIST);
}

enum ipc_state ipc_keyring_change(struct ipc_call *call)
{
	return keyring(call, KEYRING_CHANGE);
}
