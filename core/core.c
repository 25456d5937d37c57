#include "core/core.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/agent/agent.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/leader/duties.h"
#include "core/state/archive.h"
#include "core/state/command.h"
#include "core/state/session.h"

/* A client of one server stands for election right away: there is nobody to wait for. */
#define ELECTION_FIRST NS_PER_MS

/* hashicorp/raft's threshold; looked at this often. */
#define SNAPSHOT_INTERVAL (5 * NS_PER_S)
enum { SNAPSHOT_THRESHOLD = 8192 };

/* A bootstrapped server's log begins with its configuration. */
enum { FIRST_CONFIGURATION = 1 };

struct core {
	const struct agent_config *config;
	struct logbuf *log;
	struct rand rand;
	struct db *db;
	struct state state;
	struct raft raft;
	struct duties duties;
	struct agent *agent;
	mono_ns now;
	wall_ns wall;
	mono_ns election;   /* when to stand for election; INT64_MAX: not */
	mono_ns snapshot_look; /* when to see whether a snapshot is worth it; INT64_MAX: never */
	bool snapshotting;
	bool ready;         /* leading, and everything of earlier terms applied */
	wall_ns leading_since;
	bool stopping;
	struct message *restore; /* the snapshot to put in place of everything, until that is done */
	raft_index restore_at;   /* it goes to disk as this index; 0: it waits until nothing else is under way */
	struct message *held, **held_tail; /* writes that came meanwhile */
	uint64_t restores;
	struct message *done, **done_tail; /* answered, to be replied after publication */
	char address[64];
};

/* ---- birth ---- */

static void own_submit(void *host, enum command_type type, const struct schema *s, const void *request);
static void own_submit_bytes(void *host, struct slice command);

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
	c->election = c->snapshot_look = INT64_MAX;
	state_init(&c->state, c->db);
	struct slice host = o->config->server_advertise.host;
	snprintf(c->address, sizeof c->address, slice_find(host, ':') < 0 ? "%.*s:%u" : "[%.*s]:%u", PS(host),
		o->config->server_advertise.port);
	char id[37];
	raft_init(&c->raft, slice_cstr(o->config->node_id, id, sizeof id), c->address, o->durable, c->log);
	duties_init(&c->duties, o->config, c->log, o->seed);
	c->duties.submit = own_submit;
	c->duties.submit_bytes = own_submit_bytes;
	c->duties.host = c;
	struct agent_host host_of_agent = {.db = c->db, .log = c->log, .rand = &c->rand, .config = o->config};
	c->agent = agent_new(&host_of_agent);
	MUST(c->agent);
	return c;
}

void core_free(struct core *c)
{
	agent_free(c->agent);
	duties_free(&c->duties);
	raft_free(&c->raft);
	state_free(&c->state);
	db_free(c->db);
	free(c);
}

struct state *core_state(struct core *c)
{
	return &c->state;
}

struct db *core_db(struct core *c)
{
	return c->db;
}

/* ---- recovery ---- */

void core_restored(struct core *c, raft_index snapshot, raft_term snapshot_term)
{
	raft_restore(&c->raft, snapshot_term, snapshot, snapshot_term, snapshot, snapshot_term);
}

enum err core_replay(struct core *c, const struct raft_entry *e, struct fail *f)
{
	if (e->type != RAFT_COMMAND)
		return OK;
	struct arena a = {0};
	struct apply_result result = {0};
	state_apply(&c->state, e->index, e->data, 0, &a, &result);
	enum err err = OK;
	if (result.kind == APPLY_BROKEN || result.kind == APPLY_NO_MEMORY)
		err = fail_set(f, result.kind == APPLY_BROKEN ? ERR_CORRUPT : ERR_NO_MEMORY,
			"entry %llu of the log can't be applied: %.*s", (unsigned long long)e->index, PS(result.text));
	arena_free(&a);
	return err;
}

void core_replayed(struct core *c, raft_term term, raft_index last, raft_term last_term)
{
	raft_restore(&c->raft, term, last, last_term, c->raft.snapshot, c->raft.snapshot_term);
}

void core_restore_file(struct core *c, struct slice name, struct slice bytes)
{
	agent_restore_file(c->agent, name, bytes);
}

/* ---- messages ---- */

static void reply_later(struct core *c, struct message *m)
{
	m->next = NULL;
	*c->done_tail = m;
	c->done_tail = &m->next;
}

static void refuse(struct core *c, struct message *m, enum err e, const char *why)
{
	m->err = e;
	m->why = slice_of(why);
	reply_later(c, m);
}

