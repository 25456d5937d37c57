#include "core/agent/member_self.h"

#include <stdlib.h>

#include "core/base/slice.h"

enum { TAGS_MAX = 20, PROTOCOL_VSN_MIN = 2, PROTOCOL_VSN_MAX = 3, RAFT_PROTOCOL_DEFAULT = 3 };

/* Versions of memberlist's and serf's own protocols. */
enum { MEMBERLIST_MIN = 1, MEMBERLIST_MAX = 5, MEMBERLIST_NOW = 2, SERF_MIN = 2, SERF_MAX = 5, SERF_NOW = 4 };

struct tags {
	struct arena *a;
	struct pair at[TAGS_MAX];
	uint32_t n;
};

static void put(struct tags *t, const char *key, struct slice val)
{
	t->at[t->n++] = (struct pair){slice_of(key), val};
}

static void put_number(struct tags *t, const char *key, int64_t n)
{
	put(t, key, arena_str(t->a, "%lld", (long long)n));
}

static int by_key(const void *a, const void *b)
{
	return slice_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static struct list sorted(struct tags *t)
{
	qsort(t->at, t->n, sizeof t->at[0], by_key);
	struct pair *kept = ARENA_ARRAY(t->a, struct pair, t->n);
	if (kept)
		memcpy(kept, t->at, t->n * sizeof *kept);
	return (struct list){kept, kept ? t->n : 0};
}

static void put_server_tags(struct tags *t, const struct agent_config *c, enum pool pool)
{
	if (pool == POOL_LAN && c->serf_wan_addr.kind != CONFIG_ADDR_NONE)
		put_number(t, "wan_join_port", c->serf_wan_port);
	put_number(t, "raft_vsn", c->raft_protocol ? c->raft_protocol : RAFT_PROTOCOL_DEFAULT);
	put_number(t, "port", c->server_advertise.port);
	if (c->bootstrap)
		put(t, "bootstrap", S("1"));
	if (c->bootstrap_expect)
		put_number(t, "expect", c->bootstrap_expect);
	if (c->non_voting_server)
		put(t, "nonvoter", S("1"));
	if (c->ca_file.n || c->ca_path.n)
		put(t, "use_tls", S("1"));
}

static struct list tags_of(const struct agent_config *c, enum pool pool, struct arena *a)
{
	struct tags t = {.a = a};
	put(&t, "role", c->server_mode ? S("consul") : S("node"));
	put(&t, "dc", c->datacenter);
	put(&t, "segment", c->segment);
	put(&t, "id", c->node_id);
	put_number(&t, "vsn", c->protocol);
	put_number(&t, "vsn_min", PROTOCOL_VSN_MIN);
	put_number(&t, "vsn_max", PROTOCOL_VSN_MAX);
	put(&t, "build",
	        arena_str(a, "%.*s%.*s:%.*s", PS(c->version), PS(c->version_prerelease),
	                PS(slice_cut(c->revision, 0, 8))));
	if (c->advertise_reconnect_timeout > 0) /* no unit but seconds: any reader of durations knows it */
		put(&t, "rc_tm",
		        arena_str(a, "%llds", (long long)((c->advertise_reconnect_timeout + NS_PER_S - 1) / NS_PER_S)));
	if (c->server_mode)
		put_server_tags(&t, c, pool);
	return sorted(&t);
}

struct member member_self(const struct agent_config *c, enum pool pool, struct arena *a)
{
	const struct config_addr *at = pool == POOL_LAN ? &c->serf_lan_advertise : &c->serf_wan_advertise;
	return (struct member){
	        .name = pool == POOL_LAN ? c->node_name
	                                 : arena_str(a, "%.*s.%.*s", PS(c->node_name), PS(c->datacenter)),
	        .addr = at->host,
	        .port = (uint64_t)at->port,
	        .tags = tags_of(c, pool, a),
	        .status = MEMBER_ALIVE,
	        .protocol_min = MEMBERLIST_MIN,
	        .protocol_max = MEMBERLIST_MAX,
	        .protocol_cur = MEMBERLIST_NOW,
	        .delegate_min = SERF_MIN,
	        .delegate_max = SERF_MAX,
	        .delegate_cur = SERF_NOW,
	};
}
