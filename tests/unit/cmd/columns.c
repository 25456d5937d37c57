/* Tables: both ways of making columns. */
#include "cmd/columns.h"
#include "tests/test.h"

static void check_columns(const char *lines, const char *expected)
{
	struct buf b = {0};
	columns_format(slice_of(lines), &b);
	CHECK_STR(buf_view(&b), expected);
	buf_free(&b);
}

static void check_tabs(const char *text, const char *expected)
{
	struct buf b = {0};
	tabs_format(slice_of(text), &b);
	CHECK_STR(buf_view(&b), expected);
	buf_free(&b);
}

TEST(columns, each_as_wide_as_its_widest_cell)
{
	check_columns("Node|Address\nnode-1|10.0.0.1:8301\na|b\n", "Node    Address\nnode-1  10.0.0.1:8301\na       b");
}

TEST(columns, cells_are_trimmed_and_may_be_empty)
{
	check_columns("a| b |c\nx||zz\n", "a  b  c\nx     zz");
	check_columns("", "");
	check_columns("one\n", "one");
}

TEST(columns, a_short_line_ends_early)
{
	check_columns("aaa|b\nc\n", "aaa  b\nc");
}

TEST(tabs, cells_are_padded_by_six)
{
	check_tabs("Flags\t0\nKey\ta", "Flags      0\nKey        a");
}

TEST(tabs, a_line_without_the_column_ends_the_block)
{
	check_tabs("a\tb\nplain\nlonger\tc", "a      b\nplain\nlonger      c");
}

TEST(tabs, wide_letters_count_once)
{
	check_tabs("\xc3\xa9\tx\nab\ty", "\xc3\xa9       x\nab      y");
}

TEST(tabs, no_tab_no_change)
{
	check_tabs("just\ntext\n", "just\ntext\n");
	check_tabs("", "");
}
