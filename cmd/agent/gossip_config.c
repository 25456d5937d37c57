#include "cmd/agent/gossip_config.h"

#include "core/agent/member_self.h"
#include "core/base/slice.h"

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

bool gossip_config_of(const struct agent_config *c, enum gossip_pool pool, struct arena *a, struct gossip_config *out)
{
	bool lan = pool == GOSSIP_LAN;
	const struct config_addr *bind = gossip_config_bind(c, pool);
	const struct config_addr *tell = lan ? &c->serf_lan_advertise : &c->serf_wan_advertise;
	if (bind->kind == CONFIG_ADDR_NONE || (!lan && !c->server_mode))
		return false;
	struct member self = member_self(c, lan ? POOL_LAN : POOL_WAN, a);
	*out = (struct gossip_config){
	        .pool = pool,
	        .name = self.name,
	        .bind_port = (uint16_t)bind->port,
	        .dc = c->datacenter,
	        .id = c->node_id,
	        .segment = c->segment,
	        .tags = self.tags,
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
