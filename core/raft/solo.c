#include "core/raft/solo.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"

static struct raft_entry *entry_at(struct solo *r, raft_index i)
{
	return &r->pending[i & (r->cap - 1)];
}

static void raft_invariants(const struct solo *r)
{
	MUST(r->applied <= r->commit && r->commit <= r->last);
	MUST(r->commit <= r->logged && r->logged <= r->last);
}

void solo_init(struct solo *r, const char *id, const char *address, bool durable, struct logbuf *log)
{
	*r = (struct solo){.log = log, .durable = durable, .cap = 64};
	snprintf(r->id, sizeof r->id, "%s", id);
	snprintf(r->address, sizeof r->address, "%s", address);
	r->pending = calloc(r->cap, sizeof *r->pending);
	MUST(r->pending);
}

void solo_free(struct solo *r)
{
	free(r->pending);
	buf_free(&r->own);
	r->pending = NULL;
}

void solo_restore(struct solo *r, raft_term term, raft_index last, raft_term last_term, raft_index snapshot,
	raft_term snapshot_term)
{
	r->term = term;
	r->last = r->logged = r->sent = r->commit = r->applied = last;
	r->last_term = r->applied_term = last_term;
	r->snapshot = snapshot;
	r->snapshot_term = snapshot_term;
	r->voter = last > 0;
}

/* {"Servers": [{"Address", "ID", "Suffrage": 0}]}, as hashicorp/raft encodes a configuration. */
static struct slice configuration_bytes(struct solo *r)
{
	buf_reset(&r->own, 4096);
	mp_put_map(&r->own, 1);
	mp_put_str(&r->own, S("Servers"));
	mp_put_array(&r->own, 1);
	mp_put_map(&r->own, 3);
	mp_put_str(&r->own, S("Address"));
	mp_put_str(&r->own, slice_of(r->address));
	mp_put_str(&r->own, S("ID"));
	mp_put_str(&r->own, slice_of(r->id));
	mp_put_str(&r->own, S("Suffrage"));
	mp_put_i64(&r->own, 0);
	MUST(!r->own.failed);
	return buf_view(&r->own);
}

static bool pending_room(struct solo *r)
{
	if (r->last - r->applied < r->cap)
		return true;
	if (r->cap >= RAFT_PENDING_MAX)
		return false;
	struct raft_entry *more = calloc(r->cap * 2, sizeof *more);
	if (!more)
		return false;
	for (raft_index i = r->applied + 1; i <= r->last; i++)
		more[i & (r->cap * 2 - 1)] = *entry_at(r, i);
	free(r->pending);
	r->pending = more;
	r->cap *= 2;
	return true;
}

static void entry_take(struct solo *r, enum raft_entry_type type, struct slice data, void *tag)
{
	r->last++;
	r->last_term = r->term;
	*entry_at(r, r->last) = (struct raft_entry){r->last, r->term, (uint8_t)type, data, tag, NULL};
}

void solo_start(struct solo *r, bool bootstrap)
{
	if (bootstrap && r->last == 0) {
		r->term = 1;
		MUST(pending_room(r));
		entry_take(r, RAFT_CONFIGURATION, configuration_bytes(r), NULL);
		r->voter = true;
	}
	if (r->voter)
		log_info(r->log, "raft: Initial configuration (index=%llu): [{Suffrage:Voter ID:%s Address:%s}]",
			(unsigned long long)(bootstrap ? 1 : r->last), r->id, r->address);
	else
		log_info(r->log, "raft: Initial configuration (index=0): []");
	log_info(r->log, "raft: Node at %s [Follower] entering Follower state (Leader: \"\")", r->address);
	r->role = RAFT_FOLLOWER;
}

void solo_timeout(struct solo *r)
{
	if (r->role != RAFT_FOLLOWER || !r->voter)
		return;
	log_warn(r->log, "raft: Heartbeat timeout from \"\" reached, starting election");
	r->role = RAFT_CANDIDATE;
	r->term++;
	r->voted_for = slice_of(r->id);
	log_info(r->log, "raft: Node at %s [Candidate] entering Candidate state in term %llu", r->address,
		(unsigned long long)r->term);
	log_debug(r->log, "raft: Votes needed: 1");
	log_debug(r->log, "raft: Vote granted from %s in term %llu. Tally: 1", r->id, (unsigned long long)r->term);
	log_info(r->log, "raft: Election won. Tally: 1");
	r->role = RAFT_LEADER;
	log_info(r->log, "raft: Node at %s [Leader] entering Leader state", r->address);
	MUST(pending_room(r));
	entry_take(r, RAFT_NOOP, S_NONE, NULL);
	r->first_of_term = r->last;
}

raft_index solo_propose(struct solo *r, enum raft_entry_type type, struct slice data, void *tag, enum err *err)
{
	*err = r->role != RAFT_LEADER ? ERR_NO_LEADER : !pending_room(r) ? ERR_FULL : OK;
	if (*err)
		return 0;
	entry_take(r, type, data, tag);
	return r->last;
}

void solo_flush(struct solo *r, struct effects *out)
{
	if (r->sent == r->last)
		return;
	if (!r->durable) {
		r->sent = r->last;
		solo_logged(r, r->last);
		return;
	}
	/* The ring may wrap: at most two pieces, each contiguous. */
	while (r->sent < r->last) {
		raft_index from = r->sent + 1;
		size_t at = from & (r->cap - 1);
		size_t n = (size_t)(r->last - r->sent);
		if (n > r->cap - at)
			n = r->cap - at;
		struct effect *e = effect_add(out, EFF_APPEND);
		e->append.cut_after = UINT64_MAX;
		e->append.entries = &r->pending[at];
		e->append.n = n;
		e->append.term = r->term;
		e->append.vote_term = r->voted_for.n ? r->term : 0;
		e->append.voted_for = r->voted_for;
		r->sent += n;
	}
}

void solo_logged(struct solo *r, raft_index index)
{
	if (index > r->last)
		index = r->last;
	if (index <= r->logged)
		return;
	r->logged = index;
	if (r->role == RAFT_LEADER)
		r->commit = r->logged;
	raft_invariants(r);
}

const struct raft_entry *solo_next(struct solo *r)
{
	if (r->applied >= r->commit)
		return NULL;
	r->applied++;
	raft_invariants(r);
	r->applied_term = entry_at(r, r->applied)->term;
	return entry_at(r, r->applied);
}

void solo_step_down(struct solo *r)
{
	if (r->role == RAFT_FOLLOWER)
		return;
	r->role = RAFT_FOLLOWER;
	log_info(r->log, "raft: Node at %s [Follower] entering Follower state (Leader: \"\")", r->address);
}

const struct raft_entry *solo_drop(struct solo *r)
{
	if (r->last <= r->commit || r->role == RAFT_LEADER)
		return NULL;
	const struct raft_entry *e = entry_at(r, r->last);
	r->last--;
	r->sent = r->sent > r->last ? r->last : r->sent;
	r->logged = r->logged > r->last ? r->last : r->logged;
	return e;
}
