#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/state/archive.h"

void core_restore_take(struct core *c, struct message *m)
{
	if (!c->ready)
		core_refuse(c, m, ERR_NO_LEADER, "No cluster leader");
	else if (c->restore.what)
		core_refuse(c, m, ERR_FAILED, "cannot restore: another restore is under way");
	else
		c->restore = (struct core_restore){.what = RESTORE_MESSAGE, .message = m};
}

/* A client's that is on its way to disk comes to its end first. */
void core_restore_installed(struct core *c)
{
	struct raft_install i;
	if (!c->ready)
		core_restore_lost(c);
	if (!c->restore.what && raft_installed(c->raft, &i))
		c->restore = (struct core_restore){.what = RESTORE_INSTALL, .install = i};
}

static struct slice state_of(const struct core_restore *r)
{
	const struct ask_restore *q = r->message ? r->message->request : NULL;
	if (!q && !r->install.index)
		return S("\x81\xa9LastIndex\0"); /* the header of an archive with nothing in it */
	return q ? q->state : r->install.state;
}

enum restore_how { RESTORE_TRIED, RESTORE_KEPT };

/* Reads the state into the tables; tried, they are as before afterwards whatever comes out. */
static enum err restore_read(struct core *c, enum restore_how how, struct fail *f)
{
	struct slice state = state_of(&c->restore);
	struct archive_reader rd;
	size_t used;
	archive_read_begin(&rd, &c->state);
	enum err e = archive_read(&rd, state, &used, f);
	if (how == RESTORE_KEPT || e || used < state.n)
		return archive_read_end(&rd, e, state.n - used, f);
	archive_read_end(&rd, ERR_FAILED, 0, NULL);
	return OK;
}

static void give_up_held(struct core *c)
{
	struct message *held = c->held;
	c->held = NULL;
	c->held_tail = &c->held;
	for (struct message *next; held; held = next) {
		next = held->next;
		core_propose(c, held);
	}
}

void core_restore_refuse(struct core *c, struct message *m, const char *why)
{
	m->err = ERR_FAILED;
	m->why = arena_str(&m->mem, "Raft error when restoring snapshot: %s", why);
	core_reply(c, m);
}

static void restore_end(struct core *c, enum err e, const char *why)
{
	struct core_restore r = c->restore;
	c->restore = (struct core_restore){0};
	if (e)
		log_err(c->log, "consul: failed to restore a snapshot: %s", why);
	if (r.what == RESTORE_INSTALL) {
		raft_install_done(c->raft, e ? slice_of(why) : S_NONE);
		return;
	}
	if (e)
		core_restore_refuse(c, r.message, why);
	else
		core_propose(c, r.message); /* a barrier: answered when a majority has it */
	give_up_held(c);
}

/* What the leader keeps beside the tables begins anew (Consul: reassertLeader). */
static void reassert(struct core *c)
{
	duties_end(&c->duties);
	duties_begin(&c->duties, db_working(c->db), c->now);
	c->gossip.reconcile = c->now;
	agent_leader(c->agent, false, c->now);
	agent_leader(c->agent, true, c->now);
}

/* The log goes on behind the snapshot. */
static void restore_apply(struct core *c, struct effects *out)
{
	struct core_restore r = c->restore;
	struct fail f = {0};
	enum err e = restore_read(c, RESTORE_KEPT, &f);
	if (!e) {
		log_info(c->log, "consul: restored a snapshot as index %llu", (unsigned long long)r.at);
		c->restores++;
		out->publish = true;
	}
	if (!e && r.what == RESTORE_MESSAGE) {
		raft_replaced(c->raft, r.at);
		reassert(c);
	}
	restore_end(c, e, f.text);
}

static bool can_begin(const struct core *c)
{
	const struct raft_state *s = raft_state(c->raft);
	if (!c->restore.what || c->restore.at || c->snapshotting)
		return false;
	return c->restore.what == RESTORE_INSTALL || s->applied == s->last;
}

static void write_first(struct core *c, struct effects *out)
{
	struct core_restore *r = &c->restore;
	struct effect *e = effect_add(out, EFF_SNAPSHOT);
	r->term = r->what == RESTORE_INSTALL ? r->install.term : raft_state(c->raft)->term;
	c->snapshotting = true;
	e->snapshot.index = r->at;
	e->snapshot.term = r->term;
	e->snapshot.state = state_of(r);
	if (r->what == RESTORE_INSTALL) {
		e->snapshot.servers = r->install.servers;
		e->snapshot.n = r->install.n;
		e->snapshot.configuration = r->install.configuration;
	} else {
		e->snapshot.servers = raft_configuration(c->raft, &e->snapshot.n, &e->snapshot.configuration);
	}
}

/* A client's waits until everything proposed is applied. Tried first: what can't be read must not reach the disk. */
void core_restore_begin(struct core *c, struct effects *out)
{
	const struct raft_state *s = raft_state(c->raft);
	struct core_restore *r = &c->restore;
	struct fail f = {0};
	if (!can_begin(c))
		return;
	enum err e = restore_read(c, RESTORE_TRIED, &f);
	if (e) {
		restore_end(c, e, f.text);
		return;
	}
	if (r->what == RESTORE_INSTALL) {
		r->at = r->install.index;
	} else {
		const struct ask_restore *q = r->message->request;
		r->at = (q->index > s->last ? q->index : s->last) + 1;
	}
	if (s->durable && r->at)
		write_first(c, out);
	else if (s->durable)
		core_restore_written(c, S_NONE, out);
	else
		restore_apply(c, out);
}

static void tell_disk(raft_index index, raft_term term, enum effect_kind what, struct effects *out)
{
	struct effect *e = effect_add(out, what);
	e->snapshot.index = index;
	e->snapshot.term = term;
}

void core_restore_written(struct core *c, struct slice why, struct effects *out)
{
	const struct raft_state *s = raft_state(c->raft);
	struct core_restore *r = &c->restore;
	char text[FAIL_TEXT_MAX];
	if (why.n) {
		restore_end(c, ERR_IO, slice_cstr(why, text, sizeof text));
	} else if (r->what == RESTORE_MESSAGE && (!c->ready || c->ready_term != r->term)) {
		tell_disk(r->at, r->term, EFF_SNAPSHOT_DROP, out);
		restore_end(c, ERR_FAILED, "leadership lost while committing log");
	} else if (r->what == RESTORE_INSTALL && raft_install_stale(c->raft)) {
		tell_disk(r->at, r->term, EFF_SNAPSHOT_DROP, out);
		restore_end(c, ERR_FAILED, "there is a new leader");
	} else {
		if (s->snapshot > r->at) /* that one was overruled */
			tell_disk(s->snapshot, s->snapshot_term, EFF_SNAPSHOT_DROP, out);
		tell_disk(r->at, r->term, EFF_LOG_FORGET, out);
		restore_apply(c, out);
	}
}

/* One that is on its way to disk ends when it is there. */
void core_restore_lost(struct core *c)
{
	if (c->restore.what == RESTORE_MESSAGE && !c->restore.at)
		restore_end(c, ERR_FAILED, "leadership lost while committing log");
}
