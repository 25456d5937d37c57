#include "core/api/ipc.h"

#include "core/api/ipc_run.h"
#include "core/api/stats.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum { VERSION = 1 };

/* ---- what the bodies hold ---- */

struct header {
	struct slice command, token;
	uint64_t seq;
};
static const struct field header_fields[] = {
        FIELD(struct header, command, "Command", F_STR, 0),
        FIELD(struct header, seq, "Seq", F_UINT, 0),
        FIELD(struct header, token, "Token", F_STR, 0),
};
static const struct schema header_schema = SCHEMA(struct header, "requestHeader", header_fields);

struct handshake {
	int64_t version;
};
static const struct field handshake_fields[] = {FIELD(struct handshake, version, "Version", F_INT, 0)};
static const struct schema handshake_schema = SCHEMA(struct handshake, "handshakeRequest", handshake_fields);

struct force_leave {
	struct slice node;
	bool prune; /* ours */
};
static const struct field force_leave_fields[] = {
        FIELD(struct force_leave, node, "Node", F_STR, 0),
        FIELD(struct force_leave, prune, "Prune", F_BOOL, 0),
};
static const struct schema force_leave_schema = SCHEMA(struct force_leave, "forceLeaveRequest", force_leave_fields);

static const struct field join_fields[] = {
        FIELD(struct ask_join, addresses, "Existing", F_STRS, 0),
        FIELD(struct ask_join, wan, "WAN", F_BOOL, 0),
};
static const struct schema join_schema = SCHEMA(struct ask_join, "joinRequest", join_fields);

struct monitor_request {
	struct slice level;
};
static const struct field monitor_fields[] = {FIELD(struct monitor_request, level, "LogLevel", F_STR, 0)};
static const struct schema monitor_schema = SCHEMA(struct monitor_request, "monitorRequest", monitor_fields);

struct stop_request {
	uint64_t stop;
};
static const struct field stop_fields[] = {FIELD(struct stop_request, stop, "Stop", F_UINT, 0)};
static const struct schema stop_schema = SCHEMA(struct stop_request, "stopRequest", stop_fields);

/* ---- for all commands ---- */

bool ipc_body(struct ipc_call *call, const struct schema *s, void *obj)
{
	struct mp_reader r = mp_read(call->body);
	ipc_read(&r, s, obj, &call->api->arena);
	return !r.failed;
}

static enum ipc_state closing(struct ipc_call *call, struct slice why)
{
	call->step->why = why;
	return IPC_CLOSE;
}

enum ipc_state ipc_undecodable(struct ipc_call *call)
{
	return closing(call, S("Failed to evaluate request: decode failed: the body is not what the command wants"));
}

enum ipc_state ipc_answer(struct ipc_call *call, struct slice error)
{
	ipc_put_head(call->out, call->client->seq, error);
	return IPC_ANSWERED;
}

enum ipc_state ipc_no_memory(struct ipc_call *call)
{
	return closing(call, S("Failed to evaluate request: out of memory"));
}

struct message *ipc_message(struct ipc_call *call, enum ask ask)
{
	struct message *m = message_take(call->api);
	if (!m)
		return NULL;
	m->ask = ask;
	m->front = call->api->front;
	m->token = arena_copy(&m->mem, buf_view(&call->client->token));
	call->step->message = m;
	return m;
}

enum ipc_state ipc_sent(struct ipc_call *call, struct message *m)
{
	if (!m || !m->mem.failed)
		return m ? IPC_SENT : ipc_no_memory(call);
	message_give(call->api, m);
	return ipc_no_memory(call);
}

/* ---- the commands ---- */

static enum ipc_state handshake(struct ipc_call *call)
{
	struct handshake h = {0};
	if (!ipc_body(call, &handshake_schema, &h) || h.version < INT32_MIN || h.version > INT32_MAX)
		return ipc_undecodable(call);
	if (h.version != VERSION)
		return ipc_answer(call, S("Unsupported RPC version"));
	if (call->client->shaken)
		return ipc_answer(call, S("Handshake already performed"));
	call->client->shaken = true;
	return ipc_answer(call, S_NONE);
}

