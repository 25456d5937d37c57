#include "core/gossip/id_claim.h"

#include <stdlib.h>

#include "core/base/slice.h"
#include "core/gossip/swim.h"

#define SILENT_FOR NS_PER_MIN
#define ANSWERED_FOR NS_PER_S /* the join that waits is refused by then; a later one asks again */

static void drop(struct gossip *g, struct id_claim *c)
{
	gossip_timer_stop(g, &c->timer);
	free((void *)(uintptr_t)c->name.p);
	*c = (struct id_claim){0};
}

static void ask(struct gossip *g, struct id_claim *c)
{
	c->asked++;
	ping_send(g, &c->addr, c->seq, c->name);
	gossip_timer_set(g, &c->timer, TIMER_ID_CLAIM, g->now + g->c.timing.probe_timeout / ID_CLAIM_PINGS);
}

/* Of that member, or a free one, or NULL. */
static struct id_claim *slot_of(const struct gossip *g, struct slice name, const struct gossip_addr *addr)
{
	const struct id_claim *vacant = NULL;
	for (unsigned i = 0; i < ID_CLAIMS_MAX; i++) {
		const struct id_claim *c = &g->id_claims.all[i];
		if (!c->name.n)
			vacant = c;
		else if (slice_eq(c->name, name) && gossip_addr_eq(&c->addr, addr))
			return (struct id_claim *)(uintptr_t)c;
	}
	return (struct id_claim *)(uintptr_t)vacant;
}

bool id_claim_raise(struct gossip *g, struct slice holder, const struct gossip_addr *addr)
{
	struct id_claim *c = slot_of(g, holder, addr);
	if (!c || !holder.n || holder.n > GOSSIP_NAME_MAX)
		return false;
	if (c->name.n)
		return !c->answered && !c->silent;
	char *name = strndup(holder.p, holder.n);
	if (!name)
		return false;
	*c = (struct id_claim){.name = slice_of(name), .addr = *addr, .seq = ++g->seq};
	ask(g, c);
	return true;
}

dur_ns id_claim_wait(const struct gossip *g)
{
	return g->c.timing.probe_timeout + g->c.timing.probe_timeout / 10;
}

bool id_claim_silent(const struct gossip *g, struct slice name, const struct gossip_addr *addr)
{
	const struct id_claim *c = slot_of(g, name, addr);
	return c && c->silent;
}

bool id_claim_news(struct gossip *g, struct slice name, const struct gossip_addr *addr)
{
	struct id_claim *c = slot_of(g, name, addr);
	bool news = c && c->silent && !c->told;
	if (news)
		c->told = true;
	return news;
}

void id_claim_timer(struct gossip *g, struct id_claim *c)
{
	if (c->silent || c->answered) {
		drop(g, c);
	} else if (c->asked < ID_CLAIM_PINGS) {
		ask(g, c);
	} else {
		log_info(g->log, "memberlist: %.*s is silent, another has its node id now", PS(c->name));
		c->silent = true;
		gossip_timer_set(g, &c->timer, TIMER_ID_CLAIM, g->now + SILENT_FOR);
	}
}

void id_claim_answered(struct gossip *g, uint32_t seq)
{
	for (unsigned i = 0; i < ID_CLAIMS_MAX; i++) {
		struct id_claim *c = &g->id_claims.all[i];
		if (!c->name.n || c->seq != seq || c->answered)
			continue;
		c->answered = true;
		c->silent = false;
		gossip_timer_set(g, &c->timer, TIMER_ID_CLAIM, g->now + ANSWERED_FOR);
		return;
	}
}

void id_claims_free(struct gossip *g)
{
	for (unsigned i = 0; i < ID_CLAIMS_MAX; i++)
		drop(g, &g->id_claims.all[i]);
}
