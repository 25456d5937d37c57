/* The parts of the core among themselves: core.c routes events and answers messages, core_raft.c drives the replicated
 * log and applies what it commits, core_leader.c begins and ends leadership, core_restore.c puts a snapshot in place of
 * everything. Nobody outside includes this. */
#ifndef CORE_CORE_PARTS_H
#define CORE_CORE_PARTS_H

#include "core/agent/agent.h"
#include "core/core.h"
#include "core/core_calls.h"
#include "core/core_gossip.h"
#include "core/core_servers.h"
#include "core/leader/duties.h"

/* Somebody's snapshot takes the place of everything: a client's (`message`) or the leader's (`install`). */
struct core_restore {
	enum { RESTORE_NONE, RESTORE_MESSAGE, RESTORE_INSTALL } what;
	struct message *message;
	struct raft_install install;
	raft_index at; /* it goes to disk as this index; 0: it waits until nothing else is under way */
	raft_term term;
};

/* What fronts were shown last of leadership: a change is a reason to publish. */
struct core_seen {
	enum raft_role role;
	raft_term term;
	mono_ns contact;
	bool reads;
	char leader[64];
};

/* Changes of Raft's configuration, one at a time. */
struct core_changes {
	struct message *asked, **asked_tail; /* oldest first */
	bool under_way;                      /* one is not committed yet */
	mono_ns again;                       /* the next is tried then; INT64_MAX: at once */
};

/* How a server comes to its first configuration. */
struct core_begin {
	bool expecting;           /* -bootstrap-expect, and nothing in the log yet */
	bool waited;              /* for others to take us in */
	mono_ns at;               /* look then whether we are alone; INT64_MAX: not */
	mono_ns asked;            /* -dev: when somebody else's leader first came; 0: not yet */
	struct begin_call *calls; /* has anybody begun already? */
	size_t calls_n, open;     /* without an answer yet */
	unsigned failed, tries;   /* of this round; rounds */
	mono_ns retry;            /* the next one not before */
	struct arena mem;         /* of the calls */
};

/* A leave that waits until we are out of Raft's group. */
struct core_leave {
	bool removing, signal;
	bool counted; /* gone on, though the leader has not heard of it yet */
	struct message *asked;
	struct effects *out; /* of this turn */
};

struct core {
	const struct agent_config *config;
	struct logbuf *log;
	struct rand rand;
	struct db *db;
	struct state state;
	struct raft *raft;
	struct duties duties;
	struct agent *agent;
	struct core_calls calls;
	struct core_gossip gossip;
	struct core_servers servers;
	mono_ns now;
	wall_ns wall;
	mono_ns snapshot_look;  /* when to see whether a snapshot is worth it; INT64_MAX: never */
	mono_ns snapshot_after; /* not before; one has failed */
	size_t snapshot_least;  /* bytes of the log that are worth one */
	size_t log_bytes;       /* of entries applied since the last snapshot was begun */
	bool snapshotting;
	raft_term snapshot_term; /* of the one under way */
	bool ready;              /* leading, and everything of earlier terms applied */
	raft_term ready_term;    /* since when */
	wall_ns leading_since;
	bool stopping;
	struct core_restore restore;       /* a snapshot to put in place of everything, until that is done */
	struct message *held, **held_tail; /* writes that came meanwhile */
	uint64_t restores;
	struct message *done, **done_tail; /* answered, to be replied after publication */
	struct core_seen seen;
	struct core_changes changes;
	struct core_begin begin;
	struct core_leave leave;
	char address[64];
};

/* ---- core.c ---- */

/* The message is answered; it goes back to whoever sent it at the end of the turn. */
void core_reply(struct core *c, struct message *m);
void core_refuse(struct core *c, struct message *m, enum err e, const char *why);
/* Puts a message's command into the log; it is answered when that is applied, or refused. */
void core_propose(struct core *c, struct message *m);
/* One of the agent's own messages, to be done here: we lead. */
void core_own(struct core *c, struct message *m);
/* Where the leader is; empty: nobody knows. */
struct slice core_leader(const struct core *c);

