#include "core/core_calls.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/method/coordinate.h"
#include "core/method/method.h"

/* Nobody wakes us when there is a leader again: we look. */
#define LOOK_AGAIN (200 * NS_PER_MS)

struct own_call {
	struct own_call *next;
	struct message *message;
	const struct method *method;
	void *request, *reply; /* in the message's memory */
	struct call_again again;
	uint64_t tag; /* of the one under way; 0: none */
	mono_ns at;   /* else: when to run it */
};

void core_calls_init(struct core_calls *o, uint64_t seed)
{
	*o = (struct core_calls){0};
	router_init(&o->router, seed);
}

void core_calls_free(struct core_calls *o)
{
	for (struct own_call *k = o->first, *next; k; k = next) {
		next = k->next;
		arena_free(&k->message->mem);
		free(k->message);
		free(k);
	}
}

/* ---- who keeps the catalog ---- */

static bool knows_somebody(const struct core *c)
{
	const struct db_root *r = db_working(c->db);
	struct cursor all;
	if (c->config->server_mode) {
		struct slice leader = core_leader(c);
		return leader.n && server_by_address(r, leader);
	}
	servers_lan(&all, r);
	return server_next(&all);
}

/* An agent that is no server tries (and says that it knows none) until there is one, then at once again. While it is
 * joining others at its start there is no point in that. */
static bool tries_anyway(const struct core *c)
{
	return !c->config->server_mode && !c->config->start_join.n;
}

void core_calls_look(struct core *c)
{
	bool knows = c->ready || knows_somebody(c);
	agent_remote(c->agent, !c->ready);
	if (knows && !c->calls.knew && !c->ready)
		agent_leader(c->agent, false, c->now);
	c->calls.knew = knows;
	if (!c->ready)
		agent_leader(c->agent, knows || tries_anyway(c), c->now);
}

/* ---- what is asked ---- */

/* The commands that agents write are the arguments of these methods, byte for byte. */
static const struct method *method_of(const struct message *m)
{
	if (m->ask == ASK_COORDINATE)
		return &method_coordinate_update;
	if (m->ask == ASK_CALL)
		return ((const struct ask_call *)m->request)->method;
	switch ((enum command_type)m->command.p[0]) {
	case COMMAND_REGISTER: return &method_catalog_register;
	case COMMAND_DEREGISTER: return &method_catalog_deregister;
	default: return NULL;
	}
}

static void *request_of(const struct core *c, const struct method *method, struct message *m)
{
	if (m->ask == ASK_CALL)
		return ((const struct ask_call *)m->request)->request;
	if (m->ask == ASK_COMMAND)
		return method_read_request(method, slice_from(m->command, 1), &m->mem);
	const struct coordinate_entry *e = m->request;
	struct coordinate_update_request *q = ARENA_NEW(&m->mem, struct coordinate_update_request);
	if (q)
		*q = (struct coordinate_update_request){
		        .head = {c->config->datacenter, m->token},
		        .node = e->node,
		        .segment = e->segment,
		        .coord = e->coord,
		};
	return q;
}

void core_call(struct core *c, struct message *m)
{
	struct core_calls *o = &c->calls;
	struct own_call *k = calloc(1, sizeof *k);
	const struct method *method = method_of(m);
	MUST(k && method);
	*k = (struct own_call){.message = m, .method = method, .at = c->now};
	k->request = request_of(c, method, m);
	k->reply = m->ask == ASK_CALL ? method_new_reply(method, &m->mem) : NULL;
	m->reply = k->reply;
	struct own_call **last = &o->first;
	while (*last)
		last = &(*last)->next;
	*last = k;
}

/* ---- running ---- */

static void forget(struct core *c, struct own_call *k)
{
	struct own_call **at = &c->calls.first;
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	free(k);
}

static void send(struct core *c, struct own_call *k, const struct call_forward *what, struct effects *out)
{
	struct call_forward *copy = ARENA_NEW(&k->message->mem, struct call_forward);
	MUST(copy);
	*copy = *what;
	k->tag = ++c->calls.tag;
	struct effect *e = effect_add(out, EFF_CALL);
	e->call.tag = k->tag;
	e->call.what = copy;
}

static void ended(struct core *c, struct own_call *k, enum err e, const char *why)
{
	struct message *m = k->message;
	forget(c, k);
	if (e) {
		m->err = e;
		m->why = arena_str(&m->mem, "%s", why);
	}
	core_reply(c, m);
}

/* We have come to lead meanwhile. */
static void here(struct core *c, struct own_call *k)
{
	struct message *m = k->message;
	forget(c, k);
	core_own(c, m);
}

static void run(struct core *c, struct own_call *k, const struct call_answer *answer, struct effects *out)
{
	struct message *m = k->message;
	struct world w;
	core_world(c, &w);
	w.db = db_working(c->db); /* nobody else reads this one */
	struct call call = {
	        .method = k->method,
	        .world = &w,
	        .arena = &m->mem,
	        .log = c->log,
	        .rand = &c->rand,
	        .router = &c->calls.router,
	        .now = c->now,
	        .wall = c->wall,
	        .request = k->request,
	        .reply = k->reply,
	        .again = k->again,
	        .message = m,
	};
	call.again.answer = answer;
	k->tag = 0;
	if (!k->request || m->mem.failed) {
		ended(c, k, ERR_NO_MEMORY, "out of memory");
		return;
	}
	if (world_leading(&w) && k->method->flags & M_WRITE && !answer) {
		here(c, k);
		return;
	}
	enum call_state state = method_run(&call);
	k->again = call.again;
	switch (state) {
	case CALL_FORWARD: send(c, k, &call.forward, out); break;
	case CALL_WAIT_LEADER: k->at = call.wake < c->now + LOOK_AGAIN ? call.wake : c->now + LOOK_AGAIN; break;
	case CALL_DONE:
		if (!answer && k->method->reply) /* ours is lent by the tables */
			m->reply = schema_copy(k->method->reply, k->reply, &m->mem);
		ended(c, k, m->mem.failed ? ERR_NO_MEMORY : OK, "out of memory");
		break;
	case CALL_SENT: here(c, k); break;
	case CALL_WAIT: /* none of ours blocks, or wants the newest */
	case CALL_VERIFY:
	case CALL_FAILED: ended(c, k, call.err ? call.err : ERR_FAILED, call.fail.text); break;
	}
}

void core_calls_flush(struct core *c, struct effects *out)
{
	for (struct own_call *k = c->calls.first, *next; k; k = next) {
		next = k->next;
		if (!k->tag && k->at <= c->now)
			run(c, k, NULL, out);
	}
}

/* What the answer points to has to stay with the message. */
void core_calls_done(struct core *c, const struct event *ev, struct effects *out)
{
	struct own_call *k = c->calls.first;
	while (k && k->tag != ev->call.tag)
		k = k->next;
	if (!k)
		return;
	struct call_answer answer = *ev->call.answer;
	answer.body = arena_copy(&k->message->mem, answer.body);
	run(c, k, &answer, out);
}

mono_ns core_calls_next(const struct core_calls *o)
{
	mono_ns at = INT64_MAX;
	for (const struct own_call *k = o->first; k; k = k->next)
		if (!k->tag && k->at < at)
			at = k->at;
	return at;
}
