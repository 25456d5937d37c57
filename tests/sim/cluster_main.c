/* sim_cluster [-v] [-f] SEED [LAST] (seeds.h). */
#include <stdio.h>

#include "tests/sim/cluster.h"
#include "tests/sim/seeds.h"

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
	struct seeds s = {.name = "cluster"};
	struct cluster_report all = {0}, r;
	int at = 1;
	while (at < argc && seeds_option(&s, argv, &at))
		;
	if (!seeds_range(&s, argc, argv, at)) {
		fprintf(stderr, "usage: sim_cluster [-v] [-f] SEED [LAST]\n");
		return 2;
	}
	for (uint64_t seed; seeds_next(&s, &seed);) {
		cluster_run(seed, s.talk, &r);
		seeds_verdict(&s, seed, r.wrong, "-v ");
		add(&all, &r);
	}
	fprintf(stderr,
	        "writes %u, reads %u, refused %u, lost %u; locks %u, transactions %u, blocked %u, sessions %u, "
	        "from elsewhere %u, failovers %u\n"
	        "crashes %u, cuts %u, leaders %u, snapshots %u, installed %u, leaves %u, joins %u, ill disks %u\n",
	        all.writes, all.reads, all.refused, all.lost, all.locks, all.txns, all.blocked, all.sessions, all.far,
	        all.failovers, all.crashes, all.cuts, all.leaders, all.snapshots, all.installs, all.leaves, all.joins,
	        all.disks);
	return seeds_end(&s);
}
