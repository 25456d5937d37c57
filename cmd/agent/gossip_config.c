#include "cmd/agent/gossip_config.h"

#include "cmd/version.h"
#include "core/base/slice.h"

enum { TAGS_MAX = 16 };

struct tags {
	struct pair *pairs;
	uint32_t n;
	struct arena *a;
};

static void tag(struct tags *t, struct slice key, struct slice val)
{
	t->pairs[t->n++] = (struct pair){key, val};
}

static void tag_number(struct tags *t, struct slice key, int64_t n)
{
	tag(t, key, arena_str(t->a, "%lld", (long long)n));
}

/* Consul 1.0.8: agent/consul/server_serf.go, client_serf.go. In any order: maps have none. */
static void server_tags(struct tags *t, const struct agent_config *c, bool lan)
{
	if (lan && c->serf_wan_addr.kind != CONFIG_ADDR_NONE)
		tag_number(t, S("wan_join_port"), c->serf_wan_addr.port);
	tag(t, S("role"), S("consul"));
	tag_number(t, S("raft_vsn"), c->raft_protocol ? c->raft_protocol : 3);
	tag_number(t, S("port"), c->server_addr.port);
	if (c->bootstrap || c->dev_mode)
		tag(t, S("bootstrap"), S("1"));
	if (c->bootstrap_expect)
		tag_number(t, S("expect"), c->bootstrap_expect);
	if (c->non_voting_server)
		tag(t, S("nonvoter"), S("1"));
	if (c->ca_file.n || c->ca_path.n)
		tag(t, S("use_tls"), S("1"));
}

static struct list tags_of(const struct agent_config *c, bool lan, struct slice build, struct arena *a)
{
	struct tags t = {ARENA_ARRAY(a, struct pair, TAGS_MAX), 0, a};
	if (!t.pairs)
		return (struct list){0};
	if (c->server_mode)
		server_tags(&t, c, lan);
	else
		tag(&t, S("role"), S("node"));
	tag(&t, S("dc"), c->datacenter);
	tag(&t, S("segment"), c->segment);
	tag(&t, S("id"), c->node_id);
	tag_number(&t, S("vsn"), c->protocol ? c->protocol : PROTOCOL_VERSION);
	tag_number(&t, S("vsn_min"), PROTOCOL_VERSION_MIN);
	tag_number(&t, S("vsn_max"), PROTOCOL_VERSION_MAX);
	tag(&t, S("build"), build);
	return (struct list){t.pairs, t.n};
}

static void tempo(struct gossip_timing *t, const struct agent_config *c, bool lan)
{
	*t = lan ? gossip_lan : gossip_wan;
	dur_ns reconnect = lan ? c->reconnect_timeout : c->reconnect_timeout_wan;
	dur_ns gossip = lan ? c->lan_gossip_interval : c->wan_gossip_interval;
	dur_ns interval = lan ? c->lan_probe_interval : c->wan_probe_interval;
	dur_ns timeout = lan ? c->lan_probe_timeout : c->wan_probe_timeout;
	int64_t mult = lan ? c->lan_suspicion_mult : c->wan_suspicion_mult;
	t->gossip_interval = gossip ? gossip : t->gossip_interval;
	t->probe_interval = interval ? interval : t->probe_interval;
	t->probe_timeout = timeout ? timeout : t->probe_timeout;
	t->suspicion_mult = mult > 0 ? (uint32_t)mult : t->suspicion_mult;
	t->reconnect_timeout = reconnect ? reconnect : t->reconnect_timeout;
}

const struct config_addr *gossip_config_bind(const struct agent_config *c, enum gossip_pool pool)
{
	return pool == GOSSIP_WAN ? &c->serf_wan_addr : &c->serf_lan_addr;
}

bool gossip_config_of(const struct agent_config *c, enum gossip_pool pool, struct slice build, struct arena *a,
        struct gossip_config *out)
{
	bool lan = pool == GOSSIP_LAN;
	const struct config_addr *bind = gossip_config_bind(c, pool);
	const struct config_addr *tell = lan ? &c->serf_lan_advertise : &c->serf_wan_advertise;
	if (bind->kind == CONFIG_ADDR_NONE || (!lan && !c->server_mode))
		return false;
	*out = (struct gossip_config){
	        .pool = pool,
	        .name = lan ? c->node_name : arena_str(a, "%.*s.%.*s", PS(c->node_name), PS(c->datacenter)),
	        .bind_port = (uint16_t)bind->port,
	        .dc = c->datacenter,
	        .id = c->node_id,
	        .segment = c->segment,
	        .tags = tags_of(c, lan, build, a),
	        .accept_plain = !c->encrypt_verify_incoming,
	        .send_plain = !c->encrypt_verify_outgoing,
	        .resolve_conflicts = !c->server_mode,
	        .rejoin_after_leave = c->rejoin_after_leave,
	        .no_coordinates = c->disable_coordinates,
	        .snapshot = !c->dev_mode,
	};
	tempo(&out->timing, c, lan);
	out->addr.port = (uint16_t)(tell->port > 0 ? tell->port : bind->port);
	return ip_parse(tell->host, &out->addr.ip);
}
