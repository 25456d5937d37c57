/* The log: what it promises on a disk that does as it is told. */
#include "store/wal.h"

#include <stdlib.h>

#include "store/wal_record.h"
#include "tests/unit/store/wal_fixture.h"

TEST(wal, what_was_appended_is_read_back_after_reopening)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), 0);
	CHECK_EQ(wal_first(w), 1);
	CHECK_EQ(wal_hard(w).term, 0);
	for (int i = 0; i < 40; i++)
		CHECK_EQ(wal_test_put(w, (size_t)i % 5 + 1, 1 + (raft_term)i / 10, &f), OK);
	raft_index last = wal_last(w);
	struct wal_hard h = {.term = 9, .vote_term = 8, .vote = S("10.0.0.1:8300"), .commit = 77};
	CHECK_EQ(wal_append(w, &h, NULL, 0, &f), OK);
	CHECK(wal_test_reads_well(w));
	wal_close(w);
	sim_disk_crash(&d);

	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), last);
	CHECK_EQ(wal_term_of(w, last), 4);
	CHECK_EQ(wal_term_of(w, last + 1), 0);
	CHECK_EQ(wal_hard(w).term, 9);
	CHECK_EQ(wal_hard(w).vote_term, 8);
	CHECK_EQ(wal_hard(w).commit, 77);
	CHECK_STR(wal_hard(w).vote, "10.0.0.1:8300");
	CHECK(wal_test_reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_batch_is_one_write_and_one_sync)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, 1 << 20, &f));
	CHECK_EQ(wal_test_put(w, 1, 1, &f), OK); /* makes the segment, blanks what lies ahead */
	uint64_t writes = d.writes, syncs = d.syncs, calls = d.calls;
	CHECK_EQ(wal_test_append(w, 50, 1, &f), OK);
	CHECK_EQ(d.writes - writes, 1);
	CHECK_EQ(d.syncs - syncs, 0);
	CHECK_EQ(wal_synced(w), 1);
	CHECK_EQ(wal_sync(w, &f), OK);
	CHECK_EQ(wal_sync(w, &f), OK);
	CHECK_EQ(wal_synced(w), 51);
	CHECK_EQ(d.calls - calls, 2);
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_batch_that_does_not_follow_is_refused)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_test_put(w, 3, 1, &f), OK);
	struct wal_entry gap = {5, 1, 0, S_NONE}, again = {3, 1, 0, S_NONE};
	CHECK_EQ(wal_append(w, NULL, &gap, 1, &f), ERR_FAILED);
	CHECK_STR(slice_of(f.text), "raft/wal: entry 5 does not follow entry 3");
	CHECK_EQ(wal_append(w, NULL, &again, 1, &f), ERR_FAILED);
	CHECK_EQ(wal_last(w), 3);
	CHECK(wal_test_reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_batch_larger_than_a_segment_gets_a_larger_segment)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	char *big = malloc(100000);
	sim_disk_init(&d, 1);
	memset(big, 'b', 100000);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_test_put(w, 3, 1, &f), OK);
	struct wal_entry e = {4, 2, 0, {big, 100000}};
	CHECK_EQ(wal_append(w, NULL, &e, 1, &f), OK);
	CHECK_EQ(wal_test_put(w, 3, 3, &f), OK);
	wal_close(w);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), 7);
	struct wal_cursor c;
	struct wal_entry got;
	wal_cursor_open(&c, w, 4);
	CHECK_EQ(wal_next(&c, &got, &f), OK);
	CHECK(slice_eq(got.data, e.data));
	CHECK_EQ(wal_next(&c, &got, &f), OK);
	CHECK_EQ(got.index, 5);
	wal_cursor_close(&c);
	wal_close(w);
	free(big);
	sim_disk_free(&d);
}

