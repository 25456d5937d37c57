/* Snapshots on disk: the real one's directory, and ours under faults. */
#include "store/snapshot_files.h"

#include "core/base/must.h"
#include "core/base/slice.h"
#include "store/disk_posix.h"
#include "tests/sim/disk.h"
#include "tests/test.h"

#include <stdlib.h>

#define DIR "raft/snapshots"
#define VECTOR "2-212-1795226957789"

static struct snapshot_server server = {0, S("87ffc081-ff59-f3bd-0e10-240c4744fc87"), S("127.8.1.1:8300")};

static struct snapshot_meta meta_of(raft_term term, raft_index index)
{
	return (struct snapshot_meta){
	        .index = index,
	        .term = term,
	        .configuration = {{&server, 1}},
	        .configuration_index = 1,
	};
}

/* The file of a real server, as it stands in the repository. */
static struct slice vector_file(const char *name, struct arena *a)
{
	char path[200];
	snprintf(path, sizeof path, "tests/vectors/snapshots/" VECTOR "/%s", name);
	FILE *file = fopen(path, "rb");
	ASSERT(file != NULL);
	char *p = arena_alloc(a, 1 << 20);
	size_t n = fread(p, 1, 1 << 20, file);
	fclose(file);
	return (struct slice){p, n};
}

static enum err take(
        struct sim_disk *d, raft_term term, raft_index index, wall_ns now, struct slice state, struct fail *f)
{
	struct snapshot_writer w;
	struct snapshot_meta m = meta_of(term, index);
	enum err e = snapshot_begin(&w, &d->disk, DIR, &m, now, f);
	if (e)
		return e;
	for (size_t at = 0; at < state.n; at += 1000) /* piece by piece */
		snapshot_write(&w, slice_cut(state, at, at + 1000));
	return snapshot_finish(&w, NULL, f);
}

/* All of a snapshot's bytes. */
static struct slice read_all(struct snapshot_reader *r, struct arena *a)
{
	char *p = arena_alloc(a, 1 << 20);
	size_t n = 0, got;
	while (!snapshot_read(r, p + n, 777, &got, NULL) && got)
		n += got;
	return (struct slice){p, n};
}

TEST(snapshot, the_directory_of_a_real_server_is_read_and_written_alike)
{
	struct arena a = {0};
	struct sim_disk d;
	struct fail f;
	struct snapshot_reader r;
	struct snapshot_meta m;
	struct slice meta = vector_file("meta.json", &a), state = vector_file("state.bin", &a);
	sim_disk_init(&d, 1);
	d.disk.make_dir(&d.disk, DIR "/" VECTOR, NULL);
	sim_disk_put(&d, DIR "/" VECTOR "/meta.json", meta);
	sim_disk_put(&d, DIR "/" VECTOR "/state.bin", state);
	ASSERT(!snapshot_open_newest(&r, &m, &d.disk, DIR, &a, NULL, &f));
	CHECK_EQ(m.index, 212);
	CHECK_EQ(m.term, 2);
	CHECK_EQ(m.size, state.n);
	CHECK_EQ(m.configuration_index, 1);
	CHECK_STR(m.id, VECTOR);
	ASSERT(m.configuration.servers.n == 1);
	const struct snapshot_server *s = m.configuration.servers.items;
	CHECK_STR(s->id, "87ffc081-ff59-f3bd-0e10-240c4744fc87");
	CHECK_STR(s->address, "127.8.1.1:8300");
	CHECK(slice_eq(read_all(&r, &a), state));
	snapshot_close(&r);
	sim_disk_free(&d);

	sim_disk_init(&d, 1);
	CHECK_EQ(take(&d, 2, 212, INT64_C(1795226957789) * NS_PER_MS, state, &f), OK);
	sim_disk_crash(&d);
	CHECK(slice_eq(sim_disk_bytes(&d, DIR "/" VECTOR "/meta.json"), meta));
	CHECK(slice_eq(sim_disk_bytes(&d, DIR "/" VECTOR "/state.bin"), state));
	sim_disk_free(&d);
	arena_free(&a);
}

