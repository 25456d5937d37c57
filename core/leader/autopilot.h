/* Autopilot: the leader looks after the servers (Consul 1.0.8, agent/consul/autopilot/autopilot.go).
 *
 *	every 2 s   asks all servers for Status.RaftStats, at most a second; healthy is who is alive in the pool, was in
 *	            touch with the leader lately, has entries of the latest term and is not far behind
 *	every 10 s  promotes those without a vote that have been healthy for a while; removes servers that failed, and
 *	            entries of Raft that nobody in the pool stands for, while they are few
 *
 * Nothing of it when a server of the pool speaks less than Raft protocol 3, except the removing. The thresholds are
 * replicated (TREE_AUTOPILOT). What is found lies in TREE_SERVER_HEALTH, in the order of Raft's configuration, for
 * Operator.ServerHealth.
 *
 * Orders, not deeds: autopilot_order gives out what is to be done, one after another, after each call of the others.
 * Orders for Raft come one at a time; the next after autopilot_changed, when its entry is committed.
 *
 * Thread: core. Time is given. Unlike the reference an entry of Raft is stale only if neither its address nor its id is
 * known in the pool: one that moved is about to be changed, not to be removed. */
#ifndef CORE_LEADER_AUTOPILOT_H
#define CORE_LEADER_AUTOPILOT_H

#include "core/leader/servers.h"
#include "core/state/autopilot_config.h"

/* Of one server, as the leader sees it. */
struct server_health {
	struct slice id, name, address;
	int64_t serf_status; /* enum member_status */
	struct slice version;
	bool leader;
	dur_ns last_contact; /* since when it has not heard from the leader; -1: not known */
	raft_term last_term;
	raft_index last_index;
	bool healthy, voter;
	struct slice stable_since; /* gotime.h: when `healthy` became what it is */
};
extern const struct schema server_health_schema; /* on the wire: autopilot.ServerHealth */

/* The reply of Status.RaftStats. */
struct raft_stats {
	struct slice last_contact; /* "0" (the leader), "never", "12.3ms" */
	raft_index last_index;
	raft_term last_term;
};
extern const struct schema raft_stats_schema;

/* What is so now. */
struct autopilot_view {
	struct raft_view raft;
	struct slice leader; /* our own address, as Raft has it */
	struct slice id;     /* our own id */
	raft_index last;
	raft_term last_term;
	mono_ns now;
	wall_ns wall;
};

struct autopilot_asked;
struct autopilot_seen;

struct autopilot {
	bool on;
	mono_ns health_due, look_due, answers_due; /* INT64_MAX: no round is open */
	raft_index target;                         /* the last entry when the round began */
	struct autopilot_asked *asked;             /* servers with a call under way, or an answer of this round */
	uint32_t asked_n, asked_cap;
	struct autopilot_seen *seen; /* what was found about each last time */
	uint32_t seen_n;
	uint64_t next_tag;
	bool changing;    /* an order for Raft is under way */
	struct arena mem; /* of the orders */
	struct autopilot_order *orders;
	uint32_t orders_n, orders_cap, orders_at;
};

enum autopilot_do {
	AUTOPILOT_CALL,        /* ask the server at `address` for Status.RaftStats; autopilot_answer with `tag` */
	AUTOPILOT_CHANGE,      /* raft_change(kind, id, address); then autopilot_changed */
	AUTOPILOT_FORCE_LEAVE, /* the member `name` */
};

struct autopilot_order {
	enum autopilot_do what;
	uint64_t tag;
	enum raft_change kind;
	struct slice id, address, name;
};

/* Leadership begins, ends. Nothing is known at first. */
void autopilot_begin(struct autopilot *a, struct db *db, mono_ns now);
void autopilot_end(struct autopilot *a);

/* Does what is due. True: TREE_SERVER_HEALTH has changed. */
bool autopilot_tick(struct autopilot *a, struct db *db, const struct autopilot_view *v);
mono_ns autopilot_next(const struct autopilot *a); /* INT64_MAX: never */

/* A call came back; `error` empty: `body` is its reply (msgpack). */
void autopilot_answer(struct autopilot *a, uint64_t tag, struct slice error, struct slice body, struct logbuf *log);

/* Raft's configuration changed, or could not be changed: look again. */
void autopilot_changed(struct autopilot *a, mono_ns now);

/* The next order; NULL: no more. Lives until the next call of another function. */
const struct autopilot_order *autopilot_order(struct autopilot *a);

#endif
