/* Files and flags into a configuration: everything about it that needs the system.
 *
 * Reads -config-file and -config-dir in their order, asks the machine for its name and addresses, hands all to
 * core/agent/config_build and config_check. Called by the agent at birth and at each reload, and by `consul validate`.
 * Source of the texts: Consul 1.0.8 agent/config/builder.go (ReadPath, ReadFile). */
#ifndef CMD_AGENT_CONFIG_FILES_H
#define CMD_AGENT_CONFIG_FILES_H

#include "cmd/agent/flags_agent.h"
#include "core/agent/config_check.h"

struct config_loaded {
	struct arena arena;          /* holds everything below; arena_free when the configuration is no longer used */
	struct agent_config *config; /* NULL when it was refused */
	struct config_disk disk;     /* what lies at data_dir, for config_check_start */
	struct config_report report; /* report.error says why; warnings and notes in any case */
};

/* Reads, builds and checks. The flags must outlive the result. OK, or ERR_INVALID with out->report.error. */
enum err config_load(const struct agent_flags *flags, struct config_loaded *out);

#endif
