/* The life of a call (agent/consul/rpc.go: forward, blockingQuery): where does it go → may it → read → park or reply.
 */
#include <stdarg.h>
#include <stdio.h>

#include "core/agent/config.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/agent/servers.h"
#include "core/method/method.h"
#include "core/method/router.h"
#include "core/method/rpc_limit.h"
#include "core/state/command.h"

#define WAIT_DEFAULT (300 * NS_PER_S)
#define WAIT_MAX (600 * NS_PER_S)
enum { JITTER_FRACTION = 16 };

enum err call_fail(struct call *c, enum err e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	c->fail.code = c->err = e;
	vsnprintf(c->fail.text, sizeof c->fail.text, fmt, ap);
	va_end(ap);
	return e;
}

static enum call_state failed(struct call *c, enum err e, const char *text)
{
	call_fail(c, e, "%s", text);
	return CALL_FAILED;
}

/* Requests begin with their datacenter: read_head and write_head both do. */
static struct slice request_datacenter(const struct call *c)
{
	_Static_assert(offsetof(struct read_head, datacenter) == 0, "first");
	_Static_assert(offsetof(struct write_head, datacenter) == 0, "first");
	return *(const struct slice *)c->request;
}

static void begin_hold(struct call *c)
{
	if (!c->again.hold)
		c->again.hold = c->now + c->world->config->rpc_hold_timeout;
}

/* Nobody leads: hold the call for a while (rpc_hold_timeout), it will probably be somebody soon. */
static enum call_state wait_for_leader(struct call *c)
{
	begin_hold(c);
	if (c->now >= c->again.hold || c->world->leaving)
		return failed(c, ERR_NO_LEADER, "No cluster leader");
	c->wake = c->again.hold;
	return CALL_WAIT_LEADER;
}

static void meta_fill(struct call *c, struct query_meta *meta, bool local)
{
	const struct world *w = c->world;
	if (world_leading(w) || (!local && w->leader.n)) { /* that is what it would say */
		meta->known_leader = true;
		meta->last_contact = 0;
		return;
	}
	meta->known_leader = w->leader.n > 0;
	/* Never heard of one: time.Since(zero time) saturates, and the milliseconds of that are what clients see. */
	meta->last_contact = w->leader_contact ? c->now - w->leader_contact : INT64_MAX;
}

static dur_ns wait_of(const struct query_options *q)
{
	return q->max_query_time > WAIT_MAX ? WAIT_MAX : q->max_query_time <= 0 ? WAIT_DEFAULT : q->max_query_time;
}

/* How long to wait at most; a sixteenth at random on top, so that a herd does not come back as one. */
static mono_ns wait_deadline(struct call *c, const struct query_options *q)
{
	dur_ns wait = wait_of(q);
	dur_ns jitter = wait / JITTER_FRACTION;
	return c->now + wait + (jitter ? (dur_ns)rand_below(c->rand, (uint64_t)jitter) : 0);
}

/* ---- other servers ---- */

static bool blocks(const struct call *c)
{
	const struct read_head *head = c->request;
	return c->method->flags & M_READ && !(c->method->flags & (M_NO_BLOCK | M_NO_REQUEST)) && head->q.min_index > 0;
}

static bool forward_make(struct call *c, const struct server *s, const struct method *m, const void *request)
{
	struct buf b = {0};
	begin_hold(c);
	method_write_request(m, request, &b);
	c->forward = (struct call_forward){
	        .to = arena_copy(c->arena, s->address),
	        .datacenter = arena_copy(c->arena, s->datacenter),
	        .tls = s->use_tls,
	        .method = slice_of(m->name),
	        .args = b.failed ? S_NONE : arena_copy(c->arena, buf_view(&b)),
	};
	buf_free(&b);
	if (!c->forward.args.p)
		call_fail(c, ERR_NO_MEMORY, "out of memory");
	return c->forward.args.p;
}

/* What other datacenters said of a failover is forgotten: who is asked now begins anew. */
static enum call_state forward_to(struct call *c, const struct server *s)
{
	c->again.failovers = 0;
	if (!forward_make(c, s, c->method, c->request))
		return CALL_FAILED;
	if (blocks(c)) {
		dur_ns wait = wait_of(&((const struct read_head *)c->request)->q);
		c->forward.patience = wait + wait / JITTER_FRACTION;
	}
	return CALL_FORWARD;
}

/* The leader as one can reach it: Raft's, if the LAN pool knows it, too. */
static const struct server *leader_of(const struct world *w)
{
	if (!w->leader.n || slice_eq(w->leader, w->self))
		return NULL;
	return server_by_address(w->db, w->leader);
}

static enum call_state ask_leader(struct call *c)
{
	const struct server *s = c->router && !c->world->leaving ? leader_of(c->world) : NULL;
	return s ? forward_to(c, s) : wait_for_leader(c);
}

static const struct server *pick(struct call *c, struct slice dc)
{
	return c->router ? router_pick(c->router, c->world->db, c->world->config->datacenter, dc) : NULL;
}

