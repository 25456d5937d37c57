/* Electing and leading. */
#include "tests/unit/raft/rig.h"

TEST(raft, a_closed_connection_makes_it_ask_at_once)
{
	struct rig g = rig_of(3, false, 3);
	struct arena a = {0};
	struct raft_wire_request q;
	raft_peer_prevote(g.r, S("two"), true);
	raft_peer_prevote(g.r, S("three"), true);
	rig_turn(&g, 0);
	rig_request(&g, 1, rig_beat(4));
	raft_closed(g.r, 1);
	CHECK(raft_next_tick(g.r) <= g.now + 20 * NS_PER_MS);
	rig_turn(&g, 20 * NS_PER_MS);
	const struct effect *e = rig_effect(&g, EFF_RAFT_SEND, 0);
	ASSERT(e && raft_wire_read_request(e->raft.bytes, &a, &q));
	CHECK(q.vote.prevote);
	CHECK_EQ(q.vote.term, 5);
	CHECK_EQ(raft_state(g.r)->term, 4); /* a question only */
	rig_request(&g, 3, rig_beat(4));    /* it lives */
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK(raft_next_tick(g.r) >= g.now + NS_PER_S);
	arena_free(&a);
	rig_free(&g);
}

/* Real peers know no pre-vote: each try is a new term for them, too. */
TEST(raft, whose_log_is_behind_gives_the_others_time_to_stand)
{
	struct rig g = rig_of(3, true, 3);
	rig_turn(&g, 0);
	rig_logged(&g);
	rig_turn(&g, 3 * NS_PER_S);
	rig_logged(&g);
	raft_term term = raft_state(g.r)->term;
	struct raft_wire_answer led = {.protocol = 3, .term = term - 1}, refused = {.protocol = 3, .term = term};
	rig_answer(&g, 0, RAFT_WIRE_VOTE, led);
	rig_answer(&g, 1, RAFT_WIRE_VOTE, led);
	CHECK(raft_next_tick(g.r) < g.now + NS_PER_S / 2); /* they have a leader: no longer, perhaps */
	rig_turn(&g, NS_PER_S / 2);
	rig_logged(&g);
	CHECK_EQ(raft_state(g.r)->term, term + 1);
	refused.term = term + 1;
	rig_answer(&g, 0, RAFT_WIRE_VOTE, refused);
	rig_answer(&g, 1, RAFT_WIRE_VOTE, refused);
	CHECK(raft_next_tick(g.r) >= g.now + NS_PER_S);
	rig_request(&g, 1, rig_beat(term + 2));
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	for (int tries = 0; tries < 10; tries++) { /* they go on having one: it is us whom it does not reach */
		CHECK(tries == 0 || raft_next_tick(g.r) < g.now + NS_PER_S / 2);
		rig_turn(&g, tries ? NS_PER_S / 2 : 3 * NS_PER_S);
		rig_logged(&g);
		rig_answer(&g, 0, RAFT_WIRE_VOTE, led);
		rig_answer(&g, 1, RAFT_WIRE_VOTE, led);
	}
	CHECK(raft_next_tick(g.r) >= g.now + NS_PER_S);
	rig_free(&g);
}

/* One that was let go may not know that this is settled: hashicorp's, too, stands then, but at leisure. */
TEST(raft, without_a_voice_it_stands_seldom)
{
	struct rig g = rig_of(3, true, 3);
	struct raft_server servers[3];
	struct buf data = {0};
	memcpy(servers, rig_group, sizeof servers);
	servers[0].suffrage = RAFT_NONVOTER;
	raft_wire_put_configuration(&data, servers, 3);
	const struct raft_entry e = {.index = 2, .term = 3, .type = RAFT_CONFIGURATION, .data = buf_view(&data)};
	rig_turn(&g, 0);
	rig_logged(&g);
	rig_request(&g, 1, rig_append(3, 1, 1, &e, 1, 1));
	rig_logged(&g);
	CHECK(!raft_state(g.r)->voter);
	rig_turn(&g, 3 * NS_PER_S);
	rig_logged(&g);
	CHECK_EQ(raft_state(g.r)->term, 4);
	rig_answer(&g, 0, RAFT_WIRE_VOTE, (struct raft_wire_answer){.protocol = 3, .term = 3}); /* has a leader */
	CHECK(raft_next_tick(g.r) >= g.now + NS_PER_S);
	buf_free(&data);
	rig_free(&g);
}

