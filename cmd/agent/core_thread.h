/* The core thread: one turn gathers events, steps the core for each, flushes once, publishes, carries out the effects.
 */
#ifndef CMD_AGENT_CORE_THREAD_H
#define CMD_AGENT_CORE_THREAD_H

#include "cmd/agent/process.h"

/* Steps EV_START and publishes the first world: before the fronts start. */
bool core_thread_prepare(struct process *p);

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
