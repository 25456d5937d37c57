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

struct core {
	const struct agent_config *config;
	struct logbuf *log;
	struct rand rand;
	struct db *db;
	struct state state;
	struct solo raft;
	struct duties duties;
	struct agent *agent;
	struct core_calls calls;
	struct core_gossip gossip;
	struct core_servers servers;
	mono_ns now;
	wall_ns wall;
	mono_ns election;      /* when to stand for election; INT64_MAX: not */
	mono_ns snapshot_look; /* when to see whether a snapshot is worth it; INT64_MAX: never */
	bool snapshotting;
	bool ready; /* leading, and everything of earlier terms applied */
	wall_ns leading_since;
	bool stopping;
	struct message *restore; /* the snapshot to put in place of everything, until that is done */
	raft_index restore_at;   /* it goes to disk as this index; 0: it waits until nothing else is under way */
	struct message *held, **held_tail; /* writes that came meanwhile */
	uint64_t restores;
	struct message *done, **done_tail; /* answered, to be replied after publication */
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
void core_leading_end(struct core *c, const char *why, struct effects *out);

/* ---- core_restore.c ---- */

/* A message asks for it (ASK_RESTORE). */
void core_restore_take(struct core *c, struct message *m);
/* Once everything proposed is applied. */
void core_restore_begin(struct core *c, struct effects *out);
/* The snapshot is on disk, or is not (why). */
void core_restore_written(struct core *c, struct slice why, struct effects *out);

/* ---- core_raft.c ---- */

/* EV_LOGGED, EV_LOG_FAILED, EV_RAFT_…. */
void core_raft_event(struct core *c, const struct event *ev, struct effects *out);
void core_raft_start(struct core *c);
void core_raft_tick(struct core *c);
/* Hands the batch to the log and applies what is committed. */
void core_raft_flush(struct core *c, struct effects *out);
/* Raft's latest configuration, and the index of its entry (may be NULL). */
const struct raft_server *core_raft_servers(const struct core *c, size_t *n, raft_index *index);
/* ASK_RAFT_CHANGE: answered when it is committed, or refused. */
void core_raft_change(struct core *c, struct message *m);
/* The last entry of the log. */
void core_raft_last(const struct core *c, raft_index *index, raft_term *term);
/* Is there more to flush or to apply? */
bool core_raft_busy(const struct core *c);
/* After everything of the turn is applied and about to be published. */
void core_snapshot_maybe(struct core *c, struct effects *out);
void core_snapshot_done(struct core *c, const struct event *ev, struct effects *out);

#endif
