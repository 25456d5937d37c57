/* What the core asks its host to do: a list of records, carried out in order after the step (first those for the log).
 * What an effect points to lives until the next step; messages are handed over. */
#ifndef CORE_EFFECT_H
#define CORE_EFFECT_H

#include "core/base/arena.h"
#include "core/base/types.h"

struct message;
struct raft_entry;
struct raft_server;
struct check_run;
struct gossip_event;
struct call_forward;

enum effect_kind {
	EFF_APPEND,      /* put entries and hard state into the log, sync, answer EV_LOGGED */
	EFF_RAFT_SEND,   /* a request to a peer, after those before it on the channel; answer EV_RAFT_ANSWER or _LOST */
	EFF_RAFT_ANSWER, /* the answer to the oldest open request of `conn`; empty: close that connection */
	EFF_RAFT_INSTALL,  /* send `peer` the published state as a snapshot; answers as EFF_RAFT_SEND */
	EFF_RAFT_DROP,     /* `peer` left: close the connections to it */
	EFF_SNAPSHOT,      /* write a snapshot of the published world, or of `state`; answer EV_SNAPSHOT_DONE */
	EFF_SNAPSHOT_DROP, /* remove the snapshot of this index and term: it does not count after all */
	EFF_LOG_FORGET, /* a snapshot up to `index` is on disk: entries below may go; all, if it has a `term` or is 0 */
	EFF_LOG_LAST = EFF_LOG_FORGET, /* up to here: carried out before all others, in order */
	EFF_REPLY,                     /* the message goes back to its front, after the world is published */
	EFF_GOSSIP,                    /* step a pool with this command; what it answers comes as EV_GOSSIP */
	EFF_GOSSIP_JOIN,               /* … with a join, once the names are resolved */
	EFF_JOINED,                    /* the joins at the start are through: whoever waits for them may go on */
	EFF_CALL,                      /* ask another server, answer EV_CALL_DONE */
	EFF_EXEC_RUN,                  /* run a program of remote execution, answer EV_EXEC */
	EFF_EXEC_KILL,                 /* kill it; EV_EXEC tells its end */
	EFF_CHECK_RUN,                 /* run a check once, answer EV_CHECK_DONE */
	EFF_CHECK_CANCEL,              /* forget (and kill) a running check */
	EFF_SAVE,                      /* write a small file below the data directory, atomically */
	EFF_DELETE,                    /* remove one */
	EFF_RELOAD,                    /* read the configuration again, answer EV_RELOAD or tell the message */
	EFF_RECOVER, /* the servers of Raft are these from now on: start again with them. The message is
	                told */
	EFF_STOP,    /* end the process */
};

struct effect {
	enum effect_kind kind;
	union {
		struct message *message; /* REPLY, RELOAD */
		struct {
			uint64_t sequence;
			raft_index cut_after; /* entries above are dropped first; UINT64_MAX: none */
			const struct raft_entry *entries;
			size_t n;                  /* 0: only the hard state */
			raft_term term, vote_term; /* hard state: current term, and the last vote */
			struct slice voted_for;
			raft_index commit;    /* known committed: a hint for recovery */
			raft_term floor_term; /* raft_recover_floor */
			raft_index floor;
		} append;
		struct {
			struct slice peer, address; /* the server's id and where it is: SEND, INSTALL; DROP: peer */
			uint8_t channel;            /* SEND: enum raft_channel */
			uint64_t tag;               /* SEND, INSTALL */
			uint64_t conn;              /* ANSWER */
			struct slice bytes;         /* SEND, ANSWER */
			raft_index index;           /* INSTALL: what the state has applied */
			raft_term term;
		} raft;
		struct {
			int pool; /* enum gossip_pool */
			struct gossip_event *command;
		} gossip;
		struct {
			int pool;
			uint64_t tag;
			struct list names; /* of struct slice */
		} gossip_join;
		struct {
			int pool;
			uint32_t n;
			struct slice why; /* empty: all is well */
		} joined;
		struct {
			uint64_t tag;
			const struct call_forward *what; /* lives until the answer */
		} call;
		struct {
			uint64_t id;
			struct slice command, script; /* the script, else by the shell */
			struct list args;             /* of struct slice; instead of the command */
		} exec;
		const struct check_run *check; /* CHECK_RUN, CHECK_CANCEL (id and run only) */
		struct {
			struct slice name, bytes; /* "services/<hash>"; bytes empty for DELETE */
		} file;
		struct {
			raft_index index;
			raft_term term;
			struct slice state;                /* lent until EV_SNAPSHOT_DONE */
			const struct raft_server *servers; /* the configuration, n of them */
			size_t n;
			raft_index configuration;
		} snapshot;
		struct {
			struct message *message;
			const struct raft_server *servers;
			size_t n;
		} recover;
		struct {
			int exit_code;
		} stop;
	};
};

enum { EFFECTS_MAX = 1 << 20 };

struct effects {
	struct effect *items;
	size_t n, cap;
	struct arena mem; /* for what they point to; reset by the host before each step */
	bool publish;     /* something that fronts can see has changed */
};

/* A new effect at the end; MUSTs on lack of memory (an effect may not be lost). */
struct effect *effect_add(struct effects *out, enum effect_kind kind);

#endif
