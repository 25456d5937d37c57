/* The log: what it promises, with a disk that tears, fills up and fails at every call. */
#include "store/wal.h"

#include "core/base/must.h"
#include "store/wal_record.h"
#include "tests/sim/disk.h"
#include "tests/test.h"

#include <stdlib.h>

enum { SEGMENT = 4096, SALT = 42, INDEX_MAX = 4096, DATA_MAX = 400 };

/* ---- entries that can be told apart: data is a function of index and term ---- */

static size_t data_of(raft_index index, raft_term term, char out[static DATA_MAX])
{
	size_t n = (size_t)((index * 37 + term * 101) % 300);
	if (index % 23 == 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(1 + (index * 7 + term * 13 + i) % 255);
	return n;
}

static void fill(struct wal_entry *e, raft_index index, raft_term term, char out[static DATA_MAX])
{
	*e = (struct wal_entry){index, term, (uint8_t)(index % 6), {out, 0}};
	e->data.n = data_of(index, term, out);
}

static enum err append(struct wal *w, size_t n, raft_term term, struct fail *f)
{
	static char data[64][DATA_MAX];
	struct wal_entry e[64];
	MUST(n <= 64);
	for (size_t i = 0; i < n; i++)
		fill(&e[i], wal_last(w) + 1 + i, term, data[i]);
	return wal_append(w, NULL, e, n, f);
}

static enum err put(struct wal *w, size_t n, raft_term term, struct fail *f)
{
	enum err e = append(w, n, term, f);
	return e ? e : wal_sync(w, f);
}

static enum err open_at(struct wal **w, struct sim_disk *d, uint64_t segment, struct fail *f)
{
	struct wal_options opt = {.segment_bytes = segment, .salt = SALT};
	return wal_open(w, &d->disk, "raft/wal", &opt, NULL, f);
}

/* All entries can be read, from the first to the last, and are what they should be. */
static bool reads_well(struct wal *w)
{
	struct wal_cursor c;
	struct wal_entry e, want;
	struct fail f;
	char data[DATA_MAX];
	raft_index next = wal_first(w);
	wal_cursor_open(&c, w, next);
	while (!wal_next(&c, &e, &f) && e.index) {
		fill(&want, next, wal_term_of(w, next), data);
		if (e.index != next || e.term != want.term || e.type != want.type || !slice_eq(e.data, want.data))
			break;
		next++;
	}
	wal_cursor_close(&c);
	return next == wal_last(w) + 1;
}

/* ---- plain use ---- */

TEST(wal, what_was_appended_is_read_back_after_reopening)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), 0);
	CHECK_EQ(wal_first(w), 1);
	CHECK_EQ(wal_hard(w).term, 0);
	for (int i = 0; i < 40; i++)
		CHECK_EQ(put(w, (size_t)i % 5 + 1, 1 + (raft_term)i / 10, &f), OK);
	raft_index last = wal_last(w);
	struct wal_hard h = {.term = 9, .vote_term = 8, .vote = S("10.0.0.1:8300"), .commit = 77};
	CHECK_EQ(wal_append(w, &h, NULL, 0, &f), OK);
	CHECK(reads_well(w));
	wal_close(w);
	sim_disk_crash(&d);

	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), last);
	CHECK_EQ(wal_term_of(w, last), 4);
	CHECK_EQ(wal_term_of(w, last + 1), 0);
	CHECK_EQ(wal_hard(w).term, 9);
	CHECK_EQ(wal_hard(w).vote_term, 8);
	CHECK_EQ(wal_hard(w).commit, 77);
	CHECK_STR(wal_hard(w).vote, "10.0.0.1:8300");
	CHECK(reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_batch_is_one_write_and_one_sync)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!open_at(&w, &d, 1 << 20, &f));
	CHECK_EQ(put(w, 1, 1, &f), OK); /* makes the segment, blanks what lies ahead */
	uint64_t writes = d.writes, syncs = d.syncs, calls = d.calls;
	CHECK_EQ(append(w, 50, 1, &f), OK);
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
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(put(w, 3, 1, &f), OK);
	struct wal_entry gap = {5, 1, 0, S_NONE}, again = {3, 1, 0, S_NONE};
	CHECK_EQ(wal_append(w, NULL, &gap, 1, &f), ERR_FAILED);
	CHECK_STR(slice_of(f.text), "raft/wal: entry 5 does not follow entry 3");
	CHECK_EQ(wal_append(w, NULL, &again, 1, &f), ERR_FAILED);
	CHECK_EQ(wal_last(w), 3);
	CHECK(reads_well(w));
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
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(put(w, 3, 1, &f), OK);
	struct wal_entry e = {4, 2, 0, {big, 100000}};
	CHECK_EQ(wal_append(w, NULL, &e, 1, &f), OK);
	CHECK_EQ(put(w, 3, 3, &f), OK);
	wal_close(w);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
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
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(put(w, 50, 1, &f), OK);
	CHECK_EQ(wal_cut_after(w, 60, &f), OK);
	CHECK_EQ(wal_last(w), 50);
	CHECK_EQ(wal_cut_after(w, 20, &f), OK);
	CHECK_EQ(wal_last(w), 20);
	CHECK_EQ(wal_term_of(w, 21), 0);
	CHECK_EQ(put(w, 10, 2, &f), OK);
	CHECK_EQ(wal_cut_after(w, 0, &f), OK);
	CHECK_EQ(put(w, 10, 3, &f), OK);
	CHECK_EQ(wal_cut_after(w, 5, &f), OK);
	CHECK_EQ(put(w, 30, 4, &f), OK);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(wal_last(w), 35);
		CHECK_EQ(wal_term_of(w, 5), 3);
		CHECK_EQ(wal_term_of(w, 6), 4);
		CHECK(reads_well(w));
		wal_close(w);
		sim_disk_crash(&d);
		ASSERT(!open_at(&w, &d, SEGMENT, &f));
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
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	for (raft_term t = 1; t <= 200; t++)
		CHECK_EQ(put(w, 1, t / 7 + 1, &f), OK);
	CHECK_EQ(wal_forget_before(w, 100, &f), OK);
	raft_index first = wal_first(w);
	CHECK(first > 50 && first <= 100);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(wal_first(w), first);
		CHECK_EQ(wal_last(w), 200);
		CHECK_EQ(wal_term_of(w, first - 1), (first - 1) / 7 + 1);
		CHECK_EQ(wal_term_of(w, first - 2), 0);
		CHECK(reads_well(w));
		CHECK(!sim_disk_bytes(&d, "raft/wal/0000000001.wal").p);
		wal_close(w);
		sim_disk_crash(&d);
		ASSERT(!open_at(&w, &d, SEGMENT, &f));
	}
	CHECK_EQ(wal_forget_before(w, 10000, &f), OK);
	CHECK_EQ(wal_last(w), 200);
	CHECK(wal_first(w) > 150);
	CHECK(reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_reset_leaves_a_hole_behind_which_the_log_goes_on)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(put(w, 60, 1, &f), OK);
	struct wal_hard h = {.term = 5};
	CHECK_EQ(wal_append(w, &h, NULL, 0, &f), OK);
	CHECK_EQ(wal_reset(w, 1000, 4, &f), OK);
	CHECK_EQ(wal_last(w), 1000);
	CHECK_EQ(wal_first(w), 1001);
	CHECK_EQ(wal_term_of(w, 1000), 4);
	wal_close(w);
	sim_disk_crash(&d);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), 1000);
	CHECK_EQ(wal_term_of(w, 1000), 4);
	CHECK_EQ(put(w, 40, 5, &f), OK);
	wal_close(w);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_first(w), 1001);
	CHECK_EQ(wal_last(w), 1040);
	CHECK_EQ(wal_hard(w).term, 5);
	CHECK(reads_well(w));
	CHECK_EQ(wal_forget_before(w, 1040, &f), OK);
	CHECK(reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_cut_below_what_was_forgotten_survives_a_restart)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	for (int i = 0; i < 30; i++)
		CHECK_EQ(put(w, 1, 1, &f), OK);
	CHECK_EQ(wal_cut_after(w, 12, &f), OK); /* the cut stands in a later segment than entry 13 */
	for (int i = 0; i < 30; i++)
		CHECK_EQ(put(w, 1, 2, &f), OK);
	CHECK_EQ(wal_forget_before(w, 14, &f), OK); /* the segments of 1 … 12 and of the first life of 13 … are gone */
	CHECK_EQ(wal_first(w), 13);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(wal_first(w), 13);
		CHECK_EQ(wal_last(w), 42);
		CHECK_EQ(wal_term_of(w, 12), 1);
		CHECK(reads_well(w));
		wal_close(w);
		ASSERT(!open_at(&w, &d, SEGMENT, &f));
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
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	wal_cursor_open(&c, w, 1);
	for (raft_index i = 1; i <= 60; i++) {
		CHECK_EQ(wal_next(&c, &e, &f), OK);
		CHECK_EQ(e.index, 0);
		CHECK_EQ(append(w, 1, 1, &f), OK);
		CHECK_EQ(wal_next(&c, &e, &f), OK);
		fill(&want, i, 1, data);
		CHECK_EQ(e.index, i);
		CHECK(slice_eq(e.data, want.data));
	}
	wal_cursor_close(&c);
	wal_close(w);
	sim_disk_free(&d);
}

