/* The core's side of gossip: news go to the agent and, while we lead, into the catalog. */
#ifndef CORE_CORE_GOSSIP_H
#define CORE_CORE_GOSSIP_H

#include "core/agent/agent.h"
#include "core/leader/duties.h"

/* How many members whose entry was just written are looked at again one by one; of more, everything is compared. */
enum { UNSETTLED_MAX = 64 };

/* What concerns the pools of one core. */
struct core_gossip {
	const struct gossip *lan; /* for looking only; NULL: none */
	struct agent *agent;
	struct duties *duties;
	const struct db *db;
	bool leading;
	mono_ns reconcile;  /* when everything is compared next; INT64_MAX: not now */
	mono_ns look_again; /* at these; INT64_MAX: there are none */
	struct arena names;
	struct slice unsettled[UNSETTLED_MAX];
	uint32_t unsettled_n;
};

void core_gossip_init(struct core_gossip *g, struct agent *a, struct duties *d, const struct db *db);
void core_gossip_free(struct core_gossip *g);

/* EV_GOSSIP. */
void core_gossip_event(struct core_gossip *g, const struct event *ev, struct effects *out);

/* We lead, or no longer do. */
void core_gossip_lead(struct core_gossip *g, mono_ns now, wall_ns wall, struct effects *out);
void core_gossip_follow(struct core_gossip *g);

void core_gossip_tick(struct core_gossip *g, mono_ns now);
mono_ns core_gossip_next(const struct core_gossip *g);

#endif
