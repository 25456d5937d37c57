/* The key/value store: reading on any thread over a root, writing from apply (core thread).
 *
 * Reads return the index that Consul's state store returns: for a key the higher of the tables `kvs` and `tombstones`
 * (whoever answers shows the entry's ModifyIndex instead when it is there); for a prefix the highest of the entries and
 * tombstones below it, the table's when there are none or the prefix is empty. 0: nothing was ever written.
 *
 * Results point into items and stay valid while the root does; `a` holds lists and session texts. `ws` may be NULL. */
#ifndef CORE_STATE_KV_H
#define CORE_STATE_KV_H

#include "core/base/err.h"
#include "core/state/apply.h"
#include "store/model.h"
#include "store/watchset.h"

raft_index kv_get(const struct db_root *r, struct watchset *ws, struct slice key, struct arena *a,
        struct dir_entry *out, bool *found);

/* entries: of struct dir_entry, in order of keys; nil when there are none. */
raft_index kv_list(
        const struct db_root *r, struct watchset *ws, struct slice prefix, struct arena *a, struct list *entries);

/* keys: of struct slice. With a separator, what follows its first occurrence after the prefix is cut off and equal
 * neighbours are one. */
raft_index kv_list_keys(const struct db_root *r, struct watchset *ws, struct slice prefix, struct slice separator,
        struct arena *a, struct list *keys);

/* Until when nobody may lock the key because its last holder was thrown out; 0: now is fine. The leader looks before it
 * proposes a lock and answers false while now < that. */
mono_ns kv_lock_delay_until(const struct db_root *r, struct slice key);

/* ---- writing: core thread, while applying ---- */

/* Each sets the entry's indexes. The bool versions say whether they did it. Errors: a sentence in f. */
enum kv_session { KV_KEEP_SESSION, KV_SET_SESSION };
enum err kv_set(struct state *s, struct dir_entry *e, enum kv_session how, struct fail *f);
enum err kv_cas(struct state *s, struct dir_entry *e, bool *done, struct fail *f);
enum err kv_lock(struct state *s, struct dir_entry *e, bool *done, struct fail *f);
enum err kv_unlock(struct state *s, struct dir_entry *e, bool *done, struct fail *f);
void kv_delete(struct state *s, struct slice key);
void kv_delete_cas(struct state *s, struct slice key, raft_index cas, bool *done);
void kv_delete_tree(struct state *s, struct slice prefix);

/* Lets go of all keys that a session holds, or deletes them, and sets lock delays when delay > 0. */
void kv_session_gone(struct state *s, struct slice session_bytes, bool delete_keys, dur_ns delay);

/* A row of a snapshot, indexes as they are. */
enum err kv_restore(struct state *s, const struct dir_entry *e, struct fail *f);

#endif
