/* The core thread's side of the log: what goes to the log thread, what comes back, and when not to bother it.
 *
 * Group commit: all appends of a turn go out together; what arrives while they are being synced is the next group. A
 * sync that takes less than the two changes of thread around it is done here instead: when nothing is under way, there
 * is but one writer who waits for each of his writes, and the disk has been quick lately. The first slow sync ends that
 * until it is quick again, so a hanging disk holds up the core (and with it gossip) for one sync at most.
 *
 * With one connection: 3.6 instead of 5.9 changes of thread a write, 30 instead of 50 µs of processor time. Doing the
 * same with groups of up to 8 cost 64 connections a quarter of their rate. */
#ifndef CMD_AGENT_LOG_WRITES_H
#define CMD_AGENT_LOG_WRITES_H

#include "cmd/agent/process.h"

/* Takes the entries of an EFF_APPEND; their data is lent until the result is back. */
void log_writes_append(struct process *p, const struct effect *e);
/* A snapshot up to `index` is on disk: the log begins behind it, or (`replaced`: the snapshot's term, else 0) becomes
 * it. Index 0: the log begins with entry 1 again. */
void log_writes_snapshot(struct process *p, raft_index index, raft_term replaced);
/* End of the turn, when everything else is on its way: hands all over, or (`here`: if the thread may) writes it. */
void log_writes_flush(struct process *p, bool here);

/* The next result: kind, sequence or why and last. What it points to lives until the next call. */
bool log_writes_done(struct process *p, struct event *ev);
/* Is there a result to take? */
bool log_writes_waiting(struct process *p);

#endif
