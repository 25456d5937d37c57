/* What an agent's configuration means for its gossip pools: names, addresses, tempo, tags. Pure. */
#ifndef CMD_AGENT_GOSSIP_CONFIG_H
#define CMD_AGENT_GOSSIP_CONFIG_H

#include "core/agent/config.h"
#include "core/gossip/gossip.h"

/* Without keys, log, seed and snapshot bytes: the host adds those. Strings point into `c` or lie in the arena. False
 * when this agent has no such pool (a client on the WAN, serf_wan off). */
bool gossip_config_of(const struct agent_config *c, enum gossip_pool pool, struct arena *a, struct gossip_config *out);

/* Where the pool listens. */
const struct config_addr *gossip_config_bind(const struct agent_config *c, enum gossip_pool pool);

#endif
