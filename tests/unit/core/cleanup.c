/* Five agents (tests/sim/cluster_world.h) without faults, of whom one dies: autopilot shows it out. */
#include "tests/sim/cluster_world.h"
#include "tests/test.h"

enum { SERVERS = 5 };

static struct cluster *five(struct cluster_report *report)
{
	struct cluster *c = cluster_new(1, false, report);
	c->dcs = 1;
	c->dc[0].servers = c->hosts_n = SERVERS;
	c->delay_most = NS_PER_MS;
	for (unsigned i = 0; i < SERVERS; i++)
		c->hosts[i].server = true;
	plan_begin(c);
	cluster_until(c, c->now + 5 * NS_PER_S);
	return c;
}

static struct host *follower(struct cluster *c)
{
	return c->hosts[0].world.ready ? &c->hosts[1] : &c->hosts[0];
}

static enum gossip_status seen(const struct host *h, const struct host *whom)
{
	struct gossip_member m;
	for (uint32_t at = 0; gossip_member_next(h->pools[GOSSIP_LAN], &at, &m);)
		if (slice_is(m.name, whom->name))
			return m.status;
	return GOSSIP_NONE;
}

TEST(cleanup, a_dead_server_is_known_to_all_as_one_that_left)
{
	struct cluster_report report;
	struct cluster *c = five(&report);
	struct host *dead = follower(c);
	host_crash(c, dead, CRASH_KILL);
	cluster_until(c, c->now + 40 * NS_PER_S);
	CHECK_STR(slice_of(report.wrong), "");
	for (unsigned i = 0; i < SERVERS; i++) {
		const struct host *h = &c->hosts[i];
		if (h == dead)
			continue;
		CHECK_EQ(seen(h, dead), GOSSIP_LEFT);
		CHECK_EQ(h->world.voters, SERVERS - 1);
	}
	cluster_end(c);
}
