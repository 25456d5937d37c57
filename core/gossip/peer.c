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

static bool own(struct slice *to, struct slice from)
{
	char *p = malloc(from.n + 1);
	if (!p)
		return false;
	memcpy(p, from.p ? from.p : "", from.n);
	p[from.n] = 0;
	free((void *)(uintptr_t)to->p);
	*to = (struct slice){p, from.n};
	return true;
}

struct peer *peer_find(const struct gossip *g, struct slice name)
{
	return map_get(&g->by_name, name);
}

struct peer *peer_new(struct gossip *g, struct slice name, const struct gossip_addr *addr)
{
	struct peer *p = g->by_name.n < GOSSIP_PEERS_MAX ? calloc(1, sizeof *p) : NULL;
	if (!p)
		return NULL;
	p->addr = *addr;
	p->state = PEER_NONE;
	if (own(&p->name, name) && map_put(&g->by_name, p->name, p, NULL)) {
		g->by_state[p->state]++;
		g->by_status[p->status]++;
		return p;
	}
	free((void *)(uintptr_t)p->name.p);
	free(p);
	return NULL;
}

bool peer_set_meta(struct peer *p, struct slice meta)
{
	return own(&p->meta, meta);
}

void peer_release(struct gossip *g, struct peer *p)
{
	if (p->state != PEER_NONE || p->status != GOSSIP_NONE)
		return;
	g->by_state[p->state]--;
	g->by_status[p->status]--;
	map_remove(&g->by_name, p->name);
	peer_trust(g, p);
	free(p->path);
	free((void *)(uintptr_t)p->meta.p);
	free((void *)(uintptr_t)p->name.p);
	free(p);
}

void peer_view(const struct peer *p, struct gossip_member *out)
{
	*out = (struct gossip_member){
	        .name = p->name,
	        .addr = p->addr,
	        .status = p->status,
	        .meta = p->meta,
	        .vsn = p->vsn,
	        .status_time = p->status_time,
	        .incarnation = p->incarnation,
	        .since = p->left_at,
	        .accusations = p->accusations,
	        .accused = p->accused,
	        .coordinate = p->path ? &p->path->point : NULL,
	};
}

/* ---- memberlist's record ---- */

static void place(struct gossip *g, struct peer *p, uint32_t at)
{
	g->order[at] = p;
	p->place = at;
}

bool peer_enter(struct gossip *g, struct peer *p)
{
	MUST(p->state == PEER_NONE);
	if (g->order_n == g->order_cap) {
		uint32_t cap = g->order_cap ? g->order_cap * 2 : 16;
		struct peer **order = realloc(g->order, cap * sizeof *order);
		if (!order)
			return false;
		g->order = order;
		g->order_cap = cap;
	}
	uint32_t n = g->order_n++, at = n ? (uint32_t)rand_below(&g->rand, n) : 0;
	if (at < n)
		place(g, g->order[at], n);
	place(g, p, at);
	p->incarnation = 0;
	peer_set_state(g, p, PEER_DEAD);
	return true;
}

void peer_forget(struct gossip *g, struct peer *p)
{
	MUST(p->state != PEER_NONE && g->order[p->place] == p);
	struct peer *last = g->order[--g->order_n];
	place(g, last, p->place);
	peer_trust(g, p);
	probe_forget(g, p);
	if (p->told)
		broadcasts_drop(&g->told, p->told);
	if (p->claim)
		claim_drop(g, p->claim);
	peer_set_state(g, p, PEER_NONE);
}

void peer_set_state(struct gossip *g, struct peer *p, enum peer_state s)
{
	g->by_state[p->state]--;
	g->by_state[s]++;
	p->state = (uint8_t)s;
	p->changed = g->now;
}

void peer_set_status(struct gossip *g, struct peer *p, enum gossip_status s)
{
	g->by_status[p->status]--;
	g->by_status[s]++;
	p->status = (uint8_t)s;
}

void peer_trust(struct gossip *g, struct peer *p)
{
	if (!p->doubt)
		return;
	gossip_timer_stop(g, &p->doubt_timer);
	free(p->doubt);
	p->doubt = NULL;
}

unsigned peer_random(
        struct gossip *g, unsigned k, bool (*fits)(const struct gossip *g, const struct peer *p), struct peer **out)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < 3 * g->order_n && n < k; i++) {
		struct peer *p = g->order[rand_below(&g->rand, g->order_n)];
		bool again = !fits(g, p);
		for (unsigned j = 0; j < n && !again; j++)
			again = out[j] == p;
		if (!again)
			out[n++] = p;
	}
	return n;
}
