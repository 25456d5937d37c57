#include "core/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/leader/peers.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/state/session.h"

/* ---- birth ---- */

struct core *core_new(const struct core_options *o)
{
	struct core *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->config = o->config;
	c->log = o->log;
	rand_seed(&c->rand, o->seed);
	c->db = db_new(o->epoch);
	if (!c->db) {
		free(c);
		return NULL;
	}
	c->done_tail = &c->done;
	c->held_tail = &c->held;
	c->snapshot_look = INT64_MAX;
	state_init(&c->state, c->db);
	struct slice host = o->config->server_advertise.host;
	snprintf(c->address, sizeof c->address, slice_find(host, ':') < 0 ? "%.*s:%u" : "[%.*s]:%u", PS(host),
	        o->config->server_advertise.port);
	c->raft = core_raft_new(c, o);
	MUST(c->raft);
	core_changes_init(c);
	core_begin_init(c);
	duties_init(&c->duties, o->config, c->log, o->seed);
	c->duties.submit = core_own_submit;
	c->duties.submit_bytes = core_own_submit_bytes;
	c->duties.host = c;
	struct agent_host host_of_agent = {.db = c->db, .log = c->log, .rand = &c->rand, .config = o->config};
	c->agent = agent_new(&host_of_agent);
	MUST(c->agent);
	core_calls_init(&c->calls, rand_u64(&c->rand));
	core_gossip_init(&c->gossip, c->agent, &c->duties, c->db);
	return c;
}

void core_free(struct core *c)
{
	core_calls_free(&c->calls);
	core_servers_free(&c->servers);
	core_begin_free(c);
	agent_free(c->agent);
	core_gossip_free(&c->gossip);
	duties_free(&c->duties);
	raft_free(c->raft);
	state_free(&c->state);
	db_free(c->db);
	free(c);
}

void core_pools(struct core *c, const struct gossip *lan, const struct gossip *wan)
{
	c->gossip.lan = lan;
	agent_pools(c->agent, lan, wan);
}

struct state *core_state(struct core *c)
{
	return &c->state;
}

struct db *core_db(struct core *c)
{
	return c->db;
}

void core_restore_file(struct core *c, struct slice name, struct slice bytes)
{
	agent_restore_file(c->agent, name, bytes);
}

/* ---- messages ---- */

void core_reply(struct core *c, struct message *m)
{
	m->next = NULL;
	*c->done_tail = m;
	c->done_tail = &m->next;
}

void core_refuse(struct core *c, struct message *m, enum err e, const char *why)
{
	m->err = e;
	m->why = slice_of(why);
	core_reply(c, m);
}

void core_propose(struct core *c, struct message *m)
{
	if (c->restore.what == RESTORE_MESSAGE) {
		m->next = NULL;
		*c->held_tail = m;
		c->held_tail = &m->next;
		return;
	}
	enum err e;
	bool barrier = m->ask == ASK_BARRIER || m->ask == ASK_RESTORE;
	if (!raft_propose(c->raft, barrier ? RAFT_BARRIER : RAFT_COMMAND, m->command, m, &e))
		core_refuse(c, m, e, e == ERR_NO_LEADER ? "No cluster leader" : "too many writes under way");
}

/* The leader keeps the clocks of sessions; a renewal is no write. */
static void session_renew(struct core *c, struct message *m)
{
	const struct slice *id = m->request;
	const struct session *s = NULL;
	raft_index index;
	struct fail f;
	if (session_get(db_working(c->db), NULL, *id, &m->mem, &index, &s, &f)) {
		m->err = ERR_FAILED;
		m->why = arena_str(&m->mem, "%s", f.text);
	} else if (s) {
		session_ttl_renew(&c->duties.sessions, s, c->now);
		m->reply = schema_copy(&session_schema, s, &m->mem);
	}
	m->index = index;
	core_reply(c, m);
}

static void take_coordinate(struct core *c, struct message *m)
{
	if (c->ready)
		duties_coordinate(&c->duties, m->request, c->now);
	core_reply(c, m);
}