/* ---- torn or corrupt ---- */

/* A log of `n` entries, each synced by itself; ends[i] is where entry i + 1 ends in the only segment. */
static struct slice one_segment(struct sim_disk *d, size_t n, uint32_t *start, uint32_t *ends)
{
	struct wal *w;
	struct fail f;
	char data[DATA_MAX];
	sim_disk_init(d, 7);
	ASSERT(!open_at(&w, d, 8192, &f));
	uint32_t at = *start = WAL_HEADER + (uint32_t)wal_record_size(8);
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(put(w, 1, 1, &f), OK);
		at += (uint32_t)wal_record_size(data_of(i + 1, 1, data));
		ends[i] = at;
	}
	d->off = true; /* so that close writes no mark */
	wal_close(w);
	sim_disk_kill(d);
	return sim_disk_bytes(d, "raft/wal/0000000001.wal");
}

static size_t records_before(size_t cut, const uint32_t *ends, size_t n)
{
	size_t i = 0;
	while (i < n && ends[i] <= cut)
		i++;
	return i;
}

/* Opens a log whose only segment is `bytes`, cut; writes one more entry, and opens it again. */
static void open_cut(struct slice bytes, size_t cut, size_t want)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f = {0};
	sim_disk_init(&d, cut);
	d.disk.make_dir(&d.disk, "raft/wal", NULL);
	sim_disk_put(&d, "raft/wal/0000000001.wal", bytes);
	if (open_at(&w, &d, SEGMENT, &f)) {
		test_fail(__FILE__, __LINE__, "cut at %zu: %s", cut, f.text);
		sim_disk_free(&d);
		return;
	}
	if (wal_last(w) != want || !reads_well(w))
		test_fail(__FILE__, __LINE__, "cut at %zu: last is %d, expected %zu", cut, (int)wal_last(w), want);
	CHECK_EQ(put(w, 1, 2, &f), OK);
	wal_close(w);
	sim_disk_crash(&d);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), want + 1);
	CHECK(reads_well(w));
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_record_cut_anywhere_is_found)
{
	enum { N = 16 };
	struct sim_disk d;
	uint32_t ends[N], start;
	struct slice whole = one_segment(&d, N, &start, ends);
	char *copy = malloc(whole.n);
	ASSERT(whole.n >= ends[N - 1]);
	for (size_t cut = start; cut <= ends[N - 1]; cut++) { /* every byte: the file ends there … */
		open_cut(slice_cut(whole, 0, cut), cut, records_before(cut, ends, N));
		memset(copy, 0, whole.n); /* … or is zero from there on: zeros at the end of a record can't be missed */
		memcpy(copy, whole.p, cut);
		size_t there = cut;
		while (there < ends[N - 1] && !whole.p[there])
			there++;
		open_cut((struct slice){copy, whole.n}, cut, records_before(there, ends, N));
	}
	free(copy);
	sim_disk_free(&d);
}

