/* The core's side of the servers: Raft's configuration for fronts, and what a leader does about the servers of the pool
 * (core/leader/servers.h, core/leader/autopilot.h): their changes go to Raft, its questions to the servers.
 *
 * Changes of Raft's configuration are looked for when a server of the pool joined or left, when a change is through,
 * when leadership begins, and once a minute; one at a time. */
#ifndef CORE_CORE_SERVERS_H
#define CORE_CORE_SERVERS_H

#include "core/core.h"
#include "core/leader/autopilot.h"

struct left_server;
struct pilot_call;

struct core_servers {
	struct autopilot pilot;
	raft_index shown; /* the configuration that fronts see */
	size_t shown_n;
	bool leading, look;       /* something may have to be changed */
	bool changing;            /* a change of ours is under way */
	mono_ns alarm;            /* when to say that there is no leader; INT64_MAX: there is one; 0: not looked yet */
	mono_ns leaderless;       /* since when there is none */
	mono_ns look_again;       /* at the latest */
	struct left_server *left; /* servers that left and may still be Raft's */
	struct pilot_call *calls; /* of autopilot, under way */
};

/* Tags of calls with this bit are autopilot's. */
#define CALL_OF_AUTOPILOT (UINT64_C(1) << 63)

void core_servers_free(struct core_servers *s);

/* Leadership begins, ends. */
void core_servers_lead(struct core *c);
void core_servers_follow(struct core *c);

/* EV_GOSSIP of the LAN, before the trees take it. */
void core_servers_gossip(struct core *c, const struct event *ev);
/* EV_CALL_DONE of a tag with CALL_OF_AUTOPILOT. */
void core_servers_answer(struct core *c, const struct event *ev);

/* ASK_RECOVER. */
void core_servers_recover(struct core *c, struct message *m, struct effects *out);

/* Once a turn, after what is committed was applied. True: it gave the core something to do. */
bool core_servers_flush(struct core *c, struct effects *out);
mono_ns core_servers_next(const struct core_servers *s); /* when it is wanted; INT64_MAX: not by itself */

#endif
