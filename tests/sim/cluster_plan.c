/* The shape of the clusters, and what goes wrong: drawn from the seed. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/cluster_world.h"

/* ---- the shape ---- */

static void add_host(struct cluster *c, unsigned dc, bool server, bool late)
{
	MUST(c->hosts_n < HOSTS_MAX);
	struct host *h = &c->hosts[c->hosts_n++];
	h->dc = dc;
	h->server = server;
	h->late = late;
}

static void add_datacenter(struct cluster *c, unsigned dc, unsigned servers)
{
	c->dc[dc].servers = servers;
	c->dc[dc].first = c->hosts_n;
	for (unsigned k = 0; k < servers; k++)
		add_host(c, dc, true, false);
}

static void shape_one(struct cluster *c)
{
	static const unsigned sizes[] = {1, 3, 3, 3, 3, 3, 3, 5, 5, 7};
	add_datacenter(c, 0, sizes[cluster_below(c, ARRAY_LEN(sizes))]);
	if (cluster_chance(c, 30))
		add_host(c, 0, true, true);
	for (uint64_t n = cluster_below(c, 3); n; n--)
		add_host(c, 0, false, false);
}

static void shape_many(struct cluster *c)
{
	c->far = cluster_some(c, NS_PER_MS, 80 * NS_PER_MS);
	c->quick_wan = cluster_chance(c, 50);
	for (unsigned i = 0; i < c->dcs; i++)
		add_datacenter(c, i, cluster_chance(c, i < 2 ? 80 : 40) ? 3 : 1);
	if (cluster_chance(c, 20))
		add_host(c, (unsigned)cluster_below(c, c->dcs), true, true);
	for (unsigned i = 0; i < c->dcs; i++)
		if (cluster_chance(c, 40))
			add_host(c, i, false, false);
}

void plan_shape(struct cluster *c)
{
	c->dcs = cluster_chance(c, 30) ? 2 + cluster_chance(c, 20) : 1;
	c->big = cluster_chance(c, 50);
	if (c->dcs > 1)
		shape_many(c);
	else
		shape_one(c);
	c->clients_n = 3 + (unsigned)cluster_below(c, CLIENTS_MAX - 2);
	c->delay_most = cluster_some(c, 300 * NS_PER_US, 20 * NS_PER_MS);
	c->loss = (unsigned)cluster_below(c, 60);
	c->odd = (unsigned)cluster_below(c, 10);
	c->fault_pause = cluster_some(c, 200 * NS_PER_MS, 3 * NS_PER_S);
	c->client_pause = cluster_some(c, 5 * NS_PER_MS, 100 * NS_PER_MS);
}

void plan_begin(struct cluster *c)
{
	for (unsigned i = 0; i < c->hosts_n; i++)
		host_name(c, &c->hosts[i], i);
	for (unsigned i = 0; i < c->hosts_n && !cluster_over(c); i++) {
		struct host *h = &c->hosts[i];
		if (h->server)
			platter_init(c, h);
		if (!h->late)
			host_start(c, h);
	}
}

/* ---- one agent ---- */

static struct host *some_host(struct cluster *c)
{
	return &c->hosts[cluster_below(c, c->hosts_n)];
}

static struct host *some_leader(struct cluster *c)
{
	unsigned first = (unsigned)cluster_below(c, c->hosts_n);
	for (unsigned i = 0; i < c->hosts_n; i++) {
		struct host *h = &c->hosts[(first + i) % c->hosts_n];
		if (h->up && h->world.ready && cluster_chance(c, 70))
			return h;
	}
	return some_host(c);
}

static void on_start(struct cluster *c, struct hap *e)
{
	if (!e->host->up)
		host_start(c, e->host);
}

static void fault_crash(struct cluster *c)
{
	struct host *h = cluster_chance(c, 50) ? some_leader(c) : some_host(c);
	enum crash how = cluster_chance(c, 60) ? CRASH_POWER : CRASH_KILL;
	if (!h->up)
		return;
	cluster_say(c, "%s crashes (%s)", h->name, how == CRASH_POWER ? "power" : "kill");
	c->report->crashes++;
	host_crash(c, h, how);
	if (cluster_chance(c, 20) && h->server)
		h->moves++; /* it comes back elsewhere */
	cluster_later(c, cluster_some(c, NS_PER_MS, 3 * NS_PER_S), on_start, h);
}

static void fault_start(struct cluster *c)
{
	struct host *h = some_host(c);
	if (h->up)
		return;
	c->report->joins++;
	host_start(c, h);
}

/* It stands still and goes on as if nothing had been. */
static void fault_pause(struct cluster *c)
{
	struct host *h = cluster_chance(c, 50) ? some_leader(c) : some_host(c);
	if (!h->up)
		return;
	h->paused = c->now + cluster_some(c, 10 * NS_PER_MS, 4 * NS_PER_S);
	cluster_say(c, "%s stands still for %.3f s", h->name, (double)(h->paused - c->now) / NS_PER_S);
}

