/* The core thread: one turn gathers events, steps the core for each, flushes once, publishes, carries out the effects.
 *
 * While it sleeps others may make a turn in its place: a front that has written messages, the log thread that has
 * results. So a write on a lone server costs no change of thread (in memory), or those around one sync. Such a turn
 * takes nothing but messages and results, and carries out nothing but log and replies; whatever else the core wants
 * waits for the core thread, and all further steps with it. Among several servers, where each write has something for
 * the peers, the core thread does it all. `core_baton` says who it is: everything that belongs to the core thread
 * belongs to whoever holds it. */
#ifndef CMD_AGENT_CORE_THREAD_H
#define CMD_AGENT_CORE_THREAD_H

#include "cmd/agent/process.h"

/* Steps EV_START and publishes the first world: before the fronts start. */
bool core_thread_prepare(struct process *p);

/* For threads that gave something to the core (a ring flushed, with no bell): makes the turn here, or sees to it that
 * another thread does. `alone`: nothing else waits for the caller, so it may write and sync here (log_writes.h). */
void core_thread_turn_here(struct process *p, bool alone);

/* For gossip_host: news of a pool, given to the core at once. */
void core_thread_news(void *process, enum gossip_pool pool, const struct gossip_effect *x);

/* For raft_host: given to the core at once. */
void core_thread_raft(void *process, struct event *ev);

/* For exec_runs: the same. */
void core_thread_exec(void *process, struct event *ev);

/* How the joins at the start went. */
struct start_join {
	bool done;
	uint32_t n;
	char why[FAIL_TEXT_MAX]; /* empty: well */
};
/* Turns until the one of this pool is through. */
const struct start_join *core_thread_joined(struct process *p, int pool);

void *core_thread_run(void *process);
void core_thread_free(struct process *p);

#endif
