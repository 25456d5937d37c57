/* Whole servers under faults (tests/sim/cluster.h): a few seeds in every run, more by `SEEDS=500 unit cluster`. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/cluster.h"
#include "tests/test.h"

static void seeds(unsigned servers, unsigned few, unsigned seconds)
{
	const char *text = getenv("SEEDS"), *first = getenv("SEED");
	unsigned long n = text ? strtoul(text, NULL, 10) : few, from = first ? strtoul(first, NULL, 10) : 1;
	struct cluster_report all = {0}, r;
	for (unsigned long seed = from; seed < from + n; seed++) {
		cluster_run(seed, servers, seconds, &r);
		if (r.wrong[0])
			test_fail(__FILE__, __LINE__, "%u servers, seed %lu: %s", servers, seed, r.wrong);
		all.writes += r.writes;
		all.reads += r.reads;
		all.refused += r.refused;
		all.crashes += r.crashes;
		all.cuts += r.cuts;
		all.leaders += r.leaders;
		all.installs += r.installs;
	}
	if (text)
		printf("# %u servers: %u writes, %u reads, %u refused; %u crashes, %u cuts, %u leaders, %u snapshots\n",
		        servers, all.writes, all.reads, all.refused, all.crashes, all.cuts, all.leaders, all.installs);
	CHECK(all.writes && all.reads);
}

TEST(cluster, three_servers_stay_linearizable_under_faults)
{
	seeds(3, 4, 20);
}

TEST(cluster, five_servers_too)
{
	seeds(5, 2, 20);
}

TEST(cluster, one_server_loses_nothing_by_crashing)
{
	seeds(1, 2, 20);
}
