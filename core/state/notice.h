/* Noting what a read looked at, in Consul's grain.
 *
 * What is there is noted as narrowly as it was read. What is absent answers with the index of its table, so its waiters
 * follow their neighbourhood, too: Consul's radix tree wakes them when the smallest subtree that they would join
 * changes, and clients wait for that index to move. The same subtree is noted here: all keys that share as much of the
 * absent key as any key does. */
#ifndef CORE_STATE_NOTICE_H
#define CORE_STATE_NOTICE_H

#include "store/watchset.h"

/* `found`: what db_get gave for the key. ws may be NULL. */
void notice_key(
        struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice key, const struct item *found);
/* Everything below a prefix. */
void notice_prefix(struct watchset *ws, const struct db_root *r, enum db_tree t, struct slice prefix);

#endif
