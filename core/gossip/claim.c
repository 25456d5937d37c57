#include "core/gossip/claim.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/gossip/swim.h"

static void ask(struct gossip *g, struct claim *c)
{
	c->asked++;
	ping_send(g, &c->peer->card->addr, c->seq, peer_name(c->peer));
	gossip_timer_set(g, &c->timer, TIMER_CLAIM, g->now + g->c.timing.probe_timeout / CLAIM_PINGS);
}

/* A newcomer who was called dead meanwhile has a new incarnation. */
static void renew(struct gossip *g, struct claim *c, struct card *card)
{
	bool newer = gossip_addr_eq(&card->addr, &c->card->addr) && card->incarnation > c->card->incarnation;
	card_drop(g->c.cards, newer ? c->card : card);
	if (newer)
		c->card = card;
}

void claim_raise(
        struct gossip *g, struct peer *holder, const struct msg_alive *newcomer, const struct gossip_addr *addr)
{
	struct trouble *t = peer_trouble(holder);
	struct card *card = t->claim || g->claims_n < CLAIMS_MAX ? peer_card(g, newcomer, addr) : NULL;
	if (!card)
		return;
	if (t->claim) {
		renew(g, t->claim, card);
		return;
	}
	struct claim *c = calloc(1, sizeof *c);
	MUST(c);
	c->peer = holder;
	c->seq = ++g->seq;
	c->card = card;
	t->claim = c;
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
	c->peer->trouble->claim = NULL;
	card_drop(g->c.cards, c->card);
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
	log_info(g->log, "memberlist: Marking %.*s as failed, silent while another claims its name", PS(peer_name(p)));
	struct msg_suspect m = {p->incarnation, peer_name(p), g->c.name};
	swim_dead(g, &m); /* grants the claim */
}

void claim_grant(struct gossip *g, struct claim *c)
{
	struct card *card = card_hold(c->card);
	struct msg_alive m = card_alive(card);
	claim_drop(g, c);
	swim_alive(g, &m);
	card_drop(g->c.cards, card);
}
