/* What all must be able to do when all is well again, at the first try: every agent asks every datacenter, writes reach
 * whoever waits for them, a query finds its service elsewhere; and so again when a server of each datacenter has died
 * or can't be reached from elsewhere. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/cluster_world.h"

#define ANSWERED_WITHIN (3 * NS_PER_S)
#define WITH_ONE_AWAY (9 * NS_PER_S) /* rpc_hold_timeout, and what a new leader takes */

enum { LAST = KEYS - 1 };

/* Who asks: a client for each agent and each datacenter. */
struct prober {
	struct client *client;
	struct host *host;
	uint64_t op;
	bool away; /* its agent was taken away */
};

struct probing {
	struct prober all[PROBES_MAX];
	unsigned n;
};

static void gather(struct cluster *c, struct probing *p)
{
	p->n = 0;
	for (unsigned i = 0; i < c->hosts_n; i++)
		for (unsigned dc = 0; c->hosts[i].up && !c->hosts[i].late && dc < c->dcs; dc++) {
			MUST(p->n < PROBES_MAX);
			struct client *k = &c->clients[CLIENTS_MAX + p->n];
			k->dc = dc;
			p->all[p->n++] = (struct prober){k, &c->hosts[i], 0, false};
		}
}

static void ask(struct cluster *c, struct prober *p, enum op_kind kind)
{
	p->op = client_asks(c, p->client, p->host, kind, LAST);
}

static bool all_answered(const struct cluster *c, const struct probing *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!p->all[i].away && !c->ops[p->all[i].op].done)
			return false;
	return true;
}

/* All that were asked answer well, and in time. */
static void expect(struct cluster *c, const struct probing *p, dur_ns within, const char *what)
{
	mono_ns end = c->now + within;
	while (c->now < end && !all_answered(c, p) && !cluster_over(c))
		cluster_until(c, c->now + 10 * NS_PER_MS);
	for (unsigned i = 0; i < p->n && !cluster_over(c); i++) {
		const struct prober *k = &p->all[i];
		const struct op *o = &c->ops[k->op];
		if (!k->away && (!o->done || o->refused))
			cluster_wrong(c, "%s, %s %s of %s", what, k->host->name,
			        o->done ? "is refused an answer" : "gets no answer", datacenter_name(k->client->dc).p);
	}
}

static void ask_all(struct cluster *c, struct probing *p, enum op_kind kind, dur_ns within, const char *what)
{
	for (unsigned i = 0; i < p->n && !cluster_over(c); i++)
		if (!p->all[i].away)
			ask(c, &p->all[i], kind);
	if (!cluster_over(c))
		expect(c, p, within, what);
}

/* One client more, at any of the agents. Returns the index of what it has done. */
static raft_index one_asks(struct cluster *c, const struct probing *p, unsigned dc, enum op_kind kind)
{
	struct probing one = {.n = 1};
	if (cluster_over(c))
		return 0;
	one.all[0] = (struct prober){&c->clients[CLIENTS_MAX + PROBES_MAX], p->all[cluster_below(c, p->n)].host, 0, 0};
	one.all[0].client->dc = dc;
	ask_all(c, &one, kind, ANSWERED_WITHIN, "when all is well");
	return c->ops[one.all[0].op].index;
}

/* ---- what changes is seen by all who wait for it ---- */

static void waiters_wake(struct cluster *c, struct probing *p)
{
	raft_index changed[DCS] = {0};
	for (unsigned dc = 0; dc < c->dcs; dc++) /* whoever asks for a key that is not there hears of others */
		one_asks(c, p, dc, OP_SET);
	ask_all(c, p, OP_READ, ANSWERED_WITHIN, "when all is well");
	for (unsigned i = 0; i < p->n && !cluster_over(c); i++)
		ask(c, &p->all[i], OP_BLOCK);
	cluster_until(c, c->now + cluster_some(c, 0, NS_PER_S));
	for (unsigned dc = 0; dc < c->dcs; dc++)
		changed[dc] = one_asks(c, p, dc, OP_SET);
	if (!cluster_over(c))
		expect(c, p, ANSWERED_WITHIN, "who waited for a change");
	for (unsigned i = 0; i < p->n && !cluster_over(c); i++)
		if (p->all[i].client->modify[LAST] != changed[p->all[i].client->dc])
			cluster_wrong(c, "at %s somebody has waited for the change %llu of %s and was shown %llu",
			        p->all[i].host->name, (unsigned long long)changed[p->all[i].client->dc],
			        datacenter_name(p->all[i].client->dc).p,
			        (unsigned long long)p->all[i].client->modify[LAST]);
}

