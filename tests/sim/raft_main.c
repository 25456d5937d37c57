/* sim_raft [-b] [-v] [-f] SEED [LAST]: runs each seed from SEED to LAST (-f: for ever), says what broke and exits 1.
 * -b: the brief form, another run of each seed; -v: tells all that happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/must.h"
#include "tests/sim/raft_world.h"

int main(int argc, char **argv)
{
	bool talk = false, forever = false, brief = false;
	int at = 1;
	for (; at < argc && argv[at][0] == '-'; at++) {
		talk = talk || !strcmp(argv[at], "-v");
		brief = brief || !strcmp(argv[at], "-b");
		forever = forever || !strcmp(argv[at], "-f");
	}
	if (at == argc) {
		fprintf(stderr, "usage: sim_raft [-b] [-v] [-f] SEED [LAST]\n");
		return 2;
	}
	uint64_t first = strtoull(argv[at], NULL, 10), last = at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : first;
	unsigned passed = 0, failed = 0;
	uint64_t turns = 0, acked = 0, reads = 0, at_followers = 0, elections = 0, installs = 0, crashes = 0,
	         changes = 0, restores = 0, overruled = 0;
	for (uint64_t seed = first; seed <= last || (forever && !failed); seed++) {
		struct world *w = calloc(1, sizeof *w); /* most of it is never touched */
		MUST(w);
		bool good = world_run(w, seed, talk, brief);
		if (!good) {
			printf("not ok raft seed %llu: %s\n    tests/sim/run raft %s-v %llu\n",
			        (unsigned long long)seed, w->why, brief ? "-b " : "", (unsigned long long)seed);
			fflush(stdout);
		}
		passed += good;
		failed += !good;
		turns += w->turns;
		acked += w->acked_n;
		reads += w->reads_n;
		at_followers += w->follower_reads_n;
		elections += w->elections;
		installs += w->installs;
		crashes += w->crashes;
		changes += w->changes;
		restores += w->restores_n;
		overruled += w->overruled;
		free(w);
	}
	fprintf(stderr,
	        "turns %llu, acknowledged %llu, reads %llu (%llu at followers), votes asked %llu, snapshots installed "
	        "%llu, crashes %llu, "
	        "changes %llu, restores %llu, of which overruled %llu times\n",
	        (unsigned long long)turns, (unsigned long long)acked, (unsigned long long)reads,
	        (unsigned long long)at_followers, (unsigned long long)elections, (unsigned long long)installs,
	        (unsigned long long)crashes, (unsigned long long)changes, (unsigned long long)restores,
	        (unsigned long long)overruled);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