static void fault_clock(struct cluster *c)
{
	struct host *h = some_host(c);
	if (cluster_chance(c, 50))
		h->wall += cluster_some(c, -NS_PER_H, NS_PER_H);
	else
		h->ahead += cluster_some(c, 0, 5 * NS_PER_S);
	cluster_say(c, "the clock of %s jumps", h->name);
}

static void fault_disk(struct cluster *c)
{
	struct host *h = some_host(c);
	struct platter *p = &h->disk;
	if (!h->server)
		return;
	c->report->disks++;
	switch (cluster_below(c, 5)) {
	case 0:
		p->least = cluster_some(c, NS_PER_MS, 100 * NS_PER_MS);
		p->most = p->least + cluster_some(c, 0, NS_PER_S);
		break;
	case 1:
		p->disk.capacity = 1;
		cluster_say(c, "the disk of %s is full", h->name);
		break;
	case 2:
		p->disk.fail_at = p->disk.calls + 1 + cluster_below(c, 20);
		p->disk.fail_until = p->disk.fail_at + 1 + cluster_below(c, 40);
		p->disk.fail_with = cluster_chance(c, 50) ? ERR_IO : ERR_FULL;
		cluster_say(c, "the disk of %s will fail", h->name);
		break;
	default:
		p->disk.capacity = p->disk.fail_at = p->disk.fail_until = 0;
		p->least = 20 * NS_PER_US;
		p->most = 2 * NS_PER_MS;
		cluster_say(c, "the disk of %s is well", h->name);
	}
}

/* ---- the network ---- */

static void cut(struct cluster *c, unsigned from, unsigned to, bool is)
{
	if (is && !c->cut[from][to] && cluster_chance(c, 70))
		wire_break(c, &c->hosts[from], &c->hosts[to]);
	c->cut[from][to] = is;
}

static void fault_cut(struct cluster *c)
{
	bool side[HOSTS_MAX];
	uint64_t kind = cluster_below(c, 4);
	unsigned alone = some_leader(c)->number;
	for (unsigned i = 0; i < c->hosts_n; i++)
		side[i] = cluster_chance(c, 40);
	for (unsigned i = 0; i < c->hosts_n; i++)
		for (unsigned k = 0; k < c->hosts_n; k++)
			cut(c, i, k,
			        i != k && (kind == 0          ? side[i] != side[k]  /* two halves */
			                          : kind == 1 ? side[i] && !side[k] /* one way */
			                          : kind == 2 ? cluster_chance(c, 25)
			                                      : i == alone || (k == alone && side[i])));
	c->report->cuts++;
	cluster_say(c, "the network is cut, kind %llu (%s)", (unsigned long long)kind, c->hosts[alone].name);
}

/* Datacenters lose each other: altogether, one way, or but for one thin way. */
static void fault_apart(struct cluster *c)
{
	uint64_t kind = cluster_below(c, 3);
	const struct host *a = some_host(c), *b = some_host(c);
	unsigned alone = (unsigned)cluster_below(c, c->dcs);
	if (c->dcs < 2)
		return;
	for (unsigned i = 0; i < c->hosts_n; i++)
		for (unsigned k = 0; k < c->hosts_n; k++) {
			const struct host *from = &c->hosts[i], *to = &c->hosts[k];
			bool thin = kind == 2 && ((from == a && to == b) || (from == b && to == a));
			bool parts = kind == 1 ? from->dc == alone : from->dc == alone || to->dc == alone;
			cut(c, i, k, from->dc != to->dc && parts && !thin);
		}
	c->report->cuts++;
	cluster_say(c, "%s is cut off, kind %llu", datacenter_name(alone).p, (unsigned long long)kind);
}

static void fault_whole(struct cluster *c)
{
	memset(c->cut, 0, sizeof c->cut);
	cluster_say(c, "the network is whole");
}

static void fault_break(struct cluster *c)
{
	struct host *a = some_host(c), *b = some_host(c);
	if (a != b && a->up && b->up)
		wire_break(c, a, b);
}

static void fault_delays(struct cluster *c)
{
	c->delay_most = cluster_some(c, 300 * NS_PER_US, cluster_chance(c, 20) ? 400 * NS_PER_MS : 20 * NS_PER_MS);
	c->loss = (unsigned)cluster_below(c, cluster_chance(c, 20) ? 400 : 60);
}

/* ---- the group ---- */

static unsigned servers_up(const struct cluster *c, unsigned dc)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->hosts_n; i++)
		n += c->hosts[i].up && c->hosts[i].server && c->hosts[i].dc == dc;
	return n;
}

static void fault_leave(struct cluster *c)
{
	struct host *h = some_host(c);
	struct event ev = {.kind = EV_SIGNAL_LEAVE};
	if (!h->up || h->leaving || (h->server && servers_up(c, h->dc) < 3))
		return;
	cluster_say(c, "%s is told to leave", h->name);
	h->leaving = true;
	host_step(c, h, &ev);
	host_turn(c, h);
}

static void on_changed(void *host, struct message *m)
{
	(void)host;
	arena_free(&m->mem);
	free(m);
}

