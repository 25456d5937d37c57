/* What a member says of itself, as it said it last: an alive message, whole.
 *
 * A card is never changed, only replaced by the next: so it is counted and can be shared. The member holds one, a claim
 * to a name another, and the queue of what is told on points to the member's instead of copying it. Pools in one
 * process (the simulator's) share equal cards through one `struct cards`; a pool alone, as an agent's, needs no such
 * table. */
#ifndef GOSSIP_CARD_H
#define GOSSIP_CARD_H

#include "core/base/map.h"
#include "core/gossip/address.h"
#include "core/gossip/message.h"

struct card {
	uint32_t refs, incarnation;
	struct gossip_addr addr;
	uint8_t vsn[VSN_BYTES];
	uint16_t name_at, name_n, meta_at, meta_n, n; /* in the message */
	char message[];                               /* SWIM_ALIVE, as it goes over the wire */
};

/* All cards of several pools, by their bytes. An all-zero one is ready. */
struct cards {
	struct map all;
};

/* One for this message, whose address is `addr`; `bytes` is the same message, encoded. Shared if one is in `shared`
 * (may be NULL) already. NULL when memory is out. */
struct card *card_of(
        struct cards *shared, const struct msg_alive *m, const struct gossip_addr *addr, struct slice bytes);
void card_drop(struct cards *shared, struct card *c); /* NULL is fine */
static inline struct card *card_hold(struct card *c)
{
	c->refs++;
	return c;
}
void cards_free(struct cards *all); /* when nobody holds one any more */

static inline struct slice card_name(const struct card *c)
{
	return (struct slice){c->message + c->name_at, c->name_n};
}
static inline struct slice card_meta(const struct card *c)
{
	return (struct slice){c->message + c->meta_at, c->meta_n};
}
static inline struct slice card_message(const struct card *c)
{
	return (struct slice){c->message, c->n};
}
/* Whom an encoded alive message is about; empty when that can't be seen. */
struct slice card_name_in(struct slice message);
/* The message again; it points into the card. */
struct msg_alive card_alive(const struct card *c);

#endif
