/* /v1/operator/ (agent/operator_endpoint.go). */
#include "core/api/http_operator.h"

#include "core/agent/config.h"
#include "core/agent/keys.h"
#include "core/base/gotime.h"
#include "core/base/json.h"
#include "core/base/mapstructure.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/value.h"
#include "core/method/operator.h"
#include "core/state/command.h"

/* ---- Raft ---- */

enum api_state http_operator_raft_configuration(struct http_call *hc)
{
	struct dc_request q = {0};
	struct raft_configuration reply = {0};
	enum api_state state;
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read(hc, &method_operator_raft_configuration, &q, &reply, &state))
		return state;
	return http_json(hc, &raft_configuration_schema, &reply);
}

static void nothing(struct http_call *hc, struct message *m)
{
	(void)hc, (void)m;
}

enum api_state http_operator_raft_peer(struct http_call *hc)
{
	struct raft_remove_peer_request q = {0};
	params_write(hc, &q.head);
	bool by_id = param_has(hc, "id"), by_address = param_has(hc, "address");
	if (!by_id && !by_address)
		return http_text(hc, 400,
		        "Must specify either ?id with the server's ID or ?address with IP:port of peer to remove");
	if (by_id && by_address)
		return http_text(hc, 400, "Must specify only one of ?id or ?address");
	q.id = param_get(hc, "id");
	q.address = param_get(hc, "address");
	return http_send(hc, by_address ? &method_operator_raft_remove_by_address : &method_operator_raft_remove_by_id,
	        &q, nothing);
}

/* ---- going on alone (ours) ---- */

static const struct field dropped_fields[] = {
        FIELD(struct ask_dropped, id, "ID", F_STR, 0),
        FIELD(struct ask_dropped, address, "Address", F_STR, 0),
        FIELD(struct ask_dropped, node, "Node", F_STR, 0),
};
static const struct schema dropped_schema = SCHEMA(struct ask_dropped, "agent.RaftDropped", dropped_fields);

static const struct field recovered_fields[] = {
        FIELD_SUB(struct ask_recovered, dropped, "Dropped", F_LIST, FF_NIL_EMPTY, &dropped_schema),
};
static const struct schema recovered_schema = SCHEMA(struct ask_recovered, "agent.RaftRecovered", recovered_fields);

static void recovered(struct http_call *hc, struct message *m)
{
	http_json(hc, &recovered_schema, m->reply);
}

/* Asked of the server that is to go on, never passed on. */
enum api_state http_operator_raft_recover(struct http_call *hc)
{
	struct message *m = http_message(hc, ASK_RECOVER);
	struct ask_recover *q = m ? ARENA_NEW(&m->mem, struct ask_recover) : NULL;
	if (!q)
		return http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
	q->force = param_has(hc, "force");
	m->request = q;
	return http_ask(hc, m, recovered);
}

/* ---- autopilot ---- */

/* Durations are texts here, numbers everywhere else. */
static const struct field configuration_fields[] = {
        FIELD(struct autopilot_config, cleanup_dead_servers, "CleanupDeadServers", F_BOOL, 0),
        FIELD(struct autopilot_config, last_contact_threshold, "LastContactThreshold", F_DURSTR, 0),
        FIELD(struct autopilot_config, max_trailing_logs, "MaxTrailingLogs", F_UINT, 0),
        FIELD(struct autopilot_config, server_stabilization_time, "ServerStabilizationTime", F_DURSTR, 0),
        FIELD(struct autopilot_config, redundancy_zone_tag, "RedundancyZoneTag", F_STR, 0),
        FIELD(struct autopilot_config, disable_upgrade_migration, "DisableUpgradeMigration", F_BOOL, 0),
        FIELD(struct autopilot_config, upgrade_version_tag, "UpgradeVersionTag", F_STR, 0),
        FIELD(struct autopilot_config, create_index, "CreateIndex", F_UINT, 0),
        FIELD(struct autopilot_config, modify_index, "ModifyIndex", F_UINT, 0),
};
static const struct schema configuration_schema =
        SCHEMA(struct autopilot_config, "api.AutopilotConfiguration", configuration_fields);