TEST(snapshot, two_are_kept_newest_first)
{
	struct arena a = {0};
	struct sim_disk d;
	struct fail f;
	struct list all;
	sim_disk_init(&d, 1);
	CHECK_EQ(snapshot_list(&d.disk, DIR, &a, &all, NULL, &f), OK);
	CHECK_EQ(all.n, 0);
	CHECK_EQ(take(&d, 1, 99, 5 * NS_PER_MS, S("a"), &f), OK);
	CHECK_EQ(take(&d, 2, 9, 6 * NS_PER_MS, S("b"), &f), OK);
	CHECK_EQ(take(&d, 2, 10, 7 * NS_PER_MS, S("c"), &f), OK);
	CHECK_EQ(snapshot_list(&d.disk, DIR, &a, &all, NULL, &f), OK);
	ASSERT(all.n == 2);
	CHECK_STR(((struct snapshot_meta *)all.items)[0].id, "2-10-7");
	CHECK_STR(((struct snapshot_meta *)all.items)[1].id, "2-9-6");
	CHECK(!sim_disk_bytes(&d, DIR "/1-99-5/state.bin").p);
	arena_free(&a);
	sim_disk_free(&d);
}

TEST(snapshot, an_abandoned_one_leaves_nothing)
{
	struct arena a = {0};
	struct sim_disk d;
	struct fail f;
	struct list names;
	struct snapshot_writer w;
	struct snapshot_meta m = meta_of(1, 1);
	sim_disk_init(&d, 1);
	ASSERT(!snapshot_begin(&w, &d.disk, DIR, &m, 0, &f));
	snapshot_write(&w, S("half"));
	snapshot_abandon(&w);
	CHECK_EQ(d.disk.list(&d.disk, DIR, &a, &names, &f), OK);
	CHECK_EQ(names.n, 0);
	arena_free(&a);
	sim_disk_free(&d);
}

static void flip(struct sim_disk *d, const char *name, size_t at)
{
	struct slice old = sim_disk_bytes(d, name);
	char *p = malloc(old.n);
	memcpy(p, old.p, old.n);
	p[at] = (char)(p[at] ^ 4);
	sim_disk_put(d, name, (struct slice){p, old.n});
	free(p);
}

TEST(snapshot, a_damaged_one_is_named_and_the_older_one_taken)
{
	struct arena a = {0};
	struct sim_disk d;
	struct fail f;
	struct snapshot_reader r;
	struct snapshot_meta m;
	struct logbuf log = {0};
	sim_disk_init(&d, 1);
	CHECK_EQ(snapshot_open_newest(&r, &m, &d.disk, DIR, &a, &log, &f), ERR_ABSENT);
	CHECK_EQ(take(&d, 1, 10, 5 * NS_PER_MS, S("older"), &f), OK);
	CHECK_EQ(take(&d, 1, 20, 6 * NS_PER_MS, S("newer"), &f), OK);
	flip(&d, DIR "/1-20-6/state.bin", 3);
	ASSERT(!snapshot_open_newest(&r, &m, &d.disk, DIR, &a, &log, &f));
	CHECK_EQ(m.index, 10);
	CHECK_STR(read_all(&r, &a), "older");
	snapshot_close(&r);
	CHECK(slice_search(buf_view(&log.lines),
	              S("Failed to open snapshot 1-20-6: " DIR "/1-20-6/state.bin: CRC mismatch")) > 0);
	flip(&d, DIR "/1-10-5/meta.json", 0);
	CHECK_EQ(snapshot_open_newest(&r, &m, &d.disk, DIR, &a, &log, &f), ERR_CORRUPT);
	CHECK_STR(slice_of(f.text), DIR ": failed to load any existing snapshots");
	CHECK(slice_search(buf_view(&log.lines), S("Failed to read metadata for 1-10-5: " DIR "/1-10-5/meta.json: ")) >
	        0);
	buf_free(&log.lines);
	arena_free(&a);
	sim_disk_free(&d);
}

