/* Network coordinates of nodes: where leader and agents write them in batches, and near-sorting reads them. */
#ifndef CORE_STATE_COORDINATES_H
#define CORE_STATE_COORDINATES_H

#include "core/state/apply.h"
#include "store/model.h"
#include "store/watchset.h"

/* Of struct coordinate_entry, by node, then segment. Index of `coordinates`. */
raft_index coordinates_all(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *entries);
raft_index coordinates_of_node(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *entries);

bool coordinate_valid(const struct coordinate *c); /* no NaN, no infinity */

/* Writing, while applying: unknown nodes and invalid coordinates are skipped. */
void coordinates_update(struct state *s, struct list entries);
void coordinates_node_gone(struct state *s, struct slice node);
void coordinates_restore(struct state *s, struct list entries);

#endif
