/* The core thread: one turn gathers events, steps the core for each, flushes once, publishes, carries out the effects. */
#ifndef CMD_AGENT_CORE_THREAD_H
#define CMD_AGENT_CORE_THREAD_H

#include "cmd/agent/process.h"

/* Steps EV_START and publishes the first world: before the fronts start. */
bool core_thread_prepare(struct process *p);
void *core_thread_run(void *process);
void core_thread_free(struct process *p);

#endif
