#include "core/core_servers.h"

#include <stdlib.h>

#include "core/leader/peers.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/method/call.h"

/* Everything is compared this often, like members with the catalog. */
#define LOOK_AGAIN (60 * NS_PER_S)

/* Without a leader for so long, and again so often, we say who is missing. */
#define ALARM_FIRST (10 * NS_PER_S)
#define ALARM_AGAIN (60 * NS_PER_S)

/* A server that was a member: what Raft may know it by. */
struct left_server {
	struct left_server *next;
	struct server server;
	struct arena mem; /* its texts */
};

/* What an effect points to until its answer is here. */
struct pilot_call {
	struct pilot_call *next;
	uint64_t tag;
	struct call_forward what;
	struct arena mem;
};

static void left_drop(struct core_servers *s)
{
	struct left_server *l = s->left;
	s->left = l->next;
	arena_free(&l->mem);
	free(l);
}

static void forget(struct core_servers *s)
{
	autopilot_end(&s->pilot);
	while (s->left)
		left_drop(s);
}

void core_servers_free(struct core_servers *s)
{
	forget(s);
	for (struct pilot_call *k = s->calls, *next; k; k = next) {
		next = k->next;
		arena_free(&k->mem);
		free(k);
	}
}

static struct raft_view view(struct core *c)
{
	struct raft_view v = {.root = db_working(c->db), .self = c->config->node_name, .log = c->log};
	v.servers = core_raft_servers(c, &v.n, NULL);
	return v;
}

/* ---- leadership ---- */

static void note_left(struct core *c, const struct gossip_member *m);

/* Those who left while nobody led. */
static void note_those_who_left(struct core *c)
{
	struct gossip_member m;
	uint32_t at = 0;
	while (c->gossip.lan && gossip_member_next(c->gossip.lan, &at, &m))
		if (m.status == GOSSIP_LEFT)
			note_left(c, &m);
}

void core_servers_lead(struct core *c)
{
	c->servers.leading = c->servers.look = true;
	c->servers.changing = false;
	note_those_who_left(c);
	autopilot_begin(&c->servers.pilot, c->db, c->now);
}

void core_servers_follow(struct core *c)
{
	c->servers.leading = false;
	forget(&c->servers);
}

/* ---- changes ---- */

static void changed(void *host, struct message *m)
{
	struct core *c = m->owner;
	(void)host;
	if (m->err)
		log_err(c->log, "consul: failed to change Raft's servers: %.*s", PS(m->why));
	c->servers.changing = false;
	c->servers.look = !m->err; /* else when something has happened */
	autopilot_changed(&c->servers.pilot, c->now);
	arena_free(&m->mem);
	free(m);
}

static struct message *own_message(struct core *c, enum ask ask, void (*done)(void *host, struct message *m))
{
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	m->front = -1;
	m->ask = ask;
	m->owner = c;
	m->done = done;
	return m;
}

static void change(struct core *c, enum raft_change kind, struct slice id, struct slice address)
{
	struct message *m = own_message(c, ASK_RAFT_CHANGE, changed);
	struct ask_raft_change *q = ARENA_NEW(&m->mem, struct ask_raft_change);
	MUST(q);
	*q = (struct ask_raft_change){kind, arena_copy(&m->mem, id), arena_copy(&m->mem, address)};
	MUST(!m->mem.failed);
	m->request = q;
	c->servers.changing = true;
	core_raft_change(c, m);
}

/* The first change that is due: of those who left, then of those who are there. */
static bool find_change(struct core *c, const struct raft_view *v, struct server_change *out)
{
	struct cursor cursor;
	const struct server *s;
	for (; c->servers.left; left_drop(&c->servers))
		if (!server_by_name(v->root, c->servers.left->server.name) &&
		        server_left(v, &c->servers.left->server, out))
			return true;
	servers_lan(&cursor, v->root);
	while ((s = server_next(&cursor)))
		if (s->alive && server_joined(v, s, out))
			return true;
	return false;
}

static bool look(struct core *c)
{
	struct server_change found;
	struct raft_view v = view(c);
	if (!c->servers.look || c->servers.changing)
		return false;
	c->servers.look = false;
	if (!find_change(c, &v, &found))
		return false;
	change(c, found.kind, found.id, found.address);
	if (c->servers.left) /* it was about the first of these */
		left_drop(&c->servers);
	return true;
}

static void note_left(struct core *c, const struct gossip_member *m)
{
	struct left_server *l = calloc(1, sizeof *l), **last = &c->servers.left;
	struct server s;
	MUST(l);
	if (!server_of(m, &l->mem, &s)) {
		arena_free(&l->mem);
		free(l);
		return;
	}
	const struct server *copy = schema_copy(&server_schema, &s, &l->mem);
	MUST(copy);
	l->server = *copy;
	while (*last)
		last = &(*last)->next;
	*last = l;
}

