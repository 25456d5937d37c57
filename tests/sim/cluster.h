/* Whole agents under faults, one seed at a time (tests/sim/cluster_world.h tells how). A failing seed is the whole
 * report. */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

struct cluster_report {
	unsigned writes, reads, refused, lost; /* answered; refused; nobody knows */
	unsigned locks, txns, blocked, sessions;
	unsigned far, failovers; /* answered by another datacenter; a query found its service in another */
	unsigned crashes, cuts, leaders, snapshots, installs, leaves, joins, disks;
	char wrong[1024]; /* empty: nothing */
};

void cluster_run(uint64_t seed, bool talk, struct cluster_report *out);

#endif
