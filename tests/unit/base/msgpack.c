#include "core/base/msgpack.h"
#include "tests/test.h"

static struct buf b;

static struct slice bytes_of(const char *hex)
{
	static unsigned char out[256];
	size_t n = 0;
	for (; *hex; hex += 2) {
		unsigned v;
		sscanf(hex, "%2x", &v);
		out[n++] = (unsigned char)v;
	}
	return slice_at(out, n);
}

static struct slice hex_of(void)
{
	static char out[1024];
	for (size_t i = 0; i < b.n; i++)
		snprintf(out + 2 * i, 3, "%02x", (unsigned char)b.p[i]);
	size_t n = 2 * b.n;
	buf_reset(&b, 4096);
	return slice_at(out, n);
}

TEST(msgpack, integers_take_the_smallest_form_and_come_back)
{
	static const struct {
		int64_t v;
		const char *hex;
	} rows[] = {
	        {0, "00"},
	        {127, "7f"},
	        {128, "cc80"},
	        {255, "ccff"},
	        {256, "cd0100"},
	        {65536, "ce00010000"},
	        {INT64_C(4294967296), "cf0000000100000000"},
	        {-1, "ff"},
	        {-32, "e0"},
	        {-33, "d0df"},
	        {-128, "d080"},
	        {-129, "d1ff7f"},
	        {-32769, "d2ffff7fff"},
	        {INT64_MIN, "d38000000000000000"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		mp_put_i64(&b, rows[i].v);
		CHECK_STR(hex_of(), rows[i].hex);
		struct mp_reader r = mp_read(bytes_of(rows[i].hex));
		CHECK_EQ(mp_i64(&r), rows[i].v);
		CHECK(!r.failed && !mp_left(&r));
	}
	struct mp_reader r = mp_read(bytes_of("cfffffffffffffffffcb4014000000000000ca40a00000cb3fe0000000000000"));
	CHECK(mp_u64(&r) == UINT64_MAX);
	CHECK_EQ(mp_i64(&r), 5);
	CHECK_EQ(mp_u64(&r), 5);
	CHECK(!r.failed);
	CHECK_EQ(mp_i64(&r), 0);
	CHECK(r.failed && !r.cut);
	r = mp_read(bytes_of("cfffffffffffffffff"));
	CHECK_EQ(mp_i64(&r), 0);
	CHECK(r.failed);
	r = mp_read(bytes_of("ff"));
	CHECK_EQ(mp_u64(&r), 0);
	CHECK(r.failed);
}

TEST(msgpack, both_families_of_strings)
{
	static char long_text[70000];
	memset(long_text, 'x', sizeof long_text);
	mp_put_str(&b, S("abc"));
	mp_put_bytes(&b, S_NONE);
	mp_put_bytes(&b, S(""));
	CHECK_STR(hex_of(), "a3616263c0a0");
	mp_put_str(&b, slice_at(long_text, 40));
	CHECK(!memcmp(b.p, "\xda\x00\x28", 3));
	buf_reset(&b, 0);
	mp_put_str_new(&b, slice_at(long_text, 40));
	CHECK(!memcmp(b.p, "\xd9\x28", 2));
	buf_reset(&b, 0);
	mp_put_bin_new(&b, S("ab"));
	mp_put_bin_new(&b, S_NONE);
	CHECK_STR(hex_of(), "c4026162c0");
	static const size_t sizes[] = {0, 31, 32, 255, 256, 65535, 65536, 70000};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct slice s = {long_text, sizes[i]};
		mp_put_str(&b, s);
		mp_put_str_new(&b, s);
		mp_put_bin_new(&b, s);
		struct mp_reader r = mp_read(buf_view(&b));
		for (int k = 0; k < 3; k++)
			CHECK(slice_eq(mp_str(&r), s));
		CHECK(!r.failed && !mp_left(&r));
		buf_reset(&b, 0);
	}
	buf_free(&b);
}

TEST(msgpack, a_failure_stays_and_says_if_more_would_help)
{
	struct mp_reader r = mp_read(bytes_of("a361"));
	CHECK(!mp_str(&r).p && r.failed && r.cut);
	CHECK(mp_i64(&r) == 0 && !mp_bool(&r) && mp_peek(&r) == MP_NONE);
	r = mp_read(bytes_of("c1"));
	mp_skip(&r);
	CHECK(r.failed && !r.cut);
	r = mp_read(bytes_of("dfffffffff"));
	CHECK_EQ(mp_map(&r), 0);
	CHECK(r.failed && r.cut);
	r = mp_read(bytes_of("ddffffffff01"));
	CHECK_EQ(mp_array(&r), 0);
	CHECK(r.failed);
	r = mp_read(bytes_of("dbffffffff01"));
	CHECK(!mp_str(&r).p && r.failed);
	r = mp_read(bytes_of("c3"));
	CHECK(!mp_str(&r).p && r.failed && !r.cut);
	r = mp_read(S_NONE);
	CHECK(!mp_nil(&r) && !mp_bool(&r) && r.failed && r.cut);
}

