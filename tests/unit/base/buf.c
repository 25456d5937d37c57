#include "core/base/buf.h"

#include <limits.h>
#include <stdio.h>

#include "core/base/slice.h"
#include "tests/test.h"

/* What buf_fmt writes is what printf writes, whether it takes the short way or the library's. */
#define SAME(...)                                                                                                      \
	do {                                                                                                           \
		struct buf b = {0};                                                                                    \
		char want[512];                                                                                        \
		snprintf(want, sizeof want, __VA_ARGS__);                                                              \
		BUF_LIT(&b, "> ");                                                                                     \
		buf_fmt(&b, __VA_ARGS__);                                                                              \
		CHECK(slice_eq(slice_from(buf_view(&b), 2), slice_of(want)));                                          \
		CHECK_EQ(b.n, strlen(want) + 2);                                                                       \
		buf_free(&b);                                                                                          \
	} while (0)

TEST(buf, formats_as_printf)
{
	static const char empty[] = "";
	SAME("plain");
	SAME("%s", empty);
	SAME("%s and %s", "one", "two");
	SAME("100%% of %s%%", "it");
	SAME("%.*s|%.*s|%.*s", 3, "abcdef", 0, "gone", 9, "short");
	SAME("%.*s", -1, "all of it");
	SAME("%d %d %d %u %u", 0, INT_MIN, INT_MAX, 0U, UINT_MAX);
	SAME("%zu %llu", (size_t)SIZE_MAX, ULLONG_MAX);
}

TEST(buf, leaves_the_rest_to_printf)
{
	SAME("%s then %04x", "first", 255);
	SAME("%5s|%-5s|%.2s", "a", "b", "cde");
	SAME("%c%c", 'x', 'y');
	SAME("%ld %lld %lu", -5L, -6LL, 7UL);
	SAME("%.3f %08.2f", 1.5, 2.25);
	SAME("%s %300s", "long", "text");
}

TEST(buf, a_format_beyond_the_limit_fails)
{
	struct buf b = {.limit = 8};
	buf_fmt(&b, "%s", "12345678");
	CHECK(!b.failed);
	buf_fmt(&b, "%u", 9U);
	CHECK(b.failed);
	CHECK_EQ(b.n, 8);
	buf_free(&b);
}
