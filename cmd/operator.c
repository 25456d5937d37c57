/* consul operator: raft, autopilot */
#include <time.h>

#include "cmd/client.h"
#include "cmd/columns.h"
#include "cmd/command.h"
#include "cmd/say.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/slice.h"

const struct command_page page_operator = {
        .text = "Usage: consul operator <subcommand> [options]\n\n"
                "  Tools for those who run the cluster. Used wrongly they can stop it and lose\n"
                "  data: use them with care. With ACLs on, the token must have the right\n"
                "  \"operator\". Any agent can be asked; the leader does the work.",
};

const struct command_page page_operator_raft = {
        .text = "Usage: consul operator raft <subcommand> [options]\n\n"
                "  Shows the servers that Raft counts, and removes one that is gone for good.",
};

const struct command_page page_operator_autopilot = {
        .text = "Usage: consul operator autopilot <subcommand> [options]\n\n"
                "  Shows or changes how the servers look after themselves.",
};

/* command_ask with a sentence of its own for an agent that can't be reached. */
static int operator_run(command_task *task)
{
	struct fail f;
	struct client *c = client_open(&f);
	int code = c ? task(c) : give_up("Error initializing client", &f);
	client_close(c);
	return code;
}

/* ---- raft list-peers ---- */

const struct command_page page_operator_raft_list = {
        .text = "Usage: consul operator raft list-peers [options]\n\n"
                "  Lists the servers that Raft counts.",
        .asks = ASKS_SERVERS,
        .quirk = QUIRK_SAYS_TWICE,
};

static void peer_put(struct buf *b, const struct value *s)
{
	struct slice protocol = value_text(s, "ProtocolVersion");
	buf_fmt(b, "%.*s|%.*s|%.*s|%s|%s|%.*s\n", PS(value_text(s, "Node")), PS(value_text(s, "ID")),
	        PS(value_text(s, "Address")), value_flag(s, "Leader") ? "leader" : "follower",
	        value_flag(s, "Voter") ? "true" : "false", PS(protocol.n ? protocol : S("<=1")));
}

static void peers_show(const struct value *servers)
{
	struct buf rows = {0}, table = {0};
	BUF_LIT(&rows, "Node|ID|Address|State|Voter|RaftProtocol\n");
	for (uint32_t i = 0; servers && servers->type == V_LIST && i < servers->n; i++)
		peer_put(&rows, &servers->items[i]);
	columns_format(buf_view(&rows), &table);
	say_bytes(buf_view(&table));
	buf_free(&rows);
	buf_free(&table);
}

static int peers_list(struct client *c)
{
	struct fail f;
	struct value reply;
	struct client_request r = client_request(c, "GET", "/v1/operator/raft/configuration");
	request_stale(&r);
	if (client_ask_json(c, &r, &reply, NULL, &f))
		return give_up("Error getting peers: Failed to retrieve raft configuration", &f);
	peers_show(value_get_fold(&reply, S("Servers")));
	return DONE;
}

int cmd_operator_raft_list(struct words words)
{
	(void)words;
	return operator_run(peers_list);
}

/* ---- raft remove-peer ---- */

static const char *address = "", *id = "";

static const struct flag remove_flags[] = {
        {"address", FLAG_STRING, &address, "The address of the server to remove."},
        {"id", FLAG_STRING, &id, "The id of the server to remove."},
        {NULL},
};

const struct command_page page_operator_raft_remove = {
        .text = "Usage: consul operator raft remove-peer [options]\n\n"
                "  Has Raft no longer count a server, by its -address or -id.\n\n"
                "  For the rare case that a server is gone but still counted. If \"consul members\"\n"
                "  still shows it, \"consul force-leave\" is the better way.",
        .flags = remove_flags,
        .asks = ASKS_SERVERS,
        .quirk = QUIRK_SAYS_TWICE,
};

