/* The ordered tree, changing it: see tree.h. */
#include "store/tree.h"

#include "core/base/must.h"
#include "core/base/slice.h"

/* Where a twig hangs: in a branch or in the head of the tree, with its version. */
struct peg {
	twig *twig;
	uint64_t *version;
};

static struct peg peg_top(struct tree *t)
{
	return (struct peg){&t->top, &t->version};
}
static struct peg peg_of(struct branch *b, unsigned i)
{
	return (struct peg){&b->twigs[i], &branch_versions(b)[i]};
}

static void *node_alloc(struct tree_writer *w, size_t n, bool must)
{
	return must ? slab_alloc_must(w->slab, n) : slab_alloc(w->slab, n);
}

static void branch_drop(struct tree_writer *w, struct branch *b)
{
	if (b->made >= w->own_from)
		slab_free(w->slab, b, branch_size(b));
	else
		retired_branch(w->retired, w->version, b);
}

/* Makes the branch at the peg ours. NULL: no memory. */
static struct branch *branch_own(struct tree_writer *w, struct peg at, bool must)
{
	struct branch *b = twig_branch(*at.twig);
	if (b->made >= w->own_from)
		return b;
	size_t size = branch_size(b);
	if (!retired_room(w->retired, 1))
		return NULL;
	struct branch *own = node_alloc(w, size, must);
	if (!own)
		return NULL;
	memcpy(own, b, size);
	own->made = w->version;
	branch_drop(w, b);
	*at.twig = twig_of_branch(own);
	return own;
}

/* Replaces the branch at the peg by one with a twig more. */
static bool branch_grow(struct tree_writer *w, struct peg at, uint64_t symbol, twig t)
{
	struct branch *b = twig_branch(*at.twig);
	unsigned n = b->n, i = branch_rank(b, symbol);
	MUST(!(b->symbols & symbol));
	if (!retired_room(w->retired, 1))
		return false;
	struct branch *more = slab_alloc(w->slab, branch_size_of(n + 1));
	if (!more)
		return false;
	*more = (struct branch){.symbols = b->symbols | symbol, .place = b->place, .n = n + 1, .made = w->version};
	memcpy(more->twigs, b->twigs, i * sizeof(twig));
	more->twigs[i] = t;
	memcpy(more->twigs + i + 1, b->twigs + i, (n - i) * sizeof(twig));
	uint64_t *to = branch_versions(more);
	const uint64_t *from = branch_versions(b);
	memcpy(to, from, i * sizeof *to);
	to[i] = w->version;
	memcpy(to + i + 1, from + i, (n - i) * sizeof *to);
	branch_drop(w, b);
	*at.twig = twig_of_branch(more);
	return true;
}

/* … by one with a twig less; with one left, by that twig itself. */
static void branch_shrink(struct tree_writer *w, struct peg at, unsigned i)
{
	struct branch *b = twig_branch(*at.twig);
	unsigned n = b->n;
	MUST(n >= 2);
	if (n == 2) {
		*at.twig = b->twigs[1 - i];
		branch_drop(w, b);
		return;
	}
	struct branch *less = slab_alloc_must(w->slab, branch_size_of(n - 1));
	uint64_t symbols = b->symbols;
	for (unsigned k = 0; k < i; k++)
		symbols &= symbols - 1;
	*less = (struct branch){
	        .symbols = b->symbols & ~(symbols & -symbols), .place = b->place, .n = n - 1, .made = w->version};
	memcpy(less->twigs, b->twigs, i * sizeof(twig));
	memcpy(less->twigs + i, b->twigs + i + 1, (n - 1 - i) * sizeof(twig));
	uint64_t *to = branch_versions(less);
	const uint64_t *from = branch_versions(b);
	memcpy(to, from, i * sizeof *to);
	memcpy(to + i, from + i + 1, (n - 1 - i) * sizeof *to);
	branch_drop(w, b);
	*at.twig = twig_of_branch(less);
}

/* Puts a branch between the peg and what hangs there, with a second twig. The old twig keeps the peg's old version. */
static bool branch_split(struct tree_writer *w, struct peg at, uint32_t place, uint64_t old_symbol, struct item *it)
{
	struct branch *b = slab_alloc(w->slab, branch_size_of(2));
	if (!b)
		return false;
	uint64_t symbol = key_symbol(item_key(it), place);
	unsigned i = symbol > old_symbol;
	*b = (struct branch){.symbols = symbol | old_symbol, .place = place, .n = 2, .made = w->version};
	b->twigs[i] = twig_of_item(it);
	branch_versions(b)[i] = w->version;
	b->twigs[1 - i] = *at.twig;
	branch_versions(b)[1 - i] = *at.version;
	*at.twig = twig_of_branch(b);
	return true;
}

