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

#include "core/gossip/claim.h"
#include "core/gossip/gossip.h"
#include "core/gossip/message.h"
#include "core/gossip/suspicion.h"
#include "core/gossip/timer.h"

struct told;

enum peer_state { PEER_ALIVE, PEER_SUSPECT, PEER_DEAD, PEER_NONE }; /* the first three as numbered on the wire */

/* What is learnt by pinging. */
struct peer_path {
	struct vivaldi_samples samples;
	struct vivaldi_point point;
};

struct peer {
	struct slice name, meta; /* malloc'ed */
	struct gossip_addr addr;
	uint8_t vsn[VSN_BYTES];
	uint8_t state;  /* enum peer_state */
	uint8_t status; /* enum gossip_status */
	uint32_t incarnation;
	uint32_t place;  /* in pool.order, while state is not NONE */
	mono_ns changed; /* state */
	mono_ns left_at; /* status failed or left: since when; a forced leave does not move it */
	uint64_t status_time;
	struct told *told; /* the queued message of memberlist about it */
	struct suspicion *doubt;
	struct gossip_timer doubt_timer;
	struct claim *claim;
	struct peer_path *path;
	uint64_t accusations, accused;
};

struct gossip;

struct peer *peer_find(const struct gossip *g, struct slice name);
/* A new one, known to nobody yet; NULL when the pool is full or memory is out. */
struct peer *peer_new(struct gossip *g, struct slice name, const struct gossip_addr *addr);
/* Frees it, if neither side knows it any more. */
void peer_release(struct gossip *g, struct peer *p);
bool peer_set_meta(struct peer *p, struct slice meta);
void peer_view(const struct peer *p, struct gossip_member *out);

/* memberlist's side: enters at a random place of the probing order; leaves it. */
bool peer_enter(struct gossip *g, struct peer *p);
void peer_forget(struct gossip *g, struct peer *p);
void peer_set_state(struct gossip *g, struct peer *p, enum peer_state s);
void peer_set_status(struct gossip *g, struct peer *p, enum gossip_status s);
void peer_trust(struct gossip *g, struct peer *p); /* no suspicion any more */

/* Up to `k` random peers for which `fits` says yes; memberlist's way: at most 3n tries. */
unsigned peer_random(
        struct gossip *g, unsigned k, bool (*fits)(const struct gossip *g, const struct peer *p), struct peer **out);

#endif