TEST(raft, a_leader_counts_a_quorum_of_disks)
{
	struct rig g = rig_leader();
	enum err e;
	int tag;
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("x"), &tag, &e), 3);
	rig_turn(&g, 0);
	CHECK_EQ(raft_state(g.r)->commit, 0);
	rig_logged(&g); /* ours alone are not enough */
	CHECK_EQ(raft_state(g.r)->commit, 0);
	rig_free(&g);

	g = rig_leader(); /* beats and first entries to both went out when it began */
	for (size_t i = 0; rig_effect(&g, EFF_RAFT_SEND, i); i++)
		if (rig_effect(&g, EFF_RAFT_SEND, i)->raft.channel == RAFT_LOG) {
			rig_answer(&g, i, RAFT_WIRE_APPEND,
			        (struct raft_wire_answer){.term = 2, .success = true, .last_log = 1});
			break;
		}
	CHECK_EQ(raft_state(g.r)->commit, 0); /* two has it, our own disk is not done */
	rig_logged(&g);
	CHECK_EQ(raft_state(g.r)->commit, 2);
	rig_free(&g);
}

TEST(raft, a_leader_without_a_quorum_steps_down)
{
	struct rig g = rig_leader();
	void *tag;
	bool leads;
	int mine;
	raft_verify(g.r, &mine);
	CHECK(!raft_verified(g.r, &tag, &leads));
	rig_turn(&g, 600 * NS_PER_MS);
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK(raft_leader(g.r).n == 0);
	ASSERT(raft_verified(g.r, &tag, &leads));
	CHECK(tag == &mine && !leads);
	rig_free(&g);
}

TEST(raft, a_higher_term_ends_leadership)
{
	struct rig g = rig_leader();
	enum err e;
	int tag;
	raft_propose(g.r, RAFT_COMMAND, S("x"), &tag, &e);
	rig_turn(&g, 0);
	rig_request(&g, 4, rig_beat(9));
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	CHECK_STR(raft_leader(g.r), TWO);
	CHECK(raft_drop(g.r)->tag == &tag); /* may be committed yet, by somebody else */
	CHECK(raft_drop(g.r) == NULL);
	CHECK_EQ(raft_state(g.r)->last, 3);
	rig_free(&g);
}

/* The very first request of the next leader may be the one that replaces them. */
TEST(raft, proposals_that_the_next_leader_replaces_are_given_back)
{
	struct rig g = rig_leader();
	enum err e;
	int tag;
	const struct raft_entry other = {.index = 3, .term = 9};
	CHECK_EQ(raft_propose(g.r, RAFT_COMMAND, S("x"), &tag, &e), 3);
	rig_turn(&g, 0);
	rig_logged(&g);
	rig_request(&g, 4, rig_append(9, 2, 2, &other, 1, 2));
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	const struct raft_entry *dropped = raft_drop(g.r);
	ASSERT(dropped);
	CHECK(dropped->tag == &tag);
	CHECK(raft_drop(g.r) == NULL);
	rig_request(&g, 4, rig_append(9, 2, 2, &other, 1, 2)); /* it is asked again */
	CHECK_EQ(raft_state(g.r)->last, 3);
	CHECK_EQ(raft_state(g.r)->last_term, 9);
	rig_free(&g);
}

TEST(raft, changes_of_the_group_are_checked_and_come_one_by_one)
{
	struct rig g = rig_of(3, false, 1);
	struct fail f = {0};
	size_t n;
	rig_turn(&g, 0);
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
	rig_turn(&g, 0);
	CHECK(raft_configuration_stable(g.r)); /* a nonvoter need not agree */
	CHECK(raft_change(g.r, RAFT_ADD_VOTER, S("two"), S(TWO), NULL, &f) > 0);
	rig_turn(&g, 0);
	CHECK(!raft_configuration_stable(g.r)); /* a voter must */
	rig_free(&g);
}

