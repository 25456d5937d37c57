#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"
#include "core/state/archive.h"

void core_restore_take(struct core *c, struct message *m)
{
	if (!c->ready)
		core_refuse(c, m, ERR_NO_LEADER, "No cluster leader");
	else if (c->restore)
		core_refuse(c, m, ERR_FAILED, "cannot restore: another restore is under way");
	else
		c->restore = m;
}

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
	core_reply(c, m);
	for (struct message *next; held; held = next) {
		next = held->next;
		core_propose(c, held);
	}
}

/* The log goes on behind the snapshot; what the leader keeps beside the tables begins anew (Consul: reassertLeader). */
static void restore_apply(struct core *c, struct effects *out)
{
	struct solo *r = &c->raft;
	raft_index at = c->restore_at;
	struct fail f = {0};
	enum err e = restore_read(c, RESTORE_KEPT, &f);
	if (!e) {
		solo_restore(r, r->term, at, r->term, at, r->term);
		log_info(c->log, "consul: restored a snapshot as index %llu", (unsigned long long)at);
		duties_end(&c->duties);
		c->restores++;
		out->publish = true;
	}
	restore_end(c, e, f.text);
	if (e)
		return;
	duties_begin(&c->duties, db_working(c->db), c->now);
	c->gossip.reconcile = c->now;
	agent_leader(c->agent, false, c->now);
	agent_leader(c->agent, true, c->now);
}

/* Once everything proposed is applied. Tried first: what can't be read must not reach the disk. */
void core_restore_begin(struct core *c, struct effects *out)
{
	struct solo *r = &c->raft;
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

void core_restore_written(struct core *c, struct slice why, struct effects *out)
{
	char text[FAIL_TEXT_MAX];
	if (why.n)
		restore_end(c, ERR_IO, slice_cstr(why, text, sizeof text));
	else
		restore_apply(c, out);
}
