/* Flags: how words are read, with which errors, and how they are listed. */
#include "cmd/flags.h"
#include "tests/test.h"

#include <stdlib.h>

static bool shell, stale;
static const char *name;
static int64_t number;
static uint64_t index_;
static dur_ns wait;
static struct flag_list meta;
static bool name_given;

static const struct flag own[] = {
        {"shell", FLAG_BOOL, &shell, "Runs it by a shell."},
        {"name", FLAG_STRING, &name, "The `label` of it.", &name_given},
        {"n", FLAG_INT, &number, "How many."},
        {"index", FLAG_UINT, &index_, "Which."},
        {"wait", FLAG_DURATION, &wait, "How long."},
        {"meta", FLAG_PAIRS, &meta, "Pairs."},
        {"secret", FLAG_BOOL, &shell, "Not listed.", .hidden = true},
        {NULL},
};
static const struct flag shared[] = {{"stale", FLAG_OWN_BOOL, &stale, "Any server."}, {NULL}};
static const struct flag_set set = {own, {shared}};

static size_t rest;
static struct fail fail;

static void reset(void)
{
	shell = stale = name_given = false;
	name = "";
	number = 1;
	index_ = 0;
	wait = 2 * NS_PER_S;
	meta.n = 0;
	rest = 0;
	fail.text[0] = 0;
}

/* Parses words separated by blanks, which live until the next call. */
static enum flags_result parse(const char *line)
{
	static char text[512];
	static char *words[32];
	size_t n = 0;
	reset();
	snprintf(text, sizeof(text), "%s", line);
	for (char *at = text, *word; (word = strsep(&at, " "));)
		words[n++] = word;
	return flags_parse(&set, n, words, &rest, &fail);
}

TEST(flags, both_dashes_and_both_ways_of_giving_a_value)
{
	CHECK_EQ(parse("-name web --n=7 -wait 1m5s key"), FLAGS_OK);
	CHECK_STR(slice_of(name), "web");
	CHECK(name_given);
	CHECK_EQ(number, 7);
	CHECK_EQ(wait, 65 * NS_PER_S);
	CHECK_EQ(rest, 5);
}

TEST(flags, a_switch_takes_no_word)
{
	CHECK_EQ(parse("-shell false"), FLAGS_OK);
	CHECK(shell);
	CHECK_EQ(rest, 1);
	CHECK_EQ(parse("-shell=false -stale=T"), FLAGS_OK);
	CHECK(!shell);
	CHECK(stale);
}

TEST(flags, the_first_other_word_ends_them)
{
	CHECK_EQ(parse("key -shell"), FLAGS_OK);
	CHECK_EQ(rest, 0);
	CHECK(!shell);
	CHECK_EQ(parse("-shell -- -n=3"), FLAGS_OK);
	CHECK_EQ(rest, 2);
	CHECK_EQ(number, 1);
	CHECK_EQ(parse("- -shell"), FLAGS_OK);
	CHECK_EQ(rest, 0);
}

TEST(flags, numbers_may_have_a_base)
{
	CHECK_EQ(parse("-index 0x10 -n -0b11"), FLAGS_OK);
	CHECK_EQ(index_, 16);
	CHECK_EQ(number, -3);
	CHECK_EQ(parse("-index=1_0"), FLAGS_OK);
	CHECK_EQ(index_, 10);
	CHECK_EQ(parse("-index=_1"), FLAGS_WRONG);
	CHECK_EQ(parse("-index=1__0"), FLAGS_WRONG);
	CHECK_EQ(parse("-index=1_"), FLAGS_WRONG);
	CHECK_EQ(parse("-index 18446744073709551615"), FLAGS_OK);
	CHECK(index_ == UINT64_MAX);
}

TEST(flags, errors_are_those_of_go)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
	        {"-foo", "flag provided but not defined: -foo"},
	        {"-foo=1", "flag provided but not defined: -foo"},
	        {"---x", "bad flag syntax: ---x"},
	        {"-=", "bad flag syntax: -="},
	        {"-name", "flag needs an argument: -name"},
	        {"-n x", "invalid value \"x\" for flag -n: parse error"},
	        {"-n 9223372036854775808", "invalid value \"9223372036854775808\" for flag -n: value out of range"},
	        {"-index -1", "invalid value \"-1\" for flag -index: parse error"},
	        {"-wait 5", "invalid value \"5\" for flag -wait: parse error"},
	        {"-shell=maybe", "invalid boolean value \"maybe\" for -shell: parse error"},
	        {"-stale=maybe", "invalid boolean value \"maybe\" for -stale: strconv.ParseBool: parsing \"maybe\": "
	                         "invalid syntax"},
	        {"-meta junk", "invalid value \"junk\" for flag -meta: Missing \"=\" value in argument: junk"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_EQ(parse(cases[i].line), FLAGS_WRONG);
		CHECK_STR(slice_of(fail.text), cases[i].text);
	}
}

TEST(flags, help_is_a_flag_of_all)
{
	CHECK_EQ(parse("-h"), FLAGS_HELP);
	CHECK_EQ(parse("-shell --help=x"), FLAGS_HELP);
}

TEST(flags, the_list_after_an_error)
{
	char *text = NULL;
	size_t n = 0;
	reset();
	FILE *out = open_memstream(&text, &n);
	flags_usage(&set, out);
	fclose(out);
	CHECK_STR(slice_at(text, n), "Usage:\n"
	                             "  -index uint\n    \tWhich.\n"
	                             "  -meta value\n    \tPairs.\n"
	                             "  -n int\n    \tHow many. (default 1)\n"
	                             "  -name label\n    \tThe label of it.\n"
	                             "  -shell\n    \tRuns it by a shell.\n"
	                             "  -stale\n    \tAny server.\n"
	                             "  -wait duration\n    \tHow long. (default 2s)\n");
	free(text);
}

TEST(flags, the_page_of_help)
{
	struct buf b = {0};
	static const struct flag long_one[] = {{"x", FLAG_STRING, &name,
	                                               "Even lines: a paragraph is broken where that leaves the least "
	                                               "raggedness, not where a line is full, which can be seen here."},
	        {NULL}};
	const struct flag_set one = {long_one, {shared}};
	reset();
	flags_help(&one, "\nUsage: x\n", &b);
	CHECK_STR(buf_view(&b), "Usage: x\n\n"
	                        "HTTP API Options\n\n"
	                        "  -stale\n     Any server.\n\n"
	                        "Command Options\n\n"
	                        "  -x=<string>\n"
	                        "     Even lines: a paragraph is broken where that leaves the least\n"
	                        "     raggedness, not where a line is full, which can be seen here.");
	buf_free(&b);
}
