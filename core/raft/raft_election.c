/* Who leads: silence, questions, votes.
 *
 *   silent for a random 1 to 2 heartbeat timeouts ──> pre-vote ──majority──> candidate: term + 1, our vote to disk
 *   the leader's connection was closed ──> a moment ──^                       ──durable──> ask ──majority──> leader
 *   start, nobody heard ──> the time of a lease ──────^
 *
 * The pre-vote changes nothing anywhere, so a server that hears nobody can't disturb the others with ever higher terms.
 * Peers that don't know it count as granting after silence, but not after a mere hint: real ones deny everybody until
 * their own leader is silent to them. Our vote is on disk before anybody is asked: a candidate that crashed and came
 * back with less in its log must not live on votes that were given to more. */
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

/* After a hint: so long until we ask, so that not all ask at once; again after some of the latter, so often, then less
 * often until silence decides. */
#define HURRY_LEAST (1 * NS_PER_MS)
#define HURRY_MOST (20 * NS_PER_MS)
#define HURRY_SLOW (100 * NS_PER_MS)
enum { HURRIES_MAX = 12 };

/* What refusals weigh of those who know no pre-vote: each try is a new term and a line in the log for them, too. One in
 * our own term may be a split vote, best tried again soon; more, and our log is behind that of a server that needs time
 * to stand itself. Who still has a leader may lose it within a heartbeat timeout; later he won't. */
enum { WEIGHT_OUTVOTED = 10, WEIGHT_LED = 1, WEIGHT_MOST = 20 };

dur_ns raft_some_time(struct raft *r, dur_ns least, dur_ns most)
{
	return most <= least ? least : least + (dur_ns)rand_below(&r->rand, (uint64_t)(most - least));
}

/* ---- following ---- */

void raft_follow_wait(struct raft *r)
{
	r->patience = raft_some_time(r, r->heartbeat_timeout, 2 * r->heartbeat_timeout);
	r->deadline = r->now + r->patience;
	if (raft_members_alone(r))
		r->deadline = r->now; /* there is nobody to wait for */
}

static void say_following(struct raft *r)
{
	log_info(r->log, "raft: Node at %s [Follower] entering Follower state (Leader: \"%s\")", r->address, r->leader);
}

void raft_lead_set(struct raft *r, struct slice address)
{
	if (!slice_is(address, r->leader))
		slice_cstr(address, r->leader, sizeof r->leader);
}

/* Says so when it was something else; the caller knows the leader already, if there is one. */
void raft_follow_become(struct raft *r, raft_term term)
{
	enum raft_role was = r->s.role;
	if (term > r->s.term) {
		r->s.term = term;
		r->hard_changed = true;
	}
	r->asking = ASK_NOTHING;
	if (was == RAFT_FOLLOWER)
		return;
	r->s.role = RAFT_FOLLOWER;
	r->suspect = false;
	r->hurry_until = 0;
	if (was == RAFT_LEADER)
		raft_lead_end(r);
	say_following(r);
	raft_follow_wait(r);
}

/* ---- standing for election ---- */

/* Warns once. */
static bool able(struct raft *r)
{
	const char *why = NULL;
	if (!r->latest.index)
		why = "no known peers, aborting election";
	else if (r->latest.index == r->committed.index && !r->s.voter)
		why = "not part of stable configuration, aborting election";
	else if (raft_log_below_floor(r))
		why = "our log is not yet as new again as it was, aborting election";
	if (why && !r->warned)
		log_warn(r->log, "raft: %s", why);
	r->warned = r->warned || why;
	return !why;
}

static bool asked(const struct raft_peer *p)
{
	return p->listed && p->suffrage == RAFT_VOTER;
}

static size_t votes_given(const struct raft *r)
{
	size_t n = r->s.voter;
	for (size_t i = 0; i < r->peers_n; i++)
		n += asked(r->peers[i]) && r->peers[i]->granted;
	return n;
}

static size_t votes_open(const struct raft *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->peers_n; i++)
		n += asked(r->peers[i]) && !r->peers[i]->granted && !r->peers[i]->denied;
	return n;
}

static void ask_all(struct raft *r)
{
	for (size_t i = 0; i < r->peers_n; i++) {
		struct raft_peer *p = r->peers[i];
		p->asked = 0;
		p->granted = p->denied = false;
		p->ask = asked(p);
	}
}

