#include "core/core_gossip.h"

#include "core/leader/reconcile.h"

void core_gossip_init(struct core_gossip *g, struct agent *a, struct duties *d, const struct db *db)
{
	*g = (struct core_gossip){.agent = a, .duties = d, .db = db, .reconcile = INT64_MAX};
}

void core_gossip_event(struct core_gossip *g, const struct event *ev, struct effects *out)
{
	const struct gossip_effect *x = ev->gossip.effect;
	agent_gossip(g->agent, ev, out);
	if (g->leading && ev->gossip.pool == GOSSIP_LAN && x->kind == GX_MEMBER)
		reconcile_member(g->duties, db_working(g->db), x);
	out->publish = true;
}

void core_gossip_tick(struct core_gossip *g, mono_ns now)
{
	if (now < g->reconcile)
		return;
	g->reconcile = now + RECONCILE_INTERVAL;
	if (g->lan)
		reconcile_all(g->duties, db_working(g->db), g->lan);
}

void core_gossip_lead(struct core_gossip *g, mono_ns now, wall_ns wall, struct effects *out)
{
	g->leading = true;
	agent_new_leader(g->agent, now, wall, out);
	g->reconcile = now;
	core_gossip_tick(g, now);
}

void core_gossip_follow(struct core_gossip *g)
{
	g->leading = false;
	g->reconcile = INT64_MAX;
}