static enum err peer_ask_removal(struct client *c, struct fail *f)
{
	if (!*address && !*id)
		return fail_set(f, ERR_INVALID, "an address or id is required for the peer to remove");
	if (*address && *id)
		return fail_set(f, ERR_INVALID, "cannot give both an address and id");
	struct client_answer a;
	struct client_request r = client_request(c, "DELETE", "/v1/operator/raft/peer");
	request_param(&r, *address ? "address" : "id", slice_of(*address ? address : id));
	return client_ask_ok(c, &r, &a, f);
}

static int peer_remove(struct client *c)
{
	struct fail f;
	if (peer_ask_removal(c, &f))
		return give_up("Error removing peer", &f);
	say("Removed peer with %s %s", *address ? "address" : "id", quoted(slice_of(*address ? address : id)));
	return DONE;
}

int cmd_operator_raft_remove(struct words words)
{
	(void)words;
	return operator_run(peer_remove);
}

/* ---- recover (ours) ---- */

static bool force;

static const struct flag recover_flags[] = {
        {"force", FLAG_BOOL, &force, "Go on alone although the majority of the servers seems to be alive."},
        {NULL},
};

const struct command_page page_operator_recover = {
        .text = "Usage: consul operator recover [options]\n\n"
                "  When the majority of the servers is gone for good, the rest can elect no leader.\n"
                "  This makes the server that is asked go on alone, with all it has: it starts\n"
                "  again, leads, and takes in the servers that are left, and new ones, by itself.\n"
                "  Nobody has to be stopped, no file to be written.\n\n"
                "  Choose the server whose data are newest, and ask only one. What only the lost\n"
                "  servers had is lost. Should they come back after all, with their data, empty\n"
                "  their data directories first.",
        .flags = recover_flags,
        .asks = ASKS_AGENT,
};

static void dropped_show(const struct value *dropped)
{
	for (uint32_t i = 0; dropped && dropped->type == V_LIST && i < dropped->n; i++) {
		const struct value *s = &dropped->items[i];
		struct slice node = value_text(s, "Node");
		say("Forgotten: %.*s (%.*s)", PS(node.n ? node : value_text(s, "ID")), PS(value_text(s, "Address")));
	}
}

