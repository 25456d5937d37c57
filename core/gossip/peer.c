#include "core/gossip/peer.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/swim.h"

static const char *const status_names[] = {"none", "alive", "leaving", "left", "failed"};

const char *gossip_status_name(enum gossip_status s)
{
	return (size_t)s < ARRAY_LEN(status_names) ? status_names[s] : "unknown";
}

struct peer *peer_find(const struct gossip *g, struct slice name)
{
	return roster_find(&g->roster, name);
}

struct peer *peer_next(const struct gossip *g, uint32_t *at)
{
	return roster_next(&g->roster, at);
}

struct card *peer_card(struct gossip *g, const struct msg_alive *m, const struct gossip_addr *addr)
{
	return card_of(g->c.cards, m, addr, message_make(g, SWIM_ALIVE, &msg_alive_schema, m));
}

struct peer *peer_new(struct gossip *g, struct card *card)
{
	struct peer *p = roster_add(&g->roster, card);
	if (!p)
		return NULL;
	p->state = PEER_NONE;
	g->by_state[p->state]++;
	g->by_status[p->status]++;
	return p;
}

void peer_set_card(struct gossip *g, struct peer *p, struct card *card)
{
	card_drop(g->c.cards, p->card);
	p->card = card;
}

void peer_release(struct gossip *g, struct peer *p)
{
	if (p->state != PEER_NONE || p->status != GOSSIP_NONE)
		return;
	g->by_state[p->state]--;
	g->by_status[p->status]--;
	peer_trust(g, p);
	free(p->trouble);
	free(p->path);
	struct card *card = p->card;
	roster_remove(&g->roster, p);
	card_drop(g->c.cards, card);
}

struct trouble *peer_trouble(struct peer *p)
{
	if (!p->trouble) {
		p->trouble = calloc(1, sizeof *p->trouble);
		MUST(p->trouble);
		p->trouble->peer = p;
		p->trouble->told = BROADCAST_NONE;
	}
	return p->trouble;
}

void peer_view(const struct gossip *g, const struct peer *p, struct gossip_member *out)
{
	static const struct trouble none;
	const struct trouble *t = p->trouble ? p->trouble : &none;
	*out = (struct gossip_member){
	        .name = peer_name(p),
	        .addr = p->card->addr,
	        .status = p->status,
	        .meta = card_meta(p->card),
	        .vsn = p->card->vsn,
	        .status_time = p->status_time,
	        .incarnation = p->incarnation,
	        .since = t->left_at,
	        .accusations = t->accusations,
	        .accused = t->accused,
	        .measured = p->path != NULL,
	        .coordinate = p->path && pool_keeps_points(g) ? p->path->point : NULL,
	};
}

/* ---- memberlist's record ---- */

struct peer *peer_nth(const struct gossip *g, uint32_t n)
{
	return roster_at(&g->roster, g->order[n]);
}

static void place(struct gossip *g, struct peer *p, uint32_t at)
{
	g->order[at] = p->number;
	p->place = at;
}

bool peer_enter(struct gossip *g, struct peer *p)
{
	MUST(p->state == PEER_NONE);
	if (g->order_n == g->order_cap) {
		uint32_t cap = g->order_cap ? g->order_cap * 2 : 16;
		uint32_t *order = realloc(g->order, cap * sizeof *order);
		if (!order)
			return false;
		g->order = order;
		g->order_cap = cap;
	}
	uint32_t n = g->order_n++, at = n ? (uint32_t)rand_below(&g->rand, n) : 0;
	if (at < n)
		place(g, peer_nth(g, at), n);
	place(g, p, at);
	p->incarnation = 0;
	peer_set_state(g, p, PEER_DEAD);
	return true;
}

void peer_forget(struct gossip *g, struct peer *p)
{
	MUST(p->state != PEER_NONE && peer_nth(g, p->place) == p);
	place(g, peer_nth(g, --g->order_n), p->place);
	peer_trust(g, p);
	probe_forget(g, p);
	broadcasts_drop_member(&g->told, p->number);
	if (p->trouble && p->trouble->told != BROADCAST_NONE)
		broadcasts_drop(&g->told, p->trouble->told);
	if (p->trouble && p->trouble->claim)
		claim_drop(g, p->trouble->claim);
	peer_set_state(g, p, PEER_NONE);
}

void peer_set_state(struct gossip *g, struct peer *p, enum peer_state s)
{
	g->by_state[p->state]--;
	g->by_state[s]++;
	p->state = (uint8_t)s;
	if (p->trouble)
		p->trouble->changed = g->now;
}

void peer_set_status(struct gossip *g, struct peer *p, enum gossip_status s)
{
	g->by_status[p->status]--;
	g->by_status[s]++;
	p->status = (uint8_t)s;
}

void peer_trust(struct gossip *g, struct peer *p)
{
	struct trouble *t = p->trouble;
	if (!t || !t->doubt)
		return;
	gossip_timer_stop(g, &t->doubt_timer);
	free(t->doubt);
	t->doubt = NULL;
}

bool peer_dead_long(const struct gossip *g, const struct peer *p)
{
	return p->state == PEER_DEAD && p->trouble && g->now - p->trouble->changed > g->c.timing.gossip_to_dead;
}

/* ---- what is told on ---- */

static void tell_no_more(struct gossip *g, struct peer *p)
{
	broadcasts_drop_member(&g->told, p->number);
	if (p->trouble && p->trouble->told != BROADCAST_NONE)
		broadcasts_drop(&g->told, p->trouble->told);
}

void peer_tell_card(struct gossip *g, struct peer *p)
{
	tell_no_more(g, p);
	broadcasts_add_member(&g->told, p->number);
}

void peer_tell(struct gossip *g, struct peer *p, struct slice message, uint32_t waiter)
{
	tell_no_more(g, p);
	broadcasts_add(&g->told, message, &peer_trouble(p)->told, waiter);
}

unsigned peer_random(
        struct gossip *g, unsigned k, bool (*fits)(const struct gossip *g, const struct peer *p), struct peer **out)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < 3 * g->order_n && n < k; i++) {
		struct peer *p = peer_nth(g, (uint32_t)rand_below(&g->rand, g->order_n));
		bool again = !fits(g, p);
		for (unsigned j = 0; j < n && !again; j++)
			again = out[j] == p;
		if (!again)
			out[n++] = p;
	}
	return n;
}
