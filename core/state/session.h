/* Sessions: holders of locks, alive as long as their node, their checks and (leader/session_ttl) their TTL.
 *
 * Ids are UUIDs: they match without regard to case; a text that is none is an error with Consul's words. */
#ifndef CORE_STATE_SESSION_H
#define CORE_STATE_SESSION_H

#include "core/base/err.h"
#include "core/state/apply.h"
#include "store/model.h"
#include "store/watchset.h"

#define SESSION_LOCK_DELAY_MAX (60 * NS_PER_S)

/* ---- reading: any thread; index of `sessions`; results point into items ---- */

/* *out is NULL when absent; `index` may be NULL. Error: "failed session lookup: index error: UUID must be 36
 * characters". */
enum err session_get(const struct db_root *r, struct watchset *ws, struct slice id, struct arena *a, raft_index *index,
        const struct session **out, struct fail *f);
/* Of struct session, by id. */
raft_index session_list(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *sessions);
raft_index session_list_node(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *sessions);

/* The sentence about an id that no session has: invalid session "…". */
enum err session_unknown(struct slice id, struct fail *f);

/* ---- writing: core thread, while applying ---- */

enum err session_create(struct state *s, struct session *sess, struct fail *f);
enum err session_destroy(struct state *s, struct slice id, struct fail *f);
/* Destroys all that depend on a check, or that live on a node. */
enum err session_check_gone(struct state *s, struct slice node, struct slice check_id, struct fail *f);
enum err session_node_gone(struct state *s, struct slice node, struct fail *f);
enum err session_restore(struct state *s, struct session *sess, struct fail *f);

#endif