/* By hand: the leader takes a server out, or its voice. */
static void fault_members(struct cluster *c)
{
	struct host *leader = some_leader(c), *h = some_host(c);
	struct event ev = {.kind = EV_MESSAGE};
	if (!leader->up || !leader->world.ready || !h->server || h->dc != leader->dc || h == leader)
		return;
	struct message *m = message_take(&leader->api);
	MUST(m);
	struct ask_raft_change *q = ARENA_NEW(&m->mem, struct ask_raft_change);
	MUST(q);
	*q = (struct ask_raft_change){
	        cluster_chance(c, 50) ? RAFT_REMOVE : RAFT_DEMOTE, arena_copy(&m->mem, slice_of(h->id)), S_NONE};
	c->removed |= q->kind == RAFT_REMOVE;
	m->ask = ASK_RAFT_CHANGE;
	m->request = q;
	m->front = -1;
	m->done = on_changed;
	ev.message = m;
	cluster_say(c, "%s is to change %s", leader->name, h->name);
	host_step(c, leader, &ev);
	host_turn(c, leader);
}

void plan_fault(struct cluster *c)
{
	static void (*const faults[])(struct cluster *) = {fault_crash, fault_crash, fault_start, fault_pause,
	        fault_clock, fault_disk, fault_disk, fault_cut, fault_cut, fault_apart, fault_whole, fault_break,
	        fault_delays, fault_leave, fault_members};
	faults[cluster_below(c, ARRAY_LEN(faults))](c);
}

/* ---- calm ---- */

/* How long until all are well, at most. Serf tries every 30 s to reach who is failed or has left. Who was taken out by
 * hand stays out, on purpose, until the leader looks through the members again, once a minute (agent/consul/leader.go:
 * reconcileInterval); until then nobody tells him anything. Then he is put back without a voice, and gets it when he
 * was healthy for two seconds, looked at every two. In a WAN pool each asks one of all the others once a minute, and
 * who is there again but is thought dead by servers he never asks is heard of by such a chain. */
#define HEALS_WITHIN (150 * NS_PER_S)
#define HEALS_AFAR_WITHIN (240 * NS_PER_S)
#define LOOKED_THROUGH (60 * NS_PER_S)
#define VOTES_WITHIN (15 * NS_PER_S)

dur_ns plan_calm(struct cluster *c)
{
	cluster_say(c, "calm");
	c->calm = true;
	fault_whole(c);
	c->delay_most = NS_PER_MS;
	c->loss = 0;
	c->client_pause = 50 * NS_PER_MS;
	for (unsigned i = 0; i < c->hosts_n && !cluster_over(c); i++) {
		struct host *h = &c->hosts[i];
		h->disk.disk.capacity = h->disk.disk.fail_at = h->disk.disk.fail_until = 0;
		h->disk.least = 20 * NS_PER_US;
		h->disk.most = NS_PER_MS;
	}
	c->written = c->report->writes;
	dur_ns most = c->dcs > 1 ? HEALS_AFAR_WITHIN : HEALS_WITHIN;
	return c->removed ? most + LOOKED_THROUGH + VOTES_WITHIN : most;
}

static bool same_as_leader(const struct cluster *c, const struct datacenter *d)
{
	for (unsigned i = 0; i < c->hosts_n; i++) {
		const struct host *h = &c->hosts[i];
		if (&c->dc[h->dc] == d && h->server && h->up && !h->late && h->world.applied + 8 < d->truth.n)
			return false;
	}
	return true;
}

/* It knows all that are there, where they are now: of its datacenter, and the servers of all. */
static bool pool_is_whole(const struct cluster *c, const struct host *h, unsigned pool)
{
	struct gossip_member m;
	uint32_t at = 0;
	unsigned seen = 0, up = 0;
	for (unsigned i = 0; i < c->hosts_n; i++) {
		const struct host *o = &c->hosts[i];
		up += o->up && (pool == GOSSIP_LAN ? o->dc == h->dc : o->server);
	}
	while (gossip_member_next(h->pools[pool], &at, &m)) {
		const struct host *o = chat_host(c, &m.addr);
		if (m.status == GOSSIP_ALIVE && !(o && o->up))
			return false;
		seen += m.status == GOSSIP_ALIVE;
	}
	return seen == up;
}

static bool is_well(const struct cluster *c, const struct host *h)
{
	if (!h->up)
		return h->late;
	if (h->leaving || h->paused > c->now || (h->server && !(h->world.leader.n && h->world.voter)))
		return false;
	for (unsigned i = 0; i < POOLS; i++)
		if (h->pools[i] && !pool_is_whole(c, h, i))
			return false;
	return true;
}

/* Something is written, everybody is there, has applied what is committed, and each datacenter has a leader of whom its
 * servers, all voters, know. Those that left or crashed are started as we look. */
bool plan_healed(struct cluster *c)
{
	bool healed = c->report->writes > c->written + c->dcs;
	for (unsigned i = 0; i < c->hosts_n && !cluster_over(c); i++) {
		struct host *h = &c->hosts[i];
		if (!h->up && !h->late) {
			host_start(c, h);
			healed = false;
		}
		healed = healed && is_well(c, h);
	}
	for (unsigned i = 0; i < c->dcs; i++)
		healed = healed && same_as_leader(c, &c->dc[i]);
	return healed;
}
