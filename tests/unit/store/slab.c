/* Pieces do not overlap, pages come back, the reserve holds what it promises. */
#include "store/slab.h"

#include <stdlib.h>

#include "core/base/rand.h"
#include "tests/test.h"

struct piece {
	uint8_t *p;
	uint32_t n;
	uint8_t mark;
};

static bool piece_whole(const struct piece *x)
{
	for (uint32_t i = 0; i < x->n; i++)
		if (x->p[i] != x->mark)
			return false;
	return true;
}

TEST(slab, pieces_of_all_sizes_keep_what_is_in_them)
{
	enum { PIECES = 600, STEPS = 60000 };
	static struct piece pieces[PIECES];
	struct slab *s = slab_new();
	struct rand r;
	ASSERT(s);
	rand_seed(&r, 3);
	for (int i = 0; i < STEPS; i++) {
		struct piece *x = &pieces[rand_below(&r, PIECES)];
		if (x->p) {
			ASSERT(piece_whole(x));
			slab_free(s, x->p, x->n);
			x->p = NULL;
			continue;
		}
		x->n = 8 + (uint32_t)rand_below(&r, rand_below(&r, 20) ? 700 : 2 * SLAB_SMALL_MAX);
		x->p = slab_alloc(s, x->n);
		ASSERT(x->p && !((uintptr_t)x->p & 7));
		x->mark = (uint8_t)i;
		memset(x->p, x->mark, x->n);
	}
	for (int i = 0; i < PIECES; i++)
		if (pieces[i].p)
			slab_free(s, pieces[i].p, pieces[i].n);
	CHECK_EQ(slab_used(s), 0);
	slab_free_all(s);
	memset(pieces, 0, sizeof pieces);
}

TEST(slab, empty_pages_serve_other_sizes_and_go_back)
{
	enum { N = 20000 };
	static void *p[N];
	struct slab *s = slab_new();
	size_t held = 0;
	for (size_t size = 16; size <= 1024; size *= 2) {
		for (int i = 0; i < N; i++)
			ASSERT((p[i] = slab_alloc(s, size)));
		held = slab_held(s);
		CHECK(held < N * size * 5 / 4 + 64 * SLAB_PAGE);
		for (int i = 0; i < N; i++)
			slab_free(s, p[i], size);
		CHECK_EQ(slab_used(s), 0);
	}
	CHECK(slab_held(s) < held / 4);
	slab_free_all(s);
}

/* The sizes of branches of 2 … 48 twigs. */
static size_t node_size(unsigned i)
{
	return 56 + 16 * (size_t)i;
}

TEST(slab, the_reserve_has_a_page_for_every_node)
{
	struct slab *s = slab_new();
	slab_fail(s, 0, 1L << 40);
	CHECK(!slab_alloc(s, 64));
	CHECK(slab_reserve(s, 0));
	for (unsigned n = 0; n < 40; n++)
		for (unsigned i = 0; i < 47; i++)
			CHECK(slab_alloc_must(s, node_size(i)));
	slab_fail(s, 0, 0);
	CHECK(slab_alloc(s, 64));
	CHECK(slab_reserve(s, 0));
	slab_free_all(s);
}

TEST(slab, the_reserve_grows_with_depth)
{
	enum { DEPTH = 50000 };
	struct slab *s = slab_new();
	CHECK(slab_reserve(s, DEPTH));
	slab_fail(s, 0, 1L << 40);
	for (int i = 0; i < DEPTH; i++)
		CHECK(slab_alloc_must(s, node_size(46)));
	CHECK(!slab_reserve(s, DEPTH));
	slab_fail(s, 0, 0);
	CHECK(slab_reserve(s, DEPTH));
	slab_free_all(s);
}