static void ask_votes(struct raft *r);

/* Term and vote change at once; nobody is told before they are durable. */
static void stand(struct raft *r)
{
	r->s.role = RAFT_CANDIDATE;
	r->leader[0] = 0;
	r->s.term++;
	r->hard_changed = true;
	if (r->s.voter) {
		r->vote_term = r->s.term;
		slice_cstr(slice_of(r->address), r->vote, sizeof r->vote);
	}
	r->deadline = r->now + raft_some_time(r, r->election_timeout, 2 * r->election_timeout);
	log_info(r->log, "raft: Node at %s [Candidate] entering Candidate state in term %llu", r->address,
	        (unsigned long long)r->s.term);
	log_debug(r->log, "raft: Votes needed: %zu", raft_members_quorum(&r->latest));
	r->asking = ASK_DISK;
	r->ask_wait = r->sequence + 1;
	/* Alone there is nobody to be told: the vote goes to the disk together with the first entry. */
	if (raft_members_alone(r) && !r->peers_n)
		ask_votes(r);
}

/* Not won by those who answered, and can't be any more: soon again, at a moment of our own. */
static void lose(struct raft *r)
{
	if (r->hurried) {
		dur_ns pause = ++r->hurries < HURRIES_MAX ? HURRY_MOST : HURRY_SLOW;
		mono_ns again = r->now + raft_some_time(r, pause, 3 * pause);
		r->deadline = again < r->hurry_until ? again : r->hurry_until;
	} else if (r->refused >= WEIGHT_MOST || !r->s.voter) { /* without a voice it can't be the one they wait for */
		r->deadline = r->now + raft_some_time(r, r->election_timeout, 2 * r->election_timeout);
	} else {
		r->deadline = r->now + raft_some_time(r, r->heartbeat_timeout / 20, r->heartbeat_timeout / 4);
	}
	r->asking = ASK_NOTHING;
}

static void tally(struct raft *r)
{
	size_t given = votes_given(r), quorum = raft_members_quorum(&r->latest);
	if (r->asking == ASK_VOTES && given >= quorum) {
		log_info(r->log, "raft: Election won. Tally: %zu", given);
		r->asking = ASK_NOTHING;
		raft_lead_begin(r);
	} else if (r->asking == ASK_PREVOTE && given >= quorum) {
		r->hurried = false;
		stand(r);
	} else if (given + votes_open(r) < quorum) {
		lose(r);
	}
}

static void say_granted(struct raft *r, const char *id)
{
	log_debug(r->log, "raft: Vote granted from %s in term %llu. Tally: %zu", id, (unsigned long long)r->s.term,
	        votes_given(r));
}

static void ask_votes(struct raft *r)
{
	r->asking = ASK_VOTES;
	ask_all(r);
	if (r->s.voter)
		say_granted(r, r->id);
	tally(r);
}

void raft_election_logged(struct raft *r)
{
	if (r->asking == ASK_DISK && r->durable >= r->ask_wait)
		ask_votes(r);
}

static void ask_first(struct raft *r, bool hurried)
{
	r->asking = ASK_PREVOTE;
	r->hurried = hurried;
	r->deadline = r->now + raft_some_time(r, r->election_timeout / 2, r->election_timeout);
	ask_all(r);
	for (size_t i = 0; i < r->peers_n; i++)
		if (!r->peers[i]->prevote) {
			r->peers[i]->ask = false;
			r->peers[i]->granted = !hurried;
			r->peers[i]->denied = hurried;
		}
	tally(r);
}

/* What was asked and not answered in all that time: those connections may hang. */
static void drop_silent(struct raft *r)
{
	for (size_t i = 0; i < r->peers_n; i++)
		r->peers[i]->drop |= r->peers[i]->asked && !r->peers[i]->granted && !r->peers[i]->denied;
}

void raft_election_tick(struct raft *r)
{
	if (r->s.role == RAFT_LEADER || r->now < r->deadline)
		return;
	if (r->asking == ASK_DISK || r->disk_broken || r->installing) {
		r->deadline = r->now + r->election_timeout; /* nothing can be promised now */
		return;
	}
	bool hurried = r->now < r->hurry_until;
	if (r->s.role == RAFT_CANDIDATE && r->asking)
		log_warn(r->log, "raft: Election timeout reached, restarting election");
	if (r->asking)
		drop_silent(r);
	if (r->s.role == RAFT_FOLLOWER) {
		if (!able(r)) {
			r->leader[0] = 0;
			raft_follow_wait(r);
			return;
		}
		if (!hurried && !r->silence)
			log_warn(r->log, "raft: Heartbeat timeout from \"%s\" reached, starting election", r->leader);
		if (!hurried) {
			r->leader[0] = 0;
			r->silence = true;
		}
	}
	ask_first(r, hurried);
}

