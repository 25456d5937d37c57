/* A node id that another member has already: is that member still there?
 *
 * A container made anew with its data directory, but under another name, has the id of its forerunner; as long as the
 * pool does not know that one for dead, the merge guards (joinable.h) refuse the join. So the holder is asked at once,
 * three times within one probe timeout, while the join waits. Who is silent holds no id for a minute, by then the pool
 * knows; who answers keeps it, and the join is refused. */
#ifndef GOSSIP_ID_CLAIM_H
#define GOSSIP_ID_CLAIM_H

#include "core/gossip/gossip.h"
#include "core/gossip/timer.h"

enum { ID_CLAIMS_MAX = 8, ID_CLAIM_PINGS = 3 };

struct id_claim {
	struct gossip_timer timer; /* of the next ping; then of the end */
	struct slice name;         /* of the holder; malloc'ed; empty: a free slot */
	struct gossip_addr addr;
	uint32_t seq;
	unsigned asked;
	bool silent, answered, told;
};

struct id_claims {
	struct id_claim all[ID_CLAIMS_MAX];
};

struct gossip;

/* Asks this member; true when the answer is under way, so that it is worth waiting for (id_claim_wait). */
bool id_claim_raise(struct gossip *g, struct slice holder, const struct gossip_addr *addr);
dur_ns id_claim_wait(const struct gossip *g);
/* Was this one asked in vain? */
bool id_claim_silent(const struct gossip *g, struct slice name, const struct gossip_addr *addr);
bool id_claim_news(struct gossip *g, struct slice name, const struct gossip_addr *addr); /* the same, but true once */
void id_claim_timer(struct gossip *g, struct id_claim *c);
void id_claim_answered(struct gossip *g, uint32_t seq);
void id_claims_free(struct gossip *g);

#endif
