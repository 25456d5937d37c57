#include "core/agent/servers.h"
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/leader/servers.h"
#include "core/method/call.h"

#define ALONE_AFTER NS_PER_S      /* a -dev server that was told whom to join, and found nobody */
#define WAIT_LEAST (3 * NS_PER_S) /* … and found somebody: up to twice as long */

enum { TRIES_MAX = 6 }; /* Consul: maxPeerRetries */

static bool joins(const struct core *c)
{
	return c->config->start_join.n || c->config->retry_join.n;
}

static void bootstrap(struct core *c, const struct raft_server *servers, size_t n)
{
	struct fail f = {0};
	if (raft_state(c->raft)->last)
		return;
	if (raft_bootstrap(c->raft, servers, n, &f))
		log_err(c->log, "consul: Failed to bootstrap cluster: %s", f.text);
}

static void bootstrap_alone(struct core *c)
{
	const struct raft_server self = {core_raft_id(c), slice_of(c->address), RAFT_VOTER};
	bootstrap(c, &self, 1);
}

/* Everybody has to say the same, and nobody may have begun already (Consul: maybeBootstrap). */
static bool all_expect(struct core *c, size_t *n)
{
	struct cursor at;
	const struct server *s;
	*n = 0;
	servers_lan(&at, db_working(c->db));
	while ((s = server_next(&at))) {
		if (s->expect && s->expect != c->config->bootstrap_expect) {
			log_err(c->log,
			        "consul: Member %.*s has a conflicting expect value. All nodes should expect the same "
			        "number.",
			        PS(s->name));
			return false;
		}
		if (s->bootstrap) {
			log_err(c->log, "consul: Member %.*s has bootstrap mode. Expect disabled.", PS(s->name));
			return false;
		}
		++*n;
	}
	return *n >= (size_t)c->config->bootstrap_expect;
}

/* In the order of the names, so that all write the same. */
static void bootstrap_all(struct core *c, size_t n)
{
	struct arena a = {0};
	struct cursor at;
	const struct server *s;
	bool ids = servers_raft_protocol(db_working(c->db)) >= 3;
	struct raft_server *servers = ARENA_ARRAY(&a, struct raft_server, n);
	struct buf addresses = {0};
	MUST(servers);
	servers_lan(&at, db_working(c->db));
	for (size_t i = 0; i < n && (s = server_next(&at)); i++) {
		servers[i] = (struct raft_server){ids ? s->id : s->address, s->address, RAFT_VOTER};
		buf_fmt(&addresses, "%s%.*s", i ? "," : "", PS(s->address));
	}
	log_info(
	        c->log, "consul: Found expected number of peers, attempting bootstrap: %.*s", PS(buf_view(&addresses)));
	bootstrap(c, servers, n);
	buf_free(&addresses);
	arena_free(&a);
}

/* ---- has anybody begun already? ---- */

struct begin_call {
	struct slice name;
	struct call_forward what;
};

static void forget_calls(struct core_begin *b)
{
	arena_reset(&b->mem, 0);
	b->calls = NULL;
	b->calls_n = b->open = b->failed = 0;
}

void core_begin_free(struct core *c)
{
	arena_free(&c->begin.mem);
}

static void ask(struct core *c, const struct server *s, struct begin_call *k, struct effects *out)
{
	struct core_begin *b = &c->begin;
	k->name = arena_copy(&b->mem, s->name);
	k->what = (struct call_forward){
	        .to = arena_copy(&b->mem, s->address),
	        .datacenter = c->config->datacenter,
	        .tls = s->use_tls,
	        .method = S("Status.Peers"),
	        .args = S("\x80"),
	};
	struct effect *e = effect_add(out, EFF_CALL);
	e->call.tag = CALL_OF_BEGIN | (uint64_t)(k - b->calls);
	e->call.what = &k->what;
}

