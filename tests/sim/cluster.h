/* Whole servers in one process on virtual time: core/core.c with its log, tables and leadership, on a simulated disk
 * and network. Gossip is played: each member is told to all, once.
 *
 * What happens is decided by a seed: delays, cut links, servers that crash (what they had not synced is gone, or a part
 * of it) and come back. Clients write one register a key, each value once, and read it consistently; every answer is
 * checked for linearizability as it comes: nobody may see less than what was acknowledged before he asked. In the end
 * faults stop and all servers have to hold the same. A failing seed is the whole report. */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

struct cluster_report {
	unsigned writes, reads, refused; /* answered; not done or unknown */
	unsigned crashes, cuts, leaders, installs, restores;
	char wrong[1024]; /* empty: nothing */
};

/* `servers`: 1, 3 or 5; for so many virtual seconds of faults, then calm. */
void cluster_run(uint64_t seed, unsigned servers, unsigned seconds, struct cluster_report *out);

#endif
