#include "core/core_gossip.h"

#include "core/base/slice.h"
#include "core/leader/reconcile.h"

void core_gossip_init(struct core_gossip *g, struct agent *a, struct duties *d, const struct db *db)
{
	*g = (struct core_gossip){.agent = a, .duties = d, .db = db, .reconcile = INT64_MAX, .look_again = INT64_MAX};
}

void core_gossip_free(struct core_gossip *g)
{
	arena_free(&g->names);
}

/* A member's health is compared with what is applied, and what was written for it a moment ago may be on its way still:
 * who dies and comes back at once would stay dead in the catalog for a minute. So it is looked at once more. */
#define LOOK_AGAIN (250 * NS_PER_MS)

static void unsettled(struct core_gossip *g, struct slice name, mono_ns now)
{
	for (uint32_t i = 0; i < g->unsettled_n; i++)
		if (slice_eq(g->unsettled[i], name))
			return;
	struct slice copy = g->unsettled_n < UNSETTLED_MAX ? arena_copy(&g->names, name) : S_NONE;
	if (!copy.p) {
		g->reconcile = now + LOOK_AGAIN < g->reconcile ? now + LOOK_AGAIN : g->reconcile;
		return;
	}
	g->unsettled[g->unsettled_n++] = copy;
	if (g->look_again == INT64_MAX)
		g->look_again = now + LOOK_AGAIN;
}

static void forget_unsettled(struct core_gossip *g)
{
	g->unsettled_n = 0;
	g->look_again = INT64_MAX;
	arena_free(&g->names);
}

static void look_again(struct core_gossip *g)
{
	for (uint32_t i = 0; i < g->unsettled_n && g->lan; i++)
		reconcile_named(g->duties, db_working(g->db), g->lan, g->unsettled[i]);
	forget_unsettled(g);
}

static void take_change(struct core_gossip *g, const struct gossip_effect *x, mono_ns now)
{
	if (reconcile_member(g->duties, db_working(g->db), g->lan, x))
		unsettled(g, x->member.member->name, now);
}

void core_gossip_event(struct core_gossip *g, const struct event *ev, struct effects *out)
{
	const struct gossip_effect *x = ev->gossip.effect;
	agent_gossip(g->agent, ev, out);
	if (g->leading && ev->gossip.pool == GOSSIP_LAN && x->kind == GX_MEMBER)
		take_change(g, x, ev->now);
	out->publish = true;
}

void core_gossip_tick(struct core_gossip *g, mono_ns now)
{
	if (now >= g->look_again)
		look_again(g);
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
	forget_unsettled(g);
}

mono_ns core_gossip_next(const struct core_gossip *g)
{
	return g->reconcile < g->look_again ? g->reconcile : g->look_again;
}
