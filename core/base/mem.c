/* memcpy, memmove and memcmp of our own, for the musl build.
 *
 * musl's are written for size: memcpy is always `rep movs` (some 30 ns before the first byte, backwards ten times
 * that), memcmp goes byte by byte. Most of what we move and compare are names, keys and small structs. A definition
 * here takes the place of the one in the static libc for the whole program. Builds with glibc or a sanitizer keep
 * theirs. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GLIBC__)

typedef uint8_t wide __attribute__((vector_size(16)));

/* The compiler must not see a memcpy in the loops of memcpy. */
#define AS_WRITTEN __attribute__((optimize("no-tree-loop-distribute-patterns")))

enum { WIDE = 16, BY_MACHINE = 1024 /* from here on `rep movsb` is the faster way */ };

static inline wide load16(const unsigned char *p)
{
	wide v;
	__builtin_memcpy(&v, p, 16);
	return v;
}

static inline void store16(unsigned char *p, wide v)
{
	__builtin_memcpy(p, &v, 16);
}

static inline uint64_t load8(const unsigned char *p)
{
	uint64_t v;
	__builtin_memcpy(&v, p, 8);
	return v;
}

static inline uint32_t load4(const unsigned char *p)
{
	uint32_t v;
	__builtin_memcpy(&v, p, 4);
	return v;
}

/* Up to 32 bytes, everything read before anything is written, so that overlapping does no harm: a piece from the front
 * and one from the end, which meet in the middle. */
static inline void move_small(unsigned char *to, const unsigned char *from, size_t n)
{
	if (n >= 16) {
		wide front = load16(from), end = load16(from + n - 16);
		store16(to, front);
		store16(to + n - 16, end);
	} else if (n >= 8) {
		uint64_t front = load8(from), end = load8(from + n - 8);
		__builtin_memcpy(to, &front, 8);
		__builtin_memcpy(to + n - 8, &end, 8);
	} else if (n >= 4) {
		uint32_t front = load4(from), end = load4(from + n - 4);
		__builtin_memcpy(to, &front, 4);
		__builtin_memcpy(to + n - 4, &end, 4);
	} else if (n) {
		unsigned char first = from[0], middle = from[n / 2], last = from[n - 1];
		to[0] = first;
		to[n / 2] = middle;
		to[n - 1] = last;
	}
}

/* Forwards, more than 32 bytes; `to` may lie below an overlapping `from`. The end is read first. */
AS_WRITTEN static void move_up(unsigned char *to, const unsigned char *from, size_t n)
{
	wide end = load16(from + n - WIDE);
	unsigned char *last = to + n - WIDE;
	for (; to < last; to += WIDE, from += WIDE)
		store16(to, load16(from));
	store16(last, end);
}

AS_WRITTEN static void move_down(unsigned char *to, const unsigned char *from, size_t n)
{
	wide front = load16(from);
	for (size_t at = n; at > WIDE; at -= WIDE)
		store16(to + at - WIDE, load16(from + at - WIDE));
	store16(to, front);
}

AS_WRITTEN void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	if (n <= 32) {
		move_small(to, from, n);
		return to;
	}
#if defined(__x86_64__)
	if (n >= BY_MACHINE) {
		void *d = to;
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n) : : "memory");
		return to;
	}
#endif
	move_up(to, from, n);
	return to;
}

AS_WRITTEN void *memmove(void *to, const void *from, size_t n)
{
	if (n <= 32)
		move_small(to, from, n);
	else if ((uintptr_t)to - (uintptr_t)from >= n)
		move_up(to, from, n);
	else
		move_down(to, from, n);
	return to;
}

static inline uint64_t big_endian(uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

AS_WRITTEN int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;
	for (; n >= 8; n -= 8, x += 8, y += 8) {
		uint64_t v = load8(x), w = load8(y);
		if (v != w)
			return big_endian(v) < big_endian(w) ? -1 : 1;
	}
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

#endif
