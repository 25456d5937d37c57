/* To read the newest: is what is applied here, or will be in a moment, all that anybody was ever told of?
 *
 *   a leader     has to know that it still leads: a round of beats after the question, answered by a quorum
 *   a follower   asks its leader up to where one has to have applied: one question for all who wait at that moment
 *
 * Why the leader's answer is good. It is given by a leader of term t at a time after the question was sent, and a
 * quorum was still in term t at times after the question: whoever leads a later term was elected by somebody of that
 * quorum afterwards, so all that was acknowledged before the question was committed in terms up to t. Of the earlier
 * terms that is below the first entry of t, of t itself it is what the leader has committed: the answer waits for the
 * first and gives the later of the two. No clock is in it, so a follower that elects early (a closed connection) does
 * no harm.
 *
 * Who asks says in which term it follows, and so is one of the quorum itself: of three servers it is the majority
 * together with the leader, which answers at once; of more, the leader asks the others first. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

/* After a question that was lost: so long the answer is "no" at once. */
#define PAUSE_AFTER_LOSS NS_PER_S

static struct raft_check *check_at(const struct raft *r, size_t i)
{
	return &r->checks[(r->checks_at + i) & (r->checks_cap - 1)];
}

static void check_add(struct raft *r, struct raft_check c)
{
	if (r->checks_n == r->checks_cap) {
		size_t cap = r->checks_cap ? r->checks_cap * 2 : 64;
		struct raft_check *more = malloc(cap * sizeof *more);
		MUST(more);
		for (size_t i = 0; i < r->checks_n; i++)
			more[i] = *check_at(r, i);
		free(r->checks);
		r->checks = more;
		r->checks_cap = cap;
		r->checks_at = 0;
	}
	*check_at(r, r->checks_n++) = c;
}

/* ---- who wants to know ---- */

static struct raft_peer *leader_of(const struct raft *r)
{
	return raft_peer_by_id(r, raft_leader_id(r));
}

bool raft_reads(const struct raft *r)
{
	const struct raft_peer *p = r->s.role == RAFT_FOLLOWER && r->now >= r->read_pause ? leader_of(r) : NULL;
	return p && p->prevote;
}

/* All that was acknowledged until now is not above it, if we lead. */
static raft_index newest(const struct raft *r)
{
	return r->s.commit > r->s.first_of_term ? r->s.commit : r->s.first_of_term;
}

void raft_verify(struct raft *r, void *tag)
{
	bool leads = r->s.role == RAFT_LEADER;
	uint64_t round = leads ? raft_lead_round(r) : r->read_round + 1;
	check_add(r, (struct raft_check){tag, round, leads ? newest(r) : UINT64_MAX});
	if (!leads && !raft_reads(r))
		raft_read_lose(r);
}

static bool holds(const struct raft *r, const struct raft_check *c)
{
	if (r->s.applied < c->index || r->installing || r->s.unproven)
		return false;
	return r->s.role != RAFT_LEADER || raft_lead_confirmed(r, c->round);
}

bool raft_verified(struct raft *r, void **tag, bool *yes)
{
	if (!r->checks_n)
		return false;
	const struct raft_check *c = check_at(r, 0);
	*tag = c->tag;
	*yes = !r->checks_lost;
	if (*yes && !holds(r, c))
		return false;
	r->checks_lost -= r->checks_lost > 0;
	r->checks_at++;
	r->checks_n--;
	return true;
}

void raft_read_lose(struct raft *r)
{
	r->checks_lost = r->checks_n;
	r->read_tag = 0;
}

/* ---- a follower asks ---- */

/* Of whom we don't follow any more: those that wait for what he said, too, it may take long until it comes. */
static void lose_asked(struct raft *r)
{
	size_t n = 0;
	while (n < r->checks_n && check_at(r, n)->round <= r->read_round)
		n++;
	r->checks_lost = n > r->checks_lost ? n : r->checks_lost;
	r->read_tag = 0;
}

static bool unasked(const struct raft *r)
{
	return r->checks_n > r->checks_lost && check_at(r, r->checks_n - 1)->round > r->read_round;
}

static void ask(struct raft *r, struct raft_peer *p, struct effects *out)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_READ};
	q.read = (struct raft_wire_read){r->protocol, r->s.term, slice_of(r->id)};
	r->read_round++;
	r->read_tag = ++r->tags;
	r->read_term = r->s.term;
	r->read_until = r->now + 2 * r->lease_timeout;
	memcpy(r->read_of, p->id, sizeof r->read_of);
	raft_peer_send(r, p, RAFT_BEAT, r->read_tag, &q, out);
}

void raft_read_flush(struct raft *r, struct effects *out)
{
	if (r->s.role == RAFT_LEADER)
		return;
	bool followed =
	        r->s.role == RAFT_FOLLOWER && r->read_term == r->s.term && slice_is(raft_leader_id(r), r->read_of);
	if (!followed)
		lose_asked(r);
	if (r->read_tag || !unasked(r))
		return;
	if (raft_reads(r))
		ask(r, leader_of(r), out);
	else
		raft_read_lose(r);
}

void raft_read_answer(struct raft *r, const struct raft_wire_answer *a)
{
	if (!a->success || a->error.n) {
		lose_asked(r);
		return;
	}
	r->read_tag = 0;
	for (size_t i = 0; i < r->checks_n && check_at(r, i)->round <= r->read_round; i++)
		if (check_at(r, i)->index == UINT64_MAX)
			check_at(r, i)->index = a->index;
	if (a->term == r->s.term)
		raft_follow_told(r, a->index);
}

void raft_read_lost(struct raft *r, struct slice peer)
{
	if (!r->read_tag || !slice_is(peer, r->read_of))
		return;
	raft_read_lose(r);
	r->read_pause = r->now + PAUSE_AFTER_LOSS;
}

void raft_read_tick(struct raft *r)
{
	if (!r->read_tag || r->now < r->read_until)
		return;
	struct raft_peer *p = raft_peer_by_id(r, slice_of(r->read_of));
	if (p)
		p->drop = true; /* that connection swallows everything */
	raft_read_lost(r, slice_of(r->read_of));
}

mono_ns raft_read_next(const struct raft *r)
{
	return r->read_tag ? r->read_until : RAFT_NEVER;
}

/* ---- a leader answers ---- */

void raft_read_request(struct raft *r, struct raft_conn *c, const struct raft_wire_read *q)
{
	struct raft_reply *reply = raft_inbound_reply(r, c, RAFT_WIRE_READ);
	const struct raft_state *s = &r->s;
	const struct raft_peer *p = raft_peer_by_id(r, q->reader);
	if (s->role != RAFT_LEADER || q->term != s->term)
		return;
	bool counts = p && p->listed && p->suffrage == RAFT_VOTER;
	reply->reads = true;
	reply->round = (size_t)s->voter + counts >= raft_members_quorum(&r->latest) ? 0 : raft_lead_round(r);
	reply->answer.index = newest(r);
}

bool raft_read_ready(struct raft *r, struct raft_reply *reply)
{
	if (!reply->reads)
		return true;
	bool leads = r->s.role == RAFT_LEADER && r->s.term == reply->answer.term;
	reply->answer.success = leads;
	bool committed = r->s.commit >= reply->answer.index && !r->s.unproven; /* the asker takes it for that */
	return !leads || (committed && raft_lead_confirmed(r, reply->round));
}
