/* Serf on top of memberlist: Lamport clocks, intents of joining and leaving, reaping, reconnecting; events and queries
 * have files of their own. */
#ifndef GOSSIP_SERF_H
#define GOSSIP_SERF_H

#include "core/base/map.h"
#include "core/gossip/broadcast.h"
#include "core/gossip/gossip.h"
#include "core/gossip/message.h"
#include "core/gossip/timer.h"

enum { SERF_RING = 512, SERF_SLOT_MAX = 512, SERF_QUEUE_MIN = 4096, SERF_INTENTS_MAX = 8192, SERF_QUERIES_MAX = 256 };

/* A clock that only tells before from after. */
struct lamport {
	uint64_t at;
};
static inline void lamport_witness(struct lamport *l, uint64_t v)
{
	if (v >= l->at)
		l->at = v + 1;
}

/* What was said about a member that we don't know yet. */
struct intent {
	struct slice name; /* behind the struct */
	uint8_t type;      /* SERF_JOIN, SERF_LEAVE */
	uint64_t ltime;
	mono_ns at;
};

struct seen_event {
	struct seen_event *next;
	struct slice name, payload; /* behind the struct */
};

/* The ring of the last events; a slot holds those of one time. Made when the first event comes. */
struct event_slot {
	uint64_t ltime;
	struct seen_event *events;
	uint32_t n;
};

struct query_slot {
	uint64_t ltime;
	uint32_t *ids;
	uint32_t n;
};

struct query;

struct serf {
	struct lamport clock, event_clock, query_clock;
	uint64_t event_min, query_min; /* older ones are not wanted */
	struct map intents;
	struct broadcasts intents_told, events_told, queries_told;
	struct event_slot *events;    /* SERF_RING, or NULL */
	struct query_slot *query_ids; /* SERF_RING, or NULL */
	struct query *queries;        /* ours, under way */
	uint32_t queries_n;
	bool voting; /* on who may keep our name */
};

struct gossip;
struct peer;

void serf_init(struct gossip *g);
void serf_free(struct gossip *g);

/* memberlist's news */
void serf_joined(struct gossip *g, struct peer *p);
void serf_gone(struct gossip *g, struct peer *p);
void serf_updated(struct gossip *g, struct peer *p);
void serf_conflict(struct gossip *g, struct peer *mine, const struct gossip_addr *other);

/* A user message (without memberlist's type byte). */
void serf_message(struct gossip *g, struct slice message);
/* The user state of a push/pull. */
void serf_put_state(struct gossip *g, struct buf *out);
void serf_merge_state(struct gossip *g, struct slice state, bool ignore_old);

void serf_broadcast_join(struct gossip *g, uint64_t ltime);
void serf_leave(struct gossip *g, uint64_t tag);
void serf_force_leave(struct gossip *g, const struct gossip_event *ev);
void serf_reap(struct gossip *g);
void serf_reconnect(struct gossip *g);
void serf_check_queues(struct gossip *g);

uint32_t serf_queue_max(const struct gossip *g);
uint32_t serf_members(const struct gossip *g);
void serf_say(struct gossip *g, struct peer *p, enum gossip_change change);
bool serf_others_alive(const struct gossip *g);
/* A user message for one member, straight. */
void serf_send(struct gossip *g, const struct gossip_addr *to, struct slice message);

#endif