TEST(snapshot, every_flipped_byte_of_the_state_is_found)
{
	struct arena a = {0};
	struct sim_disk d;
	struct fail f;
	struct snapshot_reader r;
	struct snapshot_meta m;
	char state[3000];
	memset(state, 's', sizeof state);
	sim_disk_init(&d, 1);
	CHECK_EQ(take(&d, 1, 10, 5 * NS_PER_MS, slice_at(state, sizeof state), &f), OK);
	for (size_t at = 0; at < sizeof state; at++) {
		flip(&d, DIR "/1-10-5/state.bin", at);
		CHECK_EQ(snapshot_open_newest(&r, &m, &d.disk, DIR, &a, NULL, &f), ERR_CORRUPT);
		flip(&d, DIR "/1-10-5/state.bin", at);
		arena_reset(&a, 1 << 16);
	}
	arena_free(&a);
	sim_disk_free(&d);
}

/* After trouble at call `at` while the second of two is taken: the first or the second is there, whole; the second if
 * it was said to be. Then a third one can be taken. */
static void trouble(uint64_t at, bool crash, enum err with)
{
	struct arena a = {0};
	struct sim_disk d;
	struct fail f = {0};
	struct snapshot_reader r;
	struct snapshot_meta m;
	static char big[70000];
	memset(big, 'n', sizeof big);
	sim_disk_init(&d, at);
	CHECK_EQ(take(&d, 1, 5, 4 * NS_PER_MS, S("oldest"), &f), OK);
	CHECK_EQ(take(&d, 1, 10, 5 * NS_PER_MS, S("old"), &f), OK);
	d.crash_at = crash ? d.calls + at : 0;
	d.fail_at = crash ? 0 : d.calls + at;
	d.fail_with = with;
	enum err e = take(&d, 1, 20, 6 * NS_PER_MS, slice_at(big, sizeof big), &f);
	if (e)
		CHECK(f.code == with && f.text[0]);
	sim_disk_crash(&d);
	if (snapshot_open_newest(&r, &m, &d.disk, DIR, &a, NULL, &f)) {
		test_fail(__FILE__, __LINE__, "call %d: %s", (int)at, f.text);
	} else {
		struct slice got = read_all(&r, &a);
		CHECK(m.index == 20 || (m.index == 10 && e));
		CHECK(m.index == 20 ? slice_eq(got, slice_at(big, sizeof big)) : slice_is(got, "old"));
		snapshot_close(&r);
	}
	CHECK_EQ(take(&d, 2, 30, 7 * NS_PER_MS, S("new"), &f), OK);
	struct list names;
	CHECK_EQ(d.disk.list(&d.disk, DIR, &a, &names, &f), OK);
	CHECK_EQ(names.n, 2); /* nothing interrupted is left */
	arena_free(&a);
	sim_disk_free(&d);
}

TEST(snapshot, arrives_whole_or_not_at_all)
{
	struct sim_disk d;
	struct fail f;
	static char big[70000];
	sim_disk_init(&d, 1);
	CHECK_EQ(take(&d, 1, 5, 4 * NS_PER_MS, S("oldest"), &f), OK);
	CHECK_EQ(take(&d, 1, 10, 5 * NS_PER_MS, S("old"), &f), OK);
	uint64_t before = d.calls;
	CHECK_EQ(take(&d, 1, 20, 6 * NS_PER_MS, slice_at(big, sizeof big), &f), OK);
	uint64_t calls = d.calls - before;
	CHECK(calls > 15);
	sim_disk_free(&d);
	for (uint64_t at = 1; at <= calls; at++)
		for (int again = 0; again < 3; again++) {
			trouble(at, true, ERR_IO);
			trouble(at, false, again ? ERR_IO : ERR_FULL);
		}
}