/* ---- core_leader.c ---- */

/* A host's functions for duties: `host` is the core. */
void core_own_submit(void *host, enum command_type type, const struct schema *s, const void *request);
void core_own_submit_bytes(void *host, struct slice command);

void core_leading_begin(struct core *c, struct effects *out);
void core_leading_end(struct core *c, struct effects *out);

/* ---- core_restore.c ---- */

/* A message asks for it (ASK_RESTORE). */
void core_restore_take(struct core *c, struct message *m);
/* A client's was not done, or nobody knows whether others have it. */
void core_restore_refuse(struct core *c, struct message *m, const char *why);
/* Has the leader sent one? */
void core_restore_installed(struct core *c);
/* We lead no longer: a client's can't be done. */
void core_restore_lost(struct core *c);
/* Once everything proposed is applied. */
void core_restore_begin(struct core *c, struct effects *out);
/* The snapshot is on disk, or is not (why). */
void core_restore_written(struct core *c, struct slice why, struct effects *out);

/* ---- core_begin.c ---- */

/* The first configuration of a new group. At the start, when the servers of the pool changed, with time. */
void core_begin_init(struct core *c);
void core_begin_start(struct core *c);
void core_begin_look(struct core *c, struct effects *out);
void core_begin_tick(struct core *c, struct effects *out);
/* EV_CALL_DONE of a tag with CALL_OF_BEGIN. */
#define CALL_OF_BEGIN (UINT64_C(1) << 62)
void core_begin_answer(struct core *c, const struct event *ev);
void core_begin_free(struct core *c);
/* For a while, to be taken into the group of others. */
void core_begin_wait(struct core *c);

/* ---- core_yield.c ---- */

/* EV_RAFT_REQUEST to a -dev server. True: it is not for our Raft, and answered. */
bool core_yield(struct core *c, const struct event *ev, struct effects *out);

/* ---- core_changes.c ---- */

void core_changes_init(struct core *c);
/* ASK_RAFT_CHANGE: answered when it is committed, or refused. */
void core_raft_change(struct core *c, struct message *m);
/* Begins the next one, when it may. */
void core_changes_flush(struct core *c);
void core_changes_tick(struct core *c);
/* One is committed. */
void core_changes_applied(struct core *c);
/* We lead no longer: they are refused. */
void core_changes_lost(struct core *c);

/* ---- core_leave.c ---- */

/* ASK_LEAVE, or (NULL) a signal. */
void core_leave(struct core *c, struct message *m, struct effects *out);
/* Has the leader taken us out? */
void core_leave_look(struct core *c);

/* ---- core_raft.c ---- */

struct raft *core_raft_new(struct core *c, const struct core_options *from);
/* By which the others know us. */
struct slice core_raft_id(const struct core *c);
/* EV_LOGGED, EV_LOG_FAILED, EV_RAFT_…. */
void core_raft_event(struct core *c, const struct event *ev, struct effects *out);
void core_raft_start(struct core *c);
/* Tells what the pool says of the peers. */
void core_raft_know(struct core *c);
/* Hands the batch to the log and to the peers, applies what is committed, and follows what became of leadership. */
void core_raft_flush(struct core *c, struct effects *out);
/* Raft's latest configuration, and the index of its entry (may be NULL). */
const struct raft_server *core_raft_servers(const struct core *c, size_t *n, raft_index *index);
/* The last entry of the log. */
void core_raft_last(const struct core *c, raft_index *index, raft_term *term);
/* Last in a turn, when what is applied is what will be published. */
void core_raft_end(struct core *c, struct effects *out);
/* After everything of the turn is applied and about to be published. */
void core_snapshot_maybe(struct core *c, struct effects *out);
void core_snapshot_done(struct core *c, const struct event *ev, struct effects *out);

#endif
