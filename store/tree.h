/* The ordered tree: a radix tree with packed children ("qp-trie", after Tony Finch's), made persistent: a change copies
 * the branches on its path and leaves the old ones to readers.
 *
 *   branch: bitmap of symbols, the place in the key where it looks, one twig a symbol
 *   twig:   a branch or an item; items hold the whole key, so nothing of a key is stored in branches
 *
 * A byte is spelt in one symbol if it is of those that names are made of (a-z 0-9 - . / _ and 0), in two otherwise: its
 * group, its number in the group (twig.c). So hex digits and words need one branch a letter, and no branch has more
 * than 48 twigs. A place is counted in half bytes: 2i is the first symbol of byte i, 2i+1 the second. In the place of a
 * first symbol a key may also end; that sorts first. The order is that of memcmp with the shorter key first; keys may
 * hold any byte and be prefixes of each other. A branch has at least two twigs.
 *
 * Versions stand beside the twigs, not in the nodes: twig i of branch B, with path(B) what all keys below B share,
 * carries the version of the last change of *any* key that begins with path(B) + symbol i, gone ones included, since
 * the twig is there. Where there is no such twig the version beside B itself covers it. This keeps true when
 *   a key comes between B and its twig: the new branch takes the old twig and its version along, its own is new;
 *   a branch falls back to one twig: that twig takes its place, under the version of the removal.
 * A child's version is never later than its parent's.
 *
 * Depth: a branch a key that is a prefix of the next, so a million levels with keys of a megabyte. Nothing here
 * recurses or keeps a path of fixed length; a cursor forgets its upper levels and finds them again by key. */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include "store/db.h"
#include "store/retire.h"
#include "store/slab.h"

/* The head of a tree, part of the root. */
struct tree {
	twig top;         /* 0: empty */
	uint64_t version; /* of the last change in the tree */
	size_t count;
};

/* ---- reading ---- */

const struct item *tree_get(const struct tree *t, struct slice key);
const struct item *tree_first(const struct tree *t);
const struct item *tree_last(const struct tree *t);
/* The twig that holds all keys that begin with `prefix` and no others; 0 when there are none. */
twig tree_under(const struct tree *t, struct slice prefix);
uint64_t tree_version_of_key(const struct tree *t, struct slice key);
uint64_t tree_version_of_prefix(const struct tree *t, struct slice prefix);
/* A cursor over everything below a twig; over what is >= from there. */
void cursor_start(struct cursor *c, twig top);
void cursor_start_from(struct cursor *c, twig top, struct slice from);
/* Bytes and number of everything below. */
size_t twig_weigh(twig t, size_t *items);
/* Order, versions, places and counts as told above. Slow: every key is looked up. */
bool tree_invariants(const struct tree *t);

/* ---- writing ---- */

struct tree_writer {
	struct slab *slab;
	struct retired *retired;
	uint64_t version;  /* of the transaction that is going on */
	uint64_t own_from; /* branches made in this version or later are ours alone and changed in place */
};

/* Inserts, or replaces and retires. False: no memory; the tree holds what it held, some branches may have been copied
 * and some versions raised. */
bool tree_put(struct tree *t, struct tree_writer *w, struct item *it, uint8_t id);
/* Takes out and retires: the item with just this key; everything below `prefix` (how many). Never fails, see
 * slab_alloc_must. `id` is the tree's number in the root, kept with what is retired. */
bool tree_remove(struct tree *t, struct tree_writer *w, struct slice key, uint8_t id);
size_t tree_remove_prefix(struct tree *t, struct tree_writer *w, struct slice prefix, uint8_t id);

#endif
