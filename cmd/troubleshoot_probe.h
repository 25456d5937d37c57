/* Carries out a plan of troubleshoot_plan.h: all probes at once, from this process's sockets, until each has its answer
 * or the time is over. Blocks. */
#ifndef CMD_TROUBLESHOOT_PROBE_H
#define CMD_TROUBLESHOOT_PROBE_H

#include "cmd/troubleshoot_plan.h"

struct probing {
	dur_ns timeout;
	struct slice key; /* raw, of the pool's gossip; empty: none */
	bool encrypted;   /* gossip is; without a key its ports are not asked (PROBE_NOT_ASKED), but TCP is connected to
	                   */
};

enum err probes_run(struct probes *p, const struct probing *how, struct fail *f);

#endif
