#include "core/raft/raft.h"

#include <stdlib.h>

#include "tests/test.h"

static struct logbuf quiet = {.level = LOG_ERR};

static struct raft leader(bool durable)
{
	struct raft r;
	raft_init(&r, "11111111-2222-3333-4444-555555555555", "127.0.0.1:8300", durable, &quiet);
	raft_start(&r, true);
	raft_timeout(&r);
	return r;
}

static void effects_free(struct effects *e)
{
	free(e->items);
	arena_free(&e->mem);
}

TEST(raft, alone_it_elects_itself_in_the_next_term)
{
	struct raft r = leader(false);
	CHECK_EQ(r.role, RAFT_LEADER);
	CHECK_EQ(r.term, 2);
	CHECK_EQ(r.last, 2); /* the configuration and the no-op */
	CHECK_EQ(r.first_of_term, 2);
	CHECK_STR(r.voted_for, "11111111-2222-3333-4444-555555555555");
	raft_free(&r);
}

TEST(raft, without_a_configuration_it_stays_a_follower)
{
	struct raft r;
	raft_init(&r, "id", "127.0.0.1:8300", false, &quiet);
	raft_start(&r, false);
	raft_timeout(&r);
	CHECK_EQ(r.role, RAFT_FOLLOWER);
	enum err e;
	CHECK_EQ(raft_propose(&r, RAFT_COMMAND, S("x"), NULL, &e), 0);
	CHECK_EQ(e, ERR_NO_LEADER);
	raft_free(&r);
}

TEST(raft, nothing_is_applied_before_it_is_durable)
{
	struct raft r = leader(true);
	struct effects out = {0};
	enum err e;
	CHECK_EQ(raft_propose(&r, RAFT_COMMAND, S("a"), NULL, &e), 3);
	raft_flush(&r, &out);
	CHECK_EQ(out.n, 1);
	CHECK_EQ(out.items[0].append.n, 3);
	CHECK_EQ(out.items[0].append.term, 2);
	CHECK(raft_next(&r) == NULL);
	raft_logged(&r, 2);
	CHECK_EQ(raft_next(&r)->index, 1);
	CHECK_EQ(raft_next(&r)->index, 2);
	CHECK(raft_next(&r) == NULL);
	raft_logged(&r, 3);
	CHECK_STR(raft_next(&r)->data, "a");
	raft_flush(&r, &out);
	CHECK_EQ(out.n, 1); /* nothing is handed over twice */
	effects_free(&out);
	raft_free(&r);
}

TEST(raft, a_failed_log_gives_back_what_is_not_committed)
{
	struct raft r = leader(true);
	struct effects out = {0};
	enum err e;
	int tags[3];
	raft_flush(&r, &out);
	raft_logged(&r, 2);
	while (raft_next(&r))
		;
	for (int i = 0; i < 3; i++)
		raft_propose(&r, RAFT_COMMAND, S("x"), &tags[i], &e);
	raft_flush(&r, &out);
	raft_logged(&r, 3); /* the first made it */
	raft_step_down(&r);
	CHECK(raft_drop(&r)->tag == &tags[2]);
	CHECK(raft_drop(&r)->tag == &tags[1]);
	CHECK(raft_drop(&r) == NULL);
	CHECK_EQ(r.last, 3);
	CHECK(raft_next(&r)->tag == &tags[0]);
	raft_timeout(&r);
	CHECK_EQ(r.term, 3);
	CHECK_EQ(r.last, 4);
	effects_free(&out);
	raft_free(&r);
}

/* Wraps round and grows: order and contents hold, and pieces handed to the log are contiguous. */
TEST(raft, the_ring_of_pending_entries_keeps_order)
{
	struct raft r = leader(true);
	struct effects out = {0};
	enum err e;
	raft_index expected = 1, logged = 0;
	for (uint64_t round = 0; round < 400; round++) {
		for (uint64_t i = 0; i < round % 97; i++)
			CHECK(raft_propose(&r, RAFT_COMMAND, S("x"), NULL, &e) > 0);
		out.n = 0;
		raft_flush(&r, &out);
		for (size_t i = 0; i < out.n; i++)
			for (size_t k = 0; k < out.items[i].append.n; k++)
				CHECK_EQ(out.items[i].append.entries[k].index, ++logged);
		raft_logged(&r, logged - (round % 3 && logged > 2 ? round % 3 : 0));
		for (const struct raft_entry *at; (at = raft_next(&r)); expected++)
			CHECK_EQ(at->index, expected);
	}
	raft_logged(&r, logged);
	while (raft_next(&r))
		expected++;
	CHECK_EQ(expected, logged + 1);
	effects_free(&out);
	raft_free(&r);
}

TEST(raft, too_much_at_once_is_refused)
{
	struct raft r = leader(true);
	enum err e = OK;
	unsigned taken = 0;
	while (raft_propose(&r, RAFT_COMMAND, S("x"), NULL, &e))
		taken++;
	CHECK_EQ(e, ERR_FULL);
	CHECK_EQ(taken + 2, RAFT_PENDING_MAX);
	raft_free(&r);
}
