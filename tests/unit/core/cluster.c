/* Whole agents under faults (tests/sim/cluster.h): a few seeds in every run, many more by tests/sim/run cluster. */
#include "tests/sim/cluster.h"
#include "tests/test.h"

TEST(cluster, agents_stay_linearizable_under_faults)
{
	struct cluster_report all = {0}, r;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		cluster_run(seed, false, &r);
		if (r.wrong[0])
			test_fail(__FILE__, __LINE__, "seed %d: %s", (int)seed, r.wrong);
		all.writes += r.writes;
		all.reads += r.reads;
		all.locks += r.locks;
		all.txns += r.txns;
		all.blocked += r.blocked;
		all.crashes += r.crashes;
	}
	CHECK(all.writes && all.reads && all.locks && all.txns && all.blocked && all.crashes);
}
