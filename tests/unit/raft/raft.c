/* The rules of one server, its neighbours played by the test. Groups are the simulator's business (tests/sim/raft_*).
 */
#include "core/raft/raft.h"

#include <stdlib.h>

#include "core/raft/raft_wire.h"
#include "tests/unit/gossip/lines.h"

static struct logbuf quiet = {.level = LOG_ERR + 1};

#define ME "10.0.0.1:8300"
#define TWO "10.0.0.2:8300"
#define THREE "10.0.0.3:8300"

static const struct raft_server group[] = {
        {S("one"), S(ME), RAFT_VOTER}, {S("two"), S(TWO), RAFT_VOTER}, {S("three"), S(THREE), RAFT_VOTER}};

struct rig {
	struct raft *r;
	struct effects out;
	mono_ns now;
	struct arena a;
};

static struct rig rig(int protocol, bool durable, size_t servers)
{
	struct rig g = {.now = NS_PER_S};
	const struct raft_options o = {.id = protocol < 3 ? ME : "one",
	        .address = ME,
	        .protocol = protocol,
	        .durable = durable,
	        .seed = 7,
	        .log = &quiet};
	struct fail f;
	g.r = raft_new(&o);
	ASSERT(g.r);
	if (servers)
		ASSERT(!raft_bootstrap(g.r, group, servers, &f));
	raft_start(g.r, g.now);
	return g;
}

static void rig_free(struct rig *g)
{
	raft_free(g->r);
	free(g->out.items);
	arena_free(&g->out.mem);
	arena_free(&g->a);
}

/* What a turn brought forth replaces what the one before did. */
static void turn(struct rig *g, dur_ns later)
{
	g->now += later;
	g->out.n = 0;
	arena_reset(&g->out.mem, 0);
	raft_tick(g->r, g->now);
	raft_flush(g->r, &g->out);
}

static const struct effect *effect(const struct rig *g, enum effect_kind kind, size_t nth)
{
	for (size_t i = 0; i < g->out.n; i++)
		if (g->out.items[i].kind == kind && !nth--)
			return &g->out.items[i];
	return NULL;
}

static void logged(struct rig *g)
{
	const struct effect *e = effect(g, EFF_APPEND, 0);
	ASSERT(e);
	raft_logged(g->r, e->append.sequence);
	turn(g, 0);
}

static void request(struct rig *g, uint64_t conn, struct raft_wire_request q)
{
	struct buf b = {0};
	raft_wire_put_request(&b, &q);
	raft_request(g->r, conn, buf_view(&b), S_NONE);
	buf_free(&b);
	turn(g, 0);
}

static struct raft_wire_answer answered(struct rig *g, enum raft_wire_kind kind, size_t nth)
{
	struct raft_wire_answer a = {0};
	const struct effect *e = effect(g, EFF_RAFT_ANSWER, nth);
	ASSERT(e && raft_wire_read_answer(e->raft.bytes, kind, &a));
	return a;
}

static struct raft_wire_request append(raft_term term, raft_index prev, raft_term prev_term,
        const struct raft_entry *entries, size_t n, raft_index commit)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_APPEND};
	q.append = (struct raft_wire_append){3, term, S(TWO), prev, prev_term, false, entries, n, commit};
	return q;
}

static struct raft_wire_request beat(raft_term term)
{
	struct raft_wire_request q = append(term, 0, 0, NULL, 0, 0);
	q.append.no_entries = true;
	return q;
}

static struct raft_wire_request vote(raft_term term, const char *candidate, raft_index last, raft_term last_term)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_VOTE};
	q.vote = (struct raft_wire_vote){3, term, slice_of(candidate), last, last_term, false};
	return q;
}

/* A peer's answer to the nth request that was sent. */
static void answer(struct rig *g, size_t nth, enum raft_wire_kind kind, struct raft_wire_answer a)
{
	const struct effect *e = effect(g, EFF_RAFT_SEND, nth);
	struct buf b = {0};
	ASSERT(e);
	raft_wire_put_answer(&b, kind, &a);
	raft_answer(g->r, e->raft.peer, e->raft.channel, e->raft.tag, buf_view(&b));
	buf_free(&b);
}

/* One of three, elected by "two". */
static struct rig leader(void)
{
	struct rig g = rig(3, true, 3);
	turn(&g, 0);
	logged(&g);
	turn(&g, 3 * NS_PER_S); /* peers that don't know the pre-vote count as granting it */
	CHECK_EQ(raft_state(g.r)->role, RAFT_CANDIDATE);
	CHECK(!effect(&g, EFF_RAFT_SEND, 0)); /* our own vote is not on disk yet */
	logged(&g);
	answer(&g, 0, RAFT_WIRE_VOTE,
	        (struct raft_wire_answer){.protocol = 3, .term = raft_state(g.r)->term, .success = true});
	CHECK_EQ(raft_state(g.r)->role, RAFT_LEADER);
	turn(&g, 0);
	return g;
}

