/* Archives of snapshots: there and back, and whatever is wrong with one is told. */
#include "core/api/snapshot_archive.h"

#include "core/base/gunzip.h"
#include "core/base/gzip.h"
#include "core/base/slice.h"
#include "tests/test.h"

static void pack(struct buf *out, struct slice state)
{
	static struct snapshot_server self = {.id = {"id", 2}, .address = {"127.0.0.1:8300", 14}};
	const struct snapshot_meta meta = {
	        .version = 1,
	        .id = S("2-40-1795240907016"),
	        .index = 40,
	        .term = 2,
	        .configuration.servers = {&self, 1},
	        .configuration_index = 1,
	        .size = (int64_t)state.n,
	};
	snapshot_pack(out, &meta, state, 1795240907 * NS_PER_S);
}

TEST(snapshot_archive, there_and_back)
{
	static char state[5000];
	struct buf archive = {0}, tar;
	struct arena a = {0};
	struct snapshot_meta meta;
	struct slice back;
	struct fail f;
	for (size_t i = 0; i < sizeof state; i++)
		state[i] = (char)(i * 7);
	pack(&archive, slice_at(state, sizeof state));
	CHECK(!archive.failed);
	CHECK_EQ(snapshot_unpack(buf_view(&archive), &tar, &a, &meta, &back, &f), OK);
	CHECK(slice_eq(back, slice_at(state, sizeof state)));
	CHECK_STR(meta.id, "2-40-1795240907016");
	CHECK_EQ(meta.index, 40);
	CHECK_EQ(meta.term, 2);
	CHECK_EQ(meta.size, (int64_t)sizeof state);
	CHECK_EQ(meta.configuration.servers.n, 1);
	CHECK_EQ(tar.n, 512 * (2 + 1 + 10 + 1 + 1 + 2)); /* three heads, three contents, the end */
	buf_free(&tar);
	buf_free(&archive);
	arena_free(&a);
}

/* Cut behind the tar's end only the checksum of gzip is lost, which nobody reads. */
TEST(snapshot_archive, one_cut_anywhere_is_refused)
{
	struct buf archive = {0}, tar, whole = {0};
	struct snapshot_meta meta;
	struct slice back;
	struct fail f;
	pack(&archive, S("the state"));
	CHECK_EQ(gunzip(buf_view(&archive), &whole, &f), OK);
	for (size_t n = 0; n < archive.n - 9; n++) {
		struct arena a = {0};
		enum err e = snapshot_unpack(slice_cut(buf_view(&archive), 0, n), &tar, &a, &meta, &back, &f);
		if (n < 10)
			CHECK(slice_starts(slice_of(f.text), S("failed to decompress snapshot: ")));
		CHECK(e != OK || tar.n >= whole.n - 2 * 512 + 512);
		buf_free(&tar);
		arena_free(&a);
	}
	buf_free(&whole);
	buf_free(&archive);
}

static enum err changed(size_t at, struct fail *f)
{
	struct buf archive = {0}, tar = {0}, again = {0}, out;
	struct arena a = {0};
	struct snapshot_meta meta;
	struct slice back;
	pack(&archive, S("the state"));
	gunzip(buf_view(&archive), &tar, f);
	tar.p[at] = (char)(tar.p[at] ^ 1);
	gzip(buf_view(&tar), &again);
	enum err e = snapshot_unpack(buf_view(&again), &out, &a, &meta, &back, f);
	buf_free(&archive);
	buf_free(&tar);
	buf_free(&again);
	buf_free(&out);
	arena_free(&a);
	return e;
}

TEST(snapshot_archive, changed_bytes_are_found)
{
	struct fail f;
	CHECK(changed(3 * 512, &f) != OK); /* of state.bin, behind two heads and the metadata */
	CHECK_STR(slice_of(f.text), "failed to read snapshot file: failed checking integrity of snapshot: hash check "
	                            "failed for \"state.bin\"");
	CHECK(changed(0, &f) != OK); /* of a head */
	CHECK_STR(slice_of(f.text),
	        "failed to read snapshot file: failed reading snapshot: archive/tar: invalid tar header");
	CHECK(changed(512, &f) != OK); /* of the metadata */
	CHECK(slice_starts(slice_of(f.text), S("failed to read snapshot file: failed to decode snapshot metadata: ")));
}

TEST(snapshot_archive, what_is_no_archive)
{
	struct buf tar, packed = {0};
	struct arena a = {0};
	struct snapshot_meta meta;
	struct slice back;
	struct fail f;
	CHECK(snapshot_unpack(S_NONE, &tar, &a, &meta, &back, &f) != OK);
	CHECK_STR(slice_of(f.text), "failed to decompress snapshot: EOF");
	buf_free(&tar);
	CHECK(snapshot_unpack(S("this is no archive"), &tar, &a, &meta, &back, &f) != OK);
	CHECK_STR(slice_of(f.text), "failed to decompress snapshot: gzip: invalid header");
	buf_free(&tar);
	gzip(S("x"), &packed);
	CHECK(snapshot_unpack(buf_view(&packed), &tar, &a, &meta, &back, &f) != OK);
	CHECK_STR(slice_of(f.text), "failed to read snapshot file: failed reading snapshot: unexpected EOF");
	buf_free(&tar);
	buf_free(&packed);
	arena_free(&a);
}
