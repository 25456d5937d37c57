/* The index of each table: the Raft index of the last command that changed it. And of each service with instances.
 * README.md tells which reads return which. */
#ifndef CORE_STATE_TABLE_INDEX_H
#define CORE_STATE_TABLE_INDEX_H

#include "core/state/apply.h"
#include "store/db.h"

/* 0 when the table never changed. Names in lower case. */
raft_index table_index(const struct db_root *r, struct slice table);
raft_index table_index_max(const struct db_root *r, struct slice one, struct slice other);

void table_index_set(struct state *s, struct slice table);                  /* to the command's index */
void table_index_raise(struct state *s, struct slice table, raft_index to); /* restoring: never down */

/* A service's own row; without one, the highest of the tables it is read from: nodes, services and, WITH_CHECKS,
 * checks. */
enum service_index_scope { WITHOUT_CHECKS, WITH_CHECKS };
raft_index service_index(
        const struct db_root *r, struct slice service, enum service_index_scope scope, struct arena *a);
void service_index_set(struct state *s, struct slice service);
void service_index_drop(struct state *s, struct slice service);

#endif
