/* sim_cluster [-v] [-f] SEED [LAST]: runs each seed from SEED to LAST (-f: for ever), says what went wrong and exits 1.
 * -v: tells all that happens. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster.h"

static void add(struct cluster_report *all, const struct cluster_report *r)
{
	unsigned *to = &all->writes;
	const unsigned *from = &r->writes;
	size_t n = offsetof(struct cluster_report, wrong) / sizeof *to;
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

int main(int argc, char **argv)
{
	bool talk = false, forever = false;
	int at = 1;
	for (; at < argc && argv[at][0] == '-'; at++) {
		talk = talk || !strcmp(argv[at], "-v");
		forever = forever || !strcmp(argv[at], "-f");
	}
	if (at == argc) {
		fprintf(stderr, "usage: sim_cluster [-v] [-f] SEED [LAST]\n");
		return 2;
	}
	uint64_t first = strtoull(argv[at], NULL, 10), last = at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : first;
	unsigned passed = 0, failed = 0;
	struct cluster_report all = {0}, r;
	for (uint64_t seed = first; seed <= last || (forever && !failed); seed++) {
		cluster_run(seed, talk, &r);
		if (r.wrong[0]) {
			printf("not ok cluster seed %llu: %s\n    tests/sim/run cluster -v %llu\n",
			        (unsigned long long)seed, r.wrong, (unsigned long long)seed);
			fflush(stdout);
		}
		failed += r.wrong[0] != 0;
		passed += !r.wrong[0];
		add(&all, &r);
	}
	fprintf(stderr,
	        "writes %u, reads %u, refused %u, lost %u; locks %u, transactions %u, blocked %u, sessions %u\n"
	        "crashes %u, cuts %u, leaders %u, snapshots %u, installed %u, leaves %u, joins %u, ill disks %u\n",
	        all.writes, all.reads, all.refused, all.lost, all.locks, all.txns, all.blocked, all.sessions,
	        all.crashes, all.cuts, all.leaders, all.snapshots, all.installs, all.leaves, all.joins, all.disks);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
