/* A pool of members in one process on virtual time: what the wire and the machines may do to them, from a seed.
 *
 * Packets are lost, doubled and delayed; streams are delayed, in order, and break when an end dies. Nodes stop, start
 * again, sleep (a paused or starved machine), move to other addresses, stand behind a router that rewrites addresses;
 * their clocks jump forward; groups of nodes don't hear each other, in both directions or in one. The same seed gives
 * the same run. */
#ifndef SIM_GOSSIP_NET_H
#define SIM_GOSSIP_NET_H

#include "core/base/heap.h"
#include "core/base/rand.h"
#include "core/gossip/card.h"
#include "core/gossip/gossip.h"

enum { SIM_NODES_MAX = 20000, SIM_NAME_MAX = 32 };

struct sim_node {
	struct heap_node timer; /* when its next timer is due */
	struct gossip *g;       /* NULL: not running */
	char name[SIM_NAME_MAX];
	char id[SIM_NAME_MAX];
	struct gossip_addr addr; /* told to others; 10.x.y.z tells the index */
	struct gossip_addr seen; /* where its packets seem to come from, behind a router */
	unsigned router;         /* it stands behind this one; 0: behind none */
	dur_ns skew;             /* its clock is ahead by so much */
	double deaf;             /* the part of the packets and connections that never reaches it */
	dur_ns forget;           /* rc_tm among its tags; 0: none */
	mono_ns asleep_until;
	bool slow;      /* sleeps again and again */
	bool saw_left;  /* said goodbye */
	unsigned group; /* for partitions */
	uint32_t joined, events, queries, failures_seen;
	uint64_t done_tag; /* of the last GX_DONE */
	enum err done_err;
	uint32_t done_n;
	char done_text[512];
	struct gossip_keys keys; /* counts only */
	uint32_t key_fewest;     /* members that have the rarest of the listed keys */
	bool stopped;            /* GX_STOP */
};

struct sim_config {
	double loss, doubled;
	dur_ns delay_min, delay_max;
	struct gossip_timing timing;
	bool encrypted, compress;
	bool consul; /* LAN rules with tags, else open */
};

struct sim;

/* What happened to somebody, for the scenario: called from within a step. */
typedef void sim_watch(struct sim *s, uint32_t node, const struct gossip_effect *x);

struct sim {
	struct sim_config c;
	struct rand rand;
	mono_ns now;
	struct heap heap;
	struct sim_node *nodes;
	uint32_t n;
	bool parted, one_way;
	dur_ns sleep_max;
	bool plain;   /* who wakes believes his timers, one by one, before he hears what came meanwhile */
	bool hairpin; /* routers let those behind them reach each other at the outer address */
	sim_watch *watch;
	void *owner; /* the scenario's */
	struct gossip_effects effects;
	struct cards cards; /* all nodes know of a member from one place: a pool of ten thousand fits the memory */
	struct logbuf log;
	struct sim_stream *streams;
	uint32_t stream_number;
	uint64_t steps, packets, bytes, stream_bytes, broken; /* broken: invariants */
	uint64_t false_deaths; /* a node that runs, hears and is not slow was called failed */
	uint64_t true_deaths;
	uint32_t swim_queue, serf_queue; /* the longest that were seen */
};

void sim_init(struct sim *s, const struct sim_config *c, uint64_t seed);
void sim_free(struct sim *s);

/* A new node (not started); its index. The name is copied. */
uint32_t sim_add(struct sim *s, const char *name, const char *id);
void sim_start(struct sim *s, uint32_t node);
void sim_stop(struct sim *s, uint32_t node); /* as by kill -9 */
void sim_sleep(struct sim *s, uint32_t node, dur_ns how_long);
void sim_jump(struct sim *s, uint32_t node, dur_ns ahead); /* its clock */
/* Behind router 1…255: at its address and a port of its own for others, from yet another port when it speaks. */
void sim_route(struct sim *s, uint32_t node, unsigned router);
void sim_join(struct sim *s, uint32_t node, uint32_t to);
void sim_event(struct sim *s, uint32_t node, struct gossip_event *ev);

void sim_run(struct sim *s, dur_ns how_long);
/* Runs until `done` says yes, at most so long; how long it took, or -1. Asked every 50 ms of virtual time. */
dur_ns sim_until(struct sim *s, dur_ns at_most, bool (*done)(struct sim *s));

/* Does `a` see `b` as alive? */
bool sim_sees(const struct sim *s, uint32_t a, uint32_t b);
/* All who run and are in one group see exactly each other alive. */
bool sim_converged(struct sim *s);

#endif
