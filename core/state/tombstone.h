/* Tombstones: why an index never goes back. A deleted key or tree leaves its index behind, so that a listing of what
 * remains does not show an older one than before. The leader reaps them when nobody can wait for them any more. */
#ifndef CORE_STATE_TOMBSTONE_H
#define CORE_STATE_TOMBSTONE_H

#include "core/state/apply.h"
#include "store/db.h"

/* The highest index of a tombstone below a prefix; 0: none. */
raft_index tombstone_index(const struct db_root *r, struct slice prefix);

/* ---- writing: core thread, while applying ---- */

void tombstone_put(struct state *s, struct slice key);
void tombstone_reap(struct state *s, raft_index up_to); /* those with an index <= up_to */
void tombstone_restore(struct state *s, struct slice key, raft_index index);

#endif
