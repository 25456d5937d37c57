/* Lock delays: for a while after its holder was thrown out nobody may take a lock, so that the old holder can notice.
 *
 * Clocks differ between servers, so this stays outside the replicated state: applying never looks, only the leader
 * does, before it proposes a lock (kv_lock_delay_until). The rows are published like all others, so any front can look.
 */
#ifndef CORE_STATE_DELAY_H
#define CORE_STATE_DELAY_H

#include "core/state/apply.h"
#include "store/db.h"

mono_ns delay_until(const struct db_root *r, struct slice key); /* 0: none */

/* While applying. delay > 0. */
void delay_set(struct state *s, struct slice key, dur_ns delay);

/* Forgets what is over. Cheap when called often: it looks once a second. */
void delay_sweep(struct state *s);

#endif