/* ---- alone ---- */

TEST(raft, alone_it_elects_itself_in_the_next_term)
{
	struct rig g = rig(3, false, 1);
	turn(&g, 0);
	CHECK_EQ(raft_state(g.r)->role, RAFT_LEADER);
	CHECK_EQ(raft_state(g.r)->term, 2);
	CHECK_EQ(raft_state(g.r)->last, 2); /* the configuration and the no-op */
	CHECK_EQ(raft_state(g.r)->first_of_term, 2);
	CHECK_STR(raft_leader(g.r), ME);
	CHECK_STR(raft_leader_id(g.r), "one");
	rig_free(&g);
}

TEST(raft, without_a_configuration_it_stays_a_follower)
{
	struct rig g = rig(3, false, 0);
	enum err e;
	turn(&g, NS_PER_MIN);
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e), 0);
	CHECK_EQ(e, ERR_NO_LEADER);
	rig_free(&g);
}

TEST(raft, nothing_is_applied_before_it_is_durable)
{
	struct rig g = rig(3, true, 1);
	enum err e;
	raft_tick(g.r, g.now);
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("a"), NULL, &e), 3);
	turn(&g, 0);
	const struct effect *first = effect(&g, EFF_APPEND, 0);
	ASSERT(first);
	CHECK_EQ(first->append.n, 3);
	CHECK_EQ(first->append.term, 2);
	CHECK_EQ(first->append.vote_term, 2);
	CHECK_STR(first->append.voted_for, ME);
	CHECK(first->append.cut_after == UINT64_MAX);
	CHECK(raft_next(g.r) == NULL);
	logged(&g);
	CHECK_EQ(raft_next(g.r)->index, 1);
	CHECK_EQ(raft_next(g.r)->index, 2);
	CHECK_STR(raft_next(g.r)->data, "a");
	CHECK(raft_next(g.r) == NULL);
	turn(&g, 0);
	CHECK_EQ(g.out.n, 0); /* nothing is handed over twice */
	rig_free(&g);
}

TEST(raft, a_failed_log_gives_back_what_is_not_committed_and_recovers)
{
	struct rig g = rig(3, true, 1);
	enum err e;
	int tags[2];
	turn(&g, 0);
	logged(&g);
	while (raft_next(g.r))
		;
	for (int i = 0; i < 2; i++)
		raft_propose(g.r, RAFT_COMMAND, S("x"), &tags[i], &e);
	turn(&g, 0);
	raft_log_failed(g.r, effect(&g, EFF_APPEND, 0)->append.sequence, 2);
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK(raft_drop(g.r)->tag == &tags[1]);
	CHECK(raft_drop(g.r)->tag == &tags[0]);
	CHECK(raft_drop(g.r) == NULL);
	CHECK_EQ(raft_state(g.r)->last, 2);
	turn(&g, NS_PER_S / 2);
	CHECK(!effect(&g, EFF_APPEND, 0)); /* not yet */
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e), 0);
	turn(&g, NS_PER_S);
	CHECK_EQ(effect(&g, EFF_APPEND, 0)->append.cut_after, 2);
	logged(&g);
	CHECK_EQ(raft_state(g.r)->role, RAFT_LEADER);
	CHECK_EQ(raft_state(g.r)->term, 3);
	rig_free(&g);
}

TEST(raft, the_ring_of_pending_entries_keeps_order)
{
	struct rig g = rig(3, true, 1);
	enum err e;
	raft_index expected = 1, handed = 0;
	raft_tick(g.r, g.now);
	for (uint64_t round = 0; round < 300; round++) {
		for (uint64_t i = 0; i < round % 97; i++)
			CHECK(raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e) > 0);
		turn(&g, 0);
		const struct effect *a = effect(&g, EFF_APPEND, 0);
		for (size_t i = 0; a && i < a->append.n; i++)
			CHECK_EQ(a->append.entries[i].index, ++handed);
		if (a && round % 3)
			raft_logged(g.r, a->append.sequence);
		for (const struct raft_entry *at; (at = raft_next(g.r)); expected++)
			CHECK_EQ(at->index, expected);
	}
	CHECK(expected > 10000);
	rig_free(&g);
}

TEST(raft, too_much_at_once_is_refused)
{
	struct rig g = rig(3, true, 1);
	enum err e = OK;
	unsigned taken = 0;
	raft_tick(g.r, g.now);
	while (raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e))
		taken++;
	CHECK_EQ(e, ERR_FULL);
	CHECK_EQ(taken + 2, RAFT_PENDING_MAX);
	rig_free(&g);
}

/* ---- following ---- */

