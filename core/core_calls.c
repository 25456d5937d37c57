#include "core/core_calls.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/agent/keys.h"
#include "core/agent/remote_exec.h"
#include "core/agent/sync.h"
#include "core/core_parts.h"
#include "core/method/coordinate.h"
#include "core/method/keyring.h"
#include "core/method/method.h"
#include "core/state/command.h"
#include "core/state/rows.h"

/* Nobody wakes us when there is a leader again: we look. */
#define LOOK_AGAIN (200 * NS_PER_MS)

struct own_ask;

struct own_call {
	struct own_call *next;
	struct message *message;
	const struct own_ask *what;
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

/* ---- what is asked, and the answer as the agent wants it ---- */

static void *ask_of_node(const struct core *c, struct message *m)
{
	struct node_request *q = ARENA_NEW(&m->mem, struct node_request);
	if (q)
		*q = (struct node_request){{c->config->datacenter, {.token = m->token}}, c->config->node_name};
	return q;
}

/* The services come as a map by id, which is in them, too. */
static void *take_services(const void *reply, struct arena *a)
{
	const struct node_services *from = ((const struct indexed_node_services *)reply)->node_services;
	const struct named_service *named = from ? from->services.items : NULL;
	struct sync_remote *to = ARENA_NEW(a, struct sync_remote);
	struct rows rows = ROWS(a, struct node_service);
	for (uint32_t i = 0; from && i < from->services.n; i++) {
		struct node_service *service = rows_add(&rows);
		if (service)
			*service = named[i].service;
	}
	if (to)
		*to = (struct sync_remote){.node = from ? from->node : NULL, .services = rows_list(&rows)};
	return to;
}

static void *take_checks(const void *reply, struct arena *a)
{
	struct sync_remote *to = ARENA_NEW(a, struct sync_remote);
	if (to)
		to->checks = ((const struct indexed_checks *)reply)->checks;
	return to;
}

static void *ask_keyring(const struct core *c, struct message *m)
{
	const struct ask_keyring_far *q = m->request;
	(void)c;
	return keyring_far(q->what, q->datacenter, m->token, &m->mem);
}

static void *take_keyring(const void *reply, struct arena *a)
{
	return keyring_take(reply, a);
}

static void *ask_job(const struct core *c, struct message *m)
{
	const struct ask_job *what = m->request;
	struct key_request *q = ARENA_NEW(&m->mem, struct key_request);
	if (q)
		*q = (struct key_request){
		        {c->config->datacenter, {.token = m->token, .allow_stale = !what->newest}}, what->key};
	return q;
}

static void *take_job(const void *reply, struct arena *a)
{
	const struct indexed_entries *from = reply;
	(void)a;
	return from->entries.n ? from->entries.items : NULL;
}

static void *ask_coordinate(const struct core *c, struct message *m)
{
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

/* The commands that agents write are the arguments of methods, byte for byte. */
static void *ask_register(const struct core *c, struct message *m)
{
	(void)c;
	return method_read_request(&method_catalog_register, slice_from(m->command, 1), &m->mem);
}

static void *ask_deregister(const struct core *c, struct message *m)
{
	(void)c;
	return method_read_request(&method_catalog_deregister, slice_from(m->command, 1), &m->mem);
}

static void *ask_key_write(const struct core *c, struct message *m)
{
	(void)c;
	return method_read_request(&method_kvs_apply, slice_from(m->command, 1), &m->mem);
}

static const struct own_ask {
	const struct method *method;
	void *(*request)(const struct core *c, struct message *m);
	void *(*take)(const void *reply, struct arena *a); /* NULL: the message has it already */
} own_services = {&method_catalog_node_services, ask_of_node, take_services},
  own_checks = {&method_health_node, ask_of_node, take_checks},
  own_keyring = {&method_internal_keyring_far, ask_keyring, take_keyring},
  own_job = {&method_kvs_get, ask_job, take_job}, own_key_write = {&method_kvs_apply, ask_key_write, NULL},
  own_coordinate = {&method_coordinate_update, ask_coordinate, NULL},
  own_register = {&method_catalog_register, ask_register, NULL},
  own_deregister = {&method_catalog_deregister, ask_deregister, NULL};

static const struct own_ask *ask_of(const struct message *m)
{
	switch (m->ask) {
	case ASK_OWN_SERVICES: return &own_services;
	case ASK_OWN_CHECKS: return &own_checks;
	case ASK_KEYRING_FAR: return &own_keyring;
	case ASK_JOB: return &own_job;
	case ASK_COORDINATE: return &own_coordinate;
	default: break;
	}
	MUST(m->ask == ASK_COMMAND && m->command.n);
	switch ((enum command_type)m->command.p[0]) {
	case COMMAND_REGISTER: return &own_register;
	case COMMAND_KVS: return &own_key_write;
	default: return &own_deregister;
	}
}

bool core_call_always(const struct message *m)
{
	return m->ask == ASK_OWN_SERVICES || m->ask == ASK_OWN_CHECKS || m->ask == ASK_KEYRING_FAR || m->ask == ASK_JOB;
}

void core_call(struct core *c, struct message *m)
{
	struct core_calls *o = &c->calls;
	struct own_call *k = calloc(1, sizeof *k);
	MUST(k);
	*k = (struct own_call){.message = m, .what = ask_of(m), .at = c->now};
	k->request = k->what->request(c, m);
	k->reply = k->what->take ? method_new_reply(k->what->method, &m->mem) : NULL;
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

/* One that was read here is lent by the tables. */
static void take(struct own_call *k, const struct call_answer *answer)
{
	struct message *m = k->message;
	const void *reply = answer ? k->reply : schema_copy(k->what->method->reply, k->reply, &m->mem);
	m->reply = reply ? k->what->take(reply, &m->mem) : NULL;
}

static void run(struct core *c, struct own_call *k, const struct call_answer *answer, struct effects *out)
{
	struct message *m = k->message;
	struct world w;
	core_world(c, &w);
	w.db = db_working(c->db); /* nobody else reads this one */
	struct call call = {
	        .method = k->what->method,
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
	call.again.unsure = true; /* the leader keeps what we compare with: it is asked */
	call.again.answer = answer;
	k->tag = 0;
	if (!k->request || m->mem.failed) {
		ended(c, k, ERR_NO_MEMORY, "out of memory");
		return;
	}
	if (world_leading(&w) && k->what->method->flags & M_WRITE && !answer) {
		here(c, k);
		return;
	}
	enum call_state state = method_run(&call);
	k->again = call.again;
	switch (state) {
	case CALL_FORWARD: send(c, k, &call.forward, out); break;
	case CALL_WAIT_LEADER: k->at = call.wake < c->now + LOOK_AGAIN ? call.wake : c->now + LOOK_AGAIN; break;
	case CALL_DONE:
		if (k->what->take)
			take(k, answer);
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
