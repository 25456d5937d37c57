/* What is torn is cut; what is corrupt is an error that says where. */
#include <stdlib.h>

#include "store/wal_record.h"
#include "tests/unit/store/wal_fixture.h"

/* A log of `n` entries, each synced by itself; ends[i] is where entry i + 1 ends in the only segment. */
static struct slice one_segment(struct sim_disk *d, size_t n, uint32_t *start, uint32_t *ends)
{
	struct wal *w;
	struct fail f;
	char data[DATA_MAX];
	sim_disk_init(d, 7);
	ASSERT(!wal_test_open(&w, d, 8192, &f));
	uint32_t at = *start = WAL_HEADER + (uint32_t)wal_record_size(8);
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(wal_test_put(w, 1, 1, &f), OK);
		at += (uint32_t)wal_record_size(wal_test_data(i + 1, 1, data));
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
	if (wal_test_open(&w, &d, SEGMENT, &f)) {
		test_fail(__FILE__, __LINE__, "cut at %zu: %s", cut, f.text);
		sim_disk_free(&d);
		return;
	}
	if (wal_last(w) != want || !wal_test_reads_well(w))
		test_fail(__FILE__, __LINE__, "cut at %zu: last is %d, expected %zu", cut, (int)wal_last(w), want);
	CHECK_EQ(wal_test_put(w, 1, 2, &f), OK);
	wal_close(w);
	sim_disk_crash(&d);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	CHECK_EQ(wal_last(w), want + 1);
	CHECK(wal_test_reads_well(w));
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
		CHECK_EQ(wal_test_open(&w, &e, SEGMENT, &f), ERR_CORRUPT);
		CHECK(slice_search(slice_of(f.text), S("raft/wal/0000000001.wal")) == 0);
		CHECK(!w);
		sim_disk_free(&e);
	}
	sim_disk_free(&d);
}

/* What opening says when one byte of a file is another one. */
static enum err open_flipped(struct sim_disk *d, const char *name, size_t at, struct fail *f, raft_index *last)
{
	struct slice bytes = sim_disk_bytes(d, name);
	struct wal *w;
	char *p = malloc(bytes.n);
	memcpy(p, bytes.p, bytes.n);
	p[at] = (char)(p[at] ^ (1 << at % 8));
	sim_disk_put(d, name, (struct slice){p, bytes.n});
	enum err e = wal_test_open(&w, d, SEGMENT, f);
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
	ASSERT(!wal_test_open(&w, &d, 1024, &f));
	char data[DATA_MAX];
	uint32_t at = 0, segment = 0;
	while (segment < 4) { /* keep an account of where each segment ends */
		uint32_t size = (uint32_t)wal_record_size(wal_test_data(wal_last(w) + 1, 1, data));
		CHECK_EQ(wal_test_put(w, 1, 1, &f), OK);
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
			enum err e = open_flipped(&d, wal_names[i], o, &f, &got);
			if (e != ERR_CORRUPT || slice_search(slice_of(f.text), slice_of(wal_names[i])) != 0 ||
			        slice_search(slice_of(f.text), S("offset")) < 0)
				test_fail(__FILE__, __LINE__, "%s at %u: %s, last %d of %d: %s", wal_names[i], o,
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
	CHECK_EQ(open_flipped(&d, wal_names[0], ends[0] + WAL_HEAD + 3, &f, &last), ERR_CORRUPT);
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
	CHECK_EQ(open_flipped(&d, wal_names[0], ends[2] + 5, &f, &last), OK); /* nothing says that it was ever synced */
	CHECK_EQ(last, 3);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	wal_mark(w);
	wal_mark(w);
	d.off = true;
	wal_close(w);
	sim_disk_kill(&d);
	CHECK_EQ(open_flipped(&d, wal_names[0], ends[2] + 5, &f, &last), ERR_CORRUPT);
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
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
	ASSERT(!wal_test_open(&w, &d, SEGMENT, &f));
	for (int i = 0; i < 100; i++)
		CHECK_EQ(wal_test_put(w, 1, 1, &f), OK);
	wal_close(w);
	CHECK_EQ(d.disk.remove(&d.disk, wal_names[1], &f), OK);
	CHECK_EQ(wal_test_open(&w, &d, SEGMENT, &f), ERR_CORRUPT);
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
	CHECK_EQ(wal_test_put(w, 3, 1, &f), OK);
	uint32_t at = start;
	for (raft_index i = 1; i <= 3; i++)
		at += (uint32_t)wal_record_size(wal_test_data(i, 1, data));
	struct wal_entry entry = {4, 1, 0, slice_cut(fake, at + WAL_HEAD, ends[15])};
	CHECK_EQ(wal_append(w, NULL, &entry, 1, &f), OK);
	e.off = true;
	wal_close(w);
	sim_disk_kill(&e);
	struct slice bytes = sim_disk_bytes(&e, wal_names[0]);
	char *copy = malloc(bytes.n);
	memcpy(copy, bytes.p, bytes.n);
	copy[at + 4]++; /* the head of entry 4: its value lies open */
	sim_disk_put(&e, wal_names[0], (struct slice){copy, bytes.n});
	CHECK_EQ(wal_test_open(&w, &e, SEGMENT, &f), OK);
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
		ASSERT(!wal_test_open(&w, &d, 32768, &f));
		CHECK_EQ(wal_test_put(w, 5, 1, &f), OK);
		CHECK_EQ(wal_test_append(w, 20, 1, &f), OK);
		CHECK_EQ(wal_test_append(w, 20, 2, &f), OK);
		d.off = true;
		wal_close(w);
		sim_disk_crash(&d);
		if (wal_test_open(&w, &d, 32768, &f)) {
			test_fail(__FILE__, __LINE__, "seed %d: %s", (int)seed, f.text);
			sim_disk_free(&d);
			continue;
		}
		CHECK(wal_last(w) >= 5 && wal_last(w) <= 45);
		CHECK(wal_test_reads_well(w));
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