/* The same requests in the same order as a server of Consul 1.0.8 got them. */
TEST(raft, a_follower_answers_as_the_reference)
{
	struct rig g = rig(3, false, 0);
	struct lines l;
	raft_tick(g.r, g.now);
	for (lines_open(&l, "../raft/follower.txt"); lines_next(&l);) {
		struct slice bytes = lines_hex(&l, 0), text = l.word[1];
		size_t n = strtoul(text.p, NULL, 10);
		struct raft_install install;
		struct raft_wire_answer a;
		char *state = n ? calloc(n, 1) : NULL;
		raft_request(g.r, 1, bytes, slice_at(state, n));
		if (raft_installed(g.r, &install)) {
			CHECK_EQ(install.index, 200);
			CHECK_EQ(install.state.n, n);
			raft_install_done(g.r, S_NONE);
		}
		turn(&g, 0);
		while (raft_next(g.r))
			;
		a = answered(&g, (enum raft_wire_kind)bytes.p[0], 0);
		if (!slice_is(l.word[2], "-")) {
			CHECK_STR(a.error, "operation not supported with current protocol version");
		} else {
			CHECK_EQ(a.success, strtoul(l.word[3].p, NULL, 10));
			CHECK_EQ(a.term, strtoul(l.word[4].p, NULL, 10));
			CHECK_EQ(a.last_log, strtoul(l.word[5].p, NULL, 10));
			CHECK_EQ(a.no_backoff, strtoul(l.word[6].p, NULL, 10));
		}
		free(state);
	}
	CHECK_EQ(raft_state(g.r)->applied, 200);
	CHECK_EQ(raft_state(g.r)->last, 200);
	lines_close(&l);
	rig_free(&g);
}

TEST(raft, a_vote_leaves_when_it_is_on_disk)
{
	struct rig g = rig(3, true, 3);
	turn(&g, 0);
	logged(&g);
	request(&g, 5, vote(7, TWO, 10, 1));
	CHECK(!effect(&g, EFF_RAFT_ANSWER, 0));
	const struct effect *e = effect(&g, EFF_APPEND, 0);
	ASSERT(e);
	CHECK_EQ(e->append.n, 0);
	CHECK_EQ(e->append.vote_term, 7);
	CHECK_STR(e->append.voted_for, TWO);
	logged(&g);
	CHECK(answered(&g, RAFT_WIRE_VOTE, 0).success);
	request(&g, 6, vote(7, THREE, 10, 1));
	CHECK(!answered(&g, RAFT_WIRE_VOTE, 0).success); /* one a term */
	request(&g, 6, vote(8, THREE, 0, 0));
	logged(&g);
	CHECK(!answered(&g, RAFT_WIRE_VOTE, 0).success); /* its log is shorter than ours; the term is taken over */
	CHECK_EQ(raft_state(g.r)->term, 8);
	rig_free(&g);
}

TEST(raft, a_vote_survives_a_restart)
{
	struct rig g = rig(3, true, 0);
	raft_free(g.r);
	const struct raft_options o = {.id = "one", .address = ME, .protocol = 3, .durable = true, .log = &quiet};
	g.r = raft_new(&o);
	ASSERT(g.r);
	raft_recover_hard(g.r, 9, 9, S(TWO), 0);
	raft_start(g.r, g.now);
	request(&g, 1, vote(9, THREE, 50, 8));
	CHECK(!answered(&g, RAFT_WIRE_VOTE, 0).success);
	request(&g, 1, vote(9, TWO, 50, 8));
	CHECK(answered(&g, RAFT_WIRE_VOTE, 0).success); /* the same one again */
	rig_free(&g);
}

