/* Snapshots of a durable server: written on a thread of their own from a pinned root, so that nothing waits for them;
 * read at birth (recovery_log.h).
 *
 * One at a time. The core asks (EFF_SNAPSHOT) right after it published; the root is pinned until the thread is done,
 * then the log behind the snapshot is forgotten. */
#ifndef CMD_AGENT_SNAPSHOTS_H
#define CMD_AGENT_SNAPSHOTS_H

#include "cmd/agent/process.h"

#define SNAPSHOTS_DIR "raft/snapshots"

/* Core thread, EFF_SNAPSHOT: begins one of the published root, or of `state` (state.bin of an archive, lent until the
 * result) if that is not empty. Failing to begin is told as a result. */
void snapshots_begin(struct process *p, const struct effect *e);
/* Core thread: the result, once; ev->index and ev->why are set. What ev points to lives until the next call. */
bool snapshots_done(struct process *p, struct event *ev);
/* Core thread: removes one that was finished. */
void snapshots_drop(struct process *p, raft_index index, raft_term term);
/* Waits for the one that is being written. Before the process ends. */
void snapshots_wait(struct process *p);

/* Birth: writes one of what the core has now; the caller says what it is. */
enum err snapshots_take(struct process *p, const struct core_snapshot *s, struct fail *f);

#endif
