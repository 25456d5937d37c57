/* Unpacking gzip: each kind of block, several members, and a stream cut or changed at any byte. */
#include "core/base/gunzip.h"
#include "tests/test.h"

/* Made by gzip -n of "hello hello hello". */
static const char fixed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x57"
                            "\xc8\x40\x90\x00\x80\x88\xf9\xe5\x11\x00\x00\x00";
/* The same in a stored block, with a name in the header. */
static const char stored[] = "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03\x6e\x00\x01\x11\x00\xee"
                             "\xff\x68\x65\x6c\x6c\x6f\x20\x68\x65\x6c\x6c\x6f\x20\x68\x65\x6c"
                             "\x6c\x6f\x80\x88\xf9\xe5\x11\x00\x00\x00";

static enum err unpack(struct slice packed, struct buf *out, struct fail *f)
{
	*out = (struct buf){.limit = 1 << 16};
	return gunzip(packed, out, f);
}

TEST(gunzip, blocks_and_members)
{
	struct fail f;
	struct buf out, both = {0};
	CHECK_EQ(unpack(slice_at(fixed, sizeof(fixed) - 1), &out, &f), OK);
	CHECK_STR(buf_view(&out), "hello hello hello");
	buf_free(&out);
	CHECK_EQ(unpack(slice_at(stored, sizeof(stored) - 1), &out, &f), OK);
	CHECK_STR(buf_view(&out), "hello hello hello");
	buf_free(&out);
	buf_bytes(&both, fixed, sizeof(fixed) - 1);
	buf_bytes(&both, stored, sizeof(stored) - 1);
	CHECK_EQ(unpack(buf_view(&both), &out, &f), OK);
	CHECK_STR(buf_view(&out), "hello hello hellohello hello hello");
	buf_free(&out);
	buf_free(&both);
}

TEST(gunzip, a_stream_cut_anywhere_is_an_error)
{
	for (size_t cut = 0; cut + 1 < sizeof(fixed); cut++) {
		struct fail f;
		struct buf out;
		CHECK_EQ(unpack(slice_at(fixed, cut), &out, &f), ERR_CORRUPT);
		CHECK_STR(slice_of(f.text), cut ? "unexpected EOF" : "EOF");
		buf_free(&out);
	}
}

/* Behind the last block a byte is filled up with bits that mean nothing; any other is missed. */
TEST(gunzip, a_changed_bit_is_found)
{
	for (size_t bit = 80; bit < (sizeof(fixed) - 1) * 8; bit++) {
		char bad[sizeof(fixed)];
		struct fail f;
		struct buf out;
		memcpy(bad, fixed, sizeof(bad));
		bad[bit / 8] = (char)(bad[bit / 8] ^ (1 << bit % 8));
		if (unpack(slice_at(bad, sizeof(bad) - 1), &out, &f) == OK)
			CHECK_STR(buf_view(&out), "hello hello hello");
		buf_free(&out);
	}
}

TEST(gunzip, the_limit_holds)
{
	struct fail f;
	struct buf out = {.limit = 5};
	CHECK_EQ(gunzip(slice_at(fixed, sizeof(fixed) - 1), &out, &f), ERR_FULL);
	buf_free(&out);
}