TEST(raft, with_a_leader_votes_are_denied_and_terms_not_taken_over)
{
	struct rig g = rig(3, false, 3);
	turn(&g, 0);
	request(&g, 1, beat(4));
	CHECK(answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK_STR(raft_leader(g.r), TWO);
	request(&g, 2, vote(9, THREE, 50, 8));
	CHECK(!answered(&g, RAFT_WIRE_VOTE, 0).success);
	CHECK_EQ(answered(&g, RAFT_WIRE_VOTE, 0).term, 4);
	raft_closed(g.r, 1); /* the leader's connection: nobody leads, as far as we know */
	request(&g, 2, vote(9, THREE, 50, 8));
	CHECK(answered(&g, RAFT_WIRE_VOTE, 0).success);
	rig_free(&g);
}

TEST(raft, entries_are_acknowledged_from_disk_and_beats_at_once)
{
	struct rig g = rig(3, true, 3);
	const struct raft_entry entries[] = {{.index = 2, .term = 3, .type = RAFT_COMMAND, .data = S("a")},
	        {.index = 3, .term = 3, .type = RAFT_COMMAND, .data = S("b")}};
	turn(&g, 0);
	logged(&g);
	request(&g, 1, append(3, 1, 1, entries, 2, 2));
	CHECK(!effect(&g, EFF_RAFT_ANSWER, 0));
	const struct effect *e = effect(&g, EFF_APPEND, 0);
	ASSERT(e);
	uint64_t sequence = e->append.sequence;
	CHECK_EQ(e->append.n, 2);
	CHECK_EQ(raft_next(g.r)->index, 1);
	CHECK(raft_next(g.r) == NULL); /* committed, but a follower is not ahead of its disk */
	raft_logged(g.r, sequence);
	turn(&g, 0);
	CHECK(answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK_EQ(answered(&g, RAFT_WIRE_APPEND, 0).last_log, 1); /* before the request's own */
	CHECK_STR(raft_next(g.r)->data, "a");
	CHECK(raft_next(g.r) == NULL);
	const struct raft_entry more = {.index = 4, .term = 3, .type = RAFT_COMMAND, .data = S("c")};
	request(&g, 1, append(3, 3, 3, &more, 1, 4));
	CHECK(!effect(&g, EFF_RAFT_ANSWER, 0));
	request(&g, 2, beat(3));
	CHECK_EQ(effect(&g, EFF_RAFT_ANSWER, 0)->raft.conn, 2);
	request(&g, 1, beat(3));
	CHECK(!effect(&g, EFF_RAFT_ANSWER, 0)); /* behind the other on the same connection */
	rig_free(&g);
}

TEST(raft, a_conflict_cuts_the_log_and_the_configuration)
{
	struct rig g = rig(3, true, 3);
	struct buf two = {0};
	size_t n;
	raft_wire_put_configuration(&two, group, 2);
	const struct raft_entry old = {.index = 2, .term = 3, .type = RAFT_CONFIGURATION, .data = buf_view(&two)};
	const struct raft_entry new = {.index = 2, .term = 4, .type = RAFT_COMMAND, .data = S("x")};
	turn(&g, 0);
	logged(&g);
	request(&g, 1, append(3, 1, 1, &old, 1, 1));
	raft_configuration(g.r, &n, NULL);
	CHECK_EQ(n, 2); /* in force as soon as it is there */
	logged(&g);
	request(&g, 2, append(4, 2, 4, NULL, 0, 1));
	logged(&g);
	CHECK(!answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK(answered(&g, RAFT_WIRE_APPEND, 0).no_backoff);
	request(&g, 2, append(4, 1, 1, &new, 1, 1));
	raft_configuration(g.r, &n, NULL);
	CHECK_EQ(n, 3);
	CHECK_EQ(effect(&g, EFF_APPEND, 0)->append.cut_after, 1);
	CHECK_EQ(effect(&g, EFF_APPEND, 0)->append.n, 1);
	logged(&g);
	CHECK(answered(&g, RAFT_WIRE_APPEND, 0).success);
	/* What is committed is not cut by anybody. */
	request(&g, 2, append(5, 0, 0, &(struct raft_entry){.index = 1, .term = 5}, 1, 1));
	logged(&g);
	CHECK(!answered(&g, RAFT_WIRE_APPEND, 0).success);
	buf_free(&two);
	rig_free(&g);
}

TEST(raft, nonsense_closes_the_connection)
{
	struct rig g = rig(3, false, 3);
	raft_tick(g.r, g.now);
	raft_request(g.r, 8, S("\x00\xc1"), S_NONE);
	turn(&g, 0);
	CHECK_EQ(effect(&g, EFF_RAFT_ANSWER, 0)->raft.bytes.n, 0);
	rig_free(&g);
}

TEST(raft, the_oldest_servers_get_lists_of_peers)
{
	struct rig g = rig(1, false, 3);
	struct buf want = {0};
	raft_wire_put_peers(&want, group, 3);
	turn(&g, 0);
	struct raft_wire_request q = vote(5, TWO, 9, 9);
	q.vote.protocol = 1;
	request(&g, 1, q);
	struct raft_wire_answer a = answered(&g, RAFT_WIRE_VOTE, 0);
	CHECK(a.success);
	CHECK_EQ(a.protocol, 1);
	CHECK_BYTES(S("peers"), a.peers, buf_view(&want));
	buf_free(&want);
	rig_free(&g);
}

/* ---- electing, leading ---- */

TEST(raft, a_closed_connection_makes_it_ask_at_once)
{
	struct rig g = rig(3, false, 3);
	struct arena a = {0};
	struct raft_wire_request q;
	raft_peer_prevote(g.r, S("two"), true);
	raft_peer_prevote(g.r, S("three"), true);
	turn(&g, 0);
	request(&g, 1, beat(4));
	raft_closed(g.r, 1);
	CHECK(raft_next_tick(g.r) <= g.now + 20 * NS_PER_MS);
	turn(&g, 20 * NS_PER_MS);
	const struct effect *e = effect(&g, EFF_RAFT_SEND, 0);
	ASSERT(e && raft_wire_read_request(e->raft.bytes, &a, &q));
	CHECK(q.vote.prevote);
	CHECK_EQ(q.vote.term, 5);
	CHECK_EQ(raft_state(g.r)->term, 4); /* a question only */
	request(&g, 3, beat(4));            /* it lives */
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK(raft_next_tick(g.r) >= g.now + NS_PER_S);
	arena_free(&a);
	rig_free(&g);
}

/* Real peers know no pre-vote: each try is a new term for them, too. */
TEST(raft, whose_log_is_behind_gives_the_others_time_to_stand)
{
	struct rig g = rig(3, true, 3);
	turn(&g, 0);
	logged(&g);
	turn(&g, 3 * NS_PER_S);
	logged(&g);
	raft_term term = raft_state(g.r)->term;
	struct raft_wire_answer led = {.protocol = 3, .term = term - 1}, refused = {.protocol = 3, .term = term};
	answer(&g, 0, RAFT_WIRE_VOTE, led);
	answer(&g, 1, RAFT_WIRE_VOTE, led);
	CHECK(raft_next_tick(g.r) < g.now + NS_PER_S / 2); /* they have a leader: no longer, perhaps */
	turn(&g, NS_PER_S / 2);
	logged(&g);
	CHECK_EQ(raft_state(g.r)->term, term + 1);
	refused.term = term + 1;
	answer(&g, 0, RAFT_WIRE_VOTE, refused);
	answer(&g, 1, RAFT_WIRE_VOTE, refused);
	CHECK(raft_next_tick(g.r) >= g.now + NS_PER_S);
	request(&g, 1, beat(term + 2));
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	for (int tries = 0; tries < 10; tries++) { /* they go on having one: it is us whom it does not reach */
		CHECK(tries == 0 || raft_next_tick(g.r) < g.now + NS_PER_S / 2);
		turn(&g, tries ? NS_PER_S / 2 : 3 * NS_PER_S);
		logged(&g);
		answer(&g, 0, RAFT_WIRE_VOTE, led);
		answer(&g, 1, RAFT_WIRE_VOTE, led);
	}
	CHECK(raft_next_tick(g.r) >= g.now + NS_PER_S);
	rig_free(&g);
}

TEST(raft, a_leader_counts_a_quorum_of_disks)
{
	struct rig g = leader();
	enum err e;
	int tag;
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("x"), &tag, &e), 3);
	turn(&g, 0);
	CHECK_EQ(raft_state(g.r)->commit, 0);
	logged(&g); /* ours alone are not enough */
	CHECK_EQ(raft_state(g.r)->commit, 0);
	rig_free(&g);

	g = leader(); /* beats and first entries to both went out when it began */
	for (size_t i = 0; effect(&g, EFF_RAFT_SEND, i); i++)
		if (effect(&g, EFF_RAFT_SEND, i)->raft.channel == RAFT_LOG) {
			answer(&g, i, RAFT_WIRE_APPEND,
			        (struct raft_wire_answer){.term = 2, .success = true, .last_log = 1});
			break;
		}
	CHECK_EQ(raft_state(g.r)->commit, 0); /* two has it, our own disk is not done */
	logged(&g);
	CHECK_EQ(raft_state(g.r)->commit, 2);
	rig_free(&g);
}

TEST(raft, a_leader_without_a_quorum_steps_down)
{
	struct rig g = leader();
	void *tag;
	bool leads;
	int mine;
	raft_verify(g.r, &mine);
	CHECK(!raft_verified(g.r, &tag, &leads));
	turn(&g, 600 * NS_PER_MS);
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK(raft_leader(g.r).n == 0);
	ASSERT(raft_verified(g.r, &tag, &leads));
	CHECK(tag == &mine && !leads);
	rig_free(&g);
}

TEST(raft, a_higher_term_ends_leadership)
{
	struct rig g = leader();
	enum err e;
	int tag;
	raft_propose(g.r, RAFT_COMMAND, S("x"), &tag, &e);
	turn(&g, 0);
	request(&g, 4, beat(9));
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK_STR(raft_leader(g.r), TWO);
	CHECK(raft_drop(g.r)->tag == &tag); /* may be committed yet, by somebody else */
	CHECK(raft_drop(g.r) == NULL);
	CHECK_EQ(raft_state(g.r)->last, 3);
	rig_free(&g);
}

TEST(raft, changes_of_the_group_are_checked_and_come_one_by_one)
{
	struct rig g = rig(3, false, 1);
	struct fail f = {0};
	size_t n;
	turn(&g, 0);
	while (raft_next(g.r))
		;
	CHECK_EQ(raft_change(g.r, RAFT_REMOVE, S("one"), S_NONE, NULL, &f), 0);
	CHECK_STR(slice_of(f.text), "Need at least one voter in configuration: {[]}");
	CHECK_EQ(raft_change(g.r, RAFT_ADD_VOTER, S("two"), S(ME), NULL, &f), 0);
	CHECK_STR(slice_of(f.text), "Found duplicate address in configuration: " ME);
	CHECK(raft_change(g.r, RAFT_ADD_NONVOTER, S("two"), S(TWO), NULL, &f) > 0);
	raft_configuration(g.r, &n, NULL);
	CHECK_EQ(n, 2);
	CHECK(!raft_configuration_stable(g.r));
	CHECK_EQ(raft_change(g.r, RAFT_ADD_VOTER, S("two"), S(TWO), NULL, &f), 0);
	CHECK_EQ(f.code, ERR_FULL);
	turn(&g, 0);
	CHECK(raft_configuration_stable(g.r)); /* a nonvoter need not agree */
	CHECK(raft_change(g.r, RAFT_ADD_VOTER, S("two"), S(TWO), NULL, &f) > 0);
	turn(&g, 0);
	CHECK(!raft_configuration_stable(g.r)); /* a voter must */
	rig_free(&g);
}

TEST(raft, a_new_group_can_be_made_once)
{
	struct rig g = rig(2, true, 3);
	struct fail f;
	turn(&g, 0);
	const struct effect *e = effect(&g, EFF_APPEND, 0);
	CHECK_EQ(e->append.entries[0].type, RAFT_REMOVE_PEER); /* which the oldest can read */
	CHECK_EQ(e->append.entries[0].term, 1);
	CHECK_EQ(raft_bootstrap(g.r, group, 3, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "bootstrap only works on new clusters");
	rig_free(&g);
}

TEST(raft, recovery_applies_what_is_known_to_be_committed)
{
	struct rig g = rig(3, true, 0);
	raft_free(g.r);
	const struct raft_options o = {.id = "one", .address = ME, .protocol = 3, .durable = true, .log = &quiet};
	g.r = raft_new(&o);
	ASSERT(g.r);
	raft_recover_snapshot(g.r, 100, 4, group, 3, 1);
	raft_recover_hard(g.r, 6, 6, S(THREE), 102);
	for (raft_index i = 101; i <= 105; i++)
		raft_recover_entry(g.r, &(struct raft_entry){.index = i, .term = 5, .data = S("x")});
	CHECK_EQ(raft_next(g.r)->index, 101);
	CHECK_EQ(raft_next(g.r)->index, 102);
	CHECK(raft_next(g.r) == NULL); /* a leader has to say so */
	raft_start(g.r, g.now);
	request(&g, 1, append(7, 105, 5, NULL, 0, 104));
	logged(&g);
	CHECK(answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK_EQ(raft_next(g.r)->index, 103);
	CHECK_EQ(raft_next(g.r)->index, 104);
	CHECK(raft_next(g.r) == NULL);
	rig_free(&g);
}

/* ---- reading the newest ---- */

static struct raft_wire_request question(raft_term term, const char *reader)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_READ};
	q.read = (struct raft_wire_read){3, term, slice_of(reader)};
	return q;
}

/* The nth request sent on the channel of beats. */
static const struct effect *asked(struct rig *g, struct raft_wire_request *q, size_t nth)
{
	for (size_t i = 0; effect(g, EFF_RAFT_SEND, i); i++) {
		const struct effect *e = effect(g, EFF_RAFT_SEND, i);
		if (e->raft.channel == RAFT_BEAT && raft_wire_read_request(e->raft.bytes, &g->a, q) && !nth--)
			return e;
	}
	return NULL;
}

static void said(struct rig *g, uint64_t tag, struct raft_wire_answer a)
{
	struct buf b = {0};
	raft_wire_put_answer(&b, RAFT_WIRE_READ, &a);
	raft_answer(g->r, S("two"), RAFT_BEAT, tag, buf_view(&b));
	buf_free(&b);
	turn(g, 0);
}

/* Follows "two", which is one of ours, in term 4; it has entry 2 of it, not known to be committed. */
static struct rig follower(void)
{
	struct rig g = rig(3, false, 3);
	const struct raft_entry e = {.index = 2, .term = 4, .type = RAFT_NOOP};
	raft_peer_prevote(g.r, S("two"), true);
	turn(&g, 0);
	request(&g, 1, append(4, 1, 1, &e, 1, 1));
	CHECK(answered(&g, RAFT_WIRE_APPEND, 0).success);
	while (raft_next(g.r))
		;
	CHECK_EQ(raft_state(g.r)->applied, 1);
	return g;
}

TEST(raft, a_follower_asks_once_for_all_who_want_to_read)
{
	struct rig g = follower();
	struct raft_wire_request q;
	int first, second, third;
	void *tag;
	bool newest;
	CHECK(raft_reads(g.r));
	raft_verify(g.r, &first);
	raft_verify(g.r, &second);
	turn(&g, 0);
	const struct effect *e = asked(&g, &q, 0);
	ASSERT(e && q.kind == RAFT_WIRE_READ);
	CHECK_STR(e->raft.peer, "two");
	CHECK_EQ(q.read.term, 4);
	CHECK_STR(q.read.reader, "one");
	CHECK(!asked(&g, &q, 1));
	uint64_t question = e->raft.tag;
	raft_verify(g.r, &third); /* came after it: the next question is his */
	turn(&g, 0);
	CHECK(!asked(&g, &q, 0));
	said(&g, question, (struct raft_wire_answer){.term = 4, .success = true, .index = 2});
	CHECK_EQ(raft_state(g.r)->commit, 2); /* it told us that, too */
	e = asked(&g, &q, 0);
	ASSERT(e);
	question = e->raft.tag;
	CHECK(!raft_verified(g.r, &tag, &newest)); /* not applied yet */
	CHECK(raft_next(g.r) != NULL);
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(tag == &first && newest);
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(tag == &second && newest);
	CHECK(!raft_verified(g.r, &tag, &newest));
	said(&g, question, (struct raft_wire_answer){.term = 4, .success = true, .index = 3});
	CHECK_EQ(raft_state(g.r)->commit, 2); /* we have not got 3 */
	CHECK(!raft_verified(g.r, &tag, &newest));
	const struct raft_entry more = {.index = 3, .term = 4, .type = RAFT_NOOP};
	request(&g, 1, append(4, 2, 4, &more, 1, 1));
	CHECK_EQ(raft_state(g.r)->commit, 3);
	CHECK(raft_next(g.r) != NULL);
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(tag == &third && newest);
	rig_free(&g);
}

TEST(raft, a_follower_without_a_leader_that_can_tell_says_no)
{
	struct rig g = follower();
	struct raft_wire_request q;
	int mine;
	void *tag;
	bool newest;
	raft_peer_prevote(g.r, S("two"), false); /* none of ours */
	CHECK(!raft_reads(g.r));
	raft_verify(g.r, &mine);
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(tag == &mine && !newest);
	raft_peer_prevote(g.r, S("two"), true);
	raft_verify(g.r, &mine);
	turn(&g, 0);
	ASSERT(asked(&g, &q, 0));
	raft_lost(g.r, S("two"), RAFT_BEAT);
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(!newest);
	CHECK(!raft_reads(g.r)); /* for a moment nobody is kept waiting for the same */
	turn(&g, 2 * NS_PER_S);
	rig_free(&g);

	g = follower();
	raft_verify(g.r, &mine);
	turn(&g, 0);
	ASSERT(asked(&g, &q, 0));
	request(&g, 3, append(5, 2, 4, NULL, 0, 1)); /* another term, before the answer */
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(!newest);
	rig_free(&g);

	g = follower();
	raft_verify(g.r, &mine);
	turn(&g, 0);
	ASSERT(asked(&g, &q, 0));
	for (int i = 0; i < 10; i++) {
		CHECK(!raft_verified(g.r, &tag, &newest));
		request(&g, 1, beat(4)); /* it lives, but what we ask gets nowhere */
		turn(&g, 100 * NS_PER_MS);
	}
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(!newest);
	rig_free(&g);
}

TEST(raft, a_leader_tells_followers_how_far_the_newest_is)
{
	struct rig g = leader();
	raft_term term = raft_state(g.r)->term;
	request(&g, 7, question(term, "two"));
	CHECK(!effect(&g, EFF_RAFT_ANSWER, 0)); /* nothing of its own term is committed */
	request(&g, 8, question(term - 1, "two"));
	CHECK(!answered(&g, RAFT_WIRE_READ, 0).success);
	raft_step_down(g.r);
	turn(&g, 0);
	CHECK(!answered(&g, RAFT_WIRE_READ, 0).success);
	rig_free(&g);

	g = leader();
	for (size_t i = 0; effect(&g, EFF_RAFT_SEND, i); i++)
		if (effect(&g, EFF_RAFT_SEND, i)->raft.channel == RAFT_LOG) {
			answer(&g, i, RAFT_WIRE_APPEND,
			        (struct raft_wire_answer){.term = 2, .success = true, .last_log = 1});
			break;
		}
	logged(&g);
	request(&g, 7, question(term, "two")); /* with two that is a majority of three */
	struct raft_wire_answer a = answered(&g, RAFT_WIRE_READ, 0);
	CHECK(a.success);
	CHECK_EQ(a.index, 2);
	request(&g, 7, question(term, "nobody")); /* who is no voter is not counted */
	CHECK(!effect(&g, EFF_RAFT_ANSWER, 0));
	struct raft_wire_request q;
	ASSERT(asked(&g, &q, 0)); /* a beat for it */
	CHECK_EQ(q.kind, RAFT_WIRE_APPEND);
	for (size_t i = 0; effect(&g, EFF_RAFT_SEND, i); i++)
		if (effect(&g, EFF_RAFT_SEND, i)->raft.channel == RAFT_BEAT) {
			answer(&g, i, RAFT_WIRE_APPEND, (struct raft_wire_answer){.term = term, .success = true});
			break;
		}
	turn(&g, 0);
	CHECK(answered(&g, RAFT_WIRE_READ, 0).success);
	rig_free(&g);
}

/* ---- the first leader ---- */

static struct rig fresh(const char *id, const char *address, bool ours)
{
	struct rig g = {.now = NS_PER_S};
	const struct raft_options o = {.id = id, .address = address, .protocol = 3, .seed = 7, .log = &quiet};
	struct fail f;
	g.r = raft_new(&o);
	ASSERT(g.r);
	raft_start(g.r, g.now);
	for (size_t i = 0; i < ARRAY_LEN(group); i++)
		raft_peer_prevote(g.r, group[i].id, ours);
	ASSERT(!raft_bootstrap(g.r, group, 3, &f));
	return g;
}

TEST(raft, the_first_of_a_new_group_begins_at_once)
{
	struct raft_wire_request q;
	struct rig g = fresh("one", ME, true);
	turn(&g, 20 * NS_PER_MS);
	ASSERT(asked(&g, &q, 0));
	CHECK(q.vote.prevote);
	CHECK(asked(&g, &q, 1));
	rig_free(&g);
	g = fresh("three", THREE, true); /* two have a head start of 100 ms each */
	turn(&g, 199 * NS_PER_MS);
	CHECK(!asked(&g, &q, 0));
	turn(&g, 22 * NS_PER_MS);
	CHECK(asked(&g, &q, 0));
	rig_free(&g);
	g = fresh("one", ME, false); /* real ones have to be left in peace until they, too, wait in vain */
	for (int i = 0; i < 9; i++) {
		turn(&g, 100 * NS_PER_MS);
		CHECK(!asked(&g, &q, 0));
	}
	turn(&g, NS_PER_S + 200 * NS_PER_MS);
	CHECK_EQ(raft_state(g.r)->role, RAFT_CANDIDATE);
	rig_free(&g);
}

TEST(raft, who_comes_back_asks_when_nobody_has_found_it)
{
	const struct raft_options o = {.id = "one", .address = ME, .protocol = 3, .seed = 7, .log = &quiet};
	struct raft_wire_request q;
	struct rig g = {.r = raft_new(&o), .now = NS_PER_S};
	ASSERT(g.r);
	raft_recover_snapshot(g.r, 9, 4, group, 3, 1);
	raft_start(g.r, g.now);
	raft_peer_prevote(g.r, S("two"), true);
	turn(&g, 599 * NS_PER_MS); /* somebody may lead, who hears only then that he has lost his quorum */
	CHECK(!asked(&g, &q, 0));
	turn(&g, 122 * NS_PER_MS);
	ASSERT(asked(&g, &q, 0));
	CHECK(q.vote.prevote);
	CHECK_EQ(raft_state(g.r)->term, 4);
	request(&g, 1, beat(4)); /* there is a leader */
	for (int i = 0; i < 9; i++) {
		turn(&g, 100 * NS_PER_MS);
		CHECK(!asked(&g, &q, 0));
	}
	rig_free(&g);
}

TEST(raft, a_snapshot_of_an_earlier_term_is_known_as_stale)
{
	struct rig g = rig(3, false, 3);
	struct buf peers = {0}, all = {0}, b = {0};
	struct raft_wire_request q = {.kind = RAFT_WIRE_INSTALL};
	struct raft_install got;
	turn(&g, 0);
	raft_wire_put_peers(&peers, group, 3);
	raft_wire_put_configuration(&all, group, 3);
	q.install = (struct raft_wire_install){.protocol = 3,
	        .version = 1,
	        .term = 4,
	        .leader = S(TWO),
	        .last = 9,
	        .last_term = 4,
	        .peers = buf_view(&peers),
	        .configuration = buf_view(&all),
	        .configuration_index = 1,
	        .size = 1};
	raft_wire_put_request(&b, &q);
	raft_request(g.r, 1, buf_view(&b), S("x"));
	turn(&g, 0);
	ASSERT(raft_installed(g.r, &got));
	CHECK(!raft_install_stale(g.r));
	request(&g, 2, beat(5));
	CHECK(raft_install_stale(g.r));
	raft_install_done(g.r, S("there is a new leader"));
	CHECK(!raft_install_stale(g.r));
	CHECK_EQ(raft_state(g.r)->last, 1);
	buf_free(&peers);
	buf_free(&all);
	buf_free(&b);
	rig_free(&g);
}