static enum ipc_state force_leave(struct ipc_call *call)
{
	struct force_leave f = {0};
	if (!ipc_body(call, &force_leave_schema, &f))
		return ipc_undecodable(call);
	struct message *m = ipc_message(call, ASK_FORCE_LEAVE);
	struct ask_force_leave *ask = m ? ARENA_NEW(&m->mem, struct ask_force_leave) : NULL;
	if (ask) {
		*ask = (struct ask_force_leave){arena_copy(&m->mem, f.node), f.prune};
		m->request = ask;
	}
	return ipc_sent(call, m);
}

static enum ipc_state join(struct ipc_call *call)
{
	struct ask_join j = {0};
	if (!ipc_body(call, &join_schema, &j))
		return ipc_undecodable(call);
	struct message *m = ipc_message(call, ASK_JOIN);
	if (m)
		m->request = schema_copy(&join_schema, &j, &m->mem);
	return ipc_sent(call, m);
}

static enum ipc_state leave(struct ipc_call *call)
{
	log_info(&call->api->log, "agent.rpc: Graceful leave triggered");
	return ipc_sent(call, ipc_message(call, ASK_LEAVE));
}

/* Answered before it is done: the new configuration may well be wrong, which only the log tells. */
static enum ipc_state reload(struct ipc_call *call)
{
	if (ipc_sent(call, ipc_message(call, ASK_RELOAD)) != IPC_SENT)
		return IPC_CLOSE;
	ipc_answer(call, S_NONE);
	return IPC_TOLD;
}

static enum ipc_state stats(struct ipc_call *call)
{
	struct list sections = stats_of(call->api);
	if (call->api->arena.failed)
		return ipc_no_memory(call);
	ipc_answer(call, S_NONE);
	stats_put_msgpack(call->out, sections);
	return IPC_ANSWERED;
}

static enum ipc_state unknown_level(struct ipc_call *call, struct slice level)
{
	struct slice shown = arena_copy(&call->api->arena, level);
	char *at = arena_alloc(&call->api->arena, level.n);
	for (size_t i = 0; at && i < level.n; i++)
		at[i] = (char)(level.p[i] >= 'a' && level.p[i] <= 'z' ? level.p[i] - 'a' + 'A' : level.p[i]);
	shown.p = at ? at : shown.p;
	return ipc_answer(call, arena_str(&call->api->arena, "Unknown log level: %.*s", PS(shown)));
}

static enum ipc_state monitor(struct ipc_call *call)
{
	struct monitor_request m = {0};
	struct ipc_client *c = call->client;
	if (!ipc_body(call, &monitor_schema, &m))
		return ipc_undecodable(call);
	if (!log_level_parse(m.level, &call->step->level))
		return unknown_level(call, m.level);
	if (c->monitoring)
		return ipc_answer(call, S("Monitor already exists"));
	c->monitoring = true;
	c->monitor_seq = c->seq;
	ipc_answer(call, S_NONE);
	return IPC_MONITOR;
}

static enum ipc_state stop(struct ipc_call *call)
{
	struct stop_request s = {0};
	struct ipc_client *c = call->client;
	if (!ipc_body(call, &stop_schema, &s))
		return ipc_undecodable(call);
	ipc_answer(call, S_NONE);
	if (!c->monitoring || c->monitor_seq != s.stop)
		return IPC_ANSWERED;
	c->monitoring = false;
	return IPC_STOP;
}

enum { BODY = true, NO_BODY = false };

static const struct ipc_command commands[] = {
        {"api", BODY, ipc_api, IPC_HTTP_MAX},
        {"force-leave", BODY, force_leave, 0},
        {"handshake", BODY, handshake, 0},
        {"install-key", BODY, ipc_keyring_install, 0},
        {"join", BODY, join, 0},
        {"leave", NO_BODY, leave, 0},
        {"list-keys", BODY, ipc_keyring_list, 0},
        {"members-lan", NO_BODY, ipc_members_lan, 0},
        {"members-wan", NO_BODY, ipc_members_wan, 0},
        {"monitor", BODY, monitor, 0},
        {"reload", NO_BODY, reload, 0},
        {"remove-key", BODY, ipc_keyring_remove, 0},
        {"stats", NO_BODY, stats, 0},
        {"stop", BODY, stop, 0},
        {"use-key", BODY, ipc_keyring_use, 0},
};

