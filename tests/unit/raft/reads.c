/* Reading the newest: what followers ask the leader, and what it tells them. */
#include "tests/unit/raft/rig.h"

static struct raft_wire_request question(raft_term term, const char *reader)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_READ};
	q.read = (struct raft_wire_read){3, term, slice_of(reader)};
	return q;
}

static void said(struct rig *g, uint64_t tag, struct raft_wire_answer a)
{
	struct buf b = {0};
	raft_wire_put_answer(&b, RAFT_WIRE_READ, &a);
	raft_answer(g->r, S("two"), RAFT_BEAT, tag, buf_view(&b));
	buf_free(&b);
	rig_turn(g, 0);
}

/* Follows "two", which is one of ours, in term 4; it has entry 2 of it, not known to be committed. */
static struct rig follower(void)
{
	struct rig g = rig_of(3, false, 3);
	const struct raft_entry e = {.index = 2, .term = 4, .type = RAFT_NOOP};
	raft_peer_prevote(g.r, S("two"), true);
	rig_turn(&g, 0);
	rig_request(&g, 1, rig_append(4, 1, 1, &e, 1, 1));
	CHECK(rig_answered(&g, RAFT_WIRE_APPEND, 0).success);
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
	rig_turn(&g, 0);
	const struct effect *e = rig_asked(&g, &q, 0);
	ASSERT(e && q.kind == RAFT_WIRE_READ);
	CHECK_STR(e->raft.peer, "two");
	CHECK_EQ(q.read.term, 4);
	CHECK_STR(q.read.reader, "one");
	CHECK(!rig_asked(&g, &q, 1));
	uint64_t question = e->raft.tag;
	raft_verify(g.r, &third); /* came after it: the next question is his */
	rig_turn(&g, 0);
	CHECK(!rig_asked(&g, &q, 0));
	said(&g, question, (struct raft_wire_answer){.term = 4, .success = true, .index = 2});
	CHECK_EQ(raft_state(g.r)->commit, 2); /* it told us that, too */
	e = rig_asked(&g, &q, 0);
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
	rig_request(&g, 1, rig_append(4, 2, 4, &more, 1, 1));
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
	rig_turn(&g, 0);
	ASSERT(rig_asked(&g, &q, 0));
	raft_lost(g.r, S("two"), RAFT_BEAT);
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(!newest);
	CHECK(!raft_reads(g.r)); /* for a moment nobody is kept waiting for the same */
	rig_turn(&g, 2 * NS_PER_S);
	rig_free(&g);

	g = follower();
	raft_verify(g.r, &mine);
	rig_turn(&g, 0);
	ASSERT(rig_asked(&g, &q, 0));
	rig_request(&g, 3, rig_append(5, 2, 4, NULL, 0, 1)); /* another term, before the answer */
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(!newest);
	rig_free(&g);

	g = follower();
	raft_verify(g.r, &mine);
	rig_turn(&g, 0);
	ASSERT(rig_asked(&g, &q, 0));
	for (int i = 0; i < 10; i++) {
		CHECK(!raft_verified(g.r, &tag, &newest));
		rig_request(&g, 1, rig_beat(4)); /* it lives, but what we ask gets nowhere */
		rig_turn(&g, 100 * NS_PER_MS);
	}
	ASSERT(raft_verified(g.r, &tag, &newest));
	CHECK(!newest);
	rig_free(&g);
}

TEST(raft, a_leader_tells_followers_how_far_the_newest_is)
{
	struct rig g = rig_leader();
	raft_term term = raft_state(g.r)->term;
	rig_request(&g, 7, question(term, "two"));
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0)); /* nothing of its own term is committed */
	rig_request(&g, 8, question(term - 1, "two"));
	CHECK(!rig_answered(&g, RAFT_WIRE_READ, 0).success);
	raft_step_down(g.r);
	rig_turn(&g, 0);
	CHECK(!rig_answered(&g, RAFT_WIRE_READ, 0).success);
	rig_free(&g);

	g = rig_leader();
	for (size_t i = 0; rig_effect(&g, EFF_RAFT_SEND, i); i++)
		if (rig_effect(&g, EFF_RAFT_SEND, i)->raft.channel == RAFT_LOG) {
			rig_answer(&g, i, RAFT_WIRE_APPEND,
			        (struct raft_wire_answer){.term = 2, .success = true, .last_log = 1});
			break;
		}
	rig_logged(&g);
	rig_request(&g, 7, question(term, "two")); /* with two that is a majority of three */
	struct raft_wire_answer a = rig_answered(&g, RAFT_WIRE_READ, 0);
	CHECK(a.success);
	CHECK_EQ(a.index, 2);
	rig_request(&g, 7, question(term, "nobody")); /* who is no voter is not counted */
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0));
	struct raft_wire_request q;
	ASSERT(rig_asked(&g, &q, 0)); /* a beat for it */
	CHECK_EQ(q.kind, RAFT_WIRE_APPEND);
	for (size_t i = 0; rig_effect(&g, EFF_RAFT_SEND, i); i++)
		if (rig_effect(&g, EFF_RAFT_SEND, i)->raft.channel == RAFT_BEAT) {
			rig_answer(&g, i, RAFT_WIRE_APPEND, (struct raft_wire_answer){.term = term, .success = true});
			break;
		}
	rig_turn(&g, 0);
	CHECK(rig_answered(&g, RAFT_WIRE_READ, 0).success);
	rig_free(&g);
}

/* Else a follower takes its own copy of it for committed. */
TEST(raft, a_leader_tells_nobody_of_a_restore_that_no_majority_has)
{
	struct rig g = rig_restored();
	raft_term term = raft_state(g.r)->term;
	rig_request(&g, 7, question(term, "two"));
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0));
	raft_step_down(g.r);
	rig_turn(&g, 0);
	CHECK(!rig_answered(&g, RAFT_WIRE_READ, 0).success);
	rig_free(&g);
}
