/* The agent in its pools: joins and their patience, the order of goodbye, its coordinate. */
#include "core/agent/pools.h"

#include "core/agent/agent_parts.h"
#include "core/agent/servers.h"
#include "core/base/slice.h"
#include "core/gossip/message.h"
#include "core/gossip/packet.h"
#include "core/gossip/tags.h"
#include "tests/unit/agent/world_fixture.h"

/* The end of a join, as the host tells it. */
static void joined(struct bench *b, uint64_t tag, const char *why, uint32_t n)
{
	struct gossip_effect x = {.kind = GX_DONE};
	x.done.tag = tag;
	x.done.err = why ? ERR_FAILED : OK;
	x.done.text = slice_of(why);
	x.done.n = n;
	struct event ev = {.kind = EV_GOSSIP, .now = b->now, .wall = b->wall};
	ev.gossip.pool = GOSSIP_LAN;
	ev.gossip.effect = &x;
	agent_gossip(b->agent, &ev, &b->out);
	bench_settle(b);
}

TEST(agent_pools, a_join_is_answered_when_it_is_through)
{
	struct bench b;
	struct slice at = S("10.0.0.9");
	struct ask_join ask = {.addresses = {&at, 1}};
	bench_begin(&b);
	bench_lead(&b);
	bench_forget(&b);
	bench_ask(&b, ASK_JOIN, &ask);
	const struct effect *e = bench_effect(&b, EFF_GOSSIP_JOIN, 0);
	ASSERT(e);
	CHECK_EQ(e->gossip_join.names.n, 1);
	CHECK_EQ(b.answered, 0);
	joined(&b, e->gossip_join.tag, NULL, 1);
	CHECK_EQ(b.answered, 1);
	CHECK(bench_logged(&b, "agent: (LAN) joining: [10.0.0.9]"));
	CHECK(bench_logged(&b, "agent: (LAN) joined: 1 Err: <nil>"));
	bench_end(&b);
}

TEST(agent_pools, without_a_wan_pool_nobody_joins_there)
{
	struct bench b;
	struct ask_join ask = {.wan = true};
	bench_begin(&b);
	bench_lead(&b);
	CHECK_STR(bench_ask(&b, ASK_JOIN, &ask), "WAN Federation is disabled");
	b.config.server_mode = false;
	CHECK_STR(bench_ask(&b, ASK_JOIN, &ask), "Must be a server to join WAN cluster");
	bench_end(&b);
}

TEST(agent_pools, retry_join_goes_on_until_it_works)
{
	struct bench b;
	struct slice at = S("db.example");
	bench_begin(&b);
	b.config.retry_join = (struct list){&at, 1};
	b.config.retry_interval = 30 * NS_PER_S;
	bench_lead(&b);
	for (int i = 0; i < 3; i++) {
		bench_pass(&b, i ? 30 * NS_PER_S : NS_PER_MS);
		CHECK_EQ(bench_effects(&b, EFF_GOSSIP_JOIN), 1);
		bench_forget(&b);
		joined(&b, TAG_RETRY, i < 2 ? "1 error(s) occurred:\n\n* Failed to resolve db.example" : NULL, 1);
	}
	CHECK(bench_logged(&b, "agent: Join LAN failed: 1 error(s) occurred: * Failed to resolve db.example, "
	                       "retrying in 30s"));
	CHECK(bench_logged(&b, "agent: Join LAN completed. Synced with 1 initial agents"));
	bench_pass(&b, 5 * NS_PER_MIN);
	CHECK_EQ(bench_effects(&b, EFF_GOSSIP_JOIN), 0);
	bench_end(&b);
}

static void told(struct bench *b, uint8_t type, const struct schema *s, const void *m)
{
	struct buf data = {0};
	message_put(&data, type, s, m);
	bench_packet(b, buf_view(&data));
	buf_free(&data);
}