static void propose(struct core *c, struct message *m)
{
	if (c->restore) {
		m->next = NULL;
		*c->held_tail = m;
		c->held_tail = &m->next;
		return;
	}
	enum err e;
	enum raft_entry_type type = m->ask == ASK_BARRIER ? RAFT_BARRIER : RAFT_COMMAND;
	if (!raft_propose(&c->raft, type, m->command, m, &e))
		refuse(c, m, e, e == ERR_FULL ? "too many writes under way" : "No cluster leader");
}

static void own_submit_bytes(void *host, struct slice command)
{
	struct core *c = host;
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	m->front = -1;
	m->command = arena_copy(&m->mem, command);
	MUST(m->command.p);
	propose(c, m);
}

static void own_submit(void *host, enum command_type type, const struct schema *s, const void *request)
{
	struct buf b = {0};
	command_write(&b, type, s, request);
	MUST(!b.failed);
	own_submit_bytes(host, buf_view(&b));
	buf_free(&b);
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
	reply_later(c, m);
}

static void take_restore(struct core *c, struct message *m)
{
	if (!c->ready)
		refuse(c, m, ERR_NO_LEADER, "No cluster leader");
	else if (c->restore)
		refuse(c, m, ERR_FAILED, "cannot restore: another restore is under way");
	else
		c->restore = m;
}

static void take_message(struct core *c, struct message *m, struct effects *out)
{
	if (c->stopping) {
		refuse(c, m, ERR_CLOSED, "the agent is shutting down");
		return;
	}
	switch (m->ask) {
	case ASK_COMMAND:
	case ASK_BARRIER: propose(c, m); break;
	case ASK_SESSION_RENEW: session_renew(c, m); break;
	case ASK_COORDINATE:
		duties_coordinate(&c->duties, m->request, c->now);
		reply_later(c, m);
		break;
	case ASK_RESTORE: take_restore(c, m); break;
	default:
		if (agent_message(c->agent, m, c->now, c->wall, out))
			reply_later(c, m);
		out->publish = true;
	}
}

static void agent_traffic(struct core *c)
{
	for (struct message *m = agent_outbox(c->agent), *next; m; m = next) {
		next = m->next;
		propose(c, m);
	}
	for (struct message *m = agent_answered(c->agent), *next; m; m = next) {
		next = m->next;
		reply_later(c, m);
	}
}

/* ---- leadership ---- */

/* The reference's leader begins with a barrier, to know that all of earlier terms is applied. Here that is so already:
 * the entry keeps the indexes of two logs equal. */
static void own_barrier(struct core *c)
{
	struct message *m = calloc(1, sizeof *m);
	MUST(m);
	m->front = -1;
	m->ask = ASK_BARRIER;
	propose(c, m);
}

static void begin_leading(struct core *c, struct effects *out)
{
	c->ready = true;
	c->leading_since = c->wall;
	log_info(c->log, "consul: cluster leadership acquired");
	log_info(c->log, "consul: New leader elected: %.*s", PS(c->config->node_name));
	own_barrier(c);
	duties_begin(&c->duties, db_working(c->db), c->now);
	agent_leader(c->agent, true, c->now);
	out->publish = true;
}

static void stop_leading(struct core *c, const char *why, struct effects *out)
{
	raft_step_down(&c->raft);
	if (c->ready)
		log_info(c->log, "consul: cluster leadership lost");
	c->ready = false;
	duties_end(&c->duties);
	agent_leader(c->agent, false, c->now);
	for (const struct raft_entry *e; (e = raft_drop(&c->raft));)
		if (e->tag) {
			struct message *m = e->tag;
			m->why = arena_str(&m->mem, "leadership lost while committing log: %s", why);
			m->err = ERR_FAILED;
			reply_later(c, m);
		}
	c->election = c->now + NS_PER_S;
	out->publish = true;
}

/* ---- restoring ---- */

enum restore_how { RESTORE_TRIED, RESTORE_KEPT };

/* Reads the state into the tables; tried, they are as before afterwards whatever comes out. */
static enum err restore_read(struct core *c, enum restore_how how, struct fail *f)
{
	const struct ask_restore *q = c->restore->request;
	struct archive_reader rd;
	size_t used;
	archive_read_begin(&rd, &c->state);
	enum err e = archive_read(&rd, q->state, &used, f);
	if (how == RESTORE_KEPT || e || used < q->state.n)
		return archive_read_end(&rd, e, q->state.n - used, f);
	archive_read_end(&rd, ERR_FAILED, 0, NULL);
	return OK;
}