static enum api_state configuration_get(struct http_call *hc)
{
	struct dc_request q = {0};
	struct autopilot_reply reply = {0};
	enum api_state state;
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read(hc, &method_operator_autopilot_get, &q, &reply, &state))
		return state;
	return http_json(hc, &configuration_schema, &reply.config);
}

static void configuration_set(struct http_call *hc, struct message *m)
{
	if (m->result.kind == APPLY_ERROR)
		http_failed(hc, ERR_FAILED, m->result.text);
	else
		http_bool(hc, m->result.kind != APPLY_BOOL || m->result.yes);
}

static enum api_state configuration_put(struct http_call *hc)
{
	static const char *const durations[] = {"lastcontactthreshold", "serverstabilizationtime"};
	struct autopilot_request q = {0};
	struct write_head head;
	struct value body;
	struct fail f;
	params_write(hc, &head);
	q.datacenter = head.datacenter;
	q.token = head.token;
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : http_durations(hc, &body, durations, ARRAY_LEN(durations), &f);
	e = e ? e : mapstructure_read(&configuration_schema, &body, &q.config, &hc->api->arena, &f);
	if (e)
		return http_text(hc, 400, "Error parsing autopilot config: %s", f.text);
	q.config.create_index = q.config.modify_index = 0;
	q.cas = param_has(hc, "cas");
	if (q.cas && num_u64(param_get(hc, "cas"), &q.config.modify_index, &f))
		return http_text(hc, 400, "Error parsing cas value: %s", f.text);
	return http_send(hc, &method_operator_autopilot_set, &q, configuration_set);
}

enum api_state http_operator_autopilot_configuration(struct http_call *hc)
{
	return hc->r->verb == HTTP_PUT ? configuration_put(hc) : configuration_get(hc);
}

/* As package api has it: the state of the member in words, times as texts. */
struct health_shown {
	struct slice id, name, address, serf_status, version;
	bool leader;
	dur_ns last_contact;
	raft_term last_term;
	raft_index last_index;
	bool healthy, voter;
	struct slice stable_since;
};

struct servers_shown {
	bool healthy;
	int64_t failure_tolerance;
	struct list servers; /* of struct health_shown */
};

static const struct field health_shown_fields[] = {
        FIELD(struct health_shown, id, "ID", F_STR, 0),
        FIELD(struct health_shown, name, "Name", F_STR, 0),
        FIELD(struct health_shown, address, "Address", F_STR, 0),
        FIELD(struct health_shown, serf_status, "SerfStatus", F_STR, 0),
        FIELD(struct health_shown, version, "Version", F_STR, 0),
        FIELD(struct health_shown, leader, "Leader", F_BOOL, 0),
        FIELD(struct health_shown, last_contact, "LastContact", F_DURSTR, 0),
        FIELD(struct health_shown, last_term, "LastTerm", F_UINT, 0),
        FIELD(struct health_shown, last_index, "LastIndex", F_UINT, 0),
        FIELD(struct health_shown, healthy, "Healthy", F_BOOL, 0),
        FIELD(struct health_shown, voter, "Voter", F_BOOL, 0),
        FIELD(struct health_shown, stable_since, "StableSince", F_STR, 0),
};
static const struct schema health_shown_schema = SCHEMA(struct health_shown, "api.ServerHealth", health_shown_fields);

static const struct field servers_shown_fields[] = {
        FIELD(struct servers_shown, healthy, "Healthy", F_BOOL, 0),
        FIELD(struct servers_shown, failure_tolerance, "FailureTolerance", F_INT, 0),
        FIELD_SUB(struct servers_shown, servers, "Servers", F_LIST, 0, &health_shown_schema),
};
static const struct schema servers_shown_schema =
        SCHEMA(struct servers_shown, "api.OperatorHealthReply", servers_shown_fields);

