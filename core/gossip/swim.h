/* The state of one pool, shared by the files of this folder and by nobody else.
 *
 * swim.c routes events and timers; each other file owns a part of the state and the rules about it. */
#ifndef GOSSIP_SWIM_H
#define GOSSIP_SWIM_H

#include "core/base/heap.h"
#include "core/base/map.h"
#include "core/base/rand.h"
#include "core/base/slice.h"
#include "core/gossip/broadcast.h"
#include "core/gossip/exchange.h"
#include "core/gossip/gossip.h"
#include "core/gossip/id_claim.h"
#include "core/gossip/packet.h"
#include "core/gossip/peer.h"
#include "core/gossip/peers_file.h"
#include "core/gossip/probe.h"
#include "core/gossip/roster.h"
#include "core/gossip/seal.h"
#include "core/gossip/serf.h"
#include "core/gossip/timer.h"

enum { GOSSIP_PEERS_MAX = ROSTER_MAX, GOSSIP_WAITERS_MAX = 256, REFUSALS_MAX = 64 };

enum waiting { WAIT_LEAVE_INTENT, WAIT_LEAVE_DEAD, WAIT_FORCE_LEAVE, WAIT_TAGS };

/* A command that ends when a broadcast has been told often enough, or its time is over. */
struct waiter {
	struct gossip_timer timer;
	struct waiter *next;
	uint32_t number;
	enum waiting kind;
	uint64_t tag;
};

/* Who was refused for a wrong key, and when that was said last. */
struct refusal {
	struct ip ip;
	mono_ns said;
};

struct gossip {
	struct gossip_config c; /* its strings in `own` */
	struct arena own;
	struct logbuf *log;
	struct rand rand;
	mono_ns now;
	struct gossip_effects *out;  /* of this step */
	struct arena scratch;        /* of one message */
	bool started, leaving, left; /* left: memberlist has said goodbye, too */
	bool arriving;               /* takes the first state from a pool: what is news to us is none to the pool */

	/* members */
	struct roster roster;
	uint32_t *order; /* memberlist's records, by number, shuffled: probed in this order */
	uint32_t order_n, order_cap;
	uint32_t by_state[PEER_NONE + 1], by_status[GOSSIP_FAILED + 1];
	struct peer *self;
	struct claim *claims;
	uint32_t claims_n;
	struct id_claims id_claims;
	struct buf own_meta; /* our tags */

	/* memberlist */
	uint32_t seq, incarnation, score;
	struct probe probe;
	struct relays relays;
	struct broadcasts told;
	struct heap timers; /* fixed ones, suspicions, claims, relays, streams, waiters, queries */
	struct gossip_timer fixed[TIMER_FIXED];
	struct streams streams;
	struct keyring keys;
	struct envelope envelope;
	struct parts parts;
	struct buf message, packet, plain; /* scratch: a message going out, its packet; one coming in, opened */
	struct refusal refusals[REFUSALS_MAX];
	struct waiter *waiters;
	uint32_t waiter_number, waiters_n;
	uint32_t leave_waiter; /* waits for our own dead message; 0: nobody */

	/* Serf */
	struct serf serf;
	struct peers_file peers_file;
	struct vivaldi vivaldi;

	uint64_t packets_in, packets_out, bytes_in, bytes_out;
};

/* ---- for all files ---- */

struct gossip_effect *gossip_effect_add(struct gossip *g, enum gossip_effect_kind kind);
struct slice gossip_keep(struct gossip *g, struct slice s); /* a copy that lives as long as the effects */
void gossip_done(struct gossip *g, uint64_t tag, enum err e, struct slice text, uint32_t n);

void gossip_timer_set(struct gossip *g, struct gossip_timer *t, enum gossip_timer_kind kind, mono_ns at);
static inline void gossip_timer_stop(struct gossip *g, struct gossip_timer *t)
{
	heap_remove(&g->timers, &t->node);
}

/* Where others are, by their own account: the WAN's servers rank datacenters by it. In a LAN the catalog has that. */
static inline bool pool_keeps_points(const struct gossip *g)
{
	return g->c.pool != GOSSIP_LAN;
}

static inline bool is_self(const struct gossip *g, const struct peer *p)
{
	return p == g->self;
}
uint64_t name_hash(const struct gossip *g, struct slice name);
/* One message in g->message, until the next is made. */
struct slice message_make(struct gossip *g, uint8_t type, const struct schema *s, const void *message);

/* Sending. packet_send: with piggybacked broadcasts. packet_send_bare: as it is; `crc` if the other side knows it. */
void packet_send(struct gossip *g, const struct gossip_addr *to, struct slice message);
void packet_send_bare(struct gossip *g, const struct gossip_addr *to, struct slice message, bool crc);
static inline bool knows_crc(const struct peer *p)
{
	return p->card->vsn[VSN_SWIM_MAX] >= 5;
}

/* memberlist's claims about members; from packets, push/pull and ourselves. */
void swim_alive(struct gossip *g, const struct msg_alive *m);
bool swim_alive_heard(const struct gossip *g, struct slice message); /* the very same, encoded, before */
void swim_suspect(struct gossip *g, const struct msg_suspect *m);
void swim_dead(struct gossip *g, const struct msg_suspect *m);
void swim_outbid(struct gossip *g, uint32_t incarnation); /* somebody had our name before, with this incarnation */
void swim_announce(struct gossip *g, uint32_t waiter);    /* a new incarnation of ourselves with our present tags */

/* What came, and the tick of telling on. */
void swim_packet(struct gossip *g, const struct gossip_event *ev);
void swim_gossip(struct gossip *g);
/* A wrong or missing key: says so, at most once a minute for each address. */
void swim_refused(struct gossip *g, const struct gossip_addr *from, const char *what, const char *why);

void swim_leave(struct gossip *g, uint64_t tag); /* memberlist's part of a leave */

uint32_t waiter_new(struct gossip *g, enum waiting kind, uint64_t tag);
void waiters_settle(struct gossip *g);

#endif