TEST(wal, a_conflict_is_cut_and_written_anew)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_test_put(w, 50, 1, &f), OK);
	CHECK_EQ(wal_cut_after(w, 60, &f), OK);
	CHECK_EQ(wal_last(w), 50);
	CHECK_EQ(wal_cut_after(w, 20, &f), OK);
	CHECK_EQ(wal_last(w), 20);
	CHECK_EQ(wal_term_of(w, 21), 0);
	CHECK_EQ(wal_test_put(w, 10, 2, &f), OK);
	CHECK_EQ(wal_cut_after(w, 0, &f), OK);
	CHECK_EQ(wal_test_put(w, 10, 3, &f), OK);
	CHECK_EQ(wal_cut_after(w, 5, &f), OK);
	CHECK_EQ(wal_test_put(w, 30, 4, &f), OK);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(wal_last(w), 35);
		CHECK_EQ(wal_term_of(w, 5), 3);
		CHECK_EQ(wal_term_of(w, 6), 4);
		CHECK(wal_test_reads_well(w));
		wal_close(w);
		sim_disk_crash(&d);
		ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	}
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, whole_segments_are_forgotten_below_a_snapshot)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	for (raft_term t = 1; t <= 200; t++)
		CHECK_EQ(wal_test_put(w, 1, t / 7 + 1, &f), OK);
	CHECK_EQ(wal_forget_before(w, 100, &f), OK);
	raft_index first = wal_first(w);
	CHECK(first > 50 && first <= 100);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(wal_first(w), first);
		CHECK_EQ(wal_last(w), 200);
		CHECK_EQ(wal_term_of(w, first - 1), (first - 1) / 7 + 1);
		CHECK_EQ(wal_term_of(w, first - 2), 0);
		CHECK(wal_test_reads_well(w));
		CHECK(!sim_disk_bytes(&d, "raft/wal/0000000001.wal").p);
		wal_close(w);
		sim_disk_crash(&d);
		ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	}
	CHECK_EQ(wal_forget_before(w, 10000, &f), OK);
	CHECK_EQ(wal_last(w), 200);
	CHECK(wal_first(w) > 150);
	CHECK(wal_test_reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_reset_leaves_a_hole_behind_which_the_log_goes_on)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_test_put(w, 60, 1, &f), OK);
	struct wal_hard h = {.term = 5};
	CHECK_EQ(wal_append(w, &h, NULL, 0, &f), OK);
	CHECK_EQ(wal_reset(w, 1000, 4, &f), OK);
	CHECK_EQ(wal_last(w), 1000);
	CHECK_EQ(wal_first(w), 1001);
	CHECK_EQ(wal_term_of(w, 1000), 4);
	wal_close(w);
	sim_disk_crash(&d);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), 1000);
	CHECK_EQ(wal_term_of(w, 1000), 4);
	CHECK_EQ(wal_test_put(w, 40, 5, &f), OK);
	wal_close(w);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_first(w), 1001);
	CHECK_EQ(wal_last(w), 1040);
	CHECK_EQ(wal_hard(w).term, 5);
	CHECK(wal_test_reads_well(w));
	CHECK_EQ(wal_forget_before(w, 1040, &f), OK);
	CHECK(wal_test_reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_cut_below_what_was_forgotten_survives_a_restart)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	for (int i = 0; i < 30; i++)
		CHECK_EQ(wal_test_put(w, 1, 1, &f), OK);
	CHECK_EQ(wal_cut_after(w, 12, &f), OK); /* the cut stands in a later segment than entry 13 */
	for (int i = 0; i < 30; i++)
		CHECK_EQ(wal_test_put(w, 1, 2, &f), OK);
	CHECK_EQ(wal_forget_before(w, 14, &f), OK); /* the segments of 1 … 12 and of the first life of 13 … are gone */
	CHECK_EQ(wal_first(w), 13);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(wal_first(w), 13);
		CHECK_EQ(wal_last(w), 42);
		CHECK_EQ(wal_term_of(w, 12), 1);
		CHECK(wal_test_reads_well(w));
		wal_close(w);
		ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	}
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_cursor_goes_on_with_what_is_appended_meanwhile)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	struct wal_cursor c;
	struct wal_entry e, want;
	char data[DATA_MAX];
	sim_disk_init(&d, 1);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	wal_cursor_open(&c, w, 1);
	for (raft_index i = 1; i <= 60; i++) {
		CHECK_EQ(wal_next(&c, &e, &f), OK);
		CHECK_EQ(e.index, 0);
		CHECK_EQ(wal_test_append(w, 1, 1, &f), OK);
		CHECK_EQ(wal_next(&c, &e, &f), OK);
		wal_test_entry(&want, i, 1, data);
		CHECK_EQ(e.index, i);
		CHECK(slice_eq(e.data, want.data));
	}
	wal_cursor_close(&c);
	wal_close(w);
	sim_disk_free(&d);
}
