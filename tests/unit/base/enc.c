#include "core/base/enc.h"
#include "tests/test.h"

static struct arena a;
static struct buf b;
static struct fail f;

static struct slice back(struct slice text)
{
	struct slice out;
	return base64_get(text, &a, &out, &f) ? slice_of(f.text) : out;
}

TEST(enc, base64_both_ways)
{
	static const char *const rows[][2] = {
	        {"", ""},
	        {"f", "Zg=="},
	        {"fo", "Zm8="},
	        {"foo", "Zm9v"},
	        {"foobar", "Zm9vYmFy"},
	        {"\xff\xfe\xfd", "//79"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_reset(&b, 4096);
		base64_put(&b, slice_of(rows[i][0]));
		CHECK_STR(buf_view(&b), rows[i][1]);
		CHECK_STR(back(slice_of(rows[i][1])), rows[i][0]);
	}
	CHECK_STR(back(S("Zm\r\n9v\nZg=\n=\n")), "foof");
	arena_free(&a);
	buf_free(&b);
}

TEST(enc, base64_says_where_it_is_wrong)
{
	static const char *const rows[][2] = {
	        {"Zm9", "0"},
	        {"Zg", "0"},
	        {"Zm9vZ", "4"},
	        {"Zg=", "3"},
	        {"Zg=a", "2"},
	        {"Zg==a", "4"},
	        {"=", "0"},
	        {"Z===", "1"},
	        {"Zm9v!", "4"},
	        {"Zm8=\nx", "5"},
	        {"Z m9", "1"},
	};
	char want[64];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(want, sizeof want, "illegal base64 data at input byte %s", rows[i][1]);
		CHECK_STR(back(slice_of(rows[i][0])), want);
	}
	arena_free(&a);
}

TEST(enc, hex_both_ways)
{
	struct slice out;
	hex_put(&b, slice_at("\x00\xab\x7f", 3));
	CHECK_STR(buf_view(&b), "00ab7f");
	CHECK(hex_get(S("00AB7f"), &a, &out) && out.n == 3 && !memcmp(out.p, "\x00\xab\x7f", 3));
	CHECK(!hex_get(S("0"), &a, &out));
	CHECK(!hex_get(S("0g"), &a, &out));
	arena_free(&a);
	buf_free(&b);
}

TEST(enc, percent_both_ways)
{
	struct slice out;
	CHECK(percent_get_path(S("a%2Fb+c%20d"), &a, &out));
	CHECK_STR(out, "a/b+c d");
	CHECK(percent_get_query(S("a%2fb+c"), &a, &out));
	CHECK_STR(out, "a/b c");
	static const char *const bad[] = {"%", "%2", "a%zz", "%2%20"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!percent_get_path(slice_of(bad[i]), &a, &out));
	percent_put_path(&b, S("a/b c?d=\xC3\xA9&e"));
	CHECK_STR(buf_view(&b), "a/b%20c%3Fd=%C3%A9&e");
	buf_reset(&b, 4096);
	percent_put_query(&b, S("a/b c~"));
	CHECK_STR(buf_view(&b), "a%2Fb+c~");
	arena_free(&a);
	buf_free(&b);
}
