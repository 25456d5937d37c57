#include "core/method/operator.h"

#include "core/agent/config.h"
#include "core/leader/peers.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/leader/servers.h"
#include "core/state/autopilot_config.h"
#include "core/state/command.h"

enum { PROTOCOL_NEEDED = 3 };

/* ---- as bytes ---- */

static const struct field operator_server_fields[] = {
        FIELD(struct operator_server, id, "ID", F_STR, 0),
        FIELD(struct operator_server, node, "Node", F_STR, 0),
        FIELD(struct operator_server, address, "Address", F_STR, 0),
        FIELD(struct operator_server, leader, "Leader", F_BOOL, 0),
        FIELD(struct operator_server, protocol_version, "ProtocolVersion", F_STR, 0),
        FIELD(struct operator_server, voter, "Voter", F_BOOL, 0),
};
static const struct schema operator_server_schema =
        SCHEMA(struct operator_server, "structs.RaftServer", operator_server_fields);

static const struct field raft_configuration_fields[] = {
        FIELD_SUB(struct raft_configuration, servers, "Servers", F_LIST, 0, &operator_server_schema),
        FIELD(struct raft_configuration, index, "Index", F_UINT, 0),
};
const struct schema raft_configuration_schema =
        SCHEMA(struct raft_configuration, "structs.RaftConfigurationResponse", raft_configuration_fields);

static const struct field remove_fields[] = {
        FIELD(struct raft_remove_peer_request, head.datacenter, "Datacenter", F_STR, 0),
        FIELD(struct raft_remove_peer_request, address, "Address", F_STR, 0),
        FIELD(struct raft_remove_peer_request, id, "ID", F_STR, 0),
        FIELD(struct raft_remove_peer_request, head.token, "Token", F_STR, 0),
};
static const struct schema remove_schema =
        SCHEMA(struct raft_remove_peer_request, "structs.RaftRemovePeerRequest", remove_fields);

static const struct field autopilot_reply_fields[] = {
        FIELD_SUB(struct autopilot_reply, config, "Config", F_EMBED, 0, &autopilot_config_schema),
};
static const struct schema autopilot_reply_schema =
        SCHEMA(struct autopilot_reply, "autopilot.Config", autopilot_reply_fields);

static const struct field servers_health_fields[] = {
        FIELD(struct servers_health, healthy, "Healthy", F_BOOL, 0),
        FIELD(struct servers_health, failure_tolerance, "FailureTolerance", F_INT, 0),
        FIELD_SUB(struct servers_health, servers, "Servers", F_LIST, 0, &server_health_schema),
};
static const struct schema servers_health_schema =
        SCHEMA(struct servers_health, "autopilot.OperatorHealthReply", servers_health_fields);

/* ---- Raft's configuration ---- */

/* One server with what the pool says of it. */
static void show_server(struct call *c, const struct peer *p, struct operator_server *out)
{
	const struct server *s = server_by_address(c->world->db, p->address);
	*out = (struct operator_server){
	        .id = p->id,
	        .node = s ? s->name : S("(unknown)"),
	        .address = p->address,
	        .leader = slice_eq(p->address, c->world->leader),
	        .protocol_version = S("unknown"),
	        .voter = p->suffrage == RAFT_VOTER,
	};
	if (s) /* older ones do not say */
		out->protocol_version =
		        s->raft_version ? arena_str(c->arena, "%lld", (long long)s->raft_version) : S("");
}

static enum err show_configuration(struct call *c)
{
	const struct world *w = c->world;
	struct raft_configuration *reply = c->reply;
	struct cursor cursor;
	const struct peer *p;
	size_t n = db_count(w->db, TREE_RAFT_PEERS);
	if (!n)
		return OK;
	struct operator_server *servers = ARENA_ARRAY(c->arena, struct operator_server, n);
	if (!servers)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	reply->servers.items = servers;
	peers_open(&cursor, w->db);
	while ((p = peers_next(&cursor)))
		show_server(c, p, &servers[reply->servers.n++]);
	reply->index = w->configuration_index;
	return OK;
}

static enum err remove_server(struct call *c, const struct peer *p)
{
	struct message *m = c->message;
	struct ask_raft_change *ask = ARENA_NEW(&m->mem, struct ask_raft_change);
	if (!ask)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*ask = (struct ask_raft_change){RAFT_REMOVE, arena_copy(&m->mem, p->id), arena_copy(&m->mem, p->address)};
	m->ask = ASK_RAFT_CHANGE;
	m->request = ask;
	log_warn(c->log, "consul.operator: Removing Raft peer with id \"%.*s\" at \"%.*s\"", PS(p->id), PS(p->address));
	return m->mem.failed ? call_fail(c, ERR_NO_MEMORY, "out of memory") : OK;
}

