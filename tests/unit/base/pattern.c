/* Regular expressions: what matches, and what is said of those that are none. Expectations are those of Go's regexp. */
#include "core/base/pattern.h"
#include "tests/test.h"

static bool matches(const char *expression, const char *text)
{
	struct fail f;
	struct pattern *p;
	ASSERT(pattern_compile(slice_of(expression), &p, &f) == OK);
	bool found = pattern_match(p, slice_of(text));
	pattern_free(p);
	return found;
}

static const char *complaint(const char *expression)
{
	static struct fail f;
	struct pattern *p;
	f.text[0] = 0;
	if (pattern_compile(slice_of(expression), &p, &f) == OK)
		pattern_free(p);
	return f.text;
}

TEST(pattern, letters_match_anywhere)
{
	CHECK(matches("", ""));
	CHECK(matches("li", "alive"));
	CHECK(!matches("^li", "alive"));
	CHECK(matches("^alive$", "alive"));
	CHECK(!matches("alive", "Alive"));
	CHECK(matches("(?i)alive", "ALIVE"));
	CHECK(matches("h.llo", "h\xc3\xa9llo"));
	CHECK(!matches("a.b", "a\nb"));
	CHECK(matches("(?s)a.b", "a\nb"));
}

TEST(pattern, choices_and_repetitions)
{
	CHECK(matches("^(alive|failed)$", "failed"));
	CHECK(!matches("^(alive|failed)$", "left"));
	CHECK(matches("^(a|b)*c?$", "abba"));
	CHECK(matches("^a{2,3}$", "aaa"));
	CHECK(!matches("^a{2,3}$", "aaaa"));
	CHECK(matches("^(ab){2}$", "abab"));
	CHECK(matches("^a{,2}$", "a{,2}"));
	CHECK(matches("^((a*)*)*$", "aaaa"));
	CHECK(matches("^x*$", ""));
}

TEST(pattern, classes)
{
	CHECK(matches("^[a-c]+$", "abc"));
	CHECK(matches("^[^a-c]+$", "xyz"));
	CHECK(matches("^[]a]+$", "]a"));
	CHECK(matches("^[[:alpha:]_]+\\d$", "web_1"));
	CHECK(!matches("\\w", "-\xc3\xa9"));
	CHECK(matches("^\\Qa.b\\E$", "a.b"));
	CHECK(!matches("^\\Qa.b\\E$", "axb"));
	CHECK(matches("\\bweb\\b", "the web."));
	CHECK(!matches("\\bweb\\b", "webs"));
	CHECK(matches("^\\x41\\x{42}\\103$", "ABC"));
}

TEST(pattern, complaints_are_those_of_go)
{
	CHECK_STR(slice_of(complaint("(")), "error parsing regexp: missing closing ): `(`");
	CHECK_STR(slice_of(complaint("a)b")), "error parsing regexp: unexpected ): `a)b`");
	CHECK_STR(slice_of(complaint("a[b")), "error parsing regexp: missing closing ]: `[b`");
	CHECK_STR(slice_of(complaint("*")), "error parsing regexp: missing argument to repetition operator: `*`");
	CHECK_STR(slice_of(complaint("a**")), "error parsing regexp: invalid nested repetition operator: `**`");
	CHECK_STR(slice_of(complaint("a{1001}")), "error parsing regexp: invalid repeat count: `{1001}`");
	CHECK_STR(slice_of(complaint("[z-a]")), "error parsing regexp: invalid character class range: `z-a`");
	CHECK_STR(slice_of(complaint("\\y")), "error parsing regexp: invalid escape sequence: `\\y`");
	CHECK_STR(slice_of(complaint("\\")), "error parsing regexp: trailing backslash at end of expression: ``");
	CHECK_STR(slice_of(complaint("(?<n>a)")), "error parsing regexp: invalid or unsupported Perl syntax: `(?<`");
}

TEST(pattern, what_only_we_refuse_is_told_apart)
{
	struct fail f;
	struct pattern *p;
	CHECK_EQ(pattern_compile(S("\\pL+"), &p, &f), ERR_FULL);
	CHECK_STR(slice_of(f.text), "error parsing regexp: classes of Unicode are not supported: `\\pL`");
	CHECK_EQ(pattern_compile(S("[a"), &p, &f), ERR_INVALID);
}

TEST(pattern, what_would_grow_without_end_is_refused)
{
	CHECK(complaint("((((a{1000}){1000}){1000}){1000})")[0] != 0);
	char deep[4096];
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = 0;
	CHECK(complaint(deep)[0] != 0);
}

/* "whole|group 1|…" with - for groups without a part, or "none". */
static const char *found(const char *expression, const char *text)
{
	static char out[256];
	struct slice groups[8];
	struct fail f;
	struct pattern *p;
	size_t n = 0;
	ASSERT(pattern_compile(slice_of(expression), &p, &f) == OK);
	bool any = pattern_find(p, slice_of(text), groups, ARRAY_LEN(groups));
	CHECK(any == pattern_match(p, slice_of(text)));
	for (unsigned i = 0; any && i <= pattern_groups(p); i++)
		n += (size_t)snprintf(
		        out + n, sizeof out - n, "%s%.*s", i ? "|" : "", PS(groups[i].p ? groups[i] : S("-")));
	pattern_free(p);
	return any ? out : "none";
}

TEST(pattern, finds_what_go_finds)
{
	static const char *const rows[][3] = {
	        {"a(b+)c", "xabbcabc", "abbc|bb"},
	        {"^geo-db-(.*?)-([^-]+?)$", "geo-db-customer-primary", "geo-db-customer-primary|customer|primary"},
	        {"(a|ab)(c|bcd)(d*)", "abcd", "abcd|a|bcd|"},
	        {"(a+?)(a*)", "aaa", "aaa|a|aa"},
	        {"(?U)(a+)(a*)", "aaa", "a|a|"},
	        {"(x)|(y)", "y", "y|-|y"},
	        {"(?:(a)|b)*", "ab", "ab|a"},
	        {"(|a)*", "aa", "|"},
	        {"(?P<n>\\d{2,3}?)(\\d)?", "12345", "123|12|3"},
	        {"()", "", "|"},
	        {"\\bfoo$", "a foo", "foo"},
	        {"b", "aaa", "none"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(slice_of(found(rows[i][0], rows[i][1])), rows[i][2]);
	CHECK(!strcmp(complaint("\\x6*"), "error parsing regexp: invalid escape sequence: `\\x6*`"));
	CHECK(!strcmp(complaint("\\x{110000}"), "error parsing regexp: invalid escape sequence: `\\x{110000`"));
}
