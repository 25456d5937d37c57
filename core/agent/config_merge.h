/* Laying what one source said over what others said before it: single values replace, lists are appended, maps are laid
 * over each other. Source: Consul 1.0.8 agent/config/merge.go. Internal to core/agent/config*.c. */
#ifndef AGENT_CONFIG_MERGE_H
#define AGENT_CONFIG_MERGE_H

#include "core/agent/config_keys.h"

/* Both are slots of config_keys. A single check or service of `from` is appended to the lists of `to`. */
void config_merge(struct config_slot *to, struct config_slot *from, struct arena *a);

/* Maps of struct pair, sorted; `over` wins. */
struct list config_merge_pairs(struct list under, struct list over, struct arena *a);

#endif