const struct item *tree_get(const struct tree *t, struct slice key)
{
	twig at = t->top;
	if (!at)
		return NULL;
	while (twig_is_branch(at)) {
		const struct branch *b = twig_branch(at);
		uint64_t symbol = key_symbol(key, b->place);
		if (!(b->symbols & symbol))
			return NULL;
		at = b->twigs[branch_rank(b, symbol)];
	}
	const struct item *it = twig_item(at);
	return keys_equal(item_key(it), key) ? it : NULL;
}

static bool tree_plant(struct tree *t, struct tree_writer *w, struct item *it)
{
	t->top = twig_of_item(it);
	t->version = w->version;
	t->count = 1;
	return true;
}

/* Whatever a later removal needs must be there before we let the tree grow. */
static bool reserve_ok(struct tree_writer *w, size_t depth)
{
	enum { PIECES = 4096 };
	return slab_reserve(w->slab, depth) && retired_room(w->retired, PIECES + depth);
}

bool tree_put(struct tree *t, struct tree_writer *w, struct item *it, uint8_t id)
{
	struct slice key = item_key(it);
	if (!t->top)
		return reserve_ok(w, 0) && tree_plant(t, w, it);
	const struct item *near = twig_nearest(t->top, key);
	uint32_t place = keys_part(item_key(near), key);
	struct peg at = peg_top(t);
	size_t depth = 0;
	for (; twig_is_branch(*at.twig) && twig_branch(*at.twig)->place < place; depth++) {
		struct branch *b = branch_own(w, at, false);
		if (!b)
			return false;
		*at.version = w->version;
		at = peg_of(b, branch_rank(b, key_symbol(key, b->place)));
	}
	if (!reserve_ok(w, depth))
		return false;
	if (place == PLACE_SAME) {
		retired_item(w->retired, w->version, near, id);
		*at.twig = twig_of_item(it);
	} else if (twig_is_branch(*at.twig) && twig_branch(*at.twig)->place == place) {
		if (!branch_grow(w, at, key_symbol(key, place), twig_of_item(it)))
			return false;
	} else if (!branch_split(w, at, place, key_symbol(item_key(near), place), it)) {
		return false;
	}
	*at.version = w->version;
	t->count += place != PLACE_SAME;
	return true;
}

/* Takes the twig out that is the first on the key's way to look at `until` or further, or to be an item. The key must
 * lead there. */
static void tree_cut(struct tree *t, struct tree_writer *w, struct slice key, uint64_t until)
{
	struct peg at = peg_top(t);
	twig cut = *at.twig;
	if (!twig_is_branch(cut) || twig_branch(cut)->place >= until) {
		t->top = 0;
		t->version = w->version;
		return;
	}
	for (;;) {
		struct branch *b = twig_branch(*at.twig);
		unsigned i = branch_rank(b, key_symbol(key, b->place));
		*at.version = w->version;
		cut = b->twigs[i];
		if (!twig_is_branch(cut) || twig_branch(cut)->place >= until) {
			MUST(retired_room(w->retired, 2));
			branch_shrink(w, at, i);
			return;
		}
		b = branch_own(w, at, true);
		MUST(b);
		at = peg_of(b, i);
	}
}

bool tree_remove(struct tree *t, struct tree_writer *w, struct slice key, uint8_t id)
{
	const struct item *it = tree_get(t, key);
	if (!it)
		return false;
	tree_cut(t, w, key, PLACE_SAME);
	MUST(retired_room(w->retired, 1));
	retired_item(w->retired, w->version, it, id);
	t->count--;
	return true;
}

size_t tree_remove_prefix(struct tree *t, struct tree_writer *w, struct slice prefix, uint8_t id)
{
	twig under = tree_under(t, prefix);
	if (!under)
		return 0;
	size_t n, weight = twig_weigh(under, &n);
	tree_cut(t, w, prefix, 2 * (uint64_t)prefix.n);
	MUST(retired_room(w->retired, 1));
	retired_tree(w->retired, w->version, under, id, weight);
	t->count -= n;
	return n;
}
