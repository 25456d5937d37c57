/* What a reload may change.
 *
 * 1.0.8 takes over, on SIGHUP or PUT /v1/agent/reload: services, checks, watches, node_meta, log_level, acl_token and
 * the like. Everything else needs a restart; the list names it. */
#ifndef AGENT_CONFIG_RELOAD_H
#define AGENT_CONFIG_RELOAD_H

#include "core/agent/config.h"

struct config_change {
	const char *key; /* as in a config file: "dns_config.node_ttl" */
	bool applies;    /* takes effect by a reload; otherwise at the next start */
};

/* The keys whose values differ, in the order of the table. A list of struct config_change in the arena. */
struct list config_changes(const struct agent_config *before, const struct agent_config *after, struct arena *a);

#endif