void core_servers_gossip(struct core *c, const struct event *ev)
{
	const struct gossip_effect *x = ev->gossip.effect;
	if (!c->servers.leading || ev->gossip.pool != GOSSIP_LAN || x->kind != GX_MEMBER)
		return;
	bool gone = x->member.change == CHANGE_LEAVE || x->member.change == CHANGE_REAP;
	if (gone && !slice_eq(x->member.member->name, c->config->node_name))
		note_left(c, x->member.member);
	c->servers.look = true;
}

/* ---- autopilot ---- */

static void left_by_force(void *host, struct message *m)
{
	(void)host;
	arena_free(&m->mem);
	free(m);
}

static void force_leave(struct core *c, struct slice name, struct effects *out)
{
	struct message *m = own_message(c, ASK_FORCE_LEAVE, left_by_force);
	struct ask_force_leave *q = ARENA_NEW(&m->mem, struct ask_force_leave);
	MUST(q);
	*q = (struct ask_force_leave){arena_copy(&m->mem, name), false};
	MUST(!m->mem.failed);
	m->request = q;
	if (agent_message(c->agent, m, c->now, c->wall, out))
		core_reply(c, m);
}

static void call(struct core *c, const struct autopilot_order *o, struct effects *out)
{
	const struct server *s = server_by_address(db_working(c->db), o->address);
	struct pilot_call *k = calloc(1, sizeof *k);
	MUST(k);
	k->tag = o->tag | CALL_OF_AUTOPILOT;
	k->what = (struct call_forward){
	        .to = arena_copy(&k->mem, o->address),
	        .datacenter = c->config->datacenter,
	        .tls = s && s->use_tls,
	        .method = S("Status.RaftStats"),
	        .args = S("\x80"),
	};
	k->next = c->servers.calls;
	c->servers.calls = k;
	struct effect *e = effect_add(out, EFF_CALL);
	e->call.tag = k->tag;
	e->call.what = &k->what;
}

void core_servers_answer(struct core *c, const struct event *ev)
{
	const struct call_answer *a = ev->call.answer;
	struct pilot_call **at = &c->servers.calls, *k;
	while ((k = *at) && k->tag != ev->call.tag)
		at = &k->next;
	if (!k)
		return;
	struct slice error = a->kind == ANSWER_REPLY ? S_NONE : a->text.n ? a->text : S("no answer");
	autopilot_answer(&c->servers.pilot, k->tag & ~CALL_OF_AUTOPILOT, error, a->body, c->log);
	*at = k->next;
	arena_free(&k->mem);
	free(k);
}

static bool pilot(struct core *c, struct effects *out)
{
	struct autopilot *a = &c->servers.pilot;
	bool any = false;
	struct autopilot_view v = {
	        .raft = view(c),
	        .leader = slice_of(c->address),
	        .id = c->config->node_id,
	        .now = c->now,
	        .wall = c->wall,
	};
	core_raft_last(c, &v.last, &v.last_term);
	if (c->now >= c->servers.look_again) {
		c->servers.look_again = c->now + LOOK_AGAIN;
		c->servers.look = any = true;
	}
	out->publish |= autopilot_tick(a, c->db, &v);
	for (const struct autopilot_order *o; (o = autopilot_order(a)); any = true)
		switch (o->what) {
		case AUTOPILOT_CALL: call(c, o, out); break;
		case AUTOPILOT_CHANGE: change(c, o->kind, o->id, o->address); break;
		case AUTOPILOT_FORCE_LEAVE: force_leave(c, o->name, out); break;
		}
	return any;
}

/* ---- without a leader ---- */

static const struct server *known_as(const struct core *c, const struct raft_server *r)
{
	const struct db_root *root = db_working(c->db);
	const struct server *s = server_by_id(root, r->id);
	return s ? s : server_by_address(root, r->address);
}

static bool is_self(const struct core *c, const struct raft_server *r)
{
	return slice_eq(r->id, core_raft_id(c));
}

static bool is_missing(const struct core *c, const struct raft_server *r)
{
	return r->suffrage == RAFT_VOTER && !is_self(c, r) && !servers_alive(db_working(c->db), r);
}

/* Voters that are there, ourselves among them. */
static size_t voters_alive(const struct core *c, const struct raft_view *v)
{
	size_t missing = 0;
	for (size_t i = 0; i < v->n; i++)
		missing += is_missing(c, &v->servers[i]);
	return servers_voters(v->servers, v->n) - missing;
}

static void name_missing(const struct core *c, const struct raft_view *v, struct buf *out)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct raft_server *r = &v->servers[i];
		const struct server *s = known_as(c, r);
		if (is_missing(c, r))
			buf_fmt(out, "%s%.*s (%.*s)", out->n ? ", " : "", PS(s ? s->name : r->id), PS(r->address));
	}
}

