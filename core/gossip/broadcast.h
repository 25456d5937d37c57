/* Broadcasts: what is told on, and how often.
 *
 * A queue hands out its messages to packets, fewest transmissions first, the newest first among the untold; one that
 * has been told `limit` times is finished. A memberlist message replaces an older one about the same member; Serf's
 * never replace. A message too big for the rest of a packet waits for the next, never is it cut.
 *
 * Limits: `max` messages; when it is full the most told is dropped (and counted). Somebody may wait for the end of a
 * message: its number then stands in the queue's `finished` list. */
#ifndef GOSSIP_BROADCAST_H
#define GOSSIP_BROADCAST_H

#include "core/base/types.h"
#include "core/gossip/packet.h"

enum { BROADCAST_LIMIT_MAX = 64, BROADCAST_FINISHED_MAX = 16 };

struct told {
	struct told *prev, *next;
	struct told **owner; /* the member's slot that points here; NULL: nobody's */
	uint32_t times, waiter, n;
	uint32_t turn; /* in which it was told last */
	char bytes[];
};

struct told_list {
	struct told *first, *last;
};

struct broadcasts {
	struct told_list by_times[BROADCAST_LIMIT_MAX];
	uint32_t n, max;
	uint64_t dropped;
	uint32_t turn;                             /* of the one who is being told */
	uint32_t finished[BROADCAST_FINISHED_MAX]; /* waiters whose message is out */
	uint32_t finished_n;
};

void broadcasts_init(struct broadcasts *q, uint32_t max);
void broadcasts_free(struct broadcasts *q);

/* Queues a copy. `owner` (may be NULL): a slot that holds the queued message about one subject; what it held is
 * replaced. `waiter` 0: nobody waits. */
void broadcasts_add(struct broadcasts *q, struct slice message, struct told **owner, uint32_t waiter);
void broadcasts_drop(struct broadcasts *q, struct told *t);

/* Somebody else is told now. Several packets of one turn repeat nothing: what one hears six times, others may never
 * hear. */
void broadcasts_turn(struct broadcasts *q);

/* Fills the packet within *room bytes (what is taken comes off); each part costs its length plus PACKET_PART (and the
 * user byte). `limit`: transmissions of a message. */
void broadcasts_take(struct broadcasts *q, struct parts *p, bool user, size_t *room, uint32_t limit);

/* Is there a message that was told less than `times` times? */
bool broadcasts_fresh(const struct broadcasts *q, uint32_t times);

/* Cuts to `max`, dropping the most told; returns how many. */
uint32_t broadcasts_prune(struct broadcasts *q, uint32_t max);

bool broadcasts_invariants(const struct broadcasts *q);

#endif
