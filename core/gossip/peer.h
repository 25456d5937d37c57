/* A member as this pool knows it: memberlist's record and Serf's in one.
 *
 * The two live and die apart: memberlist deletes a dead record soon after it was told (state NONE), Serf keeps a failed
 * or left member for hours. A peer is freed when neither knows it any more.
 *
 *            silent                deadline            told enough
 *   ALIVE ------------> SUSPECT ------------> DEAD ------------------> NONE        (state)
 *     ^  refutes (higher inc.)  |               |
 *     +-------------------------+---------------+  joins again
 *
 *   ALIVE <---- join intent ---- LEAVING ---- dead ----> LEFT    --- reaped        (status)
 *     +------------------------- dead ----------------> FAILED --- reaped                    */
#ifndef GOSSIP_PEER_H
#define GOSSIP_PEER_H

#include "core/gossip/broadcast.h"
#include "core/gossip/card.h"
#include "core/gossip/claim.h"
#include "core/gossip/gossip.h"
#include "core/gossip/suspicion.h"
#include "core/gossip/timer.h"

enum peer_state { PEER_ALIVE, PEER_SUSPECT, PEER_DEAD, PEER_NONE }; /* the first three as numbered on the wire */

/* What is learnt by pinging. */
struct peer_path {
	struct vivaldi_samples samples;
	struct vivaldi_point point[]; /* one, where pool_keeps_points */
};

/* What only those have who are in trouble, were, or made it for others. Kept as long as the member. */
struct trouble {
	struct peer *peer;
	mono_ns changed;   /* state */
	mono_ns left_at;   /* status failed or left: since when; a forced leave does not move it */
	mono_ns next_word; /* to one who is dead and said to live: not before */
	uint64_t accusations, accused;
	uint32_t told; /* the queued message about it that is not just its card, or BROADCAST_NONE */
	struct suspicion *doubt;
	struct gossip_timer doubt_timer;
	struct claim *claim;
};

/* Small: in a pool of n, all have n of them. */
struct peer {
	struct card *card;       /* its name, address, tags: as it said itself */
	struct trouble *trouble; /* or NULL */
	struct peer_path *path;  /* NULL: never measured */
	uint64_t status_time;
	uint32_t number;      /* in the roster */
	uint32_t place;       /* in the probing order, while state is not NONE */
	uint32_t incarnation; /* the card's, or that of a later accusation */
	struct told alive;    /* its card, in the queue of memberlist's messages */
	struct told joined;   /* its join intent, of status_time, in the queue of Serf's */
	uint8_t state;        /* enum peer_state */
	uint8_t status;       /* enum gossip_status */
};

struct gossip;

static inline struct peer *roster_at(const struct roster *r, uint32_t number)
{
	return &r->blocks[number / ROSTER_BLOCK][number % ROSTER_BLOCK];
}
static inline struct slice peer_name(const struct peer *p)
{
	return card_name(p->card);
}
static inline const struct suspicion *peer_doubt(const struct peer *p)
{
	return p->trouble ? p->trouble->doubt : NULL;
}

struct peer *peer_find(const struct gossip *g, struct slice name);
struct peer *peer_next(const struct gossip *g, uint32_t *at); /* all of them: roster_next */
/* The card of a message; the caller drops or keeps it. NULL when memory is out. */
struct card *peer_card(struct gossip *g, const struct msg_alive *m, const struct gossip_addr *addr);
/* A new one with this card (then it is the peer's), known to nobody yet; NULL when the pool is full or memory is out.
 */
struct peer *peer_new(struct gossip *g, struct card *card);
void peer_set_card(struct gossip *g, struct peer *p, struct card *card);
/* Frees it, if neither side knows it any more. */
void peer_release(struct gossip *g, struct peer *p);
void peer_view(const struct gossip *g, const struct peer *p, struct gossip_member *out);
struct trouble *peer_trouble(struct peer *p); /* made if there was none */

/* memberlist's side: enters at a random place of the probing order; leaves it. */
bool peer_enter(struct gossip *g, struct peer *p);
void peer_forget(struct gossip *g, struct peer *p);
void peer_set_state(struct gossip *g, struct peer *p, enum peer_state s);
void peer_set_status(struct gossip *g, struct peer *p, enum gossip_status s);
void peer_trust(struct gossip *g, struct peer *p); /* no suspicion any more */
/* Dead for longer than memberlist tells it. */
bool peer_dead_long(const struct gossip *g, const struct peer *p);
/* The n-th of the probing order. */
struct peer *peer_nth(const struct gossip *g, uint32_t n);

/* What is told on about it by memberlist: its card, or else `message`; it replaces what was queued. */
void peer_tell_card(struct gossip *g, struct peer *p);
void peer_tell(struct gossip *g, struct peer *p, struct slice message, uint32_t waiter);

/* Up to `k` random peers for which `fits` says yes; memberlist's way: at most 3n tries. */
unsigned peer_random(
        struct gossip *g, unsigned k, bool (*fits)(const struct gossip *g, const struct peer *p), struct peer **out);

#endif
