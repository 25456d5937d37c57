#include "core/base/hcl_read.h"
#include "core/base/hcl_tree.h"
#include "core/base/json.h"
#include "tests/test.h"

static struct arena a;
static struct buf b;
static struct fail f;

/* The text as compact JSON, or the error. */
static struct slice read(struct slice text)
{
	struct value v;
	buf_reset(&b, 1 << 20);
	if (hcl_read(text, &a, &v, &f))
		return slice_of(f.text);
	json_value(&b, &v, 0, 0);
	return buf_view(&b);
}

static void check_rows(const char *const (*rows)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK_STR(read(slice_of(rows[i][0])), rows[i][1]);
	arena_free(&a);
	buf_free(&b);
}

TEST(hcl, scalars)
{
	static const char *const rows[][2] = {
	        {"", "{}"},
	        {"# only\n// comments\n/* here */", "{}"},
	        {"a = 1 b=-2 c = 0x1F d = 017 e = 1.5 f = 1e3",
	                "{\"a\":1,\"b\":-2,\"c\":31,\"d\":15,\"e\":1.5,\"f\":1e3}"},
	        {"a = true\nb = false\n\"c d\" = \"x\"", "{\"a\":true,\"b\":false,\"c d\":\"x\"}"},
	        {"a = \"\\n\\t\\\"\\\\\\x41\\u00e9\\101\"", "{\"a\":\"\\n\\t\\\"\\\\A\xC3\xA9"
	                                                    "A\"}"},
	        {"a = \"${b \"c\" {} }\"", "{\"a\":\"${b \\\"c\\\" {} }\"}"},
	        {"a = <<EOF\nx\n  y\nEOF\nb = 1", "{\"a\":\"x\\n  y\\n\",\"b\":1}"},
	        {"a = <<-END\n    x\n      y\n    END\n", "{\"a\":\"x\\n  y\\n\"}"},
	        {"a-b.c_d = 1, e = 2", "{\"a-b.c_d\":1,\"e\":2}"},
	        {"a =", "{}"},
	};
	check_rows(rows, ARRAY_LEN(rows));
}

TEST(hcl, blocks_and_lists)
{
	static const char *const rows[][2] = {
	        {"a { b = 1 }", "{\"a\":[{\"b\":1}]}"},
	        {"a = { b = 1 }", "{\"a\":[{\"b\":1}]}"},
	        {"a {} a { b = 2 }", "{\"a\":[{},{\"b\":2}]}"},
	        {"s \"web\" { p = 1 } s \"api\" { p = 2 }", "{\"s\":[{\"web\":[{\"p\":1}]},{\"api\":[{\"p\":2}]}]}"},
	        {"s \"a\" \"b\" {}", "{\"s\":[{\"a\":[{\"b\":[{}]}]}]}"},
	        {"l = [1, \"x\", { a = 1 }, ]", "{\"l\":[1,\"x\",{\"a\":1}]}"},
	        {"l = [{ a { b = 1 } }]", "{\"l\":[{\"a\":[{\"b\":1}]}]}"},
	        {"l = [true, 1]", "{\"l\":[1]}"},
	        {"l = [1] l = [2]", "{\"l\":[1,2]}"},
	        {"a = 1 a = 2", "{\"a\":2}"},
	        {"a = \"x\" a = 2", "{\"a\":\"2\"}"},
	};
	check_rows(rows, ARRAY_LEN(rows));
}

TEST(hcl, json_in_its_place)
{
	static const char *const rows[][2] = {
	        {" {\"a\":1,\"b\":null,\"c\":[1,true]}", "{\"a\":1,\"b\":\"\",\"c\":[1]}"},
	        {"{\"key\":{\"\":{\"policy\":\"read\"},\"x\":{\"policy\":\"deny\"}}}",
	                "{\"key\":[{\"\":[{\"policy\":\"read\"}]},{\"x\":[{\"policy\":\"deny\"}]}]}"},
	        {"{\"key\":[{\"a\":{\"policy\":\"read\"}},{\"b\":{\"policy\":\"write\"}}]}",
	                "{\"key\":[{\"a\":[{\"policy\":\"read\"}]},{\"b\":[{\"policy\":\"write\"}]}]}"},
	        {"{\"a\":{}}", "{\"a\":[{}]}"},
	};
	check_rows(rows, ARRAY_LEN(rows));
}