static const struct ipc_command *command_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (slice_is(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* ---- headers ---- */

static struct slice command_of(const struct ipc_client *c)
{
	return (struct slice){c->command, c->command_n};
}

/* What the header leaves out stays as it was. */
static bool header_take(struct ipc_call *call, struct slice value)
{
	struct ipc_client *c = call->client;
	struct header h = {.command = command_of(c), .token = buf_view(&c->token), .seq = c->seq};
	struct slice token = h.token;
	struct mp_reader r = mp_read(value);
	ipc_read(&r, &header_schema, &h, &call->api->arena);
	if (r.failed || h.token.n > IPC_TOKEN_MAX)
		return false;
	c->seq = h.seq;
	c->command_n = (uint8_t)(h.command.n < IPC_COMMAND_MAX ? h.command.n : IPC_COMMAND_MAX);
	if (h.command.p != c->command)
		memcpy(c->command, h.command.p ? h.command.p : "", c->command_n);
	if (h.token.p != token.p) {
		buf_reset(&c->token, IPC_TOKEN_MAX);
		buf_slice(&c->token, h.token);
	}
	return !c->token.failed;
}

static enum ipc_state command_begin(struct ipc_call *call, struct slice value)
{
	struct ipc_client *c = call->client;
	if (!header_take(call, value))
		return closing(call, S("failed to decode request header"));
	const struct ipc_command *command = command_find(command_of(c));
	if (!c->shaken && !(command && command->run == handshake)) {
		ipc_answer(call, S("Handshake required"));
		return closing(call, S("Failed to evaluate request: Handshake required"));
	}
	if (!command) {
		ipc_answer(call, S("Unsupported command"));
		return closing(
		        call, arena_str(&call->api->arena, "Failed to evaluate request: command '%.*s' not recognized",
		                      PS(command_of(c))));
	}
	if (!command->has_body)
		return command->run(call);
	c->due = command;
	return IPC_ANSWERED;
}

enum ipc_state ipc_take(struct api *a, struct ipc_client *c, struct slice remote, struct slice value, struct buf *out,
        struct ipc_step *step)
{
	struct ipc_call call = {.api = a, .client = c, .remote = remote, .out = out, .step = step};
	const struct ipc_command *command = c->due;
	step->message = NULL;
	step->why = S_NONE;
	if (!command)
		return command_begin(&call, value);
	c->due = NULL;
	call.body = value;
	return command->run(&call);
}

/* ---- the rest ---- */

void ipc_finish(struct ipc_client *c, const struct message *m, struct buf *out)
{
	ipc_put_head(out, c->seq, m->err ? m->why : S_NONE);
	if (m->ask == ASK_KEYRING)
		ipc_keyring_finish(m, out);
	if (m->ask != ASK_JOIN)
		return;
	const struct ask_joined *joined = m->reply;
	mp_put_map(out, 1);
	mp_put_str_new(out, S("Num"));
	mp_put_i64(out, joined ? joined->count : 0);
}

void ipc_put_line(struct buf *out, const struct ipc_client *c, struct slice line)
{
	MUST(c->monitoring);
	ipc_put_head(out, c->monitor_seq, S_NONE);
	mp_put_map(out, 1);
	mp_put_str_new(out, S("Log"));
	mp_put_str_new(out, line);
}

size_t ipc_limit(const struct ipc_client *c)
{
	if (!c->due)
		return IPC_HEADER_MAX;
	return c->due->body_max ? c->due->body_max : IPC_BODY_MAX;
}

struct slice ipc_spoilt(const struct ipc_client *c)
{
	return c->due ? S("Failed to evaluate request: decode failed: no msgpack, or too long")
	              : S("failed to decode request header");
}

void ipc_client_free(struct ipc_client *c)
{
	buf_free(&c->token);
}