/* The agent starts again: it will not answer for a moment, and then has to win its election. */
static bool await_leader(dur_ns most)
{
	const struct timespec pause = {.tv_nsec = 100 * NS_PER_MS};
	for (dur_ns waited = 0; waited < most; waited += pause.tv_nsec) {
		struct fail f;
		struct value leader;
		struct client *c = client_open(&f);
		struct client_request r =
		        c ? client_request(c, "GET", "/v1/status/leader") : (struct client_request){0};
		bool there = c && client_ask_json(c, &r, &leader, NULL, &f) == OK && leader.text.n;
		client_close(c);
		if (there)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static int recover(struct client *c)
{
	struct fail f;
	struct value reply;
	struct client_request r = client_request(c, "PUT", "/v1/operator/raft/recover");
	if (force)
		request_param(&r, "force", S(""));
	if (client_ask_json(c, &r, &reply, NULL, &f))
		return give_up("Error recovering", &f);
	dropped_show(value_get_fold(&reply, S("Dropped")));
	return DONE;
}

int cmd_operator_recover(struct words words)
{
	(void)words;
	if (operator_run(recover) != DONE)
		return FAILED;
	if (!await_leader(60 * NS_PER_S)) {
		complain("The server has started again, but does not lead after a minute: look at its log");
		return FAILED;
	}
	say("The server goes on alone, and leads.");
	return DONE;
}

/* ---- autopilot ---- */

struct autopilot {
	bool cleanup_dead_servers, disable_upgrade_migration;
	dur_ns last_contact_threshold, server_stabilization_time;
	uint64_t max_trailing_logs;
	const char *redundancy_zone_tag, *upgrade_version_tag;
	raft_index create_index, modify_index;
};

static enum err duration_read(const struct value *v, const char *key, dur_ns *out, struct fail *f)
{
	struct slice text = value_text(v, key);
	*out = 0;
	return text.n ? dur_parse(text, out, f) : OK;
}

static const char *text_read(struct client *c, const struct value *v, const char *key)
{
	return arena_str(client_arena(c), "%.*s", PS(value_text(v, key))).p;
}

static enum err autopilot_get(struct client *c, bool stale_allowed, struct autopilot *a, struct fail *f)
{
	struct value v;
	struct client_request r = client_request(c, "GET", "/v1/operator/autopilot/configuration");
	if (stale_allowed)
		request_stale(&r);
	if (client_ask_json(c, &r, &v, NULL, f) != OK)
		return f->code;
	a->cleanup_dead_servers = value_flag(&v, "CleanupDeadServers");
	a->disable_upgrade_migration = value_flag(&v, "DisableUpgradeMigration");
	a->max_trailing_logs = value_number(&v, "MaxTrailingLogs");
	a->redundancy_zone_tag = text_read(c, &v, "RedundancyZoneTag");
	a->upgrade_version_tag = text_read(c, &v, "UpgradeVersionTag");
	a->create_index = value_number(&v, "CreateIndex");
	a->modify_index = value_number(&v, "ModifyIndex");
	if (duration_read(&v, "LastContactThreshold", &a->last_contact_threshold, f) != OK)
		return f->code;
	return duration_read(&v, "ServerStabilizationTime", &a->server_stabilization_time, f);
}

static const char *boolean(bool b)
{
	return b ? "true" : "false";
}

static void duration_show(const char *name, dur_ns d)
{
	struct buf text = {0};
	dur_print(&text, d);
	say("%s = %.*s", name, PS(buf_view(&text)));
	buf_free(&text);
}

static void autopilot_show(const struct autopilot *a)
{
	say("CleanupDeadServers = %s", boolean(a->cleanup_dead_servers));
	duration_show("LastContactThreshold", a->last_contact_threshold);
	say("MaxTrailingLogs = %llu", (unsigned long long)a->max_trailing_logs);
	duration_show("ServerStabilizationTime", a->server_stabilization_time);
	say("RedundancyZoneTag = %s", quoted(slice_of(a->redundancy_zone_tag)));
	say("DisableUpgradeMigration = %s", boolean(a->disable_upgrade_migration));
	say("UpgradeVersionTag = %s", quoted(slice_of(a->upgrade_version_tag)));
}

static const char autopilot_unknown[] = "Error querying Autopilot configuration";

const struct command_page page_operator_autopilot_get = {
        .text = "Usage: consul operator autopilot get-config [options]\n\n"
                "  Shows the configuration.",
        .asks = ASKS_SERVERS,
        .quirk = QUIRK_SAYS_TWICE,
};

static int autopilot_look(struct client *c)
{
	struct fail f;
	struct autopilot a;
	if (autopilot_get(c, true, &a, &f))
		return give_up(autopilot_unknown, &f);
	autopilot_show(&a);
	return DONE;
}

int cmd_operator_autopilot_get(struct words words)
{
	(void)words;
	return operator_run(autopilot_look);
}

/* What was given on the command line, and which of it. */
static struct autopilot wanted;
static struct {
	bool cleanup, contact, trailing, stabilization, zone, migration, version;
} given;

static const struct flag set_flags[] = {
        {"cleanup-dead-servers", FLAG_OWN_BOOL, &wanted.cleanup_dead_servers,
                "Whether servers that are gone are removed when new ones came: `true|false`.", &given.cleanup},
        {"max-trailing-logs", FLAG_OWN_UINT, &wanted.max_trailing_logs,
                "How many log entries a healthy server may be behind the leader.", &given.trailing},
        {"last-contact-threshold", FLAG_OWN_DURATION, &wanted.last_contact_threshold,
                "How long ago a healthy server may have heard from the leader, such as `200ms`.", &given.contact},
        {"server-stabilization-time", FLAG_OWN_DURATION, &wanted.server_stabilization_time,
                "How long a new server must be healthy before it votes, such as `10s`. Needs Raft protocol 3 on all "
                "servers.",
                &given.stabilization},
        {"redundancy-zone-tag", FLAG_OWN_STRING, &wanted.redundancy_zone_tag,
                "(Enterprise only) The node metadata that tells the zone of a server.", &given.zone},
        {"disable-upgrade-migration", FLAG_OWN_BOOL, &wanted.disable_upgrade_migration,
                "(Enterprise only) Whether new servers vote at once during an upgrade: `true|false`.",
                &given.migration},
        {"upgrade-version-tag", FLAG_OWN_STRING, &wanted.upgrade_version_tag,
                "(Enterprise only) The node metadata that tells the version of a server during an upgrade.",
                &given.version},
        {NULL},
};

const struct command_page page_operator_autopilot_set = {
        .text = "Usage: consul operator autopilot set-config [options]\n\n"
                "  Changes what is given of the configuration, and leaves the rest.",
        .flags = set_flags,
        .asks = ASKS_SERVERS,
        .quirk = QUIRK_SAYS_TWICE,
};

static void autopilot_merge(struct autopilot *a)
{
	if (given.cleanup)
		a->cleanup_dead_servers = wanted.cleanup_dead_servers;
	if (given.contact)
		a->last_contact_threshold = wanted.last_contact_threshold;
	if (given.trailing)
		a->max_trailing_logs = wanted.max_trailing_logs;
	if (given.stabilization)
		a->server_stabilization_time = wanted.server_stabilization_time;
	if (given.zone)
		a->redundancy_zone_tag = wanted.redundancy_zone_tag;
	if (given.migration)
		a->disable_upgrade_migration = wanted.disable_upgrade_migration;
	if (given.version)
		a->upgrade_version_tag = wanted.upgrade_version_tag;
}

static void autopilot_put(struct buf *b, const struct autopilot *a)
{
	buf_fmt(b, "{\"CleanupDeadServers\":%s,\"LastContactThreshold\":\"", boolean(a->cleanup_dead_servers));
	dur_print(b, a->last_contact_threshold);
	buf_fmt(b, "\",\"MaxTrailingLogs\":%llu,\"ServerStabilizationTime\":\"",
	        (unsigned long long)a->max_trailing_logs);
	dur_print(b, a->server_stabilization_time);
	BUF_LIT(b, "\",\"RedundancyZoneTag\":");
	json_string(b, slice_of(a->redundancy_zone_tag));
	buf_fmt(b, ",\"DisableUpgradeMigration\":%s,\"UpgradeVersionTag\":", boolean(a->disable_upgrade_migration));
	json_string(b, slice_of(a->upgrade_version_tag));
	buf_fmt(b, ",\"CreateIndex\":%llu,\"ModifyIndex\":%llu}\n", (unsigned long long)a->create_index,
	        (unsigned long long)a->modify_index);
}

static int autopilot_change(struct client *c)
{
	struct fail f;
	struct autopilot a;
	if (autopilot_get(c, false, &a, &f) != OK)
		return give_up(autopilot_unknown, &f);
	autopilot_merge(&a);
	struct client_answer answer;
	struct buf body = {0};
	autopilot_put(&body, &a);
	struct client_request r = client_request(c, "PUT", "/v1/operator/autopilot/configuration");
	request_param_fmt(c, &r, "cas", "%llu", (unsigned long long)a.modify_index);
	request_body(&r, buf_view(&body));
	enum err e = client_ask_ok(c, &r, &answer, &f);
	buf_free(&body);
	if (e != OK)
		return give_up("Error setting Autopilot configuration", &f);
	bool done = slice_search(answer.body, S("true")) >= 0;
	say("%s", done ? "Configuration updated!" : "Configuration could not be atomically updated, please try again");
	return done ? DONE : FAILED;
}

int cmd_operator_autopilot_set(struct words words)
{
	(void)words;
	return operator_run(autopilot_change);
}
