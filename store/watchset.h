/* What a read looked at, and whether that has changed since: the memory of a blocking query.
 *
 * Reading functions of core/state note each key and prefix they depend on. A parked query keeps the notes (not the
 * root); after a publication a note tells in O(key length) whether its part of the tree moved. It may say so for
 * nothing (then the query runs again and parks again); it never misses a change.
 *
 * Keys are copied to the arena. When that is full a note is lost and the arena says `failed`: such a run must not park.
 *
 * All functions accept ws == NULL: a read that will not block notes nothing. */
#ifndef STORE_WATCHSET_H
#define STORE_WATCHSET_H

#include "core/base/arena.h"
#include "store/db.h"

enum { WATCHES_MAX = 64 }; /* beyond it the set widens to whole trees */

struct watch_note {
	enum db_tree tree;
	bool prefix;
	struct slice key;
	uint64_t version; /* when we looked */
};

struct watchset {
	struct arena *arena;
	struct watch_note *notes;
	uint32_t n, cap;
};

void watch_key(struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice key);
void watch_prefix(struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice prefix);
static inline void watch_tree(struct watchset *ws, const struct db_root *r, enum db_tree t)
{
	watch_prefix(ws, r, t, S_NONE);
}

bool watch_moved(const struct watch_note *n, const struct db_root *now);

#endif