TEST(wal, a_segment_without_its_beginning_is_corrupt)
{
	struct sim_disk d, e;
	uint32_t ends[4], start;
	struct slice whole = one_segment(&d, 4, &start, ends);
	for (size_t cut = 0; cut < start; cut++) {
		struct wal *w;
		struct fail f;
		sim_disk_init(&e, 1);
		e.disk.make_dir(&e.disk, "raft/wal", NULL);
		sim_disk_put(&e, "raft/wal/0000000001.wal", slice_cut(whole, 0, cut));
		CHECK_EQ(open_at(&w, &e, SEGMENT, &f), ERR_CORRUPT);
		CHECK(slice_search(slice_of(f.text), S("raft/wal/0000000001.wal")) == 0);
		CHECK(!w);
		sim_disk_free(&e);
	}
	sim_disk_free(&d);
}

static const char *const names[] = {
        "raft/wal/0000000001.wal", "raft/wal/0000000002.wal", "raft/wal/0000000003.wal", "raft/wal/0000000004.wal"};

/* What opening says when one byte of a file is another one. */
static enum err open_flipped(struct sim_disk *d, const char *name, size_t at, struct fail *f, raft_index *last)
{
	struct slice bytes = sim_disk_bytes(d, name);
	struct wal *w;
	char *p = malloc(bytes.n);
	memcpy(p, bytes.p, bytes.n);
	p[at] = (char)(p[at] ^ (1 << at % 8));
	sim_disk_put(d, name, (struct slice){p, bytes.n});
	enum err e = open_at(&w, d, SEGMENT, f);
	if (!e) {
		*last = wal_last(w);
		d->off = true;
		wal_close(w);
		sim_disk_kill(d);
	}
	p[at] = (char)(p[at] ^ (1 << at % 8));
	sim_disk_put(d, name, (struct slice){p, bytes.n});
	free(p);
	return e;
}