static void ask_others(struct core *c, size_t n, struct effects *out)
{
	struct core_begin *b = &c->begin;
	struct cursor at;
	const struct server *s;
	b->calls = ARENA_ARRAY(&b->mem, struct begin_call, n);
	MUST(b->calls);
	servers_lan(&at, db_working(c->db));
	while ((s = server_next(&at)) && b->calls_n < n)
		if (!slice_eq(s->name, c->config->node_name))
			ask(c, s, &b->calls[b->calls_n++], out);
	MUST(!b->mem.failed);
	b->open = b->calls_n;
}

void core_begin_look(struct core *c, struct effects *out)
{
	size_t n;
	if (!c->begin.expecting || c->begin.open || c->now < c->begin.retry)
		return;
	if (raft_state(c->raft)->last) {
		log_info(c->log, "consul: Raft data found, disabling bootstrap mode");
		c->begin.expecting = false;
	} else if (all_expect(c, &n)) {
		ask_others(c, n, out);
	}
}

static void all_answered(struct core *c)
{
	struct core_begin *b = &c->begin;
	size_t n;
	bool sure = !b->failed || ++b->tries == TRIES_MAX;
	forget_calls(b);
	if (!sure) {
		b->at = b->retry = c->now + (dur_ns)(1u << b->tries) * NS_PER_S / 2;
		return;
	}
	if (!b->expecting || !all_expect(c, &n))
		return;
	bootstrap_all(c, n);
	b->expecting = false;
}

void core_begin_answer(struct core *c, const struct event *ev)
{
	struct core_begin *b = &c->begin;
	const struct call_answer *a = ev->call.answer;
	size_t i = (size_t)(ev->call.tag & ~CALL_OF_BEGIN);
	if (i >= b->calls_n || !b->open)
		return;
	struct mp_reader r = mp_read(a->body);
	if (a->kind != ANSWER_REPLY) {
		log_err(c->log, "consul: Failed to confirm peer status for %.*s: %.*s. Retrying in %us...",
		        PS(b->calls[i].name), PS(a->text), 1u << b->tries);
		b->failed++;
	} else if (mp_array(&r) && b->expecting) {
		log_info(c->log, "consul: Existing Raft peers reported by %.*s, disabling bootstrap mode",
		        PS(b->calls[i].name));
		b->expecting = false;
	}
	if (!--b->open)
		all_answered(c);
}

/* ---- -dev ---- */

static bool others(const struct core *c)
{
	struct cursor at;
	const struct server *s;
	servers_lan(&at, db_working(c->db));
	while ((s = server_next(&at)))
		if (s->alive && !slice_eq(s->name, c->config->node_name))
			return true;
	return false;
}

/* Whom a -dev server joins has the group, and will take it in. Does nobody come, because all wait for each other, one
 * of them begins. */
static void look_whether_alone(struct core *c)
{
	if (raft_state(c->raft)->last)
		return;
	if (others(c) && !c->begin.waited)
		core_begin_wait(c);
	else
		bootstrap_alone(c);
}

void core_begin_wait(struct core *c)
{
	c->begin.waited = true;
	c->begin.at = c->now + WAIT_LEAST + (dur_ns)rand_below(&c->rand, WAIT_LEAST);
}

void core_begin_init(struct core *c)
{
	c->begin = (struct core_begin){.at = INT64_MAX};
	c->begin.expecting = c->config->server_mode && c->config->bootstrap_expect > 1;
}

void core_begin_start(struct core *c)
{
	const struct agent_config *config = c->config;
	if (config->bootstrap || config->bootstrap_expect == 1 || (config->dev_mode && !joins(c)))
		bootstrap_alone(c);
	else if (config->dev_mode)
		c->begin.at = c->now + ALONE_AFTER;
}

void core_begin_tick(struct core *c, struct effects *out)
{
	if (c->now < c->begin.at)
		return;
	c->begin.at = INT64_MAX;
	if (c->begin.expecting)
		core_begin_look(c, out);
	else
		look_whether_alone(c);
}
