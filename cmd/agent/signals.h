/* INT, TERM and HUP as events of the core thread, and the reload that HUP, /v1/agent/reload and 8400 ask for. */
#ifndef CMD_AGENT_SIGNALS_H
#define CMD_AGENT_SIGNALS_H

#include "cmd/agent/process.h"

/* Blocks the signals in all threads to come and watches them on the core's loop. Before any thread starts. */
bool signals_init(struct process *p);
/* The next event that a signal or a reload made; kind and its data are set, not the time. */
bool signals_next(struct process *p, struct event *ev);
/* A signal made the agent leave: its end is a graceful one. */
bool signals_left(void);
/* Reads the configuration again. `m` (may be NULL) is answered with the error, if there is one. */
void signals_reload(struct process *p, struct message *m);

#endif
