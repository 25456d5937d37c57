#include "core/base/mapstructure.h"
#include "core/base/json.h"
#include "tests/test.h"

struct options {
	struct slice token;
};

struct port {
	struct slice name;
	int64_t port;
	struct list tags;
};

struct body {
	struct slice node;
	bool skip;
	uint64_t index;
	double ratio;
	dur_ns ttl;
	struct slice bytes;
	struct port service, *check;
	struct list checks, meta, header;
	struct options options;
	struct value *any;
	struct slice ours;
};

static const struct field options_fields[] = {FIELD(struct options, token, "Token", F_STR, 0)};
static const struct schema options_schema = SCHEMA(struct options, "structs.WriteRequest", options_fields);

static const struct field port_fields[] = {
        FIELD(struct port, name, "Name", F_STR, 0),
        FIELD(struct port, port, "Port", F_INT, 0),
        FIELD(struct port, tags, "Tags", F_STRS, 0),
};
static const struct schema port_schema = SCHEMA(struct port, "structs.NodeService", port_fields);

static const struct field body_fields[] = {
        FIELD(struct body, node, "Node", F_STR, 0),
        FIELD(struct body, skip, "SkipNodeUpdate", F_BOOL, 0),
        FIELD(struct body, index, "ModifyIndex", F_UINT, 0),
        FIELD(struct body, ratio, "Ratio", F_FLOAT, 0),
        {.name = "TTL", .type = F_DUR, .offset = offsetof(struct body, ttl), .json = "ttl_text"},
        FIELD(struct body, bytes, "Bytes", F_BYTES, 0),
        FIELD_SUB(struct body, service, "Service", F_STRUCT, 0, &port_schema),
        FIELD_SUB(struct body, check, "Check", F_PTR, 0, &port_schema),
        FIELD_SUB(struct body, checks, "Checks", F_LIST, 0, &port_schema),
        FIELD(struct body, meta, "Meta", F_MAP, 0),
        FIELD(struct body, header, "Header", F_MAP_STRS, 0),
        FIELD_SUB(struct body, options, "WriteRequest", F_EMBED, 0, &options_schema),
        FIELD(struct body, any, "Any", F_VALUE, 0),
        FIELD(struct body, ours, "Ours", F_STR, FF_NO_JSON | FF_NO_MSGPACK),
};
static const struct schema body_schema = SCHEMA(struct body, "structs.RegisterRequest", body_fields);

static struct arena a;
static struct fail f;
static struct body x;

static enum err read(const char *text)
{
	struct value v;
	x = (struct body){0};
	enum err e = json_read(slice_of(text), &a, &v, &f);
	return e ? e : mapstructure_read(&body_schema, &v, &x, &a, &f);
}

TEST(mapstructure, fills_fields_by_gos_names_in_any_case)
{
	CHECK_EQ(
	        read("{\"node\":\"low\",\"Node\":\"exact\",\"SKIPNODEUPDATE\":true,\"ModifyIndex\":9007199254740993,"
	             "\"ttl\":5,\"ttl_text\":6,\"Service\":{\"Port\":80.9,\"Tags\":[\"a\",null],\"Bogus\":1},\"Check\":"
	             "{},"
	             "\"Meta\":{\"b\":\"1\",\"a\":\"2\",\"b\":\"3\"},\"Header\":{\"h\":[\"v\"]},\"Ours\":\"no\","
	             "\"Any\":{\"k\":[1]},"
	             "\"Token\":\"not here\",\"WriteRequest\":{\"token\":\"t\"},\"Bytes\":[104,105.7],\"Ratio\":-0.5}"),
	        OK);
	CHECK_STR(x.node, "exact");
	CHECK_STR(x.options.token, "t");
	CHECK_STR(x.bytes, "hi");
	CHECK(x.skip && x.ttl == 5 && x.ratio == -0.5 && x.service.port == 80 && x.service.tags.n == 2 && x.check &&
	        !x.ours.p);
	CHECK(x.index == 9007199254740992 && x.any->type == V_OBJECT && x.header.n == 1);
	const struct pair *meta = x.meta.items;
	CHECK_EQ(x.meta.n, 2);
	CHECK_STR(meta[1].val, "3");
	arena_free(&a);
}

TEST(mapstructure, null_leaves_everything_alone)
{
	CHECK_EQ(read("{\"Node\":null,\"Service\":null,\"Check\":null,\"Checks\":null,\"Meta\":{\"a\":null},\"Any\":"
	              "null}"),
	        OK);
	CHECK(!x.node.p && !x.check && !x.checks.items && x.meta.n == 1 && !x.any);
	CHECK_EQ(read("null"), OK);
	arena_free(&a);
}

