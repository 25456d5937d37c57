/* What a follower answers and keeps. */
#include <stdlib.h>

#include "tests/unit/gossip/lines.h"
#include "tests/unit/raft/rig.h"

/* The same requests in the same order as a server of Consul 1.0.8 got them. */
TEST(raft, a_follower_answers_as_the_reference)
{
	struct rig g = rig_of(3, false, 0);
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
		rig_turn(&g, 0);
		while (raft_next(g.r))
			;
		a = rig_answered(&g, (enum raft_wire_kind)bytes.p[0], 0);
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
	struct rig g = rig_of(3, true, 3);
	rig_turn(&g, 0);
	rig_logged(&g);
	rig_request(&g, 5, rig_vote(7, TWO, 10, 1));
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0));
	const struct effect *e = rig_effect(&g, EFF_APPEND, 0);
	ASSERT(e);
	CHECK_EQ(e->append.n, 0);
	CHECK_EQ(e->append.vote_term, 7);
	CHECK_STR(e->append.voted_for, TWO);
	rig_logged(&g);
	CHECK(rig_answered(&g, RAFT_WIRE_VOTE, 0).success);
	rig_request(&g, 6, rig_vote(7, THREE, 10, 1));
	CHECK(!rig_answered(&g, RAFT_WIRE_VOTE, 0).success); /* one a term */
	rig_request(&g, 6, rig_vote(8, THREE, 0, 0));
	rig_logged(&g);
	CHECK(!rig_answered(&g, RAFT_WIRE_VOTE, 0).success); /* its log is shorter than ours; the term is taken over */
	CHECK_EQ(raft_state(g.r)->term, 8);
	rig_free(&g);
}

TEST(raft, a_vote_survives_a_restart)
{
	struct rig g = rig_of(3, true, 0);
	raft_free(g.r);
	const struct raft_options o = {.id = "one", .address = ME, .protocol = 3, .durable = true, .log = &rig_quiet};
	g.r = raft_new(&o);
	ASSERT(g.r);
	raft_recover_hard(g.r, 9, 9, S(TWO), 0);
	raft_start(g.r, g.now);
	rig_request(&g, 1, rig_vote(9, THREE, 50, 8));
	CHECK(!rig_answered(&g, RAFT_WIRE_VOTE, 0).success);
	rig_request(&g, 1, rig_vote(9, TWO, 50, 8));
	CHECK(rig_answered(&g, RAFT_WIRE_VOTE, 0).success); /* the same one again */
	rig_free(&g);
}

TEST(raft, with_a_leader_votes_are_denied_and_terms_not_taken_over)
{
	struct rig g = rig_of(3, false, 3);
	rig_turn(&g, 0);
	rig_request(&g, 1, rig_beat(4));
	CHECK(rig_answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK_STR(raft_leader(g.r), TWO);
	rig_request(&g, 2, rig_vote(9, THREE, 50, 8));
	CHECK(!rig_answered(&g, RAFT_WIRE_VOTE, 0).success);
	CHECK_EQ(rig_answered(&g, RAFT_WIRE_VOTE, 0).term, 4);
	raft_closed(g.r, 1); /* the leader's connection: nobody leads, as far as we know */
	rig_request(&g, 2, rig_vote(9, THREE, 50, 8));
	CHECK(rig_answered(&g, RAFT_WIRE_VOTE, 0).success);
	rig_free(&g);
}

TEST(raft, entries_are_acknowledged_from_disk_and_beats_at_once)
{
	struct rig g = rig_of(3, true, 3);
	const struct raft_entry entries[] = {{.index = 2, .term = 3, .type = RAFT_COMMAND, .data = S("a")},
	        {.index = 3, .term = 3, .type = RAFT_COMMAND, .data = S("b")}};
	rig_turn(&g, 0);
	rig_logged(&g);
	rig_request(&g, 1, rig_append(3, 1, 1, entries, 2, 2));
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0));
	const struct effect *e = rig_effect(&g, EFF_APPEND, 0);
	ASSERT(e);
	uint64_t sequence = e->append.sequence;
	CHECK_EQ(e->append.n, 2);
	CHECK_EQ(raft_next(g.r)->index, 1);
	CHECK(raft_next(g.r) == NULL); /* committed, but a follower is not ahead of its disk */
	raft_logged(g.r, sequence);
	rig_turn(&g, 0);
	CHECK(rig_answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK_EQ(rig_answered(&g, RAFT_WIRE_APPEND, 0).last_log, 1); /* before the request's own */
	CHECK_STR(raft_next(g.r)->data, "a");
	CHECK(raft_next(g.r) == NULL);
	const struct raft_entry more = {.index = 4, .term = 3, .type = RAFT_COMMAND, .data = S("c")};
	rig_request(&g, 1, rig_append(3, 3, 3, &more, 1, 4));
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0));
	rig_request(&g, 2, rig_beat(3));
	CHECK_EQ(rig_effect(&g, EFF_RAFT_ANSWER, 0)->raft.conn, 2);
	rig_request(&g, 1, rig_beat(3));
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0)); /* behind the other on the same connection */
	rig_free(&g);
}

