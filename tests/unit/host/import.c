/* The in-place switch, on the captured directory of a real 1.0.8 server, with a crash or an error at every call of the
 * disk. */
#include "cmd/agent/import.h"

#include "core/base/gunzip.h"
#include "tests/sim/disk.h"
#include "tests/test.h"

#include <stdlib.h>

#define ARCHIVE "tests/vectors/datadir/datadir-1.0.8.tgz"
#define TOP "datadir/"

enum { TAR_BLOCK = 512, SNAPSHOT = 212, LAST = 229, OLDER_SNAPSHOT = 181, ROOM = 1 << 20, LAST_CALLS = 40 };

static struct buf unpacked(void)
{
	struct buf packed = {0}, tar = {0};
	struct fail f;
	FILE *in = fopen(ARCHIVE, "rb");
	ASSERT(in);
	buf_add(&packed, fread(buf_room(&packed, ROOM), 1, ROOM, in));
	fclose(in);
	ASSERT(!gunzip(buf_view(&packed), &tar, &f));
	buf_free(&packed);
	return tar;
}

/* raft/ of the archive, on a new disk; without what has `leave_out` in its name. */
static void fill(struct sim_disk *d, const struct buf *tar, uint64_t seed, const char *leave_out)
{
	sim_disk_init(d, seed);
	for (size_t at = 0; at + TAR_BLOCK < tar->n && tar->p[at];) {
		char name[DISK_PATH_MAX];
		size_t n = strtoul(tar->p + at + 124, NULL, 8);
		snprintf(name, sizeof name, "%.100s", tar->p + at + sizeof TOP - 1);
		bool dir = slice_ends(slice_of(name), S("/"));
		bool wanted = slice_starts(slice_of(name), S("raft/")) && !(leave_out && strstr(name, leave_out));
		if (dir)
			name[strlen(name) - 1] = 0;
		if (wanted && dir)
			d->disk.make_dir(&d->disk, name, NULL);
		else if (wanted)
			sim_disk_put(d, name, slice_at(tar->p + at + TAR_BLOCK, n));
		at += TAR_BLOCK + (n + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	}
}

/* Our log says what raft.db said, from behind the newest snapshot on, or the older if that could not be read. */
static void check_log(struct sim_disk *d, raft_index first)
{
	const struct wal_options opt = {.salt = 1};
	struct wal *w = NULL;
	struct wal_cursor c;
	struct wal_entry e;
	struct fail f;
	raft_index n = 0;
	ASSERT(!wal_open(&w, &d->disk, "raft/wal", &opt, NULL, &f));
	if (wal_first(w) == OLDER_SNAPSHOT + 1)
		first = OLDER_SNAPSHOT + 1;
	CHECK_EQ(wal_first(w), first);
	CHECK_EQ(wal_last(w), LAST);
	CHECK_EQ(wal_hard(w).term, 2);
	CHECK_EQ(wal_hard(w).vote_term, 2);
	CHECK_EQ(wal_hard(w).commit, 0);
	CHECK_STR(wal_hard(w).vote, "127.8.1.1:8300");
	CHECK_EQ(wal_term_of(w, LAST), 2);
	wal_cursor_open(&c, w, first);
	while (!wal_next(&c, &e, &f) && e.index)
		CHECK(e.index == first + n++ && e.data.n < ROOM);
	CHECK_EQ(n, LAST + 1 - first);
	wal_cursor_close(&c);
	wal_close(w);
	CHECK(!sim_disk_bytes(d, "raft/raft.db").p);
	CHECK_EQ(sim_disk_bytes(d, "raft/raft.db.imported").n, ROOM);
}

TEST(import, log_and_hard_state_come_over)
{
	struct buf tar = unpacked(), bytes = {0};
	struct logbuf log = {0};
	struct sim_disk d;
	struct fail f;
	fill(&d, &tar, 1, NULL);
	CHECK_EQ(import_carry(&d.disk, 1, &log, &f), OK);
	CHECK(slice_search(buf_view(&log.lines),
	              S("raft: Took over the log of another Consul server, up to entry 229: raft/raft.db is kept as "
	                "raft/raft.db.imported")) > 0);
	check_log(&d, SNAPSHOT + 1);
	CHECK_EQ(import_carry(&d.disk, 1, NULL, &f), OK); /* again: nothing to do */
	check_log(&d, SNAPSHOT + 1);
	sim_disk_free(&d);

	fill(&d, &tar, 1, "snapshots/");
	CHECK_EQ(import_carry(&d.disk, 1, NULL, &f), OK);
	check_log(&d, 1);
	sim_disk_free(&d);
	buf_free(&log.lines);
	buf_free(&bytes);
	buf_free(&tar);
}

TEST(import, a_server_that_ran_again_is_not_guessed_about)
{
	struct buf tar = unpacked();
	struct wal_options opt = {.salt = 1};
	struct wal_entry e = {1, 1, 0, S("older")};
	struct sim_disk d;
	struct wal *w;
	struct fail f;
	fill(&d, &tar, 1, NULL);
	ASSERT(!wal_open(&w, &d.disk, "raft/wal", &opt, NULL, &f) && !wal_append(w, NULL, &e, 1, &f));
	wal_close(w);
	CHECK_EQ(import_carry(&d.disk, 1, NULL, &f), ERR_FAILED);
	CHECK(slice_search(slice_of(f.text), S("raft.db ends at entry 229 of term 2, wal at entry 1 of term 1")) > 0);
	CHECK(sim_disk_bytes(&d, "raft/raft.db").p != NULL);
	sim_disk_free(&d);
	buf_free(&tar);
}

TEST(import, what_is_damaged_stops_it_and_stays)
{
	struct buf tar = unpacked();
	struct sim_disk d;
	struct fail f;
	fill(&d, &tar, 1, NULL);
	sim_disk_put(&d, "raft/raft.db", S("no database"));
	CHECK_EQ(import_carry(&d.disk, 1, NULL, &f), ERR_CORRUPT);
	CHECK_STR(slice_of(f.text),
	        "taking over the log of another Consul server: raft/raft.db: offset 0: no valid meta "
	        "page: not a BoltDB file, or damaged");
	CHECK(sim_disk_bytes(&d, "raft/raft.db").p != NULL);
	sim_disk_free(&d);
	buf_free(&tar);
}

/* Trouble at call `at`; afterwards the next start ends it. */
static void trouble(const struct buf *tar, uint64_t at, bool crash, enum err with)
{
	struct sim_disk d;
	struct fail f = {0};
	fill(&d, tar, at, NULL);
	d.crash_at = crash ? d.calls + at : 0;
	d.fail_at = crash ? 0 : d.calls + at;
	d.fail_with = with;
	import_carry(&d.disk, 1, NULL, &f);
	if (crash)
		sim_disk_crash(&d);
	d.fail_at = 0;
	CHECK_EQ(import_carry(&d.disk, 2, NULL, &f), OK);
	check_log(&d, SNAPSHOT + 1);
	sim_disk_free(&d);
}

TEST(import, a_crash_or_an_error_anywhere_is_made_up_for)
{
	struct buf tar = unpacked();
	struct sim_disk d;
	struct fail f;
	fill(&d, &tar, 1, NULL);
	uint64_t before = d.calls;
	CHECK_EQ(import_carry(&d.disk, 1, NULL, &f), OK);
	uint64_t calls = d.calls - before;
	CHECK(calls > 40);
	sim_disk_free(&d);
	/* first it mostly reads, where one call is like the other */
	for (uint64_t at = 1; at <= calls; at += at + LAST_CALLS < calls ? 37 : 1) {
		trouble(&tar, at, true, ERR_IO);
		trouble(&tar, at, false, at % 2 ? ERR_IO : ERR_FULL);
	}
	buf_free(&tar);
}
