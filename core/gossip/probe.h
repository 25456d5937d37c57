/* Probing: is the next member of the round alive? Ping, then through others and by TCP; and doing the same for others.
 *
 * One round at a time. Its length grows with our own awareness of being slow (score 0…7, Lifeguard): missing nacks and
 * failed probes raise it, successes lower it. */
#ifndef GOSSIP_PROBE_H
#define GOSSIP_PROBE_H

#include "core/gossip/gossip.h"
#include "core/gossip/timer.h"

enum { RELAYS_MAX = 1024, INDIRECT_MAX = 8 };

enum probe_stage { PROBE_IDLE, PROBE_DIRECT, PROBE_INDIRECT };

struct probe {
	enum probe_stage stage;
	struct peer *peer; /* NULL when it was forgotten meanwhile */
	uint32_t seq, incarnation;
	mono_ns sent, deadline;
	uint32_t nacks_due, nacks;
	uint32_t stream; /* the TCP ping; 0: none */
	bool by_tcp;     /* it was answered */
	bool missed;     /* a tick came while the round went on */
	uint32_t at;     /* next in the order */
};

/* A ping on behalf of somebody else. */
struct relay {
	struct gossip_timer timer;
	struct relay *next;
	uint32_t seq, their_seq;
	struct gossip_addr asker;
	bool nack;
};

struct relays {
	struct relay *first;
	uint32_t n;
};

struct gossip;
struct peer;

void probe_tick(struct gossip *g);
void probe_timer(struct gossip *g);   /* the round's own deadline */
void probe_abandon(struct gossip *g); /* the round does not count */
void probe_forget(struct gossip *g, const struct peer *p);
void probe_stream_ack(struct gossip *g, uint32_t stream, uint32_t seq);
void probe_score(struct gossip *g, int change);

void probe_take_ping(struct gossip *g, const struct gossip_addr *from, struct slice body);
void probe_take_indirect(struct gossip *g, const struct gossip_addr *from, struct slice body);
void probe_take_ack(struct gossip *g, const struct gossip_addr *from, struct slice body);
void probe_take_nack(struct gossip *g, const struct gossip_addr *from, struct slice body);

void relay_timeout(struct gossip *g, struct relay *r);
void relays_free(struct gossip *g);

void ping_send(struct gossip *g, const struct gossip_addr *to, uint32_t seq, struct slice name);

#endif
