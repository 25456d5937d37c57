/* Broadcasts: what is told on, and how often.
 *
 * A queue hands out its messages to packets, fewest transmissions first, the newest first among the untold; one that
 * has been told `limit` times is finished. A message too big for the rest of a packet waits for the next, never is it
 * cut.
 *
 * Messages have numbers. Most are the usual word about a member (memberlist: its card; Serf: that it joined): those
 * have the member's number, take no memory but the twelve bytes that each member has for it, and are written anew
 * whenever they are told. Others are loose: copied, numbered from BROADCAST_LOOSE. A slot that holds the number of a
 * loose one is its owner, and is set to BROADCAST_NONE at its end.
 *
 * Limits: `max` messages; when it is full the most told is dropped (and counted). Somebody may wait for the end of a
 * loose message: its waiter then stands in the queue's `finished` list. */
#ifndef GOSSIP_BROADCAST_H
#define GOSSIP_BROADCAST_H

#include "core/base/types.h"
#include "core/gossip/packet.h"
#include "core/gossip/roster.h"

enum { BROADCAST_LIMIT_MAX = 64, BROADCAST_FINISHED_MAX = 16, BROADCAST_LOOSE = ROSTER_MAX };
#define BROADCAST_NONE UINT32_MAX

/* Where a message stands. */
struct told {
	uint32_t prev, next;
	uint16_t turn; /* in which it was told last */
	uint8_t times;
	bool queued;
};

struct told_list {
	uint32_t first, last;
};

struct gossip;
struct loose;

struct broadcasts {
	struct told_list by_times[BROADCAST_LIMIT_MAX];
	uint32_t n, max;
	uint64_t dropped;
	uint16_t turn; /* of the one who is being told */
	struct gossip *pool;
	size_t member_told; /* where in a member its struct told lies */
	struct slice (*word)(
	        struct gossip *g, const struct peer *p); /* what is said of a member; until the next call */
	struct loose *loose;
	uint32_t loose_top, loose_cap, vacant;     /* slots */
	uint32_t finished[BROADCAST_FINISHED_MAX]; /* waiters whose message is out */
	uint32_t finished_n;
};

void broadcasts_init(struct broadcasts *q, uint32_t max);
/* Members' words stand in this queue, too. */
void broadcasts_of_members(struct broadcasts *q, struct gossip *pool, size_t member_told,
        struct slice (*word)(struct gossip *g, const struct peer *p));
void broadcasts_free(struct broadcasts *q); /* before the roster */

/* Queues a copy. `owner` (may be NULL) must hold none. `waiter` 0: nobody waits. */
void broadcasts_add(struct broadcasts *q, struct slice message, uint32_t *owner, uint32_t waiter);
void broadcasts_drop(struct broadcasts *q, uint32_t number);
/* It goes on being told, as nobody's. */
void broadcasts_disown(struct broadcasts *q, uint32_t number);

/* A member's word, as if it were new. */
void broadcasts_add_member(struct broadcasts *q, uint32_t member);
void broadcasts_drop_member(struct broadcasts *q, uint32_t member); /* nothing if it is not told */

/* Somebody else is told now. Several packets of one turn repeat nothing: what one hears six times, others may never
 * hear. */
void broadcasts_turn(struct broadcasts *q);

/* Fills the packet within *room bytes (what is taken comes off); each part costs its length plus PACKET_PART (and the
 * user byte). `limit`: transmissions of a message. */
void broadcasts_take(struct broadcasts *q, struct parts *p, bool user, size_t *room, uint32_t limit);

/* Cuts to `max`, dropping the most told; returns how many. */
uint32_t broadcasts_prune(struct broadcasts *q, uint32_t max);

bool broadcasts_invariants(const struct broadcasts *q);

#endif