static void take_message(struct core *c, struct message *m, struct effects *out)
{
	if (c->stopping) {
		core_refuse(c, m, ERR_CLOSED, "the agent is shutting down");
		return;
	}
	switch (m->ask) {
	case ASK_COMMAND:
	case ASK_BARRIER: core_propose(c, m); break;
	case ASK_SESSION_RENEW: session_renew(c, m); break;
	case ASK_COORDINATE: take_coordinate(c, m); break;
	case ASK_RESTORE: core_restore_take(c, m); break;
	case ASK_RECOVER: core_servers_recover(c, m, out); break;
	case ASK_RAFT_CHANGE: core_raft_change(c, m); break;
	case ASK_LEAVE: core_leave(c, m, out); break;
	case ASK_VERIFY: raft_verify(c->raft, m); break;
	default:
		if (agent_message(c->agent, m, c->now, c->wall, out))
			core_reply(c, m);
		out->publish = true;
	}
}

void core_own(struct core *c, struct message *m)
{
	if (m->ask == ASK_COORDINATE)
		take_coordinate(c, m);
	else
		core_propose(c, m);
}

static void agent_traffic(struct core *c)
{
	for (struct message *m = agent_outbox(c->agent), *next; m; m = next) {
		next = m->next;
		m->next = NULL;
		if (c->ready && !core_call_always(m))
			core_own(c, m);
		else
			core_call(c, m);
	}
	for (struct message *m = agent_answered(c->agent), *next; m; m = next) {
		next = m->next;
		core_reply(c, m);
	}
}

/* Our own messages end here; those of fronts go back as effects. */
static void give_back(struct core *c, struct message *m, struct effects *out)
{
	if (m->front >= 0) {
		effect_add(out, EFF_REPLY)->message = m;
	} else if (m->done) {
		m->done(c->agent, m);
	} else {
		if (m->err || m->result.kind == APPLY_ERROR)
			log_err(c->log, "%s: %.*s",
			        m->ask == ASK_COORDINATE ? "agent: Coordinate update error"
			                                 : "consul: failed to apply an own write",
			        PS(m->err ? m->why : m->result.text));
		arena_free(&m->mem);
		free(m);
	}
}

void core_flush(struct core *c, mono_ns now, struct effects *out)
{
	c->now = now;
	c->leave.out = out;
	/* What is applied may propose more (a new leader's first writes): go on until the batch is still. */
	do {
		core_calls_look(c);
		agent_traffic(c);
		core_calls_flush(c, out);
		core_raft_flush(c, out);
		core_servers_flush(c, out);
		while (c->done) {
			struct message *m = c->done;
			c->done = m->next;
			if (!c->done)
				c->done_tail = &c->done;
			give_back(c, m, out);
		}
		agent_traffic(c);
		core_restore_begin(c, out);
	} while (c->done || raft_unflushed(c->raft));
	core_raft_end(c, out);
	core_snapshot_maybe(c, out);
}

/* ---- steps ---- */

static void start(struct core *c, struct effects *out)
{
	core_raft_start(c);
	agent_start(c->agent, c->now, c->wall, out);
	out->publish = true;
}

static void tick(struct core *c, struct effects *out)
{
	core_begin_tick(c, out);
	core_changes_tick(c);
	duties_tick(&c->duties, db_working(c->db), c->now);
	core_gossip_tick(&c->gossip, c->now);
	core_leave_look(c);
	if (c->now >= agent_next(c->agent)) {
		agent_tick(c->agent, c->now, c->wall, out);
		out->publish = true;
	}
}

/* The answer to a leave goes out before the end: effects are carried out in order. */
static void stop(struct core *c, int exit_code, struct effects *out)
{
	c->stopping = true;
	effect_add(out, EFF_STOP)->stop.exit_code = exit_code;
}