TEST(mapstructure, says_all_that_is_wrong)
{
	static const char *const rows[][2] = {
	        {"[]", "'' expected a map, got 'slice'"},
	        {"{\"Node\":1}",
	                "1 error(s) decoding:\n\n* 'Node' expected type 'string', got unconvertible type 'float64'"},
	        {"{\"node\":{},\"SkipNodeUpdate\":\"x\"}",
	                "2 error(s) decoding:\n\n* 'Node' expected type 'string', got unconvertible type "
	                "'map[string]interface {}'\n"
	                "* 'SkipNodeUpdate' expected type 'bool', got unconvertible type 'string'"},
	        {"{\"ModifyIndex\":-1.5}",
	                "1 error(s) decoding:\n\n* cannot parse 'ModifyIndex', -1.500000 overflows uint"},
	        {"{\"TTL\":\"10s\"}", "1 error(s) decoding:\n\n* 'TTL' expected type 'time.Duration', got "
	                              "unconvertible type 'string'"},
	        {"{\"Service\":\"x\"}", "1 error(s) decoding:\n\n* 'Service' expected a map, got 'string'"},
	        {"{\"Service\":{\"Tags\":\"x\"}}",
	                "1 error(s) decoding:\n\n* 'Service.Tags': source data must be an array or slice, got string"},
	        {"{\"Checks\":[{\"Port\":[]},{\"Tags\":[1]}]}",
	                "2 error(s) decoding:\n\n* 'Checks[0].Port' expected type 'int', got unconvertible type "
	                "'[]interface {}'\n"
	                "* 'Checks[1].Tags[0]' expected type 'string', got unconvertible type 'float64'"},
	        {"{\"Meta\":{\"a\":true}}",
	                "1 error(s) decoding:\n\n* 'Meta[a]' expected type 'string', got unconvertible type 'bool'"},
	        {"{\"Bytes\":\"aGk=\"}",
	                "1 error(s) decoding:\n\n* 'Bytes': source data must be an array or slice, got string"},
	        {"{\"Any\":[1e999]}", "json: cannot unmarshal number 1e999 into Go value of type float64"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_EQ(read(rows[i][0]), ERR_INVALID);
		CHECK_STR(slice_of(f.text), rows[i][1]);
	}
	arena_free(&a);
}

TEST(mapstructure, a_pointer_with_something_wrong_stays_nil)
{
	CHECK_EQ(read("{\"Check\":{\"Name\":\"n\",\"Port\":\"x\"},\"Meta\":{\"a\":1,\"b\":\"2\"},\"Node\":\"n\"}"),
	        ERR_INVALID);
	CHECK(!x.check && x.meta.n == 1);
	CHECK_STR(((const struct pair *)x.meta.items)->key, "b");
	CHECK_STR(x.node, "n");
	arena_free(&a);
}

TEST(mapstructure, lists)
{
	struct value v;
	struct list l;
	CHECK_EQ(json_read(S("[{\"Name\":\"a\"},null,{\"Port\":\"x\"}]"), &a, &v, &f), OK);
	CHECK_EQ(mapstructure_read_list(&port_schema, &v, &l, &a, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text),
	        "1 error(s) decoding:\n\n* '[2].Port' expected type 'int', got unconvertible type 'string'");
	CHECK_EQ(json_read(S("[{\"Name\":\"a\"}]"), &a, &v, &f), OK);
	CHECK_EQ(mapstructure_read_list(&port_schema, &v, &l, &a, &f), OK);
	CHECK_EQ(l.n, 1);
	CHECK_EQ(json_read(S("{}"), &a, &v, &f), OK);
	CHECK_EQ(mapstructure_read_list(&port_schema, &v, &l, &a, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "'': source data must be an array or slice, got map");
	arena_free(&a);
}

TEST(mapstructure, many_errors_are_counted_and_cut)
{
	struct buf b = {0};
	BUF_LIT(&b, "{\"Checks\":[");
	for (int i = 0; i < 500; i++)
		buf_cstr(&b, i ? ",{\"Port\":\"\"}" : "{\"Port\":\"\"}");
	BUF_LIT(&b, "]}");
	buf_char(&b, '\0');
	CHECK_EQ(read(b.p), ERR_INVALID);
	CHECK(slice_starts(slice_of(f.text), S("500 error(s) decoding:\n\n* 'Checks[0].Port'")));
	buf_free(&b);
	arena_free(&a);
}
