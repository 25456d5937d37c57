/* The flags of `consul agent`, as values for core/agent/config_build.
 *
 * Flags of 0.7 that 1.0 no longer has are taken, too; what they meant, or that they mean nothing any more, is told with
 * the keys of the same age (config_report.notes). Source: Consul 1.0.8 agent/config/flags.go, 0.7.5
 * command/agent/command.go. */
#ifndef CMD_AGENT_FLAGS_AGENT_H
#define CMD_AGENT_FLAGS_AGENT_H

#include <stdio.h>

#include "cmd/flags.h"
#include "core/base/arena.h"
#include "core/base/value.h"

struct agent_flags {
	bool dev;
	struct slice format;    /* -config-format */
	struct flag_list paths; /* -config-file and -config-dir, in the order given */
	struct flag_list hcl;   /* -hcl */
	struct value config;    /* an object with the keys of a config file */
};

/* Reads argv[1] and what follows ("agent" itself is argv[0]). FLAGS_WRONG: f->text is what the agent says after "==> ",
 * and the list of flags was printed to standard error where Go prints it. Texts point into argv and the arena. */
enum flags_result agent_flags_read(int argc, char **argv, struct arena *a, struct agent_flags *out, struct fail *f);

/* The page of `consul agent -h`. */
void agent_flags_help(FILE *out);

#endif