void core_step(struct core *c, const struct event *ev, struct effects *out)
{
	c->now = ev->now;
	c->wall = ev->wall;
	if (ev->kind != EV_START)
		raft_tick(c->raft, c->now);
	switch (ev->kind) {
	case EV_START: start(c, out); break;
	case EV_TICK: tick(c, out); break;
	case EV_MESSAGE: take_message(c, ev->message, out); break;
	case EV_LOGGED:
	case EV_LOG_FAILED:
	case EV_RAFT_REQUEST:
	case EV_RAFT_ANSWER:
	case EV_RAFT_LOST:
	case EV_RAFT_CLOSED: core_raft_event(c, ev, out); break;
	case EV_CHECK_DONE:
		agent_check_done(c->agent, ev, out);
		out->publish = true;
		break;
	case EV_CALL_DONE:
		if (ev->call.tag & CALL_OF_AUTOPILOT)
			core_servers_answer(c, ev);
		else if (ev->call.tag & CALL_OF_BEGIN)
			core_begin_answer(c, ev);
		else
			core_calls_done(c, ev, out);
		break;
	case EV_EXEC: agent_exec(c->agent, ev, out); break;
	case EV_GOSSIP:
		core_servers_gossip(c, ev);
		core_gossip_event(&c->gossip, ev, out);
		if (ev->gossip.pool == GOSSIP_LAN && ev->gossip.effect->kind == GX_MEMBER) {
			core_begin_look(c, out);
			core_raft_know(c);
		}
		break;
	case EV_SNAPSHOT_DONE: core_snapshot_done(c, ev, out); break;
	case EV_RELOAD:
		c->config = c->duties.config = ev->config;
		agent_reload(c->agent, ev->config, c->now, c->wall, out);
		out->publish = true;
		break;
	case EV_SIGNAL_LEAVE: core_leave(c, NULL, out); break;
	case EV_SIGNAL_STOP: stop(c, 1, out); break;
	}
}

mono_ns core_next(const struct core *c)
{
	mono_ns at = raft_next_tick(c->raft);
	mono_ns next = duties_next(&c->duties);
	at = next < at ? next : at;
	next = agent_next(c->agent);
	at = next < at ? next : at;
	next = core_calls_next(&c->calls);
	at = next < at ? next : at;
	next = core_servers_next(&c->servers);
	mono_ns gossip = core_gossip_next(&c->gossip);
	at = gossip < at ? gossip : at;
	at = c->snapshot_look < at ? c->snapshot_look : at;
	at = next < at ? next : at;
	next = c->begin.at < c->changes.again ? c->begin.at : c->changes.again;
	return next < at ? next : at;
}

void core_world(const struct core *c, struct world *w)
{
	const struct raft_state *r = raft_state(c->raft);
	raft_index configuration;
	size_t n;
	raft_configuration(c->raft, &n, &configuration);
	*w = (struct world){
	        .db = db_published(c->db),
	        .restores = c->restores,
	        .config = c->config,
	        .role = r->role,
	        .ready = c->ready,
	        .leader_contact = c->seen.contact,
	        .reads = raft_reads(c->raft),
	        .voter = r->voter,
	        .voters = (uint32_t)peers_voters(db_published(c->db)),
	        .configuration_index = configuration,
	        .leading_since = c->ready ? c->leading_since : 0,
	        .term = r->term,
	        .last_log = r->last,
	        .commit = r->commit,
	        .applied = r->applied,
	        .last_log_term = r->last_term,
	        .last_snapshot = r->snapshot,
	        .last_snapshot_term = r->snapshot_term,
	        .leaving = c->stopping,
	        .user_token = c->config->acl_token,
	};
	/* Followers see a leader once it is ready to serve; so do our own fronts. */
	if (r->role == RAFT_LEADER && !c->ready)
		w->role = RAFT_CANDIDATE;
	memcpy(w->self_text, c->address, sizeof w->self_text);
	w->self = slice_of(c->address);
	slice_cstr(core_leader(c), w->leader_text, sizeof w->leader_text);
	w->leader = slice_of(w->leader_text);
	agent_world(c->agent, w);
}