TEST(wal, every_flipped_byte_of_acknowledged_records_is_an_error)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	uint32_t end[4] = {0};
	sim_disk_init(&d, 3);
	ASSERT(!open_at(&w, &d, 1024, &f));
	char data[DATA_MAX];
	uint32_t at = 0, segment = 0;
	while (segment < 4) { /* keep an account of where each segment ends */
		uint32_t size = (uint32_t)wal_record_size(data_of(wal_last(w) + 1, 1, data));
		CHECK_EQ(put(w, 1, 1, &f), OK);
		if (!at || at + size > 1024) {
			if (segment == 3)
				break;
			segment += at != 0;
			at = WAL_HEADER + (uint32_t)wal_record_size(8);
		}
		at += size;
		end[segment] = at;
	}
	raft_index last = wal_last(w);
	wal_close(w); /* with a mark: the last record is proven, too */
	CHECK(sim_disk_bytes(&d, "raft/wal/0000000005.wal").p != NULL);

	for (size_t i = 0; i < 4; i++)
		for (uint32_t o = 0; o < end[i]; o++) {
			raft_index got = 0;
			enum err e = open_flipped(&d, names[i], o, &f, &got);
			if (e != ERR_CORRUPT || slice_search(slice_of(f.text), slice_of(names[i])) != 0 ||
			        slice_search(slice_of(f.text), S("offset")) < 0)
				test_fail(__FILE__, __LINE__, "%s at %u: %s, last %d of %d: %s", names[i], o,
				        err_name(e), (int)got, (int)last, f.text);
		}
	sim_disk_free(&d);
}

TEST(wal, the_error_names_file_offset_and_checksums)
{
	struct sim_disk d;
	struct fail f;
	uint32_t ends[4], start;
	raft_index last = 0;
	one_segment(&d, 4, &start, ends);
	CHECK_EQ(open_flipped(&d, names[0], ends[0] + WAL_HEAD + 3, &f, &last), ERR_CORRUPT);
	char want[300];
	snprintf(want, sizeof want, "raft/wal/0000000001.wal: the record at offset %u does not check: checksum ",
	        ends[0]);
	CHECK(slice_starts(slice_of(f.text), slice_of(want)));
	snprintf(want, sizeof want, "; the record at offset %u says that it was on disk", ends[1]);
	CHECK(slice_ends(slice_of(f.text), slice_of(want)));
	sim_disk_free(&d);
}

TEST(wal, the_last_record_is_proven_by_a_mark)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	uint32_t ends[4], start;
	raft_index last = 0;
	one_segment(&d, 4, &start, ends);
	CHECK_EQ(open_flipped(&d, names[0], ends[2] + 5, &f, &last), OK); /* nothing says that it was ever synced */
	CHECK_EQ(last, 3);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	wal_mark(w);
	wal_mark(w);
	d.off = true;
	wal_close(w);
	sim_disk_kill(&d);
	CHECK_EQ(open_flipped(&d, names[0], ends[2] + 5, &f, &last), ERR_CORRUPT);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), 4);
	wal_close(w);
	sim_disk_free(&d);
}

