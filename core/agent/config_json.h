/* The configuration as /v1/agent/self shows it. */
#ifndef AGENT_CONFIG_JSON_H
#define AGENT_CONFIG_JSON_H

#include "core/agent/config.h"
#include "core/base/buf.h"

/* The object "Config": Datacenter, NodeName, NodeID, Revision, Server, Version as 1.0.8 has them, followed by the
 * fields that clients of 0.7 read (AdvertiseAddr, ClientAddr, Ports, …). `indent` and `depth` as schema_json_write. */
void config_json_self(struct buf *out, const struct agent_config *c, unsigned indent, unsigned depth);

/* The object "DebugConfig": every field by Go's name, sorted, secrets replaced by "hidden". */
void config_json_debug(struct buf *out, const struct agent_config *c, unsigned indent, unsigned depth);

#endif
