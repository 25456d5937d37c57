/* A server that is alone: electing itself, waiting for its disk, making a group, coming back. Groups are the
 * simulator's business (tests/sim/raft_*). */
#include "tests/unit/raft/rig.h"

TEST(raft, alone_it_elects_itself_in_the_next_term)
{
	struct rig g = rig_of(3, false, 1);
	rig_turn(&g, 0);
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
	struct rig g = rig_of(3, false, 0);
	enum err e;
	rig_turn(&g, NS_PER_MIN);
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e), 0);
	CHECK_EQ(e, ERR_NO_LEADER);
	rig_free(&g);
}

TEST(raft, nothing_is_applied_before_it_is_durable)
{
	struct rig g = rig_of(3, true, 1);
	enum err e;
	raft_tick(g.r, g.now);
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("a"), NULL, &e), 3);
	rig_turn(&g, 0);
	const struct effect *first = rig_effect(&g, EFF_APPEND, 0);
	ASSERT(first);
	CHECK_EQ(first->append.n, 3);
	CHECK_EQ(first->append.term, 2);
	CHECK_EQ(first->append.vote_term, 2);
	CHECK_STR(first->append.voted_for, ME);
	CHECK(first->append.cut_after == UINT64_MAX);
	CHECK(raft_next(g.r) == NULL);
	rig_logged(&g);
	CHECK_EQ(raft_next(g.r)->index, 1);
	CHECK_EQ(raft_next(g.r)->index, 2);
	CHECK_STR(raft_next(g.r)->data, "a");
	CHECK(raft_next(g.r) == NULL);
	rig_turn(&g, 0);
	CHECK_EQ(g.out.n, 0); /* nothing is handed over twice */
	rig_free(&g);
}

TEST(raft, a_failed_log_gives_back_what_is_not_committed_and_recovers)
{
	struct rig g = rig_of(3, true, 1);
	enum err e;
	int tags[2];
	rig_turn(&g, 0);
	rig_logged(&g);
	while (raft_next(g.r))
		;
	for (int i = 0; i < 2; i++)
		raft_propose(g.r, RAFT_COMMAND, S("x"), &tags[i], &e);
	rig_turn(&g, 0);
	raft_log_failed(g.r, rig_effect(&g, EFF_APPEND, 0)->append.sequence, 2);
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK(raft_drop(g.r)->tag == &tags[1]);
	CHECK(raft_drop(g.r)->tag == &tags[0]);
	CHECK(raft_drop(g.r) == NULL);
	CHECK_EQ(raft_state(g.r)->last, 2);
	rig_turn(&g, NS_PER_S / 2);
	CHECK(!rig_effect(&g, EFF_APPEND, 0)); /* not yet */
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e), 0);
	rig_turn(&g, NS_PER_S);
	CHECK_EQ(rig_effect(&g, EFF_APPEND, 0)->append.cut_after, 2);
	rig_logged(&g);
	CHECK_EQ(raft_state(g.r)->role, RAFT_LEADER);
	CHECK_EQ(raft_state(g.r)->term, 3);
	rig_free(&g);
}

TEST(raft, the_ring_of_pending_entries_keeps_order)
{
	struct rig g = rig_of(3, true, 1);
	enum err e;
	raft_index expected = 1, handed = 0;
	raft_tick(g.r, g.now);
	for (uint64_t round = 0; round < 300; round++) {
		for (uint64_t i = 0; i < round % 97; i++)
			CHECK(raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e) > 0);
		rig_turn(&g, 0);
		const struct effect *a = rig_effect(&g, EFF_APPEND, 0);
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
	struct rig g = rig_of(3, true, 1);
	enum err e = OK;
	unsigned taken = 0;
	raft_tick(g.r, g.now);
	while (raft_propose(g.r, RAFT_COMMAND, S("x"), NULL, &e))
		taken++;
	CHECK_EQ(e, ERR_FULL);
	CHECK_EQ(taken + 2, RAFT_PENDING_MAX);
	rig_free(&g);
}

TEST(raft, a_new_group_can_be_made_once)
{
	struct rig g = rig_of(2, true, 3);
	struct fail f;
	rig_turn(&g, 0);
	const struct effect *e = rig_effect(&g, EFF_APPEND, 0);
	CHECK_EQ(e->append.entries[0].type, RAFT_REMOVE_PEER); /* which the oldest can read */
	CHECK_EQ(e->append.entries[0].term, 1);
	CHECK_EQ(raft_bootstrap(g.r, rig_group, 3, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "bootstrap only works on new clusters");
	rig_free(&g);
}

TEST(raft, recovery_applies_what_is_known_to_be_committed)
{
	struct rig g = rig_of(3, true, 0);
	raft_free(g.r);
	const struct raft_options o = {.id = "one", .address = ME, .protocol = 3, .durable = true, .log = &rig_quiet};
	g.r = raft_new(&o);
	ASSERT(g.r);
	raft_recover_snapshot(g.r, 100, 4, rig_group, 3, 1);
	raft_recover_hard(g.r, 6, 6, S(THREE), 102);
	for (raft_index i = 101; i <= 105; i++)
		raft_recover_entry(g.r, &(struct raft_entry){.index = i, .term = 5, .data = S("x")});
	CHECK_EQ(raft_next(g.r)->index, 101);
	CHECK_EQ(raft_next(g.r)->index, 102);
	CHECK(raft_next(g.r) == NULL); /* a leader has to say so */
	raft_start(g.r, g.now);
	rig_request(&g, 1, rig_append(7, 105, 5, NULL, 0, 104));
	rig_logged(&g);
	CHECK(rig_answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK_EQ(raft_next(g.r)->index, 103);
	CHECK_EQ(raft_next(g.r)->index, 104);
	CHECK(raft_next(g.r) == NULL);
	rig_free(&g);
}
