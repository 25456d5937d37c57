#include "core/base/schema.h"
#include "core/base/json.h"
#include "core/base/msgpack.h"
#include "tests/test.h"

struct inner {
	struct slice token;
	bool on;
};

struct leaf {
	struct slice name;
	int64_t port;
	struct list tags;
};

struct all {
	struct slice zed;
	bool flag;
	int64_t number;
	uint64_t index;
	double ratio;
	dur_ns wait, readable;
	struct slice bytes;
	struct leaf leaf, *pointer;
	struct inner options;
	struct list strs, floats, leaves, meta, header, by_name;
	struct value *any;
	struct slice hidden;
};

static const struct field inner_fields[] = {
        FIELD(struct inner, token, "Token", F_STR, 0),
        FIELD(struct inner, on, "AllowStale", F_BOOL, 0),
};
static const struct schema inner_schema = SCHEMA(struct inner, "structs.QueryOptions", inner_fields);

static const struct field leaf_fields[] = {
        FIELD(struct leaf, name, "Name", F_STR, 0),
        FIELD(struct leaf, port, "Port", F_INT, FF_OMITEMPTY | FF_MP_OMITEMPTY),
        FIELD(struct leaf, tags, "Tags", F_STRS, FF_NIL_EMPTY),
};
static const struct schema leaf_schema = SCHEMA(struct leaf, "structs.Leaf", leaf_fields);

static const struct field all_fields[] = {
        FIELD(struct all, zed, "Zed", F_STR, 0),
        FIELD(struct all, flag, "Flag", F_BOOL, 0),
        FIELD(struct all, number, "Number", F_INT, 0),
        FIELD(struct all, index, "Index", F_UINT, 0),
        FIELD(struct all, ratio, "Ratio", F_FLOAT, 0),
        FIELD(struct all, wait, "Wait", F_DUR, 0),
        FIELD(struct all, readable, "Readable", F_DURSTR, 0),
        FIELD(struct all, bytes, "Bytes", F_BYTES, 0),
        FIELD_SUB(struct all, leaf, "Leaf", F_STRUCT, 0, &leaf_schema),
        FIELD_SUB(struct all, pointer, "Pointer", F_PTR, 0, &leaf_schema),
        FIELD_SUB(struct all, options, "QueryOptions", F_EMBED, 0, &inner_schema),
        FIELD(struct all, strs, "Strs", F_STRS, 0),
        FIELD(struct all, floats, "Floats", F_FLOATS, 0),
        FIELD_SUB(struct all, leaves, "Leaves", F_LIST, 0, &leaf_schema),
        FIELD(struct all, meta, "Meta", F_MAP, 0),
        FIELD(struct all, header, "Header", F_MAP_STRS, FF_NIL_NULL),
        FIELD_SUB(struct all, by_name, "ByName", F_MAP_OF, 0, &leaf_schema),
        FIELD(struct all, any, "Any", F_VALUE, 0),
        FIELD(struct all, hidden, "Hidden", F_STR, FF_NO_JSON | FF_NO_MSGPACK),
};
static const struct schema all_schema = SCHEMA(struct all, "structs.All", all_fields);

static const char full[] =
        "{\"Zed\":\"z\\u003c\",\"Flag\":true,\"Number\":-5,\"Index\":18446744073709551615,\"Ratio\":0.25,\"Wait\":10,"
        "\"Readable\":\"1m0s\",\"Bytes\":\"aGk=\",\"Leaf\":{\"Name\":\"l\",\"Port\":80,\"Tags\":[\"a\",\"b\"]},"
        "\"Pointer\":{\"Name\":\"p\",\"Tags\":[]},\"Token\":\"t\",\"AllowStale\":true,\"Strs\":[\"x\"],\"Floats\":[1,2."
        "5],"
        "\"Leaves\":[{\"Name\":\"1\",\"Tags\":[]},{\"Name\":\"2\",\"Port\":2,\"Tags\":[\"t\"]}],"
        "\"Meta\":{\"a\":\"1\",\"b\":\"2\"},\"Header\":{\"h\":[\"1\",\"2\"],\"n\":null},"
        "\"ByName\":{\"x\":{\"Name\":\"xn\",\"Tags\":[]}},\"Any\":{\"k\":[1,null]}}";

static struct arena a;
static struct buf b;
static struct fail f;

static struct slice json_of(const struct all *x)
{
	buf_reset(&b, 1 << 16);
	schema_json_write(&b, &all_schema, x, 0, 0);
	return buf_view(&b);
}

