/* What every agent does for itself: services and checks registered here, their health, and keeping the catalog in step
 * with them (anti-entropy). One machine, stepped by the core on the core thread.
 *
 * Its own state lives in the trees TREE_LOCAL_SERVICES, TREE_LOCAL_CHECKS and TREE_EVENTS, written through the db like
 * everything else and so published with the world; what it wants written to the catalog it puts into `outbox` as
 * messages (ASK_COMMAND and ASK_COORDINATE, front -1), which the core proposes or, later, sends to the servers. Those
 * with `done` set come back by it, others are freed by the core.
 *
 * It is a member of gossip pools, which it sees as news (EV_GOSSIP) and commands as effects (pools.h). */
#ifndef CORE_AGENT_AGENT_H
#define CORE_AGENT_AGENT_H

#include "core/agent/config.h"
#include "core/base/logline.h"
#include "core/base/rand.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/message.h"
#include "core/world.h"

struct agent;
struct gossip;

/* What the agent is given; all of it outlives the agent. */
struct agent_host {
	struct db *db;
	struct logbuf *log;
	struct rand *rand;
	const struct agent_config *config;
};

struct agent *agent_new(const struct agent_host *host);
void agent_free(struct agent *a);

/* Registers what the configuration defines (or what was persisted: agent_restore_file before). */
void agent_start(struct agent *a, mono_ns now, wall_ns wall, struct effects *out);
/* A file found below the data directory at boot: "services/<name>", "checks/<name>", "checks/state/<name>". */
void agent_restore_file(struct agent *a, struct slice name, struct slice bytes);

/* A question for the agent (all asks but ASK_COMMAND, ASK_BARRIER, ASK_SESSION_RENEW). True: answered, reply it now;
 * false: the agent keeps it and puts it into `answered` later. */
bool agent_message(struct agent *a, struct message *m, mono_ns now, wall_ns wall, struct effects *out);

void agent_check_done(struct agent *a, const struct event *ev, struct effects *out);
/* The world as fronts see it now: leadership may have changed; sync starts when there is a leader. */
void agent_leader(struct agent *a, bool known, mono_ns now);
/* Has the catalog to be asked of another server, or is it here? */
void agent_remote(struct agent *a, bool remote);
void agent_tick(struct agent *a, mono_ns now, wall_ns wall, struct effects *out);
mono_ns agent_next(const struct agent *a); /* when agent_tick is wanted; INT64_MAX: never */
void agent_reload(struct agent *a, const struct agent_config *config, mono_ns now, wall_ns wall, struct effects *out);

/* The pools, for looking only (NULL: there is none such); before agent_start. They outlive the agent. */
void agent_pools(struct agent *a, const struct gossip *lan, const struct gossip *wan);
/* EV_GOSSIP. */
void agent_gossip(struct agent *a, const struct event *ev, struct effects *out);
/* EV_EXEC. */
void agent_exec(struct agent *a, const struct event *ev, struct effects *out);
/* We lead: tell the pool, before any event of a user. */
void agent_new_leader(struct agent *a, mono_ns now, wall_ns wall, struct effects *out);

/* Says good-bye to the pools; EFF_STOP follows, sooner or later. */
void agent_leave(struct agent *a, mono_ns now, wall_ns wall, struct effects *out);

/* Does Raft's group count on us, though its leader is about to let us go? The good-bye waits for that, for a while. */
void agent_counted(struct agent *a, bool counted);

/* Messages the agent wants sent (a list by `next`), taken by the core after each step; and those it answers late. */
struct message *agent_outbox(struct agent *a);
struct message *agent_answered(struct agent *a);

/* Fills the counts of the world. */
void agent_world(const struct agent *a, struct world *w);

#endif