static void restore_end(struct core *c, enum err e, const char *why)
{
	struct message *m = c->restore, *held = c->held;
	c->restore = NULL;
	c->restore_at = 0;
	c->held = NULL;
	c->held_tail = &c->held;
	if (e) {
		log_err(c->log, "consul: failed to restore a snapshot: %s", why);
		m->err = ERR_FAILED;
		m->why = arena_str(&m->mem, "Raft error when restoring snapshot: %s", why);
	}
	reply_later(c, m);
	for (struct message *next; held; held = next) {
		next = held->next;
		propose(c, held);
	}
}

/* The log goes on behind the snapshot; what the leader keeps beside the tables begins anew (Consul: reassertLeader). */
static void restore_apply(struct core *c, struct effects *out)
{
	struct raft *r = &c->raft;
	raft_index at = c->restore_at;
	struct fail f = {0};
	enum err e = restore_read(c, RESTORE_KEPT, &f);
	if (!e) {
		raft_restore(r, r->term, at, r->term, at, r->term);
		log_info(c->log, "consul: restored a snapshot as index %llu", (unsigned long long)at);
		duties_end(&c->duties);
		c->restores++;
		out->publish = true;
	}
	restore_end(c, e, f.text);
	if (e)
		return;
	duties_begin(&c->duties, db_working(c->db), c->now);
	agent_leader(c->agent, false, c->now);
	agent_leader(c->agent, true, c->now);
}

/* Once everything proposed is applied. Tried first: what can't be read must not reach the disk. */
static void restore_begin(struct core *c, struct effects *out)
{
	struct raft *r = &c->raft;
	if (!c->restore || c->restore_at || c->snapshotting || r->applied < r->last)
		return;
	const struct ask_restore *q = c->restore->request;
	struct fail f = {0};
	enum err e = restore_read(c, RESTORE_TRIED, &f);
	if (e) {
		restore_end(c, e, f.text);
		return;
	}
	c->restore_at = (q->index > r->last ? q->index : r->last) + 1;
	if (!r->durable) {
		restore_apply(c, out);
		return;
	}
	c->snapshotting = true;
	struct effect *snapshot = effect_add(out, EFF_SNAPSHOT);
	snapshot->snapshot.index = c->restore_at;
	snapshot->snapshot.term = r->term;
	snapshot->snapshot.state = q->state;
}

/* ---- applying ---- */

static void apply(struct core *c, const struct raft_entry *e, struct effects *out)
{
	struct message *m = e->tag;
	if (e->type == RAFT_NOOP && e->index == c->raft.first_of_term)
		begin_leading(c, out);
	if (e->type == RAFT_COMMAND) {
		struct arena spare = {0};
		struct apply_result result = {0};
		state_apply(&c->state, e->index, e->data, c->now, m ? &m->mem : &spare, &result);
		MUST(result.kind != APPLY_BROKEN);
		duties_applied(&c->duties, db_working(c->db), e->index, e->data, &result, c->now);
		if (m) {
			m->result = result;
			if (result.kind == APPLY_NO_MEMORY) {
				m->err = ERR_NO_MEMORY;
				m->why = S("out of memory");
			}
		}
		arena_free(&spare);
		out->publish = true;
	}
	if (m) {
		m->index = e->index;
		reply_later(c, m);
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
			log_err(c->log, "consul: failed to apply an own write: %.*s",
				PS(m->err ? m->why : m->result.text));
		arena_free(&m->mem);
		free(m);
	}
}

/* After everything of the turn is applied and about to be published: index and tables agree. */
static void snapshot_maybe(struct core *c, struct effects *out)
{
	struct raft *r = &c->raft;
	if (c->now < c->snapshot_look || c->snapshotting)
		return;
	c->snapshot_look = c->now + SNAPSHOT_INTERVAL;
	if (r->applied - r->snapshot < SNAPSHOT_THRESHOLD)
		return;
	c->snapshotting = out->publish = true;
	struct effect *e = effect_add(out, EFF_SNAPSHOT);
	e->snapshot.index = r->applied;
	e->snapshot.term = r->applied_term;
	log_info(c->log, "raft: Starting snapshot up to %llu", (unsigned long long)r->applied);
}