/* Serf tries them where they were: who was cut off while they moved would be alone for good. */
TEST(agent_pools, who_has_lost_all_others_asks_the_names_again)
{
	struct bench b;
	struct slice at = S("db.example");
	static const char address[] = {127, 0, 0, 2}, vsn[] = {1, 5, 2, 2, 5, 4};
	const struct msg_alive alive = {1, 8301, S("b"), {address, 4}, S_NONE, {vsn, sizeof vsn}};
	const struct msg_suspect dead = {1, S("b"), S("c")};
	bench_begin(&b);
	b.config.retry_join = (struct list){&at, 1};
	bench_lead(&b);
	bench_pass(&b, NS_PER_MS);
	bench_forget(&b);
	joined(&b, TAG_RETRY, NULL, 1);
	told(&b, SWIM_ALIVE, &msg_alive_schema, &alive);
	bench_pass(&b, 5 * NS_PER_MIN);
	CHECK_EQ(bench_effects(&b, EFF_GOSSIP_JOIN), 0);
	told(&b, SWIM_DEAD, &msg_suspect_schema, &dead);
	for (int i = 0; i < 3; i++) {
		bench_pass(&b, JOIN_ALONE_INTERVAL);
		CHECK_EQ(bench_effects(&b, EFF_GOSSIP_JOIN), 1);
		bench_forget(&b);
		joined(&b, TAG_ALONE, "refused", 0);
		CHECK_EQ(bench_effects(&b, EFF_STOP), 0); /* retry_max is about the start */
	}
	bench_end(&b);
}

TEST(agent_pools, retry_max_ends_the_agent)
{
	struct bench b;
	struct slice at = S("10.0.0.9");
	bench_begin(&b);
	b.config.retry_join = (struct list){&at, 1};
	b.config.retry_interval = NS_PER_S;
	b.config.retry_max = 1;
	bench_lead(&b);
	bench_pass(&b, NS_PER_MS);
	joined(&b, TAG_RETRY, "refused", 0);
	CHECK_EQ(bench_effects(&b, EFF_STOP), 0);
	bench_pass(&b, NS_PER_S);
	joined(&b, TAG_RETRY, "refused", 0);
	ASSERT(bench_effect(&b, EFF_STOP, 0));
	CHECK_EQ(bench_effect(&b, EFF_STOP, 0)->stop.exit_code, 1);
	bench_end(&b);
}

TEST(agent_pools, goodbye_is_answered_and_then_the_end_comes)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_ask(&b, ASK_LEAVE, NULL);
	bench_settle(&b);
	CHECK_EQ(b.answered, 1);
	ASSERT(bench_effect(&b, EFF_STOP, 0));
	CHECK_EQ(bench_effect(&b, EFF_STOP, 0)->stop.exit_code, 0);
	CHECK(bench_logged(&b, "consul: server starting leave"));
	bench_end(&b);
}

TEST(agent_pools, a_server_stays_until_its_group_counts_on_it_no_longer)
{
	for (int gone = 0; gone < 2; gone++) {
		struct bench b;
		bench_begin(&b);
		bench_lead(&b);
		b.agent->leave.stage = DRAINING;
		b.agent->leave.drained = b.now + NS_PER_S;
		agent_counted(b.agent, true);
		bench_pass(&b, 2 * NS_PER_S);
		CHECK_EQ(bench_effects(&b, EFF_STOP), 0);
		agent_counted(b.agent, !gone);
		bench_pass(&b, 100 * NS_PER_MS);
		CHECK_EQ(bench_effects(&b, EFF_STOP), gone);
		bench_pass(&b, 4 * NS_PER_S);
		CHECK_EQ(bench_effects(&b, EFF_STOP), 1); /* not for ever */
		CHECK_EQ(bench_logged(&b, "failed to leave raft configuration gracefully, timeout"), !gone);
		bench_end(&b);
	}
}

static void server_joins(struct bench *b)
{
	static struct pair tags[] = {{S("build"), S("1.0.8")}, {S("dc"), S("dc1")}, {S("port"), S("8300")},
	        {S("role"), S("consul")}, {S("vsn"), S("2")}};
	struct buf meta = {0};
	tags_put(&meta, (struct list){tags, ARRAY_LEN(tags)});
	struct gossip_member m = {.name = S("s"), .meta = buf_view(&meta), .status = GOSSIP_ALIVE};
	CHECK(gossip_addr_parse(S("10.0.0.1"), 8301, &m.addr));
	struct gossip_effect x = {.kind = GX_MEMBER};
	x.member.change = CHANGE_JOIN;
	x.member.member = &m;
	servers_take(b->db, GOSSIP_LAN, &x);
	buf_free(&meta);
}

TEST(agent_pools, the_servers_hear_where_we_are)
{
	struct bench b;
	bench_begin(&b);
	b.config.sync_coordinate_interval_min = 15 * NS_PER_S;
	b.config.sync_coordinate_rate_target = 64;
	bench_lead(&b);
	bench_pass(&b, NS_PER_MIN);
	CHECK_EQ(b.coordinates, 0); /* there is none: an error each time would tell nothing */
	server_joins(&b);
	bench_pass(&b, 5 * NS_PER_MIN);
	CHECK(b.coordinates >= 10 && b.coordinates <= 20);
	bench_end(&b);
}