/* Whole seconds, rounded. Go's zero time lies before all that a wall_ns can say. */
static struct slice since_text(struct slice gotime, struct arena *a)
{
	wall_ns t;
	struct buf b = {0};
	if (!gotime_get(gotime, &t) || !t)
		return S("0001-01-01T00:00:00Z");
	time_rfc3339(&b, (t + NS_PER_S / 2) / NS_PER_S * NS_PER_S);
	struct slice text = arena_copy(a, buf_view(&b));
	buf_free(&b);
	return text;
}

static void health_show(const struct server_health *s, struct arena *a, struct health_shown *out)
{
	*out = (struct health_shown){
	        .id = s->id,
	        .name = s->name,
	        .address = s->address,
	        .serf_status = slice_of(gossip_status_name((enum gossip_status)s->serf_status)),
	        .version = s->version,
	        .leader = s->leader,
	        .last_contact = s->last_contact,
	        .last_term = s->last_term,
	        .last_index = s->last_index,
	        .healthy = s->healthy,
	        .voter = s->voter,
	        .stable_since = since_text(s->stable_since, a),
	};
}

static bool servers_show(struct http_call *hc, const struct servers_health *from, struct servers_shown *out)
{
	struct arena *a = &hc->api->arena;
	const struct server_health *s = from->servers.items;
	*out = (struct servers_shown){from->healthy, from->failure_tolerance, {0}};
	if (!from->servers.n)
		return true;
	struct health_shown *shown = ARENA_ARRAY(a, struct health_shown, from->servers.n);
	for (uint32_t i = 0; i < from->servers.n && shown; i++)
		health_show(&s[i], a, &shown[i]);
	out->servers = (struct list){shown, from->servers.n};
	return shown && !a->failed;
}

enum api_state http_operator_autopilot_health(struct http_call *hc)
{
	struct dc_request q = {0};
	struct servers_health reply = {0};
	struct servers_shown shown;
	enum api_state state;
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read(hc, &method_operator_server_health, &q, &reply, &state))
		return state;
	if (!servers_show(hc, &reply, &shown))
		return http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
	http_json(hc, &servers_shown_schema, &shown);
	if (!reply.healthy) { /* the status goes out first, so that the type is sniffed */
		hc->ans->status = 429;
		hc->ans->content_type = S_NONE;
		hc->ans->sniff = true;
	}
	return API_ANSWERED;
}

/* ---- the keyring ---- */

struct keyring_args {
	struct slice key, token;
	uint64_t relay_factor;
};

static const struct field keyring_fields[] = {
        FIELD(struct keyring_args, key, "Key", F_STR, 0),
        FIELD(struct keyring_args, token, "Token", F_STR, 0),
        FIELD(struct keyring_args, relay_factor, "RelayFactor", F_UINT, 0),
};
static const struct schema keyring_schema = SCHEMA(struct keyring_args, "agent.keyringArgs", keyring_fields);

static bool keyring_read(struct http_call *hc, struct keyring_args *args)
{
	enum { RELAYS_MAX = 5 };
	struct value body;
	struct fail f;
	int64_t relays = 0;
	if (hc->r->verb != HTTP_GET && (http_body_value(hc, &body, &f) ||
	                                       mapstructure_read(&keyring_schema, &body, args, &hc->api->arena, &f))) {
		http_text(hc, 400, "Request decode failed: %s", f.text);
		return false;
	}
	struct slice factor = param_get(hc, "relay-factor");
	if (factor.n && num_int(factor, &relays, &f)) {
		http_text(hc, 400, "Error parsing relay factor: %s", f.text);
		return false;
	}
	if (relays < 0 || relays > RELAYS_MAX) {
		http_text(hc, 400, "Invalid relay factor: Relay factor must be in range: [0, %d]", RELAYS_MAX);
		return false;
	}
	return true;
}