TEST(wal, a_missing_segment_is_an_error)
{
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	sim_disk_init(&d, 1);
	ASSERT(!open_at(&w, &d, SEGMENT, &f));
	for (int i = 0; i < 100; i++)
		CHECK_EQ(put(w, 1, 1, &f), OK);
	wal_close(w);
	CHECK_EQ(d.disk.remove(&d.disk, names[1], &f), OK);
	CHECK_EQ(open_at(&w, &d, SEGMENT, &f), ERR_CORRUPT);
	CHECK_STR(slice_of(f.text), "raft/wal: segment 2 is missing: 3 is there");
	sim_disk_free(&d);
}

TEST(wal, a_client_can_not_write_records_into_a_value)
{
	/* A piece of a log of ours, with proofs in it, as the value of an entry that a crash tears: so placed that even
	 * the offsets are right. Only the salt is not. */
	struct sim_disk d, e;
	struct wal *w;
	struct fail f;
	uint32_t ends[16], start;
	char data[DATA_MAX];
	struct slice fake = one_segment(&d, 16, &start, ends);
	struct wal_options opt = {.segment_bytes = 32768, .salt = SALT + 1};
	sim_disk_init(&e, 5);
	ASSERT(!wal_open(&w, &e.disk, "raft/wal", &opt, NULL, &f));
	CHECK_EQ(put(w, 3, 1, &f), OK);
	uint32_t at = start;
	for (raft_index i = 1; i <= 3; i++)
		at += (uint32_t)wal_record_size(data_of(i, 1, data));
	struct wal_entry entry = {4, 1, 0, slice_cut(fake, at + WAL_HEAD, ends[15])};
	CHECK_EQ(wal_append(w, NULL, &entry, 1, &f), OK);
	e.off = true;
	wal_close(w);
	sim_disk_kill(&e);
	struct slice bytes = sim_disk_bytes(&e, names[0]);
	char *copy = malloc(bytes.n);
	memcpy(copy, bytes.p, bytes.n);
	copy[at + 4]++; /* the head of entry 4: its value lies open */
	sim_disk_put(&e, names[0], (struct slice){copy, bytes.n});
	CHECK_EQ(open_at(&w, &e, SEGMENT, &f), OK);
	if (w) {
		CHECK_EQ(wal_last(w), 3);
		wal_close(w);
	}
	free(copy);
	sim_disk_free(&d);
	sim_disk_free(&e);
}

TEST(wal, a_record_counts_only_in_its_place)
{
	struct buf b = {0};
	struct wal_record r = {WAL_ENTRY, 3, .index = 7, .term = 2, .at = 128, .synced = 64, .data = S("abc")}, got;
	struct wal_sums sums;
	struct wal_header h = {.number = 1, .salt = SALT}, other = {.number = 2, .salt = SALT};
	wal_record_put(&b, wal_header_seed(&h), &r);
	CHECK_EQ(b.n, wal_record_size(3));
	ASSERT(wal_record_head(b.p, wal_header_seed(&h), 128, &got, &sums));
	CHECK(wal_record_data(&got, b.p + WAL_HEAD, &sums));
	CHECK_STR(got.data, "abc");
	CHECK(!wal_record_head(b.p, wal_header_seed(&h), 136, &got, &sums));
	CHECK(!wal_record_head(b.p, wal_header_seed(&other), 128, &got, &sums));
	buf_free(&b);
}

TEST(wal, unsynced_sectors_survive_in_any_order)
{
	int torn = 0, none = 0, all = 0;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct sim_disk d;
		struct wal *w;
		struct fail f = {0};
		sim_disk_init(&d, seed);
		ASSERT(!open_at(&w, &d, 32768, &f));
		CHECK_EQ(put(w, 5, 1, &f), OK);
		CHECK_EQ(append(w, 20, 1, &f), OK);
		CHECK_EQ(append(w, 20, 2, &f), OK);
		d.off = true;
		wal_close(w);
		sim_disk_crash(&d);
		if (open_at(&w, &d, 32768, &f)) {
			test_fail(__FILE__, __LINE__, "seed %d: %s", (int)seed, f.text);
			sim_disk_free(&d);
			continue;
		}
		CHECK(wal_last(w) >= 5 && wal_last(w) <= 45);
		CHECK(reads_well(w));
		none += wal_last(w) == 5;
		all += wal_last(w) == 45;
		torn += wal_last(w) > 5 && wal_last(w) < 45;
		wal_close(w);
		sim_disk_free(&d);
	}
	CHECK(none > 20);
	CHECK(all > 20);
	CHECK(torn > 20);
}