TEST(msgpack, nil_reads_as_zero)
{
	struct mp_reader r = mp_read(bytes_of("c0c0c0c0c0c0c0"));
	CHECK(!mp_bool(&r) && !mp_i64(&r) && !mp_u64(&r) && mp_float(&r) == 0 && !mp_str(&r).p && !mp_array(&r) &&
	        !mp_map(&r) && !r.failed);
}

TEST(msgpack, whole_values_are_found_at_every_cut)
{
	/* {"a": [1, "xyz", nil, 1.5], "b": {…ext, bin…}} */
	struct slice whole = bytes_of("82a1619401a378797ac0cb3ff8000000000000a16282a163d4050aa164c403010203");
	CHECK_EQ(mp_whole(whole), whole.n);
	for (size_t n = 0; n < whole.n; n++) {
		CHECK_EQ(mp_whole(slice_at(whole.p, n)), 0);
		struct mp_reader r = mp_read(slice_at(whole.p, n));
		mp_skip(&r);
		CHECK(r.failed && r.cut);
	}
	struct mp_reader r = mp_read(whole);
	CHECK_EQ(mp_peek(&r), MP_MAP);
	mp_skip(&r);
	CHECK(!r.failed && !mp_left(&r));
	CHECK(mp_whole(bytes_of("92c0c1")) == SIZE_MAX);
	CHECK_EQ(mp_whole(S_NONE), 0);
}

TEST(msgpack, depth_costs_nothing_when_skipped_and_is_bounded_when_read)
{
	static unsigned char deep[100000];
	struct arena a = {0};
	struct value v;
	memset(deep, 0x91, sizeof deep - 1);
	deep[sizeof deep - 1] = 0xc0;
	CHECK_EQ(mp_whole(slice_at(deep, sizeof deep)), sizeof deep);
	struct mp_reader r = mp_read(slice_at(deep, sizeof deep));
	mp_skip(&r);
	CHECK(!r.failed);
	r = mp_read(slice_at(deep, sizeof deep));
	mp_value(&r, &a, &v);
	CHECK(r.failed && !r.cut && v.type == V_NULL);
	arena_free(&a);
}

TEST(msgpack, any_value)
{
	struct arena a = {0};
	struct value v;
	struct mp_reader r = mp_read(bytes_of("83a16193c3ffcb3ff8000000000000a162a178cc80c0"));
	mp_value(&r, &a, &v);
	CHECK(!r.failed && v.type == V_OBJECT && v.n == 3);
	CHECK(v.entries[0].val.items[0].boolean);
	CHECK_STR(v.entries[0].val.items[1].text, "-1");
	CHECK_STR(v.entries[0].val.items[2].text, "1.5");
	CHECK_STR(v.entries[1].val.text, "x");
	CHECK_STR(v.entries[2].key, "128");
	arena_free(&a);
}

/* In pieces it finds the same end as at once, and sees from the heads alone what cannot fit. */
TEST(msgpack, a_value_that_comes_in_pieces)
{
	static const char text[] = "\x83\xa1"
	                           "a\x92\x01\xda\x00\x02xy\xa1"
	                           "b\xc4\x01z\xcd\x01\x02\x80";
	size_t whole = sizeof(text) - 1;
	for (size_t step = 1; step < 5; step++) {
		struct mp_scan s = MP_SCAN;
		for (size_t n = 0; n < whole; n += step)
			CHECK_EQ(mp_scan(&s, slice_at(text, n), whole), 0);
		CHECK_EQ(mp_scan(&s, slice_at(text, whole), whole), whole);
	}
	for (size_t limit = 0; limit < whole; limit++) {
		struct mp_scan s = MP_SCAN;
		CHECK(mp_scan(&s, slice_at(text, whole), limit) == SIZE_MAX);
	}
	CHECK(mp_scan(&MP_SCAN, S("\xdb\x00\x00\x01\x00"), 100) == SIZE_MAX);
	CHECK(mp_scan(&MP_SCAN, S("\xdd\x00\x00\x01\x00"), 100) == SIZE_MAX);
	CHECK(mp_scan(&MP_SCAN, S("\xdf\xff\xff\xff\xff"), 100) == SIZE_MAX);
}