static const struct server *path_to(struct call *c, struct slice dc)
{
	const struct server *s = pick(c, dc);
	if (!s) {
		log_warn(c->log, "consul.rpc: RPC request for DC \"%.*s\", no path found", PS(dc));
		call_fail(c, ERR_NO_PATH, "No path to datacenter");
	}
	return s;
}

static enum call_state ask_datacenter(struct call *c, struct slice dc)
{
	const struct server *s = path_to(c, dc);
	return s ? forward_to(c, s) : CALL_FAILED;
}

bool call_ask_datacenter(struct call *c, struct slice dc, const struct method *m, const void *request)
{
	const struct server *s = path_to(c, dc);
	return s && forward_make(c, s, m, request);
}

/* An agent that is no server has all its questions answered by one. */
static enum call_state ask_a_server(struct call *c)
{
	const struct server *s = pick(c, c->world->config->datacenter);
	if (s && c->router->limit && !rpc_limit_allows(c->router->limit, c->now))
		return failed(c, ERR_FULL, "RPC rate limit exceeded");
	if (s)
		return forward_to(c, s);
	log_warn(c->log, "manager: No servers available");
	return failed(c, ERR_FAILED, "No known Consul servers");
}

/* What a sentence from elsewhere means to whoever asked us: consumers look for parts of texts, in Consul, too. */
static enum err err_of(struct slice text)
{
	static const struct {
		const char *part;
		enum err e;
	} known[] = {
	        {"Permission denied", ERR_DENIED},
	        {"ACL not found", ERR_DENIED},
	        {"rate limit exceeded", ERR_FULL},
	        {"No cluster leader", ERR_NO_LEADER},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (slice_search(text, slice_of(known[i].part)) >= 0)
			return known[i].e;
	return ERR_FAILED;
}

enum next { NEXT_END, NEXT_NOW, NEXT_LATER };

/* May the call be made once more, and when? One that was never sent may always, at once if there is somebody else to
 * ask; what nobody led for, too; what was under way when the connection broke only if that does no harm. In another
 * datacenter only the former. */
static enum next next_try(struct call *c, bool own_dc)
{
	const struct call_answer *a = c->again.answer;
	bool client = !c->world->config->server_mode;
	bool unsent = a->kind == ANSWER_UNREACHABLE;
	bool harmless = c->method->flags & (M_READ | M_TWICE);
	bool no_leader = a->kind == ANSWER_ERROR && err_of(a->text) == ERR_NO_LEADER;
	if (c->now >= c->again.hold || !(unsent || (own_dc && (no_leader || (a->kind == ANSWER_LOST && harmless)))))
		return NEXT_END;
	if (unsent && (client || !own_dc)) {
		const struct server *s = pick(c, client ? c->world->config->datacenter : request_datacenter(c));
		if (s && !router_resting(c->router, s->address, c->now))
			return NEXT_NOW;
	}
	return own_dc ? NEXT_LATER : NEXT_END;
}

/* A server that can't be reached or knows no leader is not asked next time. */
static void note_failure(struct call *c)
{
	const struct call_answer *a = c->again.answer;
	if (c->router && (a->kind != ANSWER_ERROR || err_of(a->text) == ERR_NO_LEADER))
		router_failed(c->router, a->from, c->now);
}

static void far_refused(struct call *c, struct slice dc)
{
	const struct call_answer *a = c->again.answer;
	log_err(c->log, "consul: RPC failed to server %.*s in DC \"%.*s\": %.*s", PS(a->from), PS(dc), PS(a->text));
	note_failure(c);
}

bool call_take_answer(struct call *c, struct slice dc, struct slice *body)
{
	const struct call_answer *a = c->again.answer;
	bool good = a->kind == ANSWER_REPLY;
	*body = a->body;
	if (!good) {
		far_refused(c, dc);
		call_fail(c, err_of(a->text), "%.*s", PS(a->text));
	}
	c->again.answer = NULL;
	return good;
}

static enum call_state refused(struct call *c, bool own_dc)
{
	const struct call_answer *a = c->again.answer;
	bool client = !c->world->config->server_mode;
	struct slice text = a->text;
	if (client) {
		log_err(c->log, "consul: \"%s\" RPC failed to server %.*s: %.*s", c->method->name, PS(a->from),
		        PS(text));
		note_failure(c);
	} else if (!own_dc) {
		far_refused(c, request_datacenter(c));
	}
	enum next next = next_try(c, own_dc || client);
	c->again.answer = NULL;
	if (next == NEXT_NOW)
		return method_run(c);
	if (next == NEXT_END) {
		call_fail(c, err_of(text), "%.*s", PS(text));
		return CALL_FAILED;
	}
	dur_ns most = c->world->config->rpc_hold_timeout / JITTER_FRACTION;
	c->wake = c->now + (most > 0 ? (dur_ns)rand_below(c->rand, (uint64_t)most) : 0);
	return CALL_WAIT_LEADER;
}

/* Another server has answered, or could not. */
static enum call_state answered(struct call *c)
{
	const struct call_answer *a = c->again.answer;
	bool own_dc = c->method->flags & M_NO_REQUEST || slice_eq(request_datacenter(c), c->world->config->datacenter);
	if (a->kind != ANSWER_REPLY)
		return refused(c, own_dc);
	if (!method_read_reply(c, a->body))
		return failed(c, ERR_FAILED, "rpc error making call: the reply can't be decoded");
	c->again.answer = NULL;
	c->answered = c->method->flags & M_WRITE;
	return CALL_DONE;
}

/* ---- here ---- */

/* A leader that asks the others too long will learn by itself that it is none. */
static enum call_state verify(struct call *c)
{
	begin_hold(c);
	if (c->now >= c->again.hold)
		return failed(c, ERR_FAILED, "Not ready to serve consistent reads");
	return CALL_VERIFY;
}

static bool is_asked(const struct call *c)
{
	return !(c->method->flags & M_NO_REQUEST);
}

/* Will whatever this server has do? */
static bool takes_local(const struct call *c)
{
	const struct read_head *head = c->request;
	bool stale = is_asked(c) && head->q.allow_stale && !(c->method->flags & M_NEWEST);
	return c->method->flags & M_LOCAL || stale;
}

/* Over this world, be it the newest or not. */
static enum call_state read_here(struct call *c)
{
	const struct read_head *head = c->request;
	struct query_meta *meta = c->reply;
	c->again.verified = false; /* good for one run */
	c->watched = (struct watchset){.arena = c->arena};
	c->forward = (struct call_forward){0};
	meta_fill(c, meta, takes_local(c));
	if (c->method->handler(c))
		return CALL_FAILED;
	if (c->forward.to.n)
		return CALL_FORWARD;
	if (!blocks(c) || meta->index == 0 || meta->index > head->q.min_index)
		return CALL_DONE;
	if (!c->again.deadline)
		c->again.deadline = wait_deadline(c, &head->q);
	c->wake = c->again.deadline;
	c->again.unsure = false; /* it is asked anew when something has changed, */
	c->again.hold = 0;       /* and waits for a leader as long as any other */
	return c->now >= c->wake ? CALL_DONE : CALL_WAIT;
}

static enum call_state run_read(struct call *c)
{
	const struct read_head *head = c->request;
	bool asked = is_asked(c), local = takes_local(c);
	bool newest = c->method->flags & M_NEWEST;
	bool surely = asked && (head->q.require_consistent || newest);
	if (!local && !world_leading(c->world)) {
		bool begun = c->again.deadline && !surely; /* it blocks since it was the newest, so it is newer now */
		if (!begun && (!asked || newest || !c->world->reads || c->again.unsure))
			return ask_leader(c);
		if (!begun && !c->again.verified)
			return verify(c);
	} else if (surely && !c->world->ready) {
		if (!world_leading(c->world)) /* told to be stale as well: that has brought it here */
			return failed(c, ERR_FAILED, "node is not the leader");
		return wait_for_leader(c);
	} else if (surely && c->world->voters > 1 && !c->again.verified) {
		return verify(c); /* alone we need not ask anybody */
	}
	return read_here(c);
}

static enum call_state run_write(struct call *c)
{
	if (!(c->method->flags & M_LOCAL) && !world_leading(c->world))
		return ask_leader(c);
	c->message->ask = ASK_COMMAND;
	if (c->method->handler(c))
		return CALL_FAILED;
	return c->message->command.n || c->message->ask != ASK_COMMAND ? CALL_SENT : CALL_DONE;
}

enum call_state method_run(struct call *c)
{
	const struct agent_config *config = c->world->config;
	if (c->again.failovers) /* begun here: it goes on here */
		return read_here(c);
	if (c->again.answer)
		return answered(c);
	if (!config->server_mode)
		return ask_a_server(c);
	if (!(c->method->flags & (M_NO_REQUEST | M_ANYWHERE)) && !slice_eq(request_datacenter(c), config->datacenter))
		return ask_datacenter(c, request_datacenter(c));
	return c->method->flags & M_WRITE ? run_write(c) : run_read(c);
}

/* Commands are encoded straight into the message: a first try into a piece of its arena that nearly always suffices,
 * else by way of a growing buffer. */
enum err call_command(struct call *c, unsigned command_type, const struct schema *s, const void *request)
{
	struct arena *mem = &c->message->mem;
	size_t guess = 768 + schema_extra_size(s, request) * 2;
	struct buf fixed = {.p = arena_alloc(mem, guess), .cap = guess, .limit = guess};
	if (fixed.p) {
		command_write(&fixed, command_type, s, request);
		if (!fixed.failed) {
			c->message->command = buf_view(&fixed);
			return OK;
		}
	}
	struct buf grown = {0};
	command_write(&grown, command_type, s, request);
	c->message->command = grown.failed ? S_NONE : arena_copy(mem, buf_view(&grown));
	buf_free(&grown);
	return c->message->command.n ? OK : call_fail(c, ERR_NO_MEMORY, "out of memory");
}
