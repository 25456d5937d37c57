/* raft.db of a real 1.0.8 server (tests/vectors/datadir), and what is left of it after damage. */
#include "store/bolt.h"

#include "core/base/gunzip.h"
#include "core/base/msgpack.h"
#include "core/base/rand.h"
#include "tests/sim/disk.h"
#include "tests/test.h"

#include <stdlib.h>

#define ARCHIVE "tests/vectors/datadir/datadir-1.0.8.tgz"
#define MEMBER "datadir/raft/raft.db"
#define NAME "raft/raft.db"

enum { TAR_BLOCK = 512, PAGE = 4096, ENTRIES = 229 };

/* A disk with the captured file; its bytes may be changed in place. */
static char *file_of(struct sim_disk *d)
{
	struct buf packed = {0}, tar = {0};
	struct fail f;
	FILE *in = fopen(ARCHIVE, "rb");
	ASSERT(in);
	char *room = buf_room(&packed, 1 << 20);
	buf_add(&packed, fread(room, 1, 1 << 20, in));
	fclose(in);
	ASSERT(!gunzip(buf_view(&packed), &tar, &f));
	sim_disk_init(d, 1);
	d->disk.make_dir(&d->disk, "raft", NULL);
	for (size_t at = 0; at + TAR_BLOCK < tar.n && tar.p[at];) {
		size_t n = strtoul(tar.p + at + 124, NULL, 8);
		if (!strcmp(tar.p + at, MEMBER))
			sim_disk_put(d, NAME, slice_at(tar.p + at + TAR_BLOCK, n));
		at += TAR_BLOCK + (n + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	}
	buf_free(&packed);
	buf_free(&tar);
	struct slice bytes = sim_disk_bytes(d, NAME);
	ASSERT(bytes.n == 1 << 20);
	union {
		const char *read;
		char *write;
	} p = {.read = bytes.p};
	return p.write;
}

/* How many pairs a bucket has; what they say is checked by the caller's `look`. */
static enum err count(struct bolt *b, const char *bucket, unsigned *n, struct fail *f,
        void (*look)(unsigned n, struct slice key, struct slice value))
{
	struct bolt_cursor c;
	struct slice key, value;
	*n = 0;
	enum err e = bolt_cursor_open(&c, b, slice_of(bucket), f);
	while (!e && !(e = bolt_next(&c, &key, &value, f)) && key.p) {
		(*n)++;
		if (look)
			look(*n, key, value);
	}
	bolt_cursor_close(&c);
	return e;
}

static void entry_look(unsigned n, struct slice key, struct slice value)
{
	struct mp_reader r = mp_read(value);
	uint64_t index = 0;
	ASSERT(key.n == 8);
	for (size_t i = 0; i < key.n; i++)
		index = index << 8 | (uint8_t)key.p[i];
	CHECK_EQ(index, n);
	CHECK_EQ(mp_map(&r), 4);
	CHECK_STR(mp_str(&r), "Data");
	mp_skip(&r);
	CHECK_STR(mp_str(&r), "Index");
	CHECK_EQ(mp_u64(&r), n);
}

static void conf_look(unsigned n, struct slice key, struct slice value)
{
	static const char *const keys[] = {"", "CurrentTerm", "LastVoteCand", "LastVoteTerm"};
	CHECK_STR(key, keys[n]);
	if (n == 2)
		CHECK_STR(value, "127.8.1.1:8300");
	else
		CHECK(value.n == 8 && value.p[7] > 0);
}

TEST(bolt, the_log_of_a_real_server_is_read)
{
	struct sim_disk d;
	struct bolt b;
	struct fail f;
	unsigned n;
	file_of(&d);
	ASSERT(!bolt_open(&b, &d.disk, NAME, &f));
	CHECK_EQ(b.page_size, PAGE);
	CHECK_EQ(b.txid, 236);
	CHECK_EQ(count(&b, "logs", &n, &f, entry_look), OK);
	CHECK_EQ(n, ENTRIES);
	CHECK_EQ(count(&b, "conf", &n, &f, conf_look), OK);
	CHECK_EQ(n, 3);
	CHECK_EQ(count(&b, "other", &n, &f, NULL), ERR_ABSENT);
	CHECK_STR(slice_of(f.text), NAME ": there is no bucket \"other\"");
	bolt_close(&b);
	sim_disk_free(&d);
}

/* A crash while the newest meta page is written: the transaction before it counts. */
TEST(bolt, a_torn_meta_page_leaves_the_one_before)
{
	for (unsigned page = 0; page < 2; page++) {
		struct sim_disk d;
		struct bolt b;
		struct fail f;
		unsigned n;
		char *p = file_of(&d);
		p[page * PAGE + 16 + 50] ^= 1;
		ASSERT(!bolt_open(&b, &d.disk, NAME, &f));
		CHECK_EQ(b.page_size, PAGE);
		CHECK_EQ(b.txid, page ? 236 : 235);
		CHECK_EQ(count(&b, "logs", &n, &f, entry_look), OK);
		CHECK(n == ENTRIES || n == ENTRIES - 1);
		bolt_close(&b);
		p[(1 - page) * PAGE + 16] ^= 1;
		CHECK_EQ(bolt_open(&b, &d.disk, NAME, &f), ERR_CORRUPT);
		CHECK_STR(slice_of(f.text), NAME ": offset 0: no valid meta page: not a BoltDB file, or damaged");
		sim_disk_free(&d);
	}
}

/* Opens and walks it all: any answer, but an error is a sentence that names the file and the place. */
static enum err use(struct sim_disk *d)
{
	struct bolt b;
	struct fail f = {0};
	unsigned n;
	enum err e = bolt_open(&b, &d->disk, NAME, &f);
	if (!e) {
		e = count(&b, "logs", &n, &f, NULL);
		e = e ? e : count(&b, "conf", &n, &f, NULL);
		bolt_close(&b);
	}
	if (e == ERR_CORRUPT)
		CHECK(slice_starts(slice_of(f.text), S(NAME ": offset ")));
	else
		CHECK(!e || e == ERR_ABSENT);
	return e;
}

TEST(bolt, damage_is_named_or_harmless)
{
	struct sim_disk d;
	struct rand r;
	char *p = file_of(&d);
	unsigned found = 0;
	rand_seed(&r, 7);
	for (unsigned round = 0; round < 3000; round++) {
		/* the heads of pages are worth more than the values in them */
		size_t at = rand_u64(&r) % 236 * PAGE + rand_u64(&r) % 128;
		char old = p[at];
		p[at] = (char)(p[at] ^ (1 << rand_u64(&r) % 8));
		found += use(&d) == ERR_CORRUPT;
		p[at] = old;
	}
	CHECK(found > 100);
	CHECK_EQ(use(&d), OK);
	sim_disk_free(&d);
}

TEST(bolt, a_cut_file_is_named)
{
	struct sim_disk d;
	char *p = file_of(&d);
	char *whole = malloc(1 << 20);
	ASSERT(whole);
	memcpy(whole, p, 1 << 20);
	for (size_t pages = 0; pages < 200; pages += 9) {
		sim_disk_put(&d, NAME, slice_at(whole, pages * PAGE + pages));
		CHECK_EQ(use(&d), ERR_CORRUPT);
	}
	free(whole);
	sim_disk_free(&d);
}

/* Every child of a branch is made the branch itself. */
TEST(bolt, a_circle_of_pages_ends)
{
	struct sim_disk d;
	char *p = file_of(&d);
	unsigned branches = 0;
	for (unsigned page = 2; page < 236; page++) {
		char *at = p + (size_t)page * PAGE;
		if (at[8] != 1 || (uint8_t)at[0] != page)
			continue;
		branches++;
		for (unsigned i = 0; i < (uint8_t)at[10]; i++) {
			memset(at + 16 + i * 16 + 8, 0, 8);
			at[16 + i * 16 + 8] = (char)page;
		}
	}
	CHECK(branches > 0);
	CHECK_EQ(use(&d), ERR_CORRUPT);
	sim_disk_free(&d);
}
