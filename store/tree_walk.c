/* The ordered tree, looking at it: ends, ranges, versions. See tree.h. */
#include "store/tree.h"

#include "core/base/must.h"
#include "core/base/slice.h"

static const struct item *twig_leftmost(twig t)
{
	while (twig_is_branch(t))
		t = twig_branch(t)->twigs[0];
	return twig_item(t);
}

const struct item *tree_first(const struct tree *t)
{
	return t->top ? twig_leftmost(t->top) : NULL;
}

const struct item *tree_last(const struct tree *t)
{
	twig at = t->top;
	while (twig_is_branch(at))
		at = twig_branch(at)->twigs[twig_branch(at)->n - 1];
	return at ? twig_item(at) : NULL;
}

twig tree_under(const struct tree *t, struct slice prefix)
{
	twig at = t->top;
	uint64_t until = 2 * (uint64_t)prefix.n;
	if (!at)
		return 0;
	while (twig_is_branch(at) && twig_branch(at)->place < until) {
		const struct branch *b = twig_branch(at);
		uint64_t symbol = key_symbol(prefix, b->place);
		if (!(b->symbols & symbol))
			return 0;
		at = b->twigs[branch_rank(b, symbol)];
	}
	return slice_starts(item_key(twig_leftmost(at)), prefix) ? at : 0;
}

/* ---- versions ---- */

/* The version beside the last twig on the key's way that looks before `until`. */
static uint64_t version_at(const struct tree *t, struct slice key, uint64_t until)
{
	uint64_t version = t->version;
	twig at = t->top;
	if (!at)
		return version;
	uint64_t parts = keys_part(item_key(twig_nearest(at, key)), key);
	if (until > parts)
		until = parts;
	while (twig_is_branch(at) && twig_branch(at)->place < until) {
		const struct branch *b = twig_branch(at);
		unsigned i = branch_rank(b, key_symbol(key, b->place));
		version = branch_version(b, i);
		at = b->twigs[i];
	}
	return version;
}

uint64_t tree_version_of_key(const struct tree *t, struct slice key)
{
	return version_at(t, key, PLACE_SAME);
}

uint64_t tree_version_of_prefix(const struct tree *t, struct slice prefix)
{
	return version_at(t, prefix, 2 * (uint64_t)prefix.n);
}

/* ---- the cursor ----
 *
 * A frame is a branch with twigs left to visit; one that has none is not kept. When more than CURSOR_LEVELS are
 * needed the uppermost is forgotten, and when the kept ones are used up, seeking the last key again finds the
 * forgotten ones: each such search leaves at least one frame, so the walk goes on. */

static void cursor_push(struct cursor *c, const struct branch *b, unsigned next)
{
	if (next == b->n)
		return;
	unsigned at = (c->bottom + c->depth) % CURSOR_LEVELS;
	if (c->depth == CURSOR_LEVELS) {
		c->bottom = (uint8_t)((c->bottom + 1) % CURSOR_LEVELS);
		c->forgot = true;
	} else {
		c->depth++;
	}
	c->stack[at] = b;
	c->next[at] = (uint8_t)next;
}

/* The next twig to the right of where we are; 0: none among the frames kept. */
static twig cursor_pop(struct cursor *c)
{
	if (!c->depth)
		return 0;
	unsigned at = (c->bottom + c->depth - 1u) % CURSOR_LEVELS;
	const struct branch *b = c->stack[at];
	twig t = b->twigs[c->next[at]++];
	if (c->next[at] == b->n)
		c->depth--;
	return t;
}

/* Sets the frames for what follows `key`. Returns the twig to go down first, if any: then it holds the first item >=
 * key. The item with just this key only if `same`. */
static twig cursor_seek(struct cursor *c, struct slice key, bool same)
{
	twig at = c->top;
	const struct item *near = twig_nearest(at, key);
	uint32_t place = keys_part(item_key(near), key);
	c->bottom = c->depth = 0;
	c->forgot = false;
	while (twig_is_branch(at) && twig_branch(at)->place < place) {
		const struct branch *b = twig_branch(at);
		unsigned i = branch_rank(b, key_symbol(key, b->place));
		cursor_push(c, b, i + 1);
		at = b->twigs[i];
	}
	if (place == PLACE_SAME)
		return same ? at : 0;
	if (twig_is_branch(at) && twig_branch(at)->place == place) {
		cursor_push(c, twig_branch(at), branch_rank(twig_branch(at), key_symbol(key, place)));
		return 0;
	}
	return key_symbol(key, place) < key_symbol(item_key(near), place) ? at : 0;
}

void cursor_start(struct cursor *c, twig top)
{
	*c = (struct cursor){.top = top, .down = top};
}

void cursor_start_from(struct cursor *c, twig top, struct slice from)
{
	cursor_start(c, top);
	if (top)
		c->down = cursor_seek(c, from, true);
}

const struct item *cursor_next(struct cursor *c)
{
	twig at = c->down;
	if (!at)
		at = cursor_pop(c);
	if (!at && c->forgot) {
		cursor_seek(c, item_key(c->last), false);
		at = cursor_pop(c);
	}
	if (!at)
		return NULL;
	while (twig_is_branch(at)) {
		cursor_push(c, twig_branch(at), 1);
		c->entered++;
		at = twig_branch(at)->twigs[0];
	}
	c->down = 0;
	c->last = twig_item(at);
	return c->last;
}

/* ---- weighing and checking ---- */

/* Every branch but the top hangs on a twig, and so does every item: that gives the twigs. */
size_t twig_weigh(twig t, size_t *items)
{
	struct cursor c;
	size_t size = 0, n = 0;
	cursor_start(&c, t);
	for (const struct item *it; (it = cursor_next(&c)); n++)
		size += it->size;
	*items = n;
	if (c.entered)
		size += c.entered * sizeof(struct branch) + (c.entered + n - 1) * (sizeof(twig) + sizeof(uint64_t));
	return size;
}

/* The way to an item: places grow, versions do not, every symbol is there. */
static bool way_sound(const struct tree *t, const struct item *it)
{
	uint64_t version = t->version, place = 0;
	twig at = t->top;
	for (bool first = true; twig_is_branch(at); first = false) {
		const struct branch *b = twig_branch(at);
		uint64_t symbol = key_symbol(item_key(it), b->place);
		if (b->n < 2 || b->n != bits_count(b->symbols) || !(b->symbols & symbol) ||
		        (!first && b->place <= place))
			return false;
		if (branch_version(b, branch_rank(b, symbol)) > version)
			return false;
		place = b->place;
		version = branch_version(b, branch_rank(b, symbol));
		at = b->twigs[branch_rank(b, symbol)];
	}
	return twig_item(at) == it;
}

bool tree_invariants(const struct tree *t)
{
	struct cursor c;
	size_t n = 0;
	const struct item *last = NULL;
	cursor_start(&c, t->top);
	for (const struct item *it; (it = cursor_next(&c)); last = it) {
		if (!way_sound(t, it) || (last && slice_cmp(item_key(last), item_key(it)) >= 0))
			return false;
		n++;
	}
	return n == t->count && tree_last(t) == last;
}
