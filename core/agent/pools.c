#include "core/agent/pools.h"

#include "core/agent/agent_parts.h"
#include "core/agent/keys.h"
#include "core/agent/members.h"
#include "core/agent/servers.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/tags.h"

#define NEW_LEADER "consul:new-leader"
#define USER_EVENT "consul:event:"

/* ---- commands ---- */

struct gossip_event *pools_command(struct agent *a, enum gossip_pool pool, enum gossip_event_kind kind, uint64_t tag)
{
	struct gossip_event *ev = ARENA_NEW(&a->out->mem, struct gossip_event);
	MUST(ev && a->pools[pool]);
	ev->kind = kind;
	ev->tag = tag;
	struct effect *e = effect_add(a->out, EFF_GOSSIP);
	e->gossip.pool = (int)pool;
	e->gossip.command = ev;
	return ev;
}

void pools_join(struct agent *a, enum gossip_pool pool, uint64_t tag, struct list names)
{
	struct effect *e = effect_add(a->out, EFF_GOSSIP_JOIN);
	e->gossip_join.pool = (int)pool;
	e->gossip_join.tag = tag;
	e->gossip_join.names = names;
}

void pools_answer(struct agent *a, struct message *m)
{
	m->next = a->answered;
	a->answered = m;
}

static uint64_t tag_of(const struct message *m)
{
	MUST((uintptr_t)m > TAG_MESSAGES);
	return (uintptr_t)m;
}

static void refuse(struct message *m, const char *why)
{
	m->err = ERR_FAILED;
	m->why = slice_of(why);
}

void pools_new_leader(struct agent *a)
{
	if (!a->pools[GOSSIP_LAN])
		return;
	struct gossip_event *ev = pools_command(a, GOSSIP_LAN, GE_USER_EVENT, TAG_NOBODY);
	ev->user_event.name = S(NEW_LEADER);
	ev->user_event.payload = a->config->node_name;
}

/* ---- questions ---- */

static bool ask_join(struct agent *a, struct message *m)
{
	const struct ask_join *ask = m->request;
	enum gossip_pool pool = ask->wan ? GOSSIP_WAN : GOSSIP_LAN;
	m->reply = ARENA_NEW(&m->mem, struct ask_joined);
	joins_log_begin(a, pool, ask->addresses);
	if (a->pools[pool]) {
		pools_join(a, pool, tag_of(m), ask->addresses);
		return false;
	}
	refuse(m, a->config->server_mode ? "WAN Federation is disabled" : "Must be a server to join WAN cluster");
	const struct gossip_effect x = {.done = {.err = m->err, .text = m->why}};
	joins_log_end(a, pool, &x);
	return true;
}

static bool ask_force_leave(struct agent *a, struct message *m)
{
	const struct ask_force_leave *ask = m->request;
	struct slice dc = arena_str(&m->mem, ".%.*s", PS(a->config->datacenter));
	log_info(a->log, "agent: Force leaving node: %.*s", PS(ask->node));
	if (!a->pools[GOSSIP_LAN])
		return true;
	struct gossip_event *ev = pools_command(a, GOSSIP_LAN, GE_FORCE_LEAVE, tag_of(m));
	ev->member.name = ask->node;
	ev->member.prune = ask->prune;
	if (a->pools[GOSSIP_WAN]) {
		ev = pools_command(a, GOSSIP_WAN, GE_FORCE_LEAVE, TAG_NOBODY);
		ev->member.name = slice_ends(ask->node, dc)
		                          ? arena_copy(&a->out->mem, ask->node)
		                          : arena_str(&a->out->mem, "%.*s%.*s", PS(ask->node), PS(dc));
		ev->member.prune = ask->prune;
	}
	return false;
}

static bool ask_event(struct agent *a, struct message *m)
{
	struct user_event *e = m->request;
	m->reply = e;
	if (!a->pools[GOSSIP_LAN])
		return true;
	struct slice payload = user_event_stamp(&a->events, e, &m->mem);
	struct gossip_event *ev = pools_command(a, GOSSIP_LAN, GE_USER_EVENT, tag_of(m));
	ev->user_event.name = arena_str(&m->mem, USER_EVENT "%.*s", PS(e->name));
	ev->user_event.payload = payload;
	return false;
}

bool pools_ask(struct agent *a, struct message *m)
{
	switch (m->ask) {
	case ASK_JOIN: return ask_join(a, m);
	case ASK_FORCE_LEAVE: return ask_force_leave(a, m);
	case ASK_KEYRING: return keys_ask(a, m);
	default: return ask_event(a, m);
	}
}

/* ---- the ends of commands ---- */

