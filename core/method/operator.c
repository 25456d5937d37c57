#include "core/method/operator.h"

#include "core/agent/config.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/state/autopilot_config.h"
#include "core/state/command.h"

enum { RAFT_PROTOCOL_DEFAULT = 3 };

/* ---- what JSON shows ---- */

static const struct field raft_server_fields[] = {
        FIELD(struct raft_server, id, "ID", F_STR, 0),
        FIELD(struct raft_server, node, "Node", F_STR, 0),
        FIELD(struct raft_server, address, "Address", F_STR, 0),
        FIELD(struct raft_server, leader, "Leader", F_BOOL, 0),
        FIELD(struct raft_server, protocol_version, "ProtocolVersion", F_STR, 0),
        FIELD(struct raft_server, voter, "Voter", F_BOOL, 0),
};
static const struct schema raft_server_schema = SCHEMA(struct raft_server, "structs.RaftServer", raft_server_fields);

static const struct field raft_configuration_fields[] = {
        FIELD_SUB(struct raft_configuration, servers, "Servers", F_LIST, 0, &raft_server_schema),
        FIELD(struct raft_configuration, index, "Index", F_UINT, 0),
};
const struct schema raft_configuration_schema =
        SCHEMA(struct raft_configuration, "structs.RaftConfigurationResponse", raft_configuration_fields);

static const struct field server_health_fields[] = {
        FIELD(struct server_health, id, "ID", F_STR, 0),
        FIELD(struct server_health, name, "Name", F_STR, 0),
        FIELD(struct server_health, address, "Address", F_STR, 0),
        FIELD(struct server_health, serf_status, "SerfStatus", F_STR, 0),
        FIELD(struct server_health, version, "Version", F_STR, 0),
        FIELD(struct server_health, leader, "Leader", F_BOOL, 0),
        FIELD(struct server_health, last_contact, "LastContact", F_DURSTR, 0),
        FIELD(struct server_health, last_term, "LastTerm", F_UINT, 0),
        FIELD(struct server_health, last_index, "LastIndex", F_UINT, 0),
        FIELD(struct server_health, healthy, "Healthy", F_BOOL, 0),
        FIELD(struct server_health, voter, "Voter", F_BOOL, 0),
        FIELD(struct server_health, stable_since, "StableSince", F_STR, 0),
};
static const struct schema server_health_schema =
        SCHEMA(struct server_health, "api.ServerHealth", server_health_fields);

static const struct field servers_health_fields[] = {
        FIELD(struct servers_health, healthy, "Healthy", F_BOOL, 0),
        FIELD(struct servers_health, failure_tolerance, "FailureTolerance", F_INT, 0),
        FIELD_SUB(struct servers_health, servers, "Servers", F_LIST, 0, &server_health_schema),
};
const struct schema servers_health_schema =
        SCHEMA(struct servers_health, "api.OperatorHealthReply", servers_health_fields);

/* ---- Raft's configuration: ourselves, or nobody yet ---- */

static int64_t raft_protocol(const struct world *w)
{
	return w->config->raft_protocol ? w->config->raft_protocol : RAFT_PROTOCOL_DEFAULT;
}

/* Protocol 3 knows servers by their node id, the older ones by their address. */
static struct slice raft_id(const struct world *w)
{
	return raft_protocol(w) >= 3 ? w->config->node_id : w->self;
}

static enum err raft_configuration(struct call *c)
{
	const struct world *w = c->world;
	struct raft_configuration *reply = c->reply;
	if (!w->voter)
		return OK;
	struct raft_server *s = ARENA_NEW(c->arena, struct raft_server);
	if (!s)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*s = (struct raft_server){
	        .id = raft_id(w),
	        .node = w->config->node_name,
	        .address = w->self,
	        .leader = slice_eq(w->self, w->leader),
	        .protocol_version = arena_str(c->arena, "%lld", (long long)raft_protocol(w)),
	        .voter = true,
	};
	reply->servers = (struct list){s, 1};
	reply->index = w->configuration_index;
	return OK;
}

/* The last voter can't go: hashicorp/raft shows the configuration that would be left. */
static enum err last_voter(struct call *c)
{
	return call_fail(c, ERR_FAILED, "Need at least one voter in configuration: {[]}");
}

static enum err remove_by_address(struct call *c)
{
	const struct raft_remove_peer_request *q = c->request;
	char quoted[256];
	if (c->world->voter && slice_eq(q->address, c->world->self))
		return last_voter(c);
	return call_fail(c, ERR_FAILED, "address %s was not found in the Raft configuration",
	        quote_cstr(q->address, quoted, sizeof quoted));
}

static enum err remove_by_id(struct call *c)
{
	const struct raft_remove_peer_request *q = c->request;
	char quoted[256];
	if (c->world->voter && slice_eq(q->id, raft_id(c->world)))
		return last_voter(c);
	return call_fail(c, ERR_FAILED, "id %s was not found in the Raft configuration",
	        quote_cstr(q->id, quoted, sizeof quoted));
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

/* A server that leads alone has just been in touch with itself. */
static enum err server_health(struct call *c)
{
	const struct world *w = c->world;
	struct servers_health *reply = c->reply;
	if (raft_protocol(w) < 3)
		return call_fail(
		        c, ERR_FAILED, "all servers must have raft_protocol set to 3 or higher to use this endpoint");
	struct server_health *s = ARENA_NEW(c->arena, struct server_health);
	if (!s)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	struct buf since = {0};
	time_rfc3339(&since, (w->leading_since + NS_PER_S / 2) / NS_PER_S * NS_PER_S);
	*s = (struct server_health){
	        .id = raft_id(w),
	        .name = w->config->node_name,
	        .address = w->self,
	        .serf_status = S("alive"),
	        .version = w->config->version,
	        .leader = true,
	        .last_term = w->last_log_term,
	        .last_index = w->last_log,
	        .healthy = true,
	        .voter = true,
	        .stable_since = arena_copy(c->arena, buf_view(&since)),
	};
	buf_free(&since);
	reply->healthy = true;
	reply->servers = (struct list){s, 1};
	return OK;
}

const struct method method_operator_raft_configuration = {"Operator.RaftGetConfiguration", &dc_request_schema,
        &raft_configuration_schema, M_READ | M_NO_BLOCK, raft_configuration};
const struct method method_operator_raft_remove_by_address = {
        "Operator.RaftRemovePeerByAddress", NULL, NULL, M_WRITE, remove_by_address};
const struct method method_operator_raft_remove_by_id = {
        "Operator.RaftRemovePeerByID", NULL, NULL, M_WRITE, remove_by_id};
const struct method method_operator_autopilot_get = {"Operator.AutopilotGetConfiguration", &dc_request_schema,
        &autopilot_config_schema, M_READ | M_NO_BLOCK, autopilot_get};
const struct method method_operator_autopilot_set = {
        "Operator.AutopilotSetConfiguration", &autopilot_request_schema, NULL, M_WRITE, autopilot_set};
const struct method method_operator_server_health = {
        "Operator.ServerHealth", &dc_request_schema, &servers_health_schema, M_READ | M_NO_BLOCK, server_health};