static enum err from_json(const char *text, struct all *x)
{
	struct value v;
	*x = (struct all){0};
	enum err e = json_read(slice_of(text), &a, &v, &f);
	return e ? e : schema_json_read(&all_schema, &v, x, &a, &f);
}

static void clean(void)
{
	arena_free(&a);
	buf_free(&b);
}

TEST(schema, json_there_and_back)
{
	struct all x;
	CHECK_EQ(from_json(full, &x), OK);
	CHECK_STR(json_of(&x), full);
	clean();
}

TEST(schema, json_of_zero)
{
	struct all x = {0};
	CHECK_STR(json_of(&x),
	        "{\"Zed\":\"\",\"Flag\":false,\"Number\":0,\"Index\":0,\"Ratio\":0,\"Wait\":0,\"Readable\":\"0s\","
	        "\"Bytes\":null,"
	        "\"Leaf\":{\"Name\":\"\",\"Tags\":[]},\"Pointer\":null,\"Token\":\"\",\"AllowStale\":false,\"Strs\":"
	        "null,"
	        "\"Floats\":null,\"Leaves\":null,\"Meta\":null,\"Header\":null,\"ByName\":null,\"Any\":null}");
	x.strs = x.meta = x.header = (struct list){list_empty, 0};
	CHECK(slice_search(json_of(&x), S("\"Strs\":[],")) > 0);
	CHECK(slice_search(json_of(&x), S("\"Meta\":{},")) > 0);
	CHECK(slice_search(json_of(&x), S("\"Header\":null,")) > 0);
	clean();
}

TEST(schema, json_pretty)
{
	struct slice tags[] = {S("a")};
	struct leaf l = {.name = S("n"), .tags = {tags, 1}};
	schema_json_write_list(&b, &leaf_schema, (struct list){&l, 1}, 4, 0);
	CHECK_STR(buf_view(&b),
	        "[\n    {\n        \"Name\": \"n\",\n        \"Tags\": [\n            \"a\"\n        ]\n    }\n]");
	buf_reset(&b, 4096);
	schema_json_write_list(&b, &leaf_schema, (struct list){0}, 4, 0);
	CHECK_STR(buf_view(&b), "null");
	clean();
}

TEST(schema, json_reads_any_case_and_ignores_the_unknown)
{
	struct all x;
	CHECK_EQ(from_json("{\"zed\":\"1\",\"ZED\":\"2\",\"bogus\":[{}],\"TOKEN\":\"t\",\"Flag\":null,\"Strs\":null,"
	                   "\"Hidden\":\"h\","
	                   "\"Meta\":{\"b\":\"1\",\"a\":\"2\",\"b\":\"3\"},\"Wait\":5,\"Readable\":\"1h\"}",
	                 &x),
	        OK);
	CHECK_STR(x.zed, "2");
	CHECK_STR(x.options.token, "t");
	CHECK(!x.hidden.n && !x.strs.items && x.readable == NS_PER_H && x.wait == 5);
	const struct pair *meta = x.meta.items;
	CHECK(x.meta.n == 2);
	CHECK_STR(meta[0].val, "2");
	CHECK_STR(meta[1].val, "3");
	clean();
}

TEST(schema, json_type_errors_are_gos)
{
	static const char *const rows[][2] = {
	        {"{\"Zed\":1}", "json: cannot unmarshal number into Go struct field All.Zed of type string"},
	        {"{\"Number\":\"x\"}", "json: cannot unmarshal string into Go struct field All.Number of type int"},
	        {"{\"Number\":1.5}", "json: cannot unmarshal number 1.5 into Go struct field All.Number of type int"},
	        {"{\"Index\":-1}", "json: cannot unmarshal number -1 into Go struct field All.Index of type uint64"},
	        {"{\"Leaf\":{\"Port\":true}}",
	                "json: cannot unmarshal bool into Go struct field Leaf.Leaf.Port of type int"},
	        {"{\"Leaf\":[]}", "json: cannot unmarshal array into Go struct field All.Leaf of type structs.Leaf"},
	        {"{\"Leaves\":{}}",
	                "json: cannot unmarshal object into Go struct field All.Leaves of type []structs.Leaf"},
	        {"{\"Leaves\":[1]}",
	                "json: cannot unmarshal number into Go struct field All.Leaves of type structs.Leaf"},
	        {"{\"Strs\":[1]}", "json: cannot unmarshal number into Go struct field All.Strs of type string"},
	        {"{\"Meta\":{\"a\":[]}}", "json: cannot unmarshal array into Go struct field All.Meta of type string"},
	        {"{\"Bytes\":\"!\"}", "illegal base64 data at input byte 0"},
	        {"{\"Readable\":\"10\"}", "time: missing unit in duration \"10\""},
	        {"[]", "json: cannot unmarshal array into Go value of type structs.All"},
	        {"{\"Zed\":1,\"Number\":{}}",
	                "json: cannot unmarshal number into Go struct field All.Zed of type string"},
	};
	struct all x;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(from_json(rows[i][0], &x), ERR_INVALID);
		CHECK_STR(slice_of(f.text), rows[i][1]);
	}
	CHECK_EQ(from_json("{\"Zed\":1,\"Number\":7}", &x), ERR_INVALID);
	CHECK_EQ(x.number, 7);
	clean();
}

