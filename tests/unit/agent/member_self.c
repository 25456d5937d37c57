/* What an agent says of itself to its pools. */
#include "core/agent/member_self.h"

#include "core/base/slice.h"
#include "tests/test.h"

static struct slice tag(const struct member *m, const char *key)
{
	const struct pair *p = m->tags.items;
	for (uint32_t i = 0; i < m->tags.n; i++)
		if (slice_is(p[i].key, key))
			return p[i].val;
	return S_NONE;
}

TEST(member_self, says_how_long_it_wants_to_be_remembered)
{
	struct arena a = {0};
	struct agent_config c = {.node_name = S("spot-1"), .datacenter = S("dc1"), .version = S("1.0.8")};
	struct member m = member_self(&c, POOL_LAN, &a);
	CHECK(!tag(&m, "rc_tm").n);
	c.advertise_reconnect_timeout = 90 * NS_PER_S + 1;
	m = member_self(&c, POOL_LAN, &a);
	CHECK(slice_is(tag(&m, "rc_tm"), "91s"));
	arena_free(&a);
}

TEST(member_self, names_the_port_where_others_reach_its_server)
{
	struct arena a = {0};
	struct agent_config c = {
	        .node_name = S("s1"), .datacenter = S("dc1"), .version = S("1.0.8"), .server_mode = true};
	c.server_addr.port = 8300;
	c.server_advertise.port = 9300;
	struct member m = member_self(&c, POOL_LAN, &a);
	CHECK(slice_is(tag(&m, "port"), "9300"));
	arena_free(&a);
}