static void message_done(struct agent *a, enum gossip_pool pool, struct message *m, const struct gossip_effect *x)
{
	if (m->ask == ASK_KEYRING) {
		if (keys_done(a, m, pool, x))
			pools_answer(a, m);
		return;
	}
	if (m->ask == ASK_JOIN) {
		joins_log_end(a, pool, x);
		if (m->reply)
			((struct ask_joined *)m->reply)->count = x->done.n;
	}
	if (x->done.err) {
		m->err = ERR_FAILED;
		m->why = arena_copy(&m->mem, x->done.text);
	}
	if (x->done.err && m->ask == ASK_EVENT_FIRE) /* go-multierror's list of one, the segment without a name */
		m->why = arena_str(&m->mem, "1 error(s) occurred:\n\n* error broadcasting event to segment \"\": %.*s",
		        PS(x->done.text));
	if (x->done.err && m->ask == ASK_FORCE_LEAVE)
		log_warn(a->log, "agent: Failed to remove node: %.*s", PS(x->done.text));
	pools_answer(a, m);
}

static void done(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	if (x->done.tag >= TAG_MESSAGES)
		message_done(a, pool, (struct message *)(uintptr_t)x->done.tag, x);
	else if (x->done.tag == TAG_LEAVE)
		leave_done(a, pool, x);
	else if (x->done.tag != TAG_NOBODY)
		joins_done(a, pool, x);
	else if (x->done.err)
		log_debug(a->log, "agent: a command to the pool failed: %.*s", PS(x->done.text));
}

/* ---- members ---- */

static void log_server(struct agent *a, enum gossip_change change, const struct server *s)
{
	bool server = a->config->server_mode, comes = change == CHANGE_JOIN;
	const char *what = comes ? server ? "Adding LAN" : "adding" : server ? "Removing LAN" : "removing";
	log_info(a->log, "consul: %s server %.*s (Addr: tcp/%.*s) (DC: %.*s)", what, PS(s->name), PS(s->address),
	        PS(s->datacenter));
}

static void lan_changed(struct agent *a, const struct gossip_effect *x)
{
	struct arena mem = {0};
	struct server s;
	enum gossip_change change = x->member.change;
	bool counts = change != CHANGE_UPDATE && change != CHANGE_REAP;
	if (counts && server_of(x->member.member, &mem, &s) && !s.segment.n) {
		if (!a->config->server_mode && change == CHANGE_JOIN && !slice_eq(s.datacenter, a->config->datacenter))
			log_warn(a->log, "consul: server %.*s for datacenter %.*s has joined wrong cluster", PS(s.name),
			        PS(s.datacenter));
		else
			log_server(a, change, &s);
		if (change == CHANGE_JOIN)
			joins_flood_soon(a);
	}
	arena_free(&mem);
}

static void wan_changed(struct agent *a, const struct gossip_effect *x)
{
	static const char *const events[] = {
	        [CHANGE_JOIN] = "join", [CHANGE_LEAVE] = "leave", [CHANGE_FAILED] = "failed"};
	const struct gossip_member *m = x->member.member;
	struct server_tags tags;
	if (x->member.change == CHANGE_UPDATE || x->member.change == CHANGE_REAP)
		return;
	if (tags_server(m->meta, &tags))
		log_info(a->log, "consul: Handled member-%s event for server \"%.*s\" in area \"wan\"",
		        events[x->member.change], PS(m->name));
	else
		log_warn(a->log, "consul: Non-server \"%.*s\" in server-only area \"wan\"", PS(m->name));
}

static void member_changed(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	members_take(a->db, pool, x);
	servers_take(a->db, pool, x);
	if (pool == GOSSIP_LAN)
		lan_changed(a, x);
	else
		wan_changed(a, x);
}

/* ---- events ---- */

static void take_event(struct agent *a, const struct gossip_effect *x)
{
	struct arena mem = {0};
	struct user_event e;
	if (user_events_take(&a->events, x->user_event.ltime, x->user_event.payload, &mem, &e))
		remote_exec_begin(a, &e);
	arena_free(&mem);
}

static void event_came(struct agent *a, const struct gossip_effect *x)
{
	struct slice name = x->user_event.name;
	if (slice_is(name, NEW_LEADER)) {
		log_info(a->log, "consul: New leader elected: %.*s", PS(x->user_event.payload));
	} else if (slice_starts(name, S(USER_EVENT))) {
		log_debug(a->log, "consul: %s event: %.*s", a->config->server_mode ? "User" : "user",
		        PS(slice_from(name, sizeof USER_EVENT - 1)));
		take_event(a, x);
	} else if (slice_starts(name, S("consul:"))) {
		log_warn(a->log, "consul: Unhandled local event: %.*s", PS(name));
	}
}

void pools_event(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x)
{
	switch (x->kind) {
	case GX_MEMBER: member_changed(a, pool, x); break;
	case GX_USER_EVENT:
		if (pool == GOSSIP_LAN)
			event_came(a, x);
		break;
	case GX_DONE: done(a, pool, x); break;
	case GX_KEYS: keys_counted((struct message *)(uintptr_t)x->keys.tag, pool, x->keys.result); break;
	case GX_STOP:
		log_err(a->log, "agent: another member has our name; shutting down");
		effect_add(a->out, EFF_STOP)->stop.exit_code = 1;
		break;
	default: break;
	}
}
