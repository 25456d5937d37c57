/* Leading: counting what is durable where, the lease, leadership checks. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

/* The reference's least pause between two looks at the lease. */
#define LEASE_LOOK_LEAST (10 * NS_PER_MS)

static bool counts(const struct raft_peer *p)
{
	return p->listed && p->suffrage == RAFT_VOTER;
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? 1 : x > y ? -1 : 0;
}

/* The highest value that a quorum of voters has reached. */
static uint64_t by_quorum(const struct raft *r, uint64_t own, uint64_t (*of)(const struct raft_peer *))
{
	uint64_t values[RAFT_SERVERS_MAX + 1];
	size_t n = 0;
	if (r->s.voter)
		values[n++] = own;
	for (size_t i = 0; i < r->peers_n; i++)
		if (counts(r->peers[i]))
			values[n++] = of(r->peers[i]);
	size_t quorum = raft_members_quorum(&r->latest);
	if (quorum > n)
		return 0;
	qsort(values, n, sizeof values[0], descending);
	return values[quorum - 1];
}

static uint64_t match_of(const struct raft_peer *p)
{
	return p->match;
}

static uint64_t round_of(const struct raft_peer *p)
{
	return p->round_answered;
}

static uint64_t answered_of(const struct raft_peer *p)
{
	return p->answered < 0 ? 0 : (uint64_t)p->answered;
}

/* ---- taking office, leaving it ---- */

void raft_lead_begin(struct raft *r)
{
	r->s.role = RAFT_LEADER;
	raft_lead_set(r, slice_of(r->address));
	r->suspect = r->removed = false;
	raft_read_lose(r); /* they were for whom we followed */
	r->refused = 0;
	r->silence = false;
	r->lease_check = r->now + r->lease_timeout;
	log_info(r->log, "raft: Node at %s [Leader] entering Leader state", r->address);
	for (size_t i = 0; i < r->peers_n; i++)
		if (r->peers[i]->listed)
			raft_peer_begin(r, r->peers[i]);
	const struct raft_entry noop = {.index = r->s.last + 1, .term = r->s.term, .type = RAFT_NOOP};
	r->s.first_of_term = noop.index;
	MUST(raft_log_take(r, &noop, false));
}

void raft_lead_end(struct raft *r)
{
	if (slice_is(slice_of(r->address), r->leader))
		r->leader[0] = 0;
	r->contact = r->now;
	raft_read_lose(r);
	r->dropping = r->s.last;
	r->s.lease_until = 0;
	if (r->peers_n)
		raft_cache_own(&r->cache);
	for (size_t i = 0; i < r->peers_n; i++)
		raft_peer_idle(r->peers[i]);
}

void raft_step_down(struct raft *r)
{
	if (r->s.role != RAFT_FOLLOWER)
		raft_follow_become(r, r->s.term);
}

/* ---- committing ---- */

/* Only entries of the own term are committed by counting (Raft §5.4.2); the earlier ones with them. */
void raft_lead_commit(struct raft *r)
{
	if (r->s.role != RAFT_LEADER)
		return;
	raft_index index = by_quorum(r, r->s.logged, match_of);
	index = index < r->s.last ? index : r->s.last;
	if (index <= r->s.commit || index < r->s.first_of_term)
		return;
	r->s.commit = index;
	r->s.unproven = false;
	raft_members_commit(r);
	if (!r->removed && r->latest.index == r->committed.index && !r->s.voter)
		r->removed = true;
}

/* ---- the lease ---- */

static void say_silent(struct raft *r, const struct raft_peer *p, dur_ns silent)
{
	struct buf text = {0};
	dur_print(&text, silent);
	log_at(r->log, silent <= 3 * r->lease_timeout ? LOG_WARN : LOG_DEBUG, "raft: Failed to contact %s in %.*s",
	        p->id, PS(buf_view(&text)));
	buf_free(&text);
}

static void lease_look(struct raft *r)
{
	size_t heard = r->s.voter, quorum = raft_members_quorum(&r->latest);
	dur_ns longest = 0;
	for (size_t i = 0; i < r->peers_n; i++) {
		const struct raft_peer *p = r->peers[i];
		dur_ns silent = r->now - p->contact;
		if (!p->listed)
			continue;
		if (silent <= r->lease_timeout) {
			heard += counts(p);
			longest = silent > longest ? silent : longest;
		} else {
			say_silent(r, p, silent);
		}
	}
	dur_ns pause = r->lease_timeout - longest;
	r->lease_check = r->now + (pause > LEASE_LOOK_LEAST ? pause : LEASE_LOOK_LEAST);
	if (heard >= quorum)
		return;
	log_warn(r->log, "raft: Failed to contact quorum of nodes, stepping down");
	raft_follow_become(r, r->s.term);
}

/* Followers that had answered a request sent then follow us for a heartbeat timeout since. */
void raft_lead_lease(struct raft *r)
{
	if (r->s.role != RAFT_LEADER)
		return;
	uint64_t since = by_quorum(r, (uint64_t)r->now, answered_of);
	r->s.lease_until = since ? (mono_ns)since + r->lease_timeout : 0;
}

/* ---- is it still us? ---- */

/* A round of beats that nobody got yet: it goes out with the next flush. Those who ask in one turn share it. */
uint64_t raft_lead_round(struct raft *r)
{
	bool fresh = true;
	for (size_t i = 0; i < r->peers_n; i++)
		fresh = fresh && r->peers[i]->round_sent < r->round;
	if (!fresh || !r->round)
		r->round++;
	return r->round;
}

bool raft_lead_confirmed(const struct raft *r, uint64_t round)
{
	return by_quorum(r, UINT64_MAX, round_of) >= round;
}

/* ---- in time ---- */

void raft_lead_tick(struct raft *r)
{
	if (r->s.role != RAFT_LEADER)
		return;
	for (size_t i = 0; i < r->peers_n; i++)
		raft_peer_tick(r, r->peers[i]);
	if (r->now >= r->lease_check)
		lease_look(r);
}

mono_ns raft_lead_next(const struct raft *r)
{
	mono_ns at = r->peers_n ? r->lease_check : RAFT_NEVER;
	for (size_t i = 0; i < r->peers_n; i++) {
		mono_ns next = raft_peer_next(r, r->peers[i]);
		at = next < at ? next : at;
	}
	return at;
}

/* The others are told of the commit before we go, and then by closed connections that nobody leads them. */
static void leave_office(struct raft *r)
{
	log_info(r->log, "raft: Removed ourself, transitioning to follower");
	raft_follow_become(r, r->s.term);
	for (size_t i = 0; i < r->peers_n; i++)
		r->peers[i]->drop_at = r->now + r->heartbeat_timeout / 20;
}

void raft_lead_flush(struct raft *r, struct effects *out)
{
	if (r->s.role != RAFT_LEADER)
		return;
	for (size_t i = 0; i < r->peers_n; i++)
		raft_peer_flush(r, r->peers[i], out);
	if (r->removed)
		leave_office(r);
}
