#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"

/* A client of one server stands for election right away: there is nobody to wait for. */
#define ELECTION_FIRST NS_PER_MS

/* hashicorp/raft's threshold; looked at this often. */
#define SNAPSHOT_INTERVAL (5 * NS_PER_S)
enum { SNAPSHOT_THRESHOLD = 8192 };

/* ---- recovery ---- */

void core_restored(struct core *c, raft_index snapshot, raft_term snapshot_term)
{
	solo_restore(&c->raft, snapshot_term, snapshot, snapshot_term, snapshot, snapshot_term);
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
	solo_restore(&c->raft, term, last, last_term, c->raft.snapshot, c->raft.snapshot_term);
}

/* ---- applying ---- */

static void apply(struct core *c, const struct raft_entry *e, struct effects *out)
{
	struct message *m = e->tag;
	if (e->type == RAFT_NOOP && e->index == c->raft.first_of_term)
		core_leading_begin(c, out);
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
		core_reply(c, m);
	}
}

void core_raft_flush(struct core *c, struct effects *out)
{
	solo_flush(&c->raft, out);
	for (const struct raft_entry *e; (e = solo_next(&c->raft));)
		apply(c, e, out);
}

bool core_raft_busy(const struct core *c)
{
	return c->raft.sent < c->raft.last || c->raft.applied < c->raft.commit;
}

/* ---- the servers ---- */

const struct raft_server *core_raft_servers(const struct core *c, size_t *n, raft_index *index)
{
	static struct raft_server self; /* one core a process, or one at a time */
	self = (struct raft_server){slice_of(c->raft.id), slice_of(c->raft.address), RAFT_VOTER};
	*n = c->raft.voter;
	if (index)
		*index = c->raft.voter;
	return &self;
}

void core_raft_change(struct core *c, struct message *m)
{
	core_refuse(c, m, ERR_FAILED, "Need at least one voter in configuration: {[]}");
}

void core_raft_last(const struct core *c, raft_index *index, raft_term *term)
{
	*index = c->raft.last;
	*term = c->raft.last_term;
}

/* ---- snapshots ---- */

/* After everything of the turn is applied and about to be published: index and tables agree. */
void core_snapshot_maybe(struct core *c, struct effects *out)
{
	struct solo *r = &c->raft;
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

void core_snapshot_done(struct core *c, const struct event *ev, struct effects *out)
{
	c->snapshotting = false;
	if (c->restore_at) {
		core_restore_written(c, ev->why, out);
		return;
	}
	if (ev->why.n) {
		log_err(c->log, "raft: Failed to take snapshot: %.*s", PS(ev->why));
		return;
	}
	c->raft.snapshot = ev->index;
	log_info(c->log, "raft: Snapshot to %llu complete", (unsigned long long)ev->index);
}

/* ---- events ---- */

void core_raft_start(struct core *c)
{
	solo_start(&c->raft, c->config->bootstrap || c->config->dev_mode || c->config->bootstrap_expect == 1);
	if (c->raft.voter)
		c->election = c->now + ELECTION_FIRST;
	if (c->raft.durable)
		c->snapshot_look = c->now + SNAPSHOT_INTERVAL;
}

void core_raft_tick(struct core *c)
{
	if (c->now < c->election)
		return;
	c->election = INT64_MAX;
	solo_timeout(&c->raft);
}

void core_raft_event(struct core *c, const struct event *ev, struct effects *out)
{
	switch (ev->kind) {
	case EV_LOGGED: solo_logged(&c->raft, ev->index); break;
	case EV_LOG_FAILED:
		log_err(c->log, "raft: Failed to commit logs: %.*s", PS(ev->why));
		core_leading_end(c, "the log can't be written", out);
		break;
	default: break;
	}
}
