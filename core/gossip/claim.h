/* Claims: somebody else says that a name is his, at another address, while its holder seems to be alive.
 *
 * Real memberlist ignores such a newcomer until the holder was found dead and forgotten: half a minute and more in
 * which a container made anew stays outside. Here the holder is asked at once, three times within one probe timeout; if
 * he is silent he counts as dead, and the newcomer has the name. A holder that answers keeps it. (A holder known to be
 * dead or gone yields without being asked: swim_state.c.) */
#ifndef GOSSIP_CLAIM_H
#define GOSSIP_CLAIM_H

#include "core/gossip/card.h"
#include "core/gossip/gossip.h"
#include "core/gossip/message.h"
#include "core/gossip/timer.h"

enum { CLAIM_PINGS = 3, CLAIMS_MAX = 64 };

struct gossip;
struct peer;

struct claim {
	struct gossip_timer timer;
	struct claim *next;
	struct peer *peer; /* the holder */
	uint32_t seq;
	unsigned asked;
	struct card *card; /* the newcomer's */
};

/* Asks the holder, unless he is being asked already. */
void claim_raise(
        struct gossip *g, struct peer *holder, const struct msg_alive *newcomer, const struct gossip_addr *addr);
void claim_timer(struct gossip *g, struct claim *c);
/* True if the ack was the holder's answer: the claim is dropped. */
bool claim_answered(struct gossip *g, uint32_t seq);
void claim_drop(struct gossip *g, struct claim *c);
/* The holder is dead: the newcomer takes the name. */
void claim_grant(struct gossip *g, struct claim *c);

#endif
