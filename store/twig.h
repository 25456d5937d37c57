/* Inside of the tree: twigs and branches. For tree.c, tree_walk.c and retire.c only.
 *
 * A twig is one word. A branch tells the keys below it apart by their symbol at one place, two places a byte of the
 * key; it has a twig for each symbol that occurs there, in order, and the version in which each was last changed.
 *
 * Memory: pieces of the slab; whoever puts a copy in a branch's place gives the old one to retire.h. A branch that was
 * made in the version at work may be changed where it lies, any other is shared with readers and never changes.
 * Thread: reading any, on a published root; the rest core. Nothing here fails or allocates. */
#ifndef STORE_TWIG_H
#define STORE_TWIG_H

#include "store/item.h"

typedef uintptr_t twig; /* 0, an item, or a branch with the lowest bit set */

struct branch {
	uint64_t symbols; /* which there are: bit = number of the symbol */
	uint32_t place;
	uint32_t n;    /* how many twigs */
	uint64_t made; /* the version in which this copy was made */
	twig twigs[];  /* one a symbol, in order; behind them as many uint64_t versions */
};

#define SYMBOL_END UINT64_C(1)
#define PLACE_SAME UINT32_MAX /* no place: the keys are equal */

enum { SYMBOLS = 48 };

/* By byte, then by the lowest bit of the place: the number of its first and of its second symbol. */
extern const uint8_t symbol_numbers[256][2];

static inline bool twig_is_branch(twig t)
{
	return t & 1;
}
static inline struct branch *twig_branch(twig t)
{
	return (struct branch *)(t - 1);
}
static inline struct item *twig_item(twig t)
{
	return (struct item *)t;
}
static inline twig twig_of_branch(const struct branch *b)
{
	return (twig)b + 1;
}
static inline twig twig_of_item(const struct item *it)
{
	return (twig)it;
}

static inline size_t branch_size_of(unsigned n)
{
	return sizeof(struct branch) + n * (sizeof(twig) + sizeof(uint64_t));
}

static inline size_t branch_size(const struct branch *b)
{
	return branch_size_of(b->n);
}

static inline uint64_t *branch_versions(struct branch *b)
{
	return (uint64_t *)(b->twigs + b->n);
}

static inline uint64_t branch_version(const struct branch *b, unsigned i)
{
	return ((const uint64_t *)(b->twigs + b->n))[i];
}

/* The symbol of a key at a place, as a bit. */
static inline uint64_t key_symbol(struct slice key, uint32_t place)
{
	size_t i = place >> 1;
	return i < key.n ? UINT64_C(1) << symbol_numbers[(uint8_t)key.p[i]][place & 1] : SYMBOL_END;
}

/* The compiler's own is a call where the target is any x86-64. */
static inline unsigned bits_count(uint64_t s)
{
	s -= s >> 1 & UINT64_C(0x5555555555555555);
	s = (s & UINT64_C(0x3333333333333333)) + (s >> 2 & UINT64_C(0x3333333333333333));
	s = (s + (s >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(s * UINT64_C(0x0101010101010101) >> 56);
}

/* How many symbols of b sort before this one: the number of its twig, if it has one. */
static inline unsigned branch_rank(const struct branch *b, uint64_t symbol)
{
	return bits_count(b->symbols & (symbol - 1));
}

/* Some item below t that shares with `key` at least as much as any other does. */
static inline const struct item *twig_nearest(twig t, struct slice key)
{
	while (twig_is_branch(t)) {
		const struct branch *b = twig_branch(t);
		uint64_t symbol = key_symbol(key, b->place);
		t = b->twigs[b->symbols & symbol ? branch_rank(b, symbol) : 0];
	}
	return twig_item(t);
}

/* How many bytes are the same in front; n if all. Eight at a time: the C library's memcmp may go byte by byte. */
static inline size_t bytes_same(const char *a, const char *b, size_t n)
{
	size_t i = 0;
	for (uint64_t x, y; i + sizeof x <= n; i += sizeof x) {
		memcpy(&x, a + i, sizeof x);
		memcpy(&y, b + i, sizeof y);
		if (x != y)
			break;
	}
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

/* The first place where two keys differ. */
static inline uint32_t keys_part(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = bytes_same(a.p, b.p, n);
	if (i == n)
		return a.n == b.n ? PLACE_SAME : (uint32_t)(2 * n);
	return (uint32_t)(2 * i) + (symbol_numbers[(uint8_t)a.p[i]][0] == symbol_numbers[(uint8_t)b.p[i]][0]);
}

/* The words at both ends may overlap: no loop over single bytes. */
static inline bool bytes_equal(const char *a, const char *b, size_t n)
{
	uint64_t x, y;
	uint32_t v, w;
	if (n < sizeof v)
		return !n || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
	if (n < sizeof x) {
		memcpy(&v, a, sizeof v);
		memcpy(&w, b, sizeof w);
		if (v != w)
			return false;
		memcpy(&v, a + n - sizeof v, sizeof v);
		memcpy(&w, b + n - sizeof w, sizeof w);
		return v == w;
	}
	for (size_t i = 0; i < n - sizeof x; i += sizeof x) {
		memcpy(&x, a + i, sizeof x);
		memcpy(&y, b + i, sizeof y);
		if (x != y)
			return false;
	}
	memcpy(&x, a + n - sizeof x, sizeof x);
	memcpy(&y, b + n - sizeof y, sizeof y);
	return x == y;
}

static inline bool keys_equal(struct slice a, struct slice b)
{
	return a.n == b.n && bytes_equal(a.p, b.p, a.n);
}

#endif
