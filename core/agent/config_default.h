/* The values that hold where nobody said anything, and those that nobody may change.
 *
 * In the order of the reference: defaults, those of -dev, then files and flags, then the values not for users, with the
 * faster tempo of -dev last. Source: Consul 1.0.8 agent/config/default.go, agent/consul/config.go.
 * Internal to core/agent/config*.c. */
#ifndef AGENT_CONFIG_DEFAULT_H
#define AGENT_CONFIG_DEFAULT_H

#include "core/agent/config_keys.h"

/* Lay the values over slots of config_keys. */
void config_default_head(struct config_slot *slots, bool dev);
void config_default_tail(struct config_slot *slots, bool dev);

#endif
