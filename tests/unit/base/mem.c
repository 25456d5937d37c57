/* memcpy, memmove and memcmp as they are linked: ours in the musl build, the library's elsewhere. */
#include "tests/test.h"

enum { SPAN = 160, GUARD = 0x5a };

/* Through pointers, so that the compiler puts nothing of its own in place. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static int (*volatile compare)(const void *, const void *, size_t) = memcmp;

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 31 + 7);
}

TEST(mem, copies_exactly)
{
	static unsigned char from[5000], to[5000];
	fill(from, sizeof from);
	for (size_t n = 0; n < sizeof from - 16; n += n < 200 ? 1 : 97)
		for (size_t skew = 0; skew < 3; skew++) {
			for (size_t i = 0; i < sizeof to; i++)
				to[i] = GUARD;
			CHECK(copy(to + 1 + skew, from + skew, n) == to + 1 + skew);
			for (size_t i = 0; i < sizeof to; i++)
				if (to[i] != (i > skew && i <= skew + n ? from[i - 1] : GUARD)) {
					test_fail(__FILE__, __LINE__, "n %zu, byte %zu", n, i);
					return;
				}
		}
}

TEST(mem, moves_in_both_directions)
{
	unsigned char mine[3 * SPAN], want[3 * SPAN], before[3 * SPAN];
	for (size_t n = 0; n <= SPAN; n++)
		for (size_t to = SPAN - 40; to <= SPAN + 40; to++) {
			fill(before, sizeof before);
			fill(mine, sizeof mine);
			fill(want, sizeof want);
			for (size_t i = 0; i < n; i++)
				want[to + i] = before[SPAN + i];
			move(mine + to, mine + SPAN, n);
			for (size_t i = 0; i < sizeof mine; i++)
				if (mine[i] != want[i]) {
					test_fail(__FILE__, __LINE__, "n %zu to %zu, byte %zu", n, to, i);
					return;
				}
		}
}

TEST(mem, compares_as_unsigned_bytes)
{
	unsigned char a[64], b[64];
	for (size_t n = 0; n < 40; n++)
		for (size_t at = 0; at < n; at++) {
			fill(a, sizeof a);
			fill(b, sizeof b);
			CHECK_EQ(compare(a, b, n), 0);
			a[at] = 0x80;
			b[at] = 0x7f;
			b[at + 1] = 0xff;
			CHECK(compare(a, b, n) > 0 && compare(b, a, n) < 0);
		}
}