static struct slice mp_of(const struct all *x)
{
	buf_reset(&b, 1 << 16);
	schema_mp_write(&b, &all_schema, x);
	return buf_view(&b);
}

TEST(schema, msgpack_keys_are_sorted_and_embedded_ones_among_them)
{
	static const char *const order[] = {"AllowStale", "Any", "ByName", "Bytes", "Flag", "Floats", "Header", "Index",
	        "Leaf", "Leaves", "Meta", "Number", "Pointer", "Ratio", "Readable", "Strs", "Token", "Wait", "Zed"};
	struct all x = {0};
	struct mp_reader r = mp_read(mp_of(&x));
	CHECK_EQ(mp_map(&r), ARRAY_LEN(order));
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		CHECK_STR(mp_str(&r), order[i]);
		mp_skip(&r);
	}
	CHECK(!r.failed && !mp_left(&r));
	struct leaf l = {.name = S("n")};
	buf_reset(&b, 4096);
	schema_mp_write(&b, &leaf_schema, &l);
	CHECK(slice_eq(buf_view(&b), S("\x82\xa4Name\xa1n\xa4Tags\xc0")));
	clean();
}

TEST(schema, msgpack_there_and_back)
{
	struct all x, y = {0};
	CHECK_EQ(from_json(full, &x), OK);
	struct slice bytes = arena_copy(&a, mp_of(&x));
	struct mp_reader r = mp_read(bytes);
	schema_mp_read(&r, &all_schema, &y, &a);
	CHECK(!r.failed && !mp_left(&r));
	CHECK(schema_equal(&all_schema, &x, &y, true));
	CHECK_STR(json_of(&y), full);
	buf_reset(&b, 0);
	schema_mp_write_new(&b, &all_schema, &x);
	CHECK(slice_search(buf_view(&b), S("\xc4\x02hi")) > 0);
	y = (struct all){0};
	r = mp_read(buf_view(&b));
	schema_mp_read(&r, &all_schema, &y, &a);
	CHECK(!r.failed && schema_equal(&all_schema, &x, &y, true));
	for (size_t n = 0; n < bytes.n; n++) {
		y = (struct all){0};
		r = mp_read(slice_at(bytes.p, n));
		schema_mp_read(&r, &all_schema, &y, &a);
		CHECK(r.failed);
	}
	clean();
}

TEST(schema, msgpack_takes_any_order_unknown_keys_nil_and_arrays)
{
	struct leaf l = {.port = 9};
	struct mp_reader r = mp_read(S("\x85\xa4Tags\x90\xa1?\x92\x01\xc0\xa4Port\xc0\xa4Name\xa1n\xa4Name\xa1m"));
	schema_mp_read(&r, &leaf_schema, &l, &a);
	CHECK(!r.failed && l.port == 9 && l.tags.items && !l.tags.n);
	CHECK_STR(l.name, "m");
	l = (struct leaf){0};
	r = mp_read(S("\x94\xa1n\x07\x91\xa1t\xc3"));
	schema_mp_read(&r, &leaf_schema, &l, &a);
	CHECK(!r.failed && l.port == 7 && l.tags.n == 1 && !mp_left(&r));
	r = mp_read(S("\xc0"));
	schema_mp_read(&r, &leaf_schema, &l, &a);
	CHECK(!r.failed && l.port == 7);
	r = mp_read(S("\x81\xa4Port\xa1x"));
	schema_mp_read(&r, &leaf_schema, &l, &a);
	CHECK(r.failed);
	clean();
}

