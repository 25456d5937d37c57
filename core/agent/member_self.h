/* Ourselves as a member of the pools: what others are told of us in tags. Consul 1.0.8: agent/consul/server_serf.go and
 * client_serf.go, setupSerf. */
#ifndef CORE_AGENT_MEMBER_SELF_H
#define CORE_AGENT_MEMBER_SELF_H

#include "core/agent/config.h"
#include "core/agent/member.h"

enum pool { POOL_LAN, POOL_WAN };

/* Everything of it is in the arena or the configuration. */
struct member member_self(const struct agent_config *c, enum pool pool, struct arena *a);

#endif
