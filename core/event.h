/* What can happen to the core. Time is in the event; what an event points to lives until the step returns, messages are
 * handed over. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include "core/base/types.h"

struct message;
struct agent_config;
struct gossip_effect;
struct call_answer;

enum event_kind {
	EV_START,         /* once, first */
	EV_TICK,          /* time has passed: timers may be due */
	EV_MESSAGE,       /* a request from a front */
	EV_LOGGED,        /* everything up to the EFF_APPEND of `sequence` is durable */
	EV_LOG_FAILED,    /* writing the log failed: `why`; it ends with entry `last` now */
	EV_RAFT_REQUEST,  /* one whole request of an incoming Raft connection; in order within `conn` */
	EV_RAFT_ANSWER,   /* the answer to the EFF_RAFT_SEND or EFF_RAFT_INSTALL of `tag` */
	EV_RAFT_LOST,     /* no connection to `peer`: all requests under way on `channel` are lost */
	EV_RAFT_CLOSED,   /* the incoming connection `conn` is gone */
	EV_CHECK_DONE,    /* a check ran */
	EV_SNAPSHOT_DONE, /* a snapshot is on disk (ok) or failed (why) */
	EV_EXEC,          /* a program of remote execution: output, or its end */
	EV_GOSSIP,        /* news from a pool: a member, an event, the end of a command */
	EV_CALL_DONE,     /* another server answered the EFF_CALL of `tag`, or could not be asked */
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
			uint64_t sequence; /* LOGGED */
			raft_index index;  /* SNAPSHOT_DONE */
			raft_index last;   /* LOG_FAILED */
			struct slice why;  /* LOG_FAILED, SNAPSHOT_DONE: empty is success */
		};
		struct {
			uint64_t conn;      /* REQUEST, CLOSED */
			struct slice peer;  /* ANSWER, LOST: the server's id */
			uint8_t channel;    /* ANSWER, LOST: enum raft_channel */
			uint64_t tag;       /* ANSWER */
			struct slice bytes; /* REQUEST: type byte and msgpack; ANSWER: both values */
			struct slice state; /* REQUEST: what follows an InstallSnapshot; lent until EFF_RAFT_ANSWER of
			                       `conn` */
		} raft;
		struct {
			struct slice id; /* of the check */
			uint64_t run;    /* which run it answers */
			struct slice status, output;
		} check;
		struct {
			int pool; /* enum gossip_pool */
			const struct gossip_effect *effect;
		} gossip;
		struct {
			uint64_t id;
			struct slice output;
			bool ended;
			int exit_code;    /* -1: by a signal */
			struct slice why; /* it could not be started */
		} exec;
		struct {
			uint64_t tag;
			const struct call_answer *answer;
		} call;
		const struct agent_config *config;
	};
};

#endif