TEST(schema, msgpack_counts_cannot_take_more_memory_than_allowed)
{
	static char text[4096] = "\x81\xa6Leaves\xdd\x00\x00\x0f\xff";
	struct arena small;
	struct all x = {0};
	arena_init(&small, 8192);
	memset(text + 13, 0xc0, sizeof text - 13);
	struct mp_reader r = mp_read(slice_at(text, sizeof text));
	schema_mp_read(&r, &all_schema, &x, &small);
	CHECK(r.failed && small.held <= 8192);
	arena_free(&small);
}

TEST(schema, outer_fields_hide_embedded_ones_in_msgpack)
{
	struct outer {
		struct inner in;
		struct slice token;
	};
	static const struct field fields[] = {
	        FIELD_SUB(struct outer, in, "Inner", F_EMBED, 0, &inner_schema),
	        FIELD(struct outer, token, "Token", F_STR, 0),
	};
	static const struct schema s = SCHEMA(struct outer, "outer", fields);
	struct outer o = {.in = {.token = S("inner")}, .token = S("outer")};
	schema_mp_write(&b, &s, &o);
	CHECK(slice_eq(buf_view(&b), S("\x82\xaa"
	                               "AllowStale\xc2\xa5Token\xa5outer")));
	clean();
}

TEST(schema, copies_lie_in_the_room_measured)
{
	struct all x, copy;
	CHECK_EQ(from_json(full, &x), OK);
	size_t n = schema_extra_size(&all_schema, &x);
	char *extra = arena_alloc(&a, n + 1);
	extra[n] = 0x55;
	schema_copy_to(&all_schema, &copy, &x, extra);
	CHECK(extra[n] == 0x55 && n % 8 == 0);
	CHECK(schema_equal(&all_schema, &x, &copy, true));
	CHECK(copy.zed.p >= extra && copy.zed.p < extra + n);
	const struct leaf *leaves = copy.leaves.items;
	CHECK((const char *)leaves >= extra && leaves[1].name.p >= extra && leaves[1].name.p < extra + n);
	((char *)(uintptr_t)leaves[1].name.p)[0] = '?';
	CHECK(!schema_equal(&all_schema, &x, &copy, false));
	struct all *in_arena = schema_copy(&all_schema, &x, &a);
	CHECK(in_arena && schema_equal(&all_schema, &x, in_arena, true));
	clean();
}

TEST(schema, nil_and_empty_differ_only_when_asked)
{
	struct all x = {0}, y = {0}, z;
	y.strs = y.meta = (struct list){list_empty, 0};
	y.bytes = S("");
	CHECK(schema_equal(&all_schema, &x, &y, false));
	CHECK(!schema_equal(&all_schema, &x, &y, true));
	schema_copy_to(&all_schema, &z, &y, NULL);
	CHECK_EQ(schema_extra_size(&all_schema, &y), 0);
	CHECK(schema_equal(&all_schema, &z, &y, true));
	clean();
}

TEST(schema, every_kind_of_field_counts_in_comparing)
{
	struct all x, y;
	static const char *const cuts[] = {"Zed", "Flag", "Number", "Index", "Ratio", "Wait", "Readable", "Bytes",
	        "Leaf", "Pointer", "Token", "Strs", "Floats", "Leaves", "Meta", "Header", "ByName", "Any"};
	CHECK_EQ(from_json(full, &x), OK);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		char text[sizeof full];
		memcpy(text, full, sizeof full);
		char quoted[32];
		snprintf(quoted, sizeof quoted, "\"%s\":", cuts[i]);
		strstr(text, quoted)[1] = '?';
		CHECK_EQ(from_json(text, &y), OK);
		CHECK(!schema_equal(&all_schema, &x, &y, false));
	}
	clean();
}

TEST(schema, maps_are_sorted_and_unique)
{
	enum { N = 300 };
	struct pair pairs[N];
	char names[N][16];
	for (int i = 0; i < N; i++) {
		pairs[i].key.p = names[i];
		pairs[i].key.n = (size_t)snprintf(names[i], sizeof names[i], "%d", i * 7919 % 100);
		pairs[i].val = slice_at(names[i], (size_t)i);
	}
	struct list l = {pairs, N};
	CHECK(schema_map_sort(&l, sizeof *pairs, &a));
	CHECK_EQ(l.n, 100);
	for (uint32_t i = 0; i < l.n; i++) {
		CHECK(!i || slice_cmp(pairs[i - 1].key, pairs[i].key) < 0);
		CHECK(pairs[i].val.n >= 200);
	}
	clean();
}
