/* Birth and death of an agent: configuration → data directory → core → sockets → fronts → banner → threads; and back.
 */
#ifndef CMD_AGENT_BOOT_H
#define CMD_AGENT_BOOT_H

#include "cmd/agent/process.h"

/* Reads files and flags again as at the start; NULL with the sentence when they are no good (the old configuration
 * stays). The result lives as long as the process. */
const struct agent_config *boot_reload(struct process *p, struct fail *f);

/* Once everything has ended the process begins anew, with the same words, as the same process. */
void boot_again(void);

#endif
