/* What of a configuration is refused, with which words.
 *
 * config_check is what `consul validate` looks at; config_check_start, what only a starting agent looks at. Both are
 * pure: the state of the data directory comes as facts. Source: Consul 1.0.8 agent/config/builder.go (Validate),
 * agent/agent.go and agent/consul/config.go (at start). */
#ifndef AGENT_CONFIG_CHECK_H
#define AGENT_CONFIG_CHECK_H

#include "core/agent/config_build.h"

/* What the host found at data_dir. */
struct config_disk {
	struct slice data_dir_error;   /* text of the failed stat, e.g. "stat d: permission denied"; empty: none, or not
	                                  there */
	bool data_dir_is_file;         /* there, but no directory */
	bool lan_keyring, wan_keyring; /* serf/local.keyring, serf/remote.keyring are there */
	bool services;                 /* there are services of a former run */
	bool mdb, mdb_denied;          /* the folder mdb of releases before 0.6 is there, or can't be looked at */
};

/* Adds warnings to the report; the first violation is report->error. */
enum err config_check(
        const struct agent_config *c, const struct config_disk *disk, struct arena *a, struct config_report *report);

/* "Invalid log level: LOUD. …": looked at by the agent before it says "Starting Consul agent...". */
enum err config_check_log(const struct agent_config *c, struct arena *a, struct config_report *report);

/* The whole line that an agent prints after "==> " when it can't start with this configuration ("Error starting agent:
 * …"): policies, protocol versions, gossip key, TLS switches, services and checks, recursors, watches. Not here: the
 * node id (cmd/agent/node_id.h, which comes first) and what the system refuses (a port in use, a file). */
enum err config_check_start(
        const struct agent_config *c, const struct config_disk *disk, struct arena *a, struct config_report *report);

#endif