/* It may still wait to be told of its removal, silent for long. */
TEST(raft, who_is_let_in_again_gets_a_lease_to_be_heard)
{
	struct rig g = rig_of(3, false, 1);
	struct fail f = {0};
	rig_turn(&g, 0);
	while (raft_next(g.r))
		;
	CHECK(raft_change(g.r, RAFT_ADD_NONVOTER, S("two"), S(TWO), NULL, &f) > 0);
	rig_turn(&g, 0);
	CHECK(raft_change(g.r, RAFT_REMOVE, S("two"), S_NONE, NULL, &f) > 0);
	rig_turn(&g, 0);
	rig_turn(&g, NS_PER_S);
	CHECK_EQ(raft_state(g.r)->role, RAFT_LEADER);
	CHECK(raft_change(g.r, RAFT_ADD_VOTER, S("two"), S(TWO), NULL, &f) > 0);
	rig_turn(&g, NS_PER_S / 2);
	CHECK_EQ(raft_state(g.r)->role, RAFT_LEADER);
	rig_turn(&g, NS_PER_S);
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER); /* and no longer */
	rig_free(&g);
}

static struct rig fresh(const char *id, const char *address, bool ours)
{
	struct rig g = {.now = NS_PER_S};
	const struct raft_options o = {.id = id, .address = address, .protocol = 3, .seed = 7, .log = &rig_quiet};
	struct fail f;
	g.r = raft_new(&o);
	ASSERT(g.r);
	raft_start(g.r, g.now);
	for (size_t i = 0; i < ARRAY_LEN(rig_group); i++)
		raft_peer_prevote(g.r, rig_group[i].id, ours);
	ASSERT(!raft_bootstrap(g.r, rig_group, 3, &f));
	return g;
}

TEST(raft, the_first_of_a_new_group_begins_at_once)
{
	struct raft_wire_request q;
	struct rig g = fresh("one", ME, true);
	rig_turn(&g, 20 * NS_PER_MS);
	ASSERT(rig_asked(&g, &q, 0));
	CHECK(q.vote.prevote);
	CHECK(rig_asked(&g, &q, 1));
	rig_free(&g);
	g = fresh("three", THREE, true); /* two have a head start of 100 ms each */
	rig_turn(&g, 199 * NS_PER_MS);
	CHECK(!rig_asked(&g, &q, 0));
	rig_turn(&g, 22 * NS_PER_MS);
	CHECK(rig_asked(&g, &q, 0));
	rig_free(&g);
	g = fresh("one", ME, false); /* real ones have to be left in peace until they, too, wait in vain */
	for (int i = 0; i < 9; i++) {
		rig_turn(&g, 100 * NS_PER_MS);
		CHECK(!rig_asked(&g, &q, 0));
	}
	rig_turn(&g, NS_PER_S + 200 * NS_PER_MS);
	CHECK_EQ(raft_state(g.r)->role, RAFT_CANDIDATE);
	rig_free(&g);
}

TEST(raft, who_comes_back_asks_when_nobody_has_found_it)
{
	const struct raft_options o = {.id = "one", .address = ME, .protocol = 3, .seed = 7, .log = &rig_quiet};
	struct raft_wire_request q;
	struct rig g = {.r = raft_new(&o), .now = NS_PER_S};
	ASSERT(g.r);
	raft_recover_snapshot(g.r, 9, 4, rig_group, 3, 1);
	raft_start(g.r, g.now);
	raft_peer_prevote(g.r, S("two"), true);
	rig_turn(&g, 599 * NS_PER_MS); /* somebody may lead, who hears only then that he has lost his quorum */
	CHECK(!rig_asked(&g, &q, 0));
	rig_turn(&g, 122 * NS_PER_MS);
	ASSERT(rig_asked(&g, &q, 0));
	CHECK(q.vote.prevote);
	CHECK_EQ(raft_state(g.r)->term, 4);
	rig_request(&g, 1, rig_beat(4)); /* there is a leader */
	for (int i = 0; i < 9; i++) {
		rig_turn(&g, 100 * NS_PER_MS);
		CHECK(!rig_asked(&g, &q, 0));
	}
	rig_free(&g);
}