/* This is for people: what they name must be there, for they may have misspelt it. `field`: the one they name it by. */
static enum err remove_by(struct call *c, size_t field, const char *what, struct slice named)
{
	char quoted[256];
	struct cursor cursor;
	const struct peer *p;
	peers_open(&cursor, c->world->db);
	while ((p = peers_next(&cursor)))
		if (slice_eq(*(const struct slice *)((const char *)p + field), named))
			return remove_server(c, p);
	return call_fail(c, ERR_FAILED, "%s %s was not found in the Raft configuration", what,
	        quote_cstr(named, quoted, sizeof quoted));
}

static enum err remove_by_address(struct call *c)
{
	const struct raft_remove_peer_request *q = c->request;
	return remove_by(c, offsetof(struct peer, address), "address", q->address);
}

static enum err remove_by_id(struct call *c)
{
	const struct raft_remove_peer_request *q = c->request;
	return remove_by(c, offsetof(struct peer, id), "id", q->id);
}

/* ---- autopilot ---- */

static enum err autopilot_get(struct call *c)
{
	struct autopilot_reply *reply = c->reply;
	const struct autopilot_config *config;
	autopilot_config_get(c->world->db, &c->watched, &config);
	if (!config)
		return call_fail(c, ERR_FAILED, "autopilot config not initialized yet");
	reply->config = *config;
	return OK;
}

static enum err autopilot_set(struct call *c)
{
	return call_command(c, COMMAND_AUTOPILOT, &autopilot_request_schema, c->request);
}

/* False is the answer to a set without a condition, too, and means nothing then. */
static void autopilot_taken(struct call *c, const void *yes)
{
	const struct autopilot_request *q = c->request;
	c->message->result = (struct apply_result){.kind = q->cas ? APPLY_BOOL : APPLY_NONE, .yes = *(const bool *)yes};
}

/* How many healthy voters could fail and the rest still be a majority. */
static int64_t tolerance(const struct server_health *s, uint32_t n)
{
	int64_t voters = 0, healthy = 0;
	for (uint32_t i = 0; i < n; i++) {
		voters += s[i].voter;
		healthy += s[i].voter && s[i].healthy;
	}
	int64_t needed = voters / 2 + 1;
	return healthy > needed ? healthy - needed : 0;
}

static enum err server_health(struct call *c)
{
	const struct db_root *r = c->world->db;
	struct servers_health *reply = c->reply;
	struct cursor cursor;
	const struct item *it;
	int64_t protocol = servers_raft_protocol(r);
	if (protocol < 0)
		return call_fail(c, ERR_FAILED, "error getting server raft protocol versions: No servers found");
	if (protocol < PROTOCOL_NEEDED)
		return call_fail(
		        c, ERR_FAILED, "all servers must have raft_protocol set to 3 or higher to use this endpoint");
	uint32_t n = 0, healthy = 0;
	struct server_health *all = ARENA_ARRAY(c->arena, struct server_health, db_count(r, TREE_SERVER_HEALTH));
	if (!all)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	cursor_prefix(&cursor, r, TREE_SERVER_HEALTH, S_NONE);
	while ((it = cursor_next(&cursor))) {
		all[n] = *(const struct server_health *)item_payload(it);
		healthy += all[n++].healthy;
	}
	reply->healthy = n && healthy == n;
	reply->failure_tolerance = tolerance(all, n);
	if (n)
		reply->servers = (struct list){all, n};
	return OK;
}

const struct method method_operator_raft_configuration = {"Operator.RaftGetConfiguration", &dc_request_schema,
        &raft_configuration_schema, M_READ | M_NO_BLOCK, show_configuration};
const struct method method_operator_raft_remove_by_address = {
        "Operator.RaftRemovePeerByAddress", &remove_schema, NULL, M_WRITE, remove_by_address};
const struct method method_operator_raft_remove_by_id = {
        "Operator.RaftRemovePeerByID", &remove_schema, NULL, M_WRITE, remove_by_id};
const struct method method_operator_autopilot_get = {"Operator.AutopilotGetConfiguration", &dc_request_schema,
        &autopilot_reply_schema, M_READ | M_NO_BLOCK, autopilot_get};
const struct method method_operator_autopilot_set = {"Operator.AutopilotSetConfiguration", &autopilot_request_schema,
        NULL, M_WRITE, autopilot_set, .shape = SHAPE_BOOL, .take_reply = autopilot_taken};
const struct method method_operator_server_health = {"Operator.ServerHealth", &dc_request_schema,
        &servers_health_schema, M_READ | M_NO_BLOCK | M_NEWEST, server_health};