/* ---- a service that is only elsewhere ---- */

/* It may be there already, and nobody was told. */
static void define(struct cluster *c, const struct probing *p)
{
	struct client *k = &c->clients[CLIENTS_MAX + PROBES_MAX];
	k->dc = 0;
	client_asks(c, k, p->all[0].host, OP_DEFINE, LAST);
	cluster_until(c, c->now + NS_PER_S);
}

static void query_finds_elsewhere(struct cluster *c, struct probing *p)
{
	if (!c->dc[0].has_query)
		define(c, p);
	for (unsigned dc = 0; dc < c->dcs && !cluster_over(c); dc++)
		one_asks(c, p, dc, dc ? OP_REGISTER : OP_DEREGISTER);
	unsigned before = c->report->failovers;
	struct probing at_home = {.n = 0};
	for (unsigned i = 0; i < p->n; i++)
		if (p->all[i].client->dc == 0)
			at_home.all[at_home.n++] = p->all[i];
	if (!cluster_over(c))
		ask_all(c, &at_home, OP_FIND, ANSWERED_WITHIN, "when all is well");
	if (!cluster_over(c) && c->report->failovers - before != at_home.n)
		cluster_wrong(c, "of %u queries for a service that is elsewhere only %u have found it", at_home.n,
		        c->report->failovers - before);
}

/* ---- a server of each datacenter is away ---- */

/* It dies, or is out of reach for the other datacenters only. False: there are too few. */
static bool take_away(struct cluster *c, unsigned dc, struct probing *p)
{
	struct host *h = &c->hosts[c->dc[dc].first + cluster_below(c, c->dc[dc].servers)];
	if (c->dc[dc].servers < 3)
		return false;
	bool dies = cluster_chance(c, 50);
	cluster_say(c, "%s %s", h->name, dies ? "is taken away" : "is out of reach from elsewhere");
	for (unsigned i = 0; i < p->n; i++) {
		struct prober *k = &p->all[i];
		bool through = !dies && k->host->dc == dc && !k->host->server && k->client->dc != dc;
		k->away |= k->host == h || through; /* an agent that is no server may ask elsewhere through it */
	}
	for (unsigned i = 0; i < c->hosts_n; i++)
		if (c->hosts[i].dc != dc)
			c->cut[h->number][i] = c->cut[i][h->number] = true;
	if (dies)
		host_crash(c, h, CRASH_KILL);
	return true;
}

static void one_away(struct cluster *c, struct probing *p)
{
	bool any = false;
	for (unsigned dc = 0; dc < c->dcs; dc++)
		any |= take_away(c, dc, p);
	if (!any)
		return;
	cluster_until(c, c->now + cluster_some(c, 0, 4 * NS_PER_S));
	if (!cluster_over(c))
		ask_all(c, p, OP_READ, WITH_ONE_AWAY, "with a server away");
	if (!cluster_over(c))
		ask_all(c, p, OP_READ, ANSWERED_WITHIN, "when asked again with a server away");
}

void end_look(struct cluster *c)
{
	struct probing p;
	gather(c, &p);
	if (!cluster_over(c))
		waiters_wake(c, &p);
	if (!cluster_over(c))
		ask_all(c, &p, OP_NODES, ANSWERED_WITHIN, "when all is well");
	if (!cluster_over(c))
		ask_all(c, &p, OP_DATACENTERS, ANSWERED_WITHIN, "when all is well");
	if (!cluster_over(c) && c->dcs > 1)
		query_finds_elsewhere(c, &p);
	if (!cluster_over(c))
		cluster_until(c, c->now + NS_PER_S); /* followers apply what is committed */
	for (unsigned i = 0; i < c->dcs && !cluster_over(c); i++)
		truth_same(c, &c->dc[i]);
	if (!cluster_over(c) && c->dcs > 1)
		one_away(c, &p);
}