TEST(raft, a_conflict_cuts_the_log_and_the_configuration)
{
	struct rig g = rig_of(3, true, 3);
	struct buf two = {0};
	size_t n;
	raft_wire_put_configuration(&two, rig_group, 2);
	const struct raft_entry old = {.index = 2, .term = 3, .type = RAFT_CONFIGURATION, .data = buf_view(&two)};
	const struct raft_entry new = {.index = 2, .term = 4, .type = RAFT_COMMAND, .data = S("x")};
	rig_turn(&g, 0);
	rig_logged(&g);
	rig_request(&g, 1, rig_append(3, 1, 1, &old, 1, 1));
	raft_configuration(g.r, &n, NULL);
	CHECK_EQ(n, 2); /* in force as soon as it is there */
	rig_logged(&g);
	rig_request(&g, 2, rig_append(4, 2, 4, NULL, 0, 1));
	rig_logged(&g);
	CHECK(!rig_answered(&g, RAFT_WIRE_APPEND, 0).success);
	CHECK(rig_answered(&g, RAFT_WIRE_APPEND, 0).no_backoff);
	rig_request(&g, 2, rig_append(4, 1, 1, &new, 1, 1));
	raft_configuration(g.r, &n, NULL);
	CHECK_EQ(n, 3);
	CHECK_EQ(rig_effect(&g, EFF_APPEND, 0)->append.cut_after, 1);
	CHECK_EQ(rig_effect(&g, EFF_APPEND, 0)->append.n, 1);
	rig_logged(&g);
	CHECK(rig_answered(&g, RAFT_WIRE_APPEND, 0).success);
	/* What is committed is not cut by anybody. */
	rig_request(&g, 2, rig_append(5, 0, 0, &(struct raft_entry){.index = 1, .term = 5}, 1, 1));
	rig_logged(&g);
	CHECK(!rig_answered(&g, RAFT_WIRE_APPEND, 0).success);
	buf_free(&two);
	rig_free(&g);
}

TEST(raft, nonsense_closes_the_connection)
{
	struct rig g = rig_of(3, false, 3);
	raft_tick(g.r, g.now);
	raft_request(g.r, 8, S("\x00\xc1"), S_NONE);
	rig_turn(&g, 0);
	CHECK_EQ(rig_effect(&g, EFF_RAFT_ANSWER, 0)->raft.bytes.n, 0);
	rig_free(&g);
}

TEST(raft, the_oldest_servers_get_lists_of_peers)
{
	struct rig g = rig_of(1, false, 3);
	struct buf want = {0};
	raft_wire_put_peers(&want, rig_group, 3);
	rig_turn(&g, 0);
	struct raft_wire_request q = rig_vote(5, TWO, 9, 9);
	q.vote.protocol = 1;
	rig_request(&g, 1, q);
	struct raft_wire_answer a = rig_answered(&g, RAFT_WIRE_VOTE, 0);
	CHECK(a.success);
	CHECK_EQ(a.protocol, 1);
	CHECK_BYTES(S("peers"), a.peers, buf_view(&want));
	buf_free(&want);
	rig_free(&g);
}

TEST(raft, a_snapshot_of_an_earlier_term_is_known_as_stale)
{
	struct rig g = rig_of(3, false, 3);
	struct buf peers = {0}, all = {0}, b = {0};
	struct raft_wire_request q = {.kind = RAFT_WIRE_INSTALL};
	struct raft_install got;
	rig_turn(&g, 0);
	raft_wire_put_peers(&peers, rig_group, 3);
	raft_wire_put_configuration(&all, rig_group, 3);
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
	rig_turn(&g, 0);
	ASSERT(raft_installed(g.r, &got));
	CHECK(!raft_install_stale(g.r));
	rig_request(&g, 2, rig_beat(5));
	CHECK(raft_install_stale(g.r));
	raft_install_done(g.r, S("there is a new leader"));
	CHECK(!raft_install_stale(g.r));
	CHECK_EQ(raft_state(g.r)->last, 1);
	buf_free(&peers);
	buf_free(&all);
	buf_free(&b);
	rig_free(&g);
}