/* Asks after `pause` and a moment, and again and again until silence decides. */
static void hurry(struct raft *r, mono_ns until, dur_ns pause)
{
	mono_ns soon = r->now + pause + raft_some_time(r, HURRY_LEAST, HURRY_MOST);
	r->hurries = 0;
	r->hurry_until = until;
	if (!r->asking && soon < r->deadline)
		r->deadline = soon;
}

/* Nobody was ever heard: of a new group the first begins, the others give it a head start each. Of an old one somebody
 * may lead still, who heard of us last before we ended: he is given the time to find us, or to know that he has lost
 * his quorum, so that there are never two at whom clients read. */
void raft_election_begin(struct raft *r, bool fresh)
{
	dur_ns step = r->heartbeat_timeout / 10, pause = r->lease_timeout + step;
	raft_follow_wait(r);
	if (!r->s.voter || raft_members_alone(r))
		return;
	for (size_t i = 0; fresh && i < r->latest.n; i++)
		if (slice_is(r->latest.servers[i].id, r->id))
			pause = (dur_ns)i * step;
	hurry(r, r->deadline, pause + (fresh ? 0 : raft_some_time(r, 0, step)));
}

void raft_election_hurry(struct raft *r)
{
	if (r->s.role != RAFT_FOLLOWER || !r->leader[0] || r->suspect || !r->s.voter)
		return;
	r->suspect = true;
	hurry(r, r->contact + r->patience, 0);
}

/* ---- questions and answers ---- */

void raft_election_flush(struct raft *r, struct effects *out)
{
	if (r->asking != ASK_PREVOTE && r->asking != ASK_VOTES)
		return;
	bool first = r->asking == ASK_PREVOTE;
	struct raft_wire_request q = {.kind = RAFT_WIRE_VOTE};
	q.vote = (struct raft_wire_vote){.protocol = r->protocol,
	        .term = r->s.term + first,
	        .candidate = slice_of(r->address),
	        .last = r->s.last,
	        .last_term = r->s.last_term,
	        .prevote = first};
	for (size_t i = 0; i < r->peers_n; i++) {
		struct raft_peer *p = r->peers[i];
		if (!p->ask)
			continue;
		p->ask = false;
		p->asked = ++r->tags;
		raft_peer_send(r, p, RAFT_BEAT, p->asked, &q, out);
	}
}

void raft_election_answer(struct raft *r, struct raft_peer *p, const struct raft_wire_answer *a)
{
	p->asked = 0;
	if (r->asking == ASK_VOTES && !a->success && !p->prevote)
		r->refused += a->term >= r->s.term ? WEIGHT_OUTVOTED : WEIGHT_LED;
	if (a->term > r->s.term && !(r->asking == ASK_PREVOTE && a->success)) {
		log_debug(r->log, "raft: Newer term discovered, fallback to follower");
		raft_follow_become(r, a->term);
		lose(r);
		return;
	}
	if (a->error.n)
		log_err(r->log, "raft: Failed to make RequestVote RPC to {Voter %s %s}: %.*s", p->id, p->address,
		        PS(a->error));
	if (r->asking != ASK_PREVOTE && r->asking != ASK_VOTES)
		return;
	p->granted = a->success && !a->error.n;
	p->denied = !p->granted;
	if (p->granted && r->asking == ASK_VOTES)
		say_granted(r, p->id);
	tally(r);
}

void raft_election_lost(struct raft *r, struct raft_peer *p)
{
	if (!p->asked)
		return;
	p->asked = 0;
	if (r->asking != ASK_PREVOTE && r->asking != ASK_VOTES)
		return;
	if (r->asking == ASK_VOTES)
		log_err(r->log, "raft: Failed to make RequestVote RPC to {Voter %s %s}: connection lost", p->id,
		        p->address);
	p->denied = !p->granted;
	tally(r);
}
