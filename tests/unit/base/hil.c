/* HIL: what texts with ${…} come to, and what is said of those that are wrong. Expectations are those of Consul 1.0.8,
 * where it survives. */
#include "core/base/hil.h"
#include "core/base/slice.h"
#include "tests/test.h"

static const struct pair names[] = {
        {S("name.full"), S("geo-db-east")}, {S("name.prefix"), S("geo-")}, {S("n"), S("7")}};
static const struct slice matches[] = {S("geo-db-east"), S("db"), S("east")};

/* The result, or "! " and the complaint. */
static const char *said(const char *text)
{
	static char out[FAIL_TEXT_MAX + 8];
	const struct hil_scope scope = {names, ARRAY_LEN(names), matches, ARRAY_LEN(matches)};
	const struct hil_node *n = NULL;
	struct arena a = {0};
	struct slice s = S_NONE;
	struct fail f = {0};
	enum err e = hil_parse(slice_of(text), &a, &n, &f);
	e = e ? e : hil_eval(n, &scope, &a, &s, &f);
	if (e)
		snprintf(out, sizeof out, "! %s", f.text);
	else
		snprintf(out, sizeof out, "%.*s", PS(s));
	arena_free(&a);
	return out;
}

TEST(hil, texts_and_names)
{
	static const char *const rows[][2] = {
	        {"", ""},
	        {"plain \"text\" } $x \\n", "plain \"text\" } $x \\n"},
	        {"${name.prefix}", "geo-"},
	        {"a ${ name.full } b ${name.prefix}c", "a geo-db-east b geo-c"},
	        {"$${name.full}-$$", "${name.full}-$"},
	        {"cost$", "cost$"},
	        {"${n}$", "7"},
	        {"${\"lit\"}", "lit"},
	        {"${\"\"}x", "x"},
	        {"${\"a\\\"\\\\\\n${n}b${n}\"}", "a\"\\\n7b7"},
	        {"${\"a\" \"b\"}", "ab"},
	        {"h\xc3\xa9llo ${match(1)}", "h\xc3\xa9llo db"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(slice_of(said(rows[i][0])), rows[i][1]);
}

TEST(hil, matches_and_sums)
{
	static const char *const rows[][2] = {
	        {"${match(0)}/${match(2)}/${match(3)}/${match(-1)}", "geo-db-east/east//"},
	        {"${match(\"1\")}", "db"},
	        {"${match(,1)}", "db"},
	        {"${match(1.9)}", "db"},
	        {"${1 + 2 * 3}", "9"},
	        {"${1+(2*3)}", "7"},
	        {"${-n - -3}", "-4"},
	        {"${010 % 3}", "2"},
	        {"${\"${1}\" + 0.5}", "1"},
	        {"${0.5 + 1}", "1.5"},
	        {"${n + 1.5}", "8.5"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(slice_of(said(rows[i][0])), rows[i][1]);
}

TEST(hil, complaints)
{
	static const char *const rows[][2] = {
	        {"${name.wrong}", "! 1:3: unknown variable accessed: name.wrong"},
	        {"ab\n${ wrong}", "! 2:4: unknown variable accessed: wrong"},
	        {"${match()}", "! 1:3: match: expected 1 arguments, got 0"},
	        {"${match(1, 2)}", "! 1:3: match: expected 1 arguments, got 2"},
	        {"${upper(wrong)}", "! 1:9: unknown variable accessed: wrong"},
	        {"${upper(n)}", "! 1:3: unknown function called: upper"},
	        {"${match(\"x\")}", "! __builtin_StringToInt: strconv.ParseInt: parsing \"x\": invalid syntax"},
	        {"${1.5 % 2}", "! At column 3, line 1: modulo cannot be used with floats"},
	        {"${n[0]}", "! At column 3, line 1: invalid index operation into non-indexable type: TypeString"},
	        {"${1 / 0}", "! __builtin_IntMath: division by zero"},
	        {"${name.full", "! parse error: syntax error"},
	        {"${}", "! parse error: syntax error"},
	        {"${\"a}", "! parse error: syntax error"},
	        {"${a b}", "! parse error: syntax error"},
	        {"${@}", "! parse error: syntax error"},
	        {"${match(1,)}", "! parse error: syntax error"},
	        {"${+1}", "! parse error: syntax error"},
	        {"${08}", "! parse error: syntax error"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(slice_of(said(rows[i][0])), rows[i][1]);
	char deep[1024] = "${";
	memset(deep + 2, '(', 1000);
	CHECK_STR(slice_of(said(deep)), "! parse error: nested more than 100 deep");
}
