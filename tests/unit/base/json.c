#include "core/base/json.h"
#include "tests/test.h"

static struct arena a;
static struct buf b;
static struct fail f;
static struct value v;

/* What reading `text` gives, written again, or the error. */
static struct slice again(const char *text)
{
	buf_reset(&b, 1 << 20);
	if (json_read(slice_of(text), &a, &v, &f))
		return slice_of(f.text);
	json_value(&b, &v, 0, 0);
	return buf_view(&b);
}

static struct slice string_of(struct slice s)
{
	buf_reset(&b, 1 << 20);
	json_string(&b, s);
	return buf_view(&b);
}

TEST(json, reads_and_writes_values)
{
	static const char *const rows[][2] = {
	        {" null ", "null"},
	        {"[true,false]", "[true,false]"},
	        {"-0.5e+10", "-0.5e+10"},
	        {"{\"b\":1,\"a\":[{},[]],\"b\":2}", "{\"b\":1,\"a\":[{},[]],\"b\":2}"},
	        {"\"\\u0041\\n\\/\\\"\\\\\\b\\f\\r\\t\"", "\"A\\n/\\\"\\\\\\u0008\\u000c\\r\\t\""},
	        {"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\""},
	        {"\"\\ud83dx\\udc00\"", "\"\xEF\xBF\xBDx\xEF\xBF\xBD\""},
	        {"\"\\ud83d\\u0041\"", "\"\xEF\xBF\xBD"
	                               "A\""},
	        {"\"a\xff\xc3\"", "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
	        {"[ 1 , \"x\" , { \"a\" : [ ] } ]\n", "[1,\"x\",{\"a\":[]}]"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(again(rows[i][0]), rows[i][1]);
	arena_free(&a);
	buf_free(&b);
}

TEST(json, errors_are_those_of_encoding_json)
{
	static const char *const rows[][2] = {
	        {"", "unexpected end of JSON input"},
	        {"  ", "unexpected end of JSON input"},
	        {"{", "unexpected end of JSON input"},
	        {"[1", "unexpected end of JSON input"},
	        {"\"a", "unexpected end of JSON input"},
	        {"tru", "invalid character ' ' in literal true (expecting 'e')"},
	        {"nulx", "invalid character 'x' in literal null (expecting 'l')"},
	        {"x", "invalid character 'x' looking for beginning of value"},
	        {"'", "invalid character '\\'' looking for beginning of value"},
	        {"{\"a\" \"", "invalid character '\"' after object key"},
	        {"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"},
	        {"{\"a\":1 2", "invalid character '2' after object key:value pair"},
	        {"[1 2]", "invalid character '2' after array element"},
	        {"[1,]", "invalid character ']' looking for beginning of value"},
	        {"1 2", "invalid character '2' after top-level value"},
	        {"01", "invalid character '1' after top-level value"},
	        {"-", "invalid character ' ' in numeric literal"},
	        {"1.x", "invalid character 'x' after decimal point in numeric literal"},
	        {"1e", "invalid character ' ' in exponent of numeric literal"},
	        {"\"\\x\"", "invalid character 'x' in string escape code"},
	        {"\"\\u00g0\"", "invalid character 'g' in \\u hexadecimal character escape"},
	        {"\"\n\"", "invalid character '\\n' in string literal"},
	        {"\xc3\xa9", "invalid character '\xC3\x83' looking for beginning of value"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(again(rows[i][0]), rows[i][1]);
	CHECK(json_read(slice_at("\0", 1), &a, &v, &f));
	CHECK_STR(slice_of(f.text), "invalid character '\\x00' looking for beginning of value");
	arena_free(&a);
}

TEST(json, the_first_value_of_a_stream)
{
	struct slice rest = S("{\"a\":1} true\n12 x");
	CHECK_EQ(json_read_first(rest, &a, &v, &rest, &f), OK);
	CHECK(v.type == V_OBJECT && v.n == 1);
	CHECK_EQ(json_read_first(rest, &a, &v, &rest, &f), OK);
	CHECK(v.type == V_BOOL);
	CHECK_EQ(json_read_first(rest, &a, &v, &rest, &f), OK);
	CHECK_STR(v.text, "12");
	CHECK_STR(rest, " x");
	CHECK_EQ(json_read_first(S(" \n"), &a, &v, &rest, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "EOF");
	CHECK_EQ(json_read_first(S("tru"), &a, &v, &rest, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "unexpected EOF");
	arena_free(&a);
}

TEST(json, depth_is_bounded_and_costs_no_stack)
{
	static char text[2 * JSON_DEPTH_MAX + 2];
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	CHECK_EQ(json_read(slice_at(text, sizeof text - 2), &a, &v, &f), OK);
	buf_reset(&b, 0);
	json_value(&b, &v, 0, 0);
	CHECK(slice_eq(buf_view(&b), slice_at(text, sizeof text - 2)));
	CHECK(value_equal(&v, &v));
	memset(text, '[', sizeof text);
	CHECK_EQ(json_read(slice_at(text, sizeof text), &a, &v, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "invalid character '[' exceeded max depth");
	arena_free(&a);
	buf_free(&b);
}

TEST(json, a_small_arena_is_an_error_not_a_crash)
{
	for (size_t limit = 1; limit < 40000; limit += 4096) {
		struct arena small;
		arena_init(&small, limit);
		enum err e = json_read(S("[[1,2,3],{\"a\":\"b\\u0041\"},\"\xff\"]"), &small, &v, &f);
		CHECK(e == OK || e == ERR_NO_MEMORY);
		arena_free(&small);
	}
}

TEST(json, every_cut_of_a_text_is_an_error)
{
	struct slice whole = S("{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",true,null],\"b\":{\"c\":{}}}");
	for (size_t n = 0; n < whole.n; n++)
		CHECK_EQ(json_read(slice_at(whole.p, n), &a, &v, &f), ERR_INVALID);
	CHECK_EQ(json_read(whole, &a, &v, &f), OK);
	arena_free(&a);
}

TEST(json, strings_are_escaped_as_go)
{
	CHECK_STR(string_of(S("plain text that is longer than sixteen bytes, twice over")),
	        "\"plain text that is longer than sixteen bytes, twice over\"");
	CHECK_STR(
	        string_of(S("<a href=\"x\">&\\</a>")), "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\\\\\u003c/a\\u003e\"");
	CHECK_STR(string_of(S("\n\r\t\b\x7f\x1f")), "\"\\n\\r\\t\\u0008\x7f\\u001f\"");
	CHECK_STR(string_of(S("\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA")), "\"\\u2028\\u2029\xE2\x80\xAA\"");
	CHECK_STR(string_of(S("\xff"
	                      "a\xC3")),
	        "\"\\ufffda\\ufffd\"");
	CHECK_STR(string_of(S("")), "\"\"");
	CHECK_STR(string_of(S_NONE), "\"\"");
	/* Each place of a special byte within a block of sixteen. */
	char text[40], want[64];
	for (int i = 0; i < 33; i++) {
		memset(text, 'a', sizeof text);
		text[i] = '&';
		snprintf(want, sizeof want, "\"%.*s\\u0026%.*s\"", i, text, 33 - i, text + i + 1);
		CHECK_STR(string_of(slice_at(text, 34)), want);
	}
	buf_free(&b);
}

TEST(json, pretty_as_marshal_indent)
{
	CHECK_EQ(json_read(S("{\"a\":[1,{}],\"b\":{},\"c\":[],\"d\":{\"e\":null}}"), &a, &v, &f), OK);
	buf_reset(&b, 4096);
	json_value(&b, &v, 4, 1);
	CHECK_STR(buf_view(&b), "{\n        \"a\": [\n            1,\n            {}\n        ],\n        \"b\": {},\n"
	                        "        \"c\": [],\n        \"d\": {\n            \"e\": null\n        }\n    }");
	buf_reset(&b, 4096);
	json_base64(&b, S_NONE);
	json_base64(&b, S(""));
	json_base64(&b, S("hi"));
	CHECK_STR(buf_view(&b), "null\"\"\"aGk=\"");
	arena_free(&a);
	buf_free(&b);
}

TEST(value, members_and_numbers)
{
	int64_t i;
	uint64_t u;
	double d;
	CHECK_EQ(json_read(S("{\"a\":1,\"A\":2,\"a\":-3,\"b\":1.5,\"c\":18446744073709551615}"), &a, &v, &f), OK);
	CHECK(value_i64(value_get(&v, S("a")), &i) && i == -3);
	CHECK(value_i64(value_get_fold(&v, S("A")), &i) && i == 2);
	CHECK(value_u64(value_get_fold(&v, S("C")), &u) && u == UINT64_MAX);
	CHECK(!value_i64(value_get(&v, S("b")), &i) && value_double(value_get(&v, S("b")), &d) && d == 1.5);
	CHECK(!value_get(&v, S("B")) && !value_get(value_get(&v, S("a")), S("x")) && !value_u64(NULL, &u));
	arena_free(&a);
}

TEST(value, copies_are_equal_and_apart)
{
	struct value copy;
	CHECK_EQ(json_read(S("{\"a\":[1,\"text\",{\"b\":null}],\"\":\"\",\"e\":[],\"f\":{}}"), &a, &v, &f), OK);
	size_t n = value_extra_size(&v);
	void *extra = arena_alloc(&a, n);
	CHECK(value_copy_to(&copy, &v, extra) && value_equal(&copy, &v));
	((char *)(uintptr_t)copy.entries[0].val.items[1].text.p)[0] = 'T';
	CHECK(!value_equal(&copy, &v));
	CHECK_STR(v.entries[0].val.items[1].text, "text");
	arena_free(&a);
}
