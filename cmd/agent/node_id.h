/* The id of this node: configured, remembered in the data directory, or made now and remembered there.
 * Source: Consul 1.0.8 agent/agent.go (setupNodeID, makeNodeID). */
#ifndef CMD_AGENT_NODE_ID_H
#define CMD_AGENT_NODE_ID_H

#include "core/agent/config.h"
#include "core/base/arena.h"
#include "core/base/err.h"

/* Sets c->node_id (text in the arena), lower case, and c->node_id_made when it is new: then the agent logs
 * `[DEBUG] agent: Using random ID "…" as node ID`. On failure f has the reason, without "Failed to setup node ID: ". */
enum err node_id_setup(struct agent_config *c, struct arena *a, struct fail *f);

#endif
