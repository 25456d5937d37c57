/* What a watch does when there is news: a program, a shell line, or an HTTP request. One at a time a watch.
 * Consul 1.0.8: agent/watch_handler.go. */
#ifndef CMD_AGENT_WATCH_HANDLER_H
#define CMD_AGENT_WATCH_HANDLER_H

#include "cmd/agent/errand.h"
#include "cmd/agent/tail.h"
#include "core/agent/watch_plan.h"
#include "core/base/logline.h"
#include "net/spawn.h"

struct watch_handler {
	/* Set by the caller. */
	const struct watch_plan *plan;
	struct loop *loop;
	void *owner;
	/* A log to write to, ready for a line. */
	struct logbuf *(*log)(struct watch_handler *h);
	/* It is over; also from inside watch_handler_run. */
	void (*done)(struct watch_handler *h);

	/* Private. */
	struct arena mem;
	struct tail tail;
	struct child child;
	struct errand errand;
	bool running;
};

/* With what the plan has seen. Precondition: not running. */
void watch_handler_run(struct watch_handler *h);
/* Ends it at once; `done` is not called. */
void watch_handler_drop(struct watch_handler *h);

#endif
