/* The watches of the configuration at work: each asks the agent itself, as a client of its HTTP API would but without a
 * connection, and runs its handler when what it looks at has changed (core/agent/watch_plan.h).
 *
 * They live on the first front. A reload ends them all and begins with those of the new configuration; a handler that
 * runs then may finish. Thread: that front's, but for watches_configure. */
#ifndef CMD_AGENT_WATCHES_H
#define CMD_AGENT_WATCHES_H

#include "cmd/agent/front_thread.h"

struct watches;

/* NULL: no memory. */
struct watches *watches_new(struct front *f);
void watches_free(struct watches *w);
/* Once a turn of the front: is there another configuration? `w` may be NULL. */
void watches_look(struct watches *w);

/* From now on the watches of this configuration, which stays for good. Any thread. */
void watches_configure(struct process *p, const struct agent_config *c);

#endif
