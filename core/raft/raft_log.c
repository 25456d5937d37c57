/* The log on disk as raft sees it: what was handed over, what is durable, and a disk that fails. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

/* How often a failed disk is tried again. */
#define DISK_RETRY NS_PER_S

static void flight_add(struct raft *r)
{
	if (r->flights_n == r->flights_cap) {
		size_t cap = r->flights_cap ? r->flights_cap * 2 : 16;
		struct log_flight *more = realloc(r->flights, cap * sizeof *more);
		MUST(more);
		r->flights = more;
		r->flights_cap = cap;
	}
	r->flights[r->flights_n++] = (struct log_flight){r->sequence, r->cache.last};
}

bool raft_log_dirty(const struct raft *r)
{
	return r->hard_changed || r->handed < r->cache.last || r->cut != UINT64_MAX;
}

/* ---- in memory ---- */

bool raft_log_take(struct raft *r, const struct raft_entry *e, bool copy)
{
	if (!raft_cache_add(&r->cache, e, copy))
		return false;
	r->s.last = e->index;
	r->s.last_term = e->term;
	return true;
}

static void log_shrink(struct raft *r, raft_index last)
{
	r->s.last = r->cache.last;
	r->s.last_term = r->cache.last_term;
	r->s.logged = r->s.logged < last ? r->s.logged : last;
	r->handed = r->handed < last ? r->handed : last;
	for (size_t i = 0; i < r->flights_n; i++)
		if (r->flights[i].last > last)
			r->flights[i].last = last;
}

void raft_log_cut(struct raft *r, raft_index after)
{
	MUST(after >= r->s.commit);
	if (r->handed > after && r->cut > after)
		r->cut = after;
	raft_cache_cut(&r->cache, after, r->sequence);
	log_shrink(r, after);
	raft_members_cut(r, after);
}

/* The snapshot is durable, and so is a log that is empty behind it. */
void raft_log_reset(struct raft *r, raft_index index, raft_term term)
{
	raft_cache_reset(&r->cache, index, term, r->sequence);
	r->cut = UINT64_MAX;
	for (size_t i = 0; i < r->flights_n; i++)
		r->flights[i].last = 0;
	r->s.last = r->s.logged = r->handed = r->s.commit = r->s.applied = r->s.snapshot = index;
	r->s.last_term = r->s.applied_term = r->s.snapshot_term = term;
	r->s.unproven = index > 0;
}

/* ---- a snapshot that may be overruled (raft.h) ---- */

raft_index raft_log_committed(const struct raft *r)
{
	return r->s.unproven ? 0 : r->s.commit;
}

void raft_log_proven(struct raft *r, raft_index committed)
{
	if (committed >= r->cache.base)
		r->s.unproven = false;
}

static bool is_older(raft_term term, raft_index index, raft_term than_term, raft_index than)
{
	return term < than_term || (term == than_term && index < than);
}

bool raft_log_below_floor(const struct raft *r)
{
	return is_older(r->s.last_term, r->s.last, r->floor_term, r->floor);
}

void raft_log_floor(struct raft *r)
{
	if (!is_older(r->floor_term, r->floor, r->s.last_term, r->s.last))
		return;
	r->floor_term = r->s.last_term;
	r->floor = r->s.last;
	r->hard_changed = true;
	r->floor_sequence = r->sequence + 1;
}

/* ---- handing over ---- */

uint64_t raft_log_wait_hard(const struct raft *r)
{
	if (r->hard_changed)
		return r->sequence + 1;
	return r->hard_sequence > r->durable ? r->hard_sequence : 0;
}

uint64_t raft_log_wait_entry(const struct raft *r, raft_index index)
{
	if (index <= r->s.logged)
		return 0;
	if (index > r->handed || r->cut != UINT64_MAX)
		return r->sequence + 1;
	for (size_t i = 0; i < r->flights_n; i++)
		if (r->flights[i].last >= index)
			return r->flights[i].sequence;
	return r->sequence + 1;
}

/* In one piece, and of this moment: the ring wraps, and may be another one when the effects are carried out. */
static const struct raft_entry *log_piece(struct raft *r, size_t n, struct effects *out)
{
	struct raft_entry *all = arena_alloc(&out->mem, n * sizeof *all);
	MUST(all);
	for (size_t i = 0; i < n; i++)
		all[i] = *raft_cache_at(&r->cache, r->handed + 1 + i);
	return all;
}

static void log_append(struct raft *r, struct effects *out)
{
	struct effect *e = effect_add(out, EFF_APPEND);
	e->append.sequence = ++r->sequence;
	e->append.cut_after = r->cut;
	e->append.n = (size_t)(r->cache.last - r->handed);
	e->append.entries = e->append.n ? log_piece(r, e->append.n, out) : NULL;
	e->append.term = r->s.term;
	e->append.vote_term = r->vote_term;
	e->append.voted_for = arena_copy(&out->mem, slice_of(r->vote));
	e->append.commit = raft_log_committed(r);
	e->append.floor_term = r->floor_term;
	e->append.floor = r->floor;
	flight_add(r);
}

void raft_log_flush(struct raft *r, struct effects *out)
{
	bool retry = r->disk_broken && r->now >= r->disk_retry;
	if (r->disk_broken ? !retry : !raft_log_dirty(r))
		return;
	if (r->s.durable)
		log_append(r, out);
	else
		r->sequence++;
	r->hard_sequence = r->hard_changed ? r->sequence : r->hard_sequence;
	r->hard_changed = false;
	r->handed = r->cache.last;
	r->cut = UINT64_MAX;
	r->disk_retry = RAFT_NEVER;
	if (!r->s.durable) {
		flight_add(r);
		raft_logged(r, r->sequence);
	}
}

/* ---- what came of it ---- */

void raft_logged(struct raft *r, uint64_t sequence)
{
	if (sequence <= r->voided || sequence <= r->durable || sequence > r->sequence)
		return;
	size_t done = 0;
	for (; done < r->flights_n && r->flights[done].sequence <= sequence; done++)
		if (r->flights[done].last > r->s.logged)
			r->s.logged = r->flights[done].last;
	r->flights_n -= done;
	memmove(r->flights, r->flights + done, r->flights_n * sizeof *r->flights);
	r->durable = sequence;
	raft_cache_unbury(&r->cache, sequence);
	if (r->disk_broken) {
		r->disk_broken = false;
		log_info(r->log, "raft: The log can be written again");
		raft_follow_wait(r);
	}
	raft_election_logged(r);
	raft_lead_commit(r);
}

void raft_log_failed(struct raft *r, uint64_t sequence, raft_index last)
{
	if (sequence <= r->voided || sequence <= r->durable)
		return;
	r->voided = r->sequence;
	r->flights_n = 0;
	if (r->s.logged > last)
		r->s.logged = last > r->cache.base ? last : r->cache.base;
	r->handed = r->cut = r->s.logged;
	r->hard_changed = true;
	r->disk_broken = true;
	r->disk_retry = r->now + DISK_RETRY;
	raft_cache_unbury(&r->cache, r->voided);
	raft_inbound_failed(r);
	/* Alone, what was proposed was told to nobody: it goes. With peers it may be on their disks: it is written
	 * again. */
	r->drop_cut = !r->peers_n;
	if (r->s.role != RAFT_FOLLOWER)
		raft_follow_become(r, r->s.term);
	r->asking = ASK_NOTHING;
	raft_follow_wait(r);
}
