/* What can happen to the core. Time is in the event; what an event points to lives until the step returns, messages are
 * handed over. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include "core/base/types.h"

struct message;
struct agent_config;

enum event_kind {
	EV_START,         /* once, first */
	EV_TICK,          /* time has passed: timers may be due */
	EV_MESSAGE,       /* a request from a front */
	EV_LOGGED,        /* the log is durable up to `index` */
	EV_LOG_FAILED,    /* writing the log failed: `why` */
	EV_CHECK_DONE,    /* a check ran */
	EV_SNAPSHOT_DONE, /* a snapshot is on disk (ok) or failed (why) */
	EV_RELOAD,        /* a new configuration */
	EV_SIGNAL_LEAVE,  /* SIGINT/SIGTERM as configured: leave gracefully, then stop */
	EV_SIGNAL_STOP,   /* stop without leaving */
};

enum { CHECK_OUTPUT_MAX = 4096 };

struct event {
	enum event_kind kind;
	mono_ns now;
	wall_ns wall;
	union {
		struct message *message;
		struct {
			raft_index index; /* LOGGED, SNAPSHOT_DONE */
			struct slice why; /* LOG_FAILED, SNAPSHOT_DONE: empty is success */
		};
		struct {
			struct slice id; /* of the check */
			uint64_t run;    /* which run it answers */
			struct slice status, output;
		} check;
		const struct agent_config *config;
	};
};

#endif