TEST(hcl, errors_are_those_of_the_library)
{
	static const char *const rows[][2] = {
	        {"a = !", "At 1:5: illegal char"},
	        {"a", "key 'a' expected start of object ('{') or assignment ('=')"},
	        {"a \"b\"", "key 'a \"b\"' expected start of object ('{') or assignment ('=')"},
	        {"a b = 1", "At 1:5: nested object expected: LBRACE got: ASSIGN"},
	        {"= 1", "At 1:1: no object keys found!"},
	        {"{", "unexpected EOF"},
	        {"a {", "object expected closing RBRACE got: EOF"},
	        {"}", "At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE"},
	        {"a = 1\nb = ,", "At 2:5: Unknown token: 2:5 COMMA ,"},
	        {"a = [1 2]", "At 1:8: error parsing list, expected comma or list end, got: NUMBER"},
	        {"a = [b]", "At 1:6: unexpected token while parsing list: IDENT"},
	        {"a = [{ b }]", "At 1:6: error while trying to parse object within list: key 'b' expected start of "
	                        "object ('{') or "
	                        "assignment ('=')"},
	        {"a = \"x", "At 1:7: literal not terminated"},
	        {"a = \"\\q\"", "At 1:7: illegal char escape"},
	        {"a = <<EOF\nx\n", "At 3:1: heredoc not terminated"},
	        {"a = <<\n", "At 1:7: zero-length heredoc anchor"},
	        {"/* x", "At 1:5: comment not terminated"},
	        {"a = 0x", "At 1:7: illegal hexadecimal number"},
	        {"a = 018", "At 1:8: illegal octal number"},
	        {"a = 99999999999999999999", "strconv.ParseInt: parsing \"99999999999999999999\": value out of range"},
	        {"a = 1 a = \"x\"", "strconv.ParseInt: parsing \"x\": invalid syntax"},
	        {"a = true a = 1", "At 1:14: root.a: unknown type *ast.LiteralType"},
	        {"a = \"\xff\"", "At 1:6: illegal UTF-8 encoding"},
	        {"a {} a \"b\" {}", "At -: root.a[0]: map must have string keys"},
	        {"a {} a = [1]", "At 1:11: root.a[0]: not an object type for map (*ast.LiteralType)"},
	};
	check_rows(rows, ARRAY_LEN(rows));
}

TEST(hcl, depth_and_counts_are_bounded)
{
	struct buf text = {0};
	for (int i = 0; i < HCL_DEPTH_MAX + 5; i++)
		buf_cstr(&text, "a {");
	CHECK_STR(read(buf_view(&text)), "exceeded max depth");
	buf_reset(&text, 1 << 20);
	for (int i = 0; i < HCL_DEPTH_MAX + 5; i++)
		buf_cstr(&text, "{\"a\":");
	BUF_LIT(&text, "1");
	for (int i = 0; i < HCL_DEPTH_MAX + 5; i++)
		buf_char(&text, '}');
	CHECK_STR(read(buf_view(&text)), "exceeded max depth");
	buf_reset(&text, 1 << 20);
	for (int i = 0; i < HCL_ITEMS_MAX + 1; i++)
		buf_cstr(&text, "a{}");
	CHECK_STR(read(buf_view(&text)), "too many items in one object");
	buf_free(&text);
	buf_free(&b);
	arena_free(&a);
}

TEST(hcl, every_cut_is_survived_and_little_memory_too)
{
	struct slice whole = S("a \"b\" { c = [1, {d = <<E\nx\nE\n}] }\nf = \"\\u00e9${g}\" # h\n");
	for (size_t n = 0; n <= whole.n; n++) {
		struct arena small;
		struct value v;
		arena_init(&small, 4096 + n);
		enum err e = hcl_read(slice_at(whole.p, n), &small, &v, &f);
		CHECK(e == OK || e == ERR_INVALID || e == ERR_NO_MEMORY);
		arena_free(&small);
	}
	CHECK_STR(read(whole), "{\"a\":[{\"b\":[{\"c\":[1,{\"d\":\"x\\n\"}]}]}],\"f\":\"\xC3\xA9${g}\"}");
	arena_free(&a);
	buf_free(&b);
}

TEST(hcl, the_tree_knows_labels_and_places)
{
	struct hcl_node root;
	CHECK_EQ(hcl_parse(S("x = 1\nkey \"foo\" {\n  policy = \"read\"\n}"), &a, &root, &f), OK);
	CHECK(root.kind == HCL_IS_OBJECT && root.n == 2 && root.items[1].key_count == 2);
	CHECK_STR(root.items[1].keys[1], "foo");
	CHECK_EQ(root.items[1].pos.line, 2);
	const struct hcl_node *policy = &root.items[1].val.items[0].val;
	CHECK(policy->kind == HCL_IS_STRING && policy->pos.line == 3 && policy->pos.column == 12);
	CHECK_STR(policy->text, "read");
	arena_free(&a);
}
