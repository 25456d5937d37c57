/* Deadlines of sessions with a TTL: kept by the leader only, not replicated. A session is destroyed when nobody renewed
 * it for twice its TTL (agent/consul/session_ttl.go: the factor protects against clocks and failover). A new leader
 * starts all clocks anew. Thread: core. */
#ifndef CORE_LEADER_SESSION_TTL_H
#define CORE_LEADER_SESSION_TTL_H

#include "core/base/heap.h"
#include "core/base/map.h"
#include "core/base/types.h"
#include "store/db.h"

struct session;

enum { SESSION_TTL_FACTOR = 2 };

struct session_ttl {
	struct heap deadlines;
	struct map by_id;
};

void session_ttl_init(struct session_ttl *t, uint64_t seed);
void session_ttl_free(struct session_ttl *t); /* stepping down, too */

/* Starts or restarts the clock of one session; nothing without a TTL. False: no memory. */
bool session_ttl_renew(struct session_ttl *t, const struct session *s, mono_ns now);
void session_ttl_forget(struct session_ttl *t, struct slice id);
/* All sessions of the store: what a new leader does first. */
void session_ttl_start(struct session_ttl *t, const struct db_root *r, mono_ns now);

/* The next one that is due at `now`, forgotten by this call: its id in `out`. False when there is none. */
bool session_ttl_due(struct session_ttl *t, mono_ns now, char out[static 37]);
mono_ns session_ttl_next(const struct session_ttl *t);

#endif
