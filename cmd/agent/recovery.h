/* What the data directory says, before anything runs: the log and the newest snapshot into the core, the agent's own
 * files. Errors name the file and stop the start: a damaged log is never silently skipped. */
#ifndef CMD_AGENT_RECOVERY_H
#define CMD_AGENT_RECOVERY_H

#include "cmd/agent/process.h"

/* Opens the data directory (if there is one) and, for a durable server, the log; fills the core. */
enum err recovery_run(struct process *p, bool durable, struct fail *f);

#endif