/* Pools that refused, and whoever refused there (agent/operator_endpoint.go, keyringErrorsOrNil). */
static unsigned keyring_errors(const struct keyring_reply *r, struct buf *out)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct keyring_answer *a = &r->answers[i];
		const struct pair *messages = a->messages.items;
		if (!a->error.n)
			continue;
		if (a->wan)
			buf_fmt(out, "\n* WAN error: %.*s", PS(a->error));
		else
			buf_fmt(out, "\n* %.*s (LAN) error: %.*s", PS(a->datacenter), PS(a->error));
		for (uint32_t k = 0; k < a->messages.n; k++)
			buf_fmt(out, "\n* %.*s: %.*s", PS(messages[k].key), PS(messages[k].val));
		n += 1 + a->messages.n;
	}
	return n;
}

/* structs.KeyringResponse: keys are a map of text to number. */
struct answer_shown {
	struct keyring_answer of;
	struct value *keys;
};
static const struct field answer_fields[] = {
        FIELD(struct answer_shown, of.wan, "WAN", F_BOOL, 0),
        FIELD(struct answer_shown, of.datacenter, "Datacenter", F_STR, 0),
        FIELD(struct answer_shown, of.segment, "Segment", F_STR, 0),
        FIELD(struct answer_shown, of.messages, "Messages", F_MAP, FF_OMITEMPTY),
        FIELD(struct answer_shown, keys, "Keys", F_VALUE, 0),
        FIELD(struct answer_shown, of.nodes, "NumNodes", F_INT, 0),
        FIELD(struct answer_shown, of.error, "Error", F_STR, FF_OMITEMPTY),
};
static const struct schema answer_schema = SCHEMA(struct answer_shown, "structs.KeyringResponse", answer_fields);

static struct value *keys_shown(struct list keys, struct arena *a)
{
	const struct keyring_key *k = keys.items;
	struct value *v = ARENA_NEW(a, struct value);
	struct value_entry *entries = ARENA_ARRAY(a, struct value_entry, keys.n + 1);
	if (!v || !entries)
		return NULL;
	for (uint32_t i = 0; i < keys.n; i++)
		entries[i] = (struct value_entry){
		        k[i].key, {.type = V_NUMBER, .text = arena_str(a, "%lld", (long long)k[i].n)}};
	*v = (struct value){.type = V_OBJECT, .n = keys.n, .entries = entries};
	return v;
}

static void keyring_answered(struct http_call *hc, struct message *m)
{
	const struct keyring_reply *r = m->reply;
	struct answer_shown shown[ARRAY_LEN(r->answers)];
	struct buf errors = {0};
	unsigned n = keyring_errors(r, &errors);
	struct slice text = n ? arena_str(&m->mem, "%u error(s) occurred:\n%.*s", n, PS(buf_view(&errors))) : S_NONE;
	buf_free(&errors);
	if (n) {
		http_failed(hc, ERR_FAILED, text);
		return;
	}
	if (hc->r->verb != HTTP_GET)
		return;
	for (uint32_t i = 0; i < r->n; i++)
		shown[i] = (struct answer_shown){r->answers[i], keys_shown(r->answers[i].keys, &m->mem)};
	http_json_list(hc, &answer_schema, (struct list){shown, r->n});
}

enum api_state http_operator_keyring(struct http_call *hc)
{
	static const enum key_operation operations[] = {
	        [HTTP_GET] = KEY_LIST, [HTTP_POST] = KEY_INSTALL, [HTTP_PUT] = KEY_USE, [HTTP_DELETE] = KEY_REMOVE};
	struct keyring_args args = {0};
	if (!keyring_read(hc, &args))
		return API_ANSWERED;
	if (!hc->api->world->config->server_mode)
		return http_failed(hc, ERR_FAILED, S("keyring operations must run against a server node"));
	struct message *m = http_message(hc, ASK_KEYRING);
	struct ask_keyring *ask = m ? ARENA_NEW(&m->mem, struct ask_keyring) : NULL;
	if (!ask)
		return http_failed(hc, ERR_NO_MEMORY, S("out of memory"));
	*ask = (struct ask_keyring){
	        .operation = operations[hc->r->verb],
	        .key = arena_copy(&m->mem, args.key),
	        .relay = (uint8_t)args.relay_factor,
	};
	m->request = ask;
	return http_ask(hc, m, keyring_answered);
}
