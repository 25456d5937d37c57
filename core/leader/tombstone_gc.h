/* When to forget tombstones: the leader proposes a reap of what is older than TOMBSTONE_TTL, in steps of
 * TOMBSTONE_STEP, so that a busy store does not propose one for each deletion. Thread: core. */
#ifndef CORE_LEADER_TOMBSTONE_GC_H
#define CORE_LEADER_TOMBSTONE_GC_H

#include "core/base/types.h"

#define TOMBSTONE_TTL (15 * NS_PER_MIN)
#define TOMBSTONE_STEP (30 * NS_PER_S)

enum { TOMBSTONE_STEPS = 32 }; /* more than TTL / STEP */

struct tombstone_gc {
	struct {
		mono_ns due;
		raft_index index;
	} steps[TOMBSTONE_STEPS];
	unsigned first, n;
};

/* A command left tombstones at `index`. */
void tombstone_gc_hint(struct tombstone_gc *g, raft_index index, mono_ns now);
/* Everything up to *index may go now. */
bool tombstone_gc_due(struct tombstone_gc *g, mono_ns now, raft_index *index);
mono_ns tombstone_gc_next(const struct tombstone_gc *g);

#endif
