#include "core/gossip/claim.h"

#include <stdlib.h>

#include "core/gossip/swim.h"

static void ask(struct gossip *g, struct claim *c)
{
	c->asked++;
	ping_send(g, &c->peer->addr, c->seq, c->peer->name);
	gossip_timer_set(g, &c->timer, TIMER_CLAIM, g->now + g->c.timing.probe_timeout / CLAIM_PINGS);
}

void claim_raise(struct gossip *g, struct peer *holder, const struct msg_alive *newcomer)
{
	if (holder->claim) {
		struct gossip_addr addr;
		if (gossip_addr_read(newcomer->addr, newcomer->port, &addr) &&
		        gossip_addr_eq(&addr, &holder->claim->addr) &&
		        newcomer->incarnation > holder->claim->incarnation)
			holder->claim->incarnation = (uint32_t)newcomer->incarnation;
		return;
	}
	if (g->claims_n == CLAIMS_MAX || newcomer->vsn.n != VSN_BYTES)
		return;
	struct claim *c = calloc(1, sizeof *c + newcomer->meta.n);
	if (!c || !gossip_addr_read(newcomer->addr, newcomer->port, &c->addr)) {
		free(c);
		return;
	}
	c->peer = holder;
	c->seq = ++g->seq;
	c->incarnation = (uint32_t)newcomer->incarnation;
	memcpy(c->vsn, newcomer->vsn.p, VSN_BYTES);
	c->meta = (struct slice){(char *)(c + 1), newcomer->meta.n};
	if (newcomer->meta.n)
		memcpy(c + 1, newcomer->meta.p, newcomer->meta.n);
	holder->claim = c;
	c->next = g->claims;
	g->claims = c;
	g->claims_n++;
	ask(g, c);
}

void claim_drop(struct gossip *g, struct claim *c)
{
	struct claim **at = &g->claims;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	g->claims_n--;
	gossip_timer_stop(g, &c->timer);
	c->peer->claim = NULL;
	free(c);
}

bool claim_answered(struct gossip *g, uint32_t seq)
{
	for (struct claim *c = g->claims; c; c = c->next)
		if (c->seq == seq) {
			claim_drop(g, c);
			return true;
		}
	return false;
}

void claim_timer(struct gossip *g, struct claim *c)
{
	struct peer *p = c->peer;
	if (c->asked < CLAIM_PINGS) {
		ask(g, c);
		return;
	}
	log_info(g->log, "memberlist: Marking %.*s as failed, silent while another claims its name", PS(p->name));
	struct msg_suspect m = {p->incarnation, p->name, g->c.name};
	swim_dead(g, &m); /* grants the claim */
}

void claim_grant(struct gossip *g, struct claim *c)
{
	struct peer *p = c->peer;
	struct msg_alive m = {
	        .incarnation = c->incarnation,
	        .node = gossip_keep(g, p->name),
	        .addr = gossip_keep(g, gossip_addr_bytes(&c->addr)),
	        .port = c->addr.port,
	        .meta = gossip_keep(g, c->meta),
	        .vsn = gossip_keep(g, slice_at(c->vsn, VSN_BYTES)),
	};
	claim_drop(g, c);
	swim_alive(g, &m);
}