static void snapshot_done(struct core *c, const struct event *ev, struct effects *out)
{
	char why[FAIL_TEXT_MAX];
	c->snapshotting = false;
	if (c->restore_at && ev->why.n) {
		restore_end(c, ERR_IO, slice_cstr(ev->why, why, sizeof why));
		return;
	}
	if (c->restore_at) {
		restore_apply(c, out);
		return;
	}
	if (ev->why.n) {
		log_err(c->log, "raft: Failed to take snapshot: %.*s", PS(ev->why));
		return;
	}
	c->raft.snapshot = ev->index;
	log_info(c->log, "raft: Snapshot to %llu complete", (unsigned long long)ev->index);
}

void core_flush(struct core *c, mono_ns now, struct effects *out)
{
	c->now = now;
	/* What is applied may propose more (a new leader's first writes): go on until the batch is still. */
	do {
		agent_traffic(c);
		raft_flush(&c->raft, out);
		for (const struct raft_entry *e; (e = raft_next(&c->raft));)
			apply(c, e, out);
		while (c->done) {
			struct message *m = c->done;
			c->done = m->next;
			if (!c->done)
				c->done_tail = &c->done;
			give_back(c, m, out);
		}
		agent_traffic(c);
		restore_begin(c, out);
	} while (c->done || c->raft.sent < c->raft.last || c->raft.applied < c->raft.commit);
	snapshot_maybe(c, out);
}

/* ---- steps ---- */

static void start(struct core *c, struct effects *out)
{
	raft_start(&c->raft, c->config->bootstrap || c->config->dev_mode || c->config->bootstrap_expect == 1);
	if (c->raft.voter)
		c->election = c->now + ELECTION_FIRST;
	if (c->raft.durable)
		c->snapshot_look = c->now + SNAPSHOT_INTERVAL;
	agent_start(c->agent, c->now, c->wall, out);
	out->publish = true;
}

static void tick(struct core *c, struct effects *out)
{
	if (c->now >= c->election) {
		c->election = INT64_MAX;
		raft_timeout(&c->raft);
	}
	duties_tick(&c->duties, c->now);
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
	switch (ev->kind) {
	case EV_START: start(c, out); break;
	case EV_TICK: tick(c, out); break;
	case EV_MESSAGE: take_message(c, ev->message, out); break;
	case EV_LOGGED: raft_logged(&c->raft, ev->index); break;
	case EV_LOG_FAILED:
		log_err(c->log, "raft: Failed to commit logs: %.*s", PS(ev->why));
		stop_leading(c, "the log can't be written", out);
		break;
	case EV_CHECK_DONE:
		agent_check_done(c->agent, ev, out);
		out->publish = true;
		break;
	case EV_SNAPSHOT_DONE: snapshot_done(c, ev, out); break;
	case EV_RELOAD:
		c->config = c->duties.config = ev->config;
		agent_reload(c->agent, ev->config, c->now, c->wall, out);
		out->publish = true;
		break;
	case EV_SIGNAL_LEAVE:
		agent_leave(c->agent);
		stop(c, 0, out);
		break;
	case EV_SIGNAL_STOP: stop(c, c->config->server_mode, out); break;
	}
}

mono_ns core_next(const struct core *c)
{
	mono_ns at = c->election;
	mono_ns next = duties_next(&c->duties);
	at = next < at ? next : at;
	next = agent_next(c->agent);
	at = c->snapshot_look < at ? c->snapshot_look : at;
	return next < at ? next : at;
}

void core_world(const struct core *c, struct world *w)
{
	const struct raft *r = &c->raft;
	*w = (struct world){
		.db = db_published(c->db),
		.restores = c->restores,
		.config = c->config,
		.role = r->role,
		.ready = c->ready,
		.voter = r->voter,
		.configuration_index = r->voter ? FIRST_CONFIGURATION : 0,
		.leading_since = c->ready ? c->leading_since : 0,
		.term = r->term,
		.last_log = r->last,
		.commit = r->commit,
		.applied = r->applied,
		.last_log_term = r->last_term,
		.last_snapshot = r->snapshot,
		.last_snapshot_term = r->snapshot_term,
		.node_id = c->config->node_id,
		.leaving = c->stopping,
		.user_token = c->config->acl_token,
	};
	/* Followers see a leader once it is ready to serve; so do our own fronts. */
	if (r->role == RAFT_LEADER && !c->ready)
		w->role = RAFT_CANDIDATE;
	memcpy(w->self_text, c->address, sizeof w->self_text);
	w->self = slice_of(c->address);
	w->leader = c->ready ? w->self : S_NONE;
	agent_world(c->agent, w);
}