static void alarm(struct core *c)
{
	struct raft_view v = view(c);
	struct buf missing = {0};
	size_t voters = servers_voters(v.servers, v.n), alive = voters_alive(c, &v);
	long long seconds = (c->now - c->servers.leaderless) / NS_PER_S;
	name_missing(c, &v, &missing);
	if (alive > voters / 2)
		log_warn(c->log,
		        "consul: no leader for %llds, although %zu of %zu voting servers are alive: can they reach "
		        "each "
		        "other's server port?",
		        seconds, alive, voters);
	else if (voters)
		log_warn(c->log,
		        "consul: no leader for %llds: %zu of %zu voting servers are here, %zu are needed. Missing: "
		        "%.*s. Start "
		        "them again; if they are gone for good, type on this server: consul operator recover",
		        seconds, alive, voters, voters / 2 + 1, PS(buf_view(&missing)));
	buf_free(&missing);
}

static void watch_leader(struct core *c)
{
	struct core_servers *s = &c->servers;
	if (core_leader(c).n || !c->config->server_mode) {
		s->alarm = INT64_MAX;
	} else if (s->alarm == INT64_MAX || !s->alarm) {
		s->leaderless = c->now;
		s->alarm = c->now + ALARM_FIRST;
	} else if (c->now >= s->alarm) {
		alarm(c);
		s->alarm = c->now + ALARM_AGAIN;
	}
}

/* ---- going on alone ---- */

/* Why not; nothing when there is no reason. */
static struct slice no_recovery(const struct core *c, const struct raft_view *v, bool force, struct arena *a)
{
	size_t voters = servers_voters(v->servers, v->n), alive = voters_alive(c, v);
	struct slice leader = core_leader(c);
	if (!c->config->server_mode || !raft_state(c->raft)->durable)
		return S("only a server with a data directory can be recovered");
	if (!v->n)
		return S("this server was never one of a group: there is nothing to recover");
	if (leader.n)
		return arena_str(a,
		        "there is a leader, %.*s: nothing has to be recovered. A server that is gone for good is "
		        "removed by "
		        "consul operator raft remove-peer",
		        PS(leader));
	if (alive > voters / 2 && !force)
		return arena_str(a,
		        "%zu of %zu voting servers are alive, which is a majority: they can elect a leader by "
		        "themselves",
		        alive, voters);
	return S_NONE;
}

static struct ask_recovered *dropped(const struct core *c, const struct raft_view *v, struct arena *a)
{
	struct ask_recovered *r = ARENA_NEW(a, struct ask_recovered);
	struct ask_dropped *d = ARENA_ARRAY(a, struct ask_dropped, v->n);
	MUST(r && d);
	r->dropped.items = d;
	for (size_t i = 0; i < v->n; i++) {
		const struct raft_server *from = &v->servers[i];
		const struct server *s = known_as(c, from);
		if (!is_self(c, from))
			d[r->dropped.n++] = (struct ask_dropped){arena_copy(a, from->id), arena_copy(a, from->address),
			        s ? arena_copy(a, s->name) : S_NONE};
	}
	return r;
}

void core_servers_recover(struct core *c, struct message *m, struct effects *out)
{
	const struct ask_recover *q = m->request;
	struct raft_view v = view(c);
	struct slice why = no_recovery(c, &v, q->force, &m->mem);
	if (why.n) {
		m->err = ERR_FAILED;
		m->why = why;
		core_reply(c, m);
		return;
	}
	struct raft_server *self = ARENA_NEW(&m->mem, struct raft_server);
	struct ask_recovered *reply = m->reply = dropped(c, &v, &m->mem);
	MUST(self);
	*self = (struct raft_server){core_raft_id(c), slice_of(c->address), RAFT_VOTER};
	log_warn(c->log, "consul: going on alone, as asked: Raft forgets %u other servers", reply->dropped.n);
	struct effect *e = effect_add(out, EFF_RECOVER);
	e->recover.message = m;
	e->recover.servers = self;
	e->recover.n = 1;
}

/* ---- a turn ---- */

/* Fronts see the configuration as it is now, committed or not. */
static void show(struct core *c, struct effects *out)
{
	struct core_servers *s = &c->servers;
	raft_index index;
	size_t n;
	const struct raft_server *servers = core_raft_servers(c, &n, &index);
	if (index == s->shown && n == s->shown_n)
		return;
	peers_set(c->db, servers, n);
	s->shown = index;
	s->shown_n = n;
	out->publish = true;
}

bool core_servers_flush(struct core *c, struct effects *out)
{
	show(c, out);
	watch_leader(c);
	if (!c->servers.leading)
		return false;
	bool any = look(c);
	return (autopilot_next(&c->servers.pilot) <= c->now && pilot(c, out)) || any;
}

mono_ns core_servers_next(const struct core_servers *s)
{
	return s->leading ? autopilot_next(&s->pilot) : s->alarm;
}
