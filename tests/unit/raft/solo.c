#include "core/raft/solo.h"

#include <stdlib.h>

#include "tests/test.h"

static struct logbuf quiet = {.level = LOG_ERR};

static struct solo leader(bool durable)
{
	struct solo r;
	solo_init(&r, "11111111-2222-3333-4444-555555555555", "127.0.0.1:8300", durable, &quiet);
	solo_start(&r, true);
	solo_timeout(&r);
	return r;
}

static void effects_free(struct effects *e)
{
	free(e->items);
	arena_free(&e->mem);
}

TEST(raft_solo, alone_it_elects_itself_in_the_next_term)
{
	struct solo r = leader(false);
	CHECK_EQ(r.role, RAFT_LEADER);
	CHECK_EQ(r.term, 2);
	CHECK_EQ(r.last, 2); /* the configuration and the no-op */
	CHECK_EQ(r.first_of_term, 2);
	CHECK_STR(r.voted_for, "11111111-2222-3333-4444-555555555555");
	solo_free(&r);
}

TEST(raft_solo, without_a_configuration_it_stays_a_follower)
{
	struct solo r;
	solo_init(&r, "id", "127.0.0.1:8300", false, &quiet);
	solo_start(&r, false);
	solo_timeout(&r);
	CHECK_EQ(r.role, RAFT_FOLLOWER);
	enum err e;
	CHECK_EQ(solo_propose(&r, RAFT_COMMAND, S("x"), NULL, &e), 0);
	CHECK_EQ(e, ERR_NO_LEADER);
	solo_free(&r);
}

TEST(raft_solo, nothing_is_applied_before_it_is_durable)
{
	struct solo r = leader(true);
	struct effects out = {0};
	enum err e;
	CHECK_EQ(solo_propose(&r, RAFT_COMMAND, S("a"), NULL, &e), 3);
	solo_flush(&r, &out);
	CHECK_EQ(out.n, 1);
	CHECK_EQ(out.items[0].append.n, 3);
	CHECK_EQ(out.items[0].append.term, 2);
	CHECK(solo_next(&r) == NULL);
	solo_logged(&r, 2);
	CHECK_EQ(solo_next(&r)->index, 1);
	CHECK_EQ(solo_next(&r)->index, 2);
	CHECK(solo_next(&r) == NULL);
	solo_logged(&r, 3);
	CHECK_STR(solo_next(&r)->data, "a");
	solo_flush(&r, &out);
	CHECK_EQ(out.n, 1); /* nothing is handed over twice */
	effects_free(&out);
	solo_free(&r);
}

TEST(raft_solo, a_failed_log_gives_back_what_is_not_committed)
{
	struct solo r = leader(true);
	struct effects out = {0};
	enum err e;
	int tags[3];
	solo_flush(&r, &out);
	solo_logged(&r, 2);
	while (solo_next(&r))
		;
	for (int i = 0; i < 3; i++)
		solo_propose(&r, RAFT_COMMAND, S("x"), &tags[i], &e);
	solo_flush(&r, &out);
	solo_logged(&r, 3); /* the first made it */
	solo_step_down(&r);
	CHECK(solo_drop(&r)->tag == &tags[2]);
	CHECK(solo_drop(&r)->tag == &tags[1]);
	CHECK(solo_drop(&r) == NULL);
	CHECK_EQ(r.last, 3);
	CHECK(solo_next(&r)->tag == &tags[0]);
	solo_timeout(&r);
	CHECK_EQ(r.term, 3);
	CHECK_EQ(r.last, 4);
	effects_free(&out);
	solo_free(&r);
}

/* Wraps round and grows: order and contents hold, and pieces handed to the log are contiguous. */
TEST(raft_solo, the_ring_of_pending_entries_keeps_order)
{
	struct solo r = leader(true);
	struct effects out = {0};
	enum err e;
	raft_index expected = 1, logged = 0;
	for (uint64_t round = 0; round < 400; round++) {
		for (uint64_t i = 0; i < round % 97; i++)
			CHECK(solo_propose(&r, RAFT_COMMAND, S("x"), NULL, &e) > 0);
		out.n = 0;
		solo_flush(&r, &out);
		for (size_t i = 0; i < out.n; i++)
			for (size_t k = 0; k < out.items[i].append.n; k++)
				CHECK_EQ(out.items[i].append.entries[k].index, ++logged);
		solo_logged(&r, logged - (round % 3 && logged > 2 ? round % 3 : 0));
		for (const struct raft_entry *at; (at = solo_next(&r)); expected++)
			CHECK_EQ(at->index, expected);
	}
	solo_logged(&r, logged);
	while (solo_next(&r))
		expected++;
	CHECK_EQ(expected, logged + 1);
	effects_free(&out);
	solo_free(&r);
}

TEST(raft_solo, too_much_at_once_is_refused)
{
	struct solo r = leader(true);
	enum err e = OK;
	unsigned taken = 0;
	while (solo_propose(&r, RAFT_COMMAND, S("x"), NULL, &e))
		taken++;
	CHECK_EQ(e, ERR_FULL);
	CHECK_EQ(taken + 2, RAFT_PENDING_MAX);
	solo_free(&r);
}
