/* sim_raft [-b] [-v] [-f] SEED [LAST] (seeds.h). -b: the brief form, another run of each seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/must.h"
#include "tests/sim/raft_world.h"
#include "tests/sim/seeds.h"

struct sums {
	uint64_t turns, acked, reads, at_followers, elections, installs, crashes, changes;
};

static void add(struct sums *all, const struct world *w)
{
	all->turns += w->turns;
	all->acked += w->acked_n;
	all->reads += w->reads_n;
	all->at_followers += w->follower_reads_n;
	all->elections += w->elections;
	all->installs += w->installs;
	all->crashes += w->crashes;
	all->changes += w->changes;
}

static void show(const struct sums *all)
{
	fprintf(stderr,
	        "turns %llu, acknowledged %llu, reads %llu (%llu at followers), votes asked %llu, snapshots installed "
	        "%llu, crashes %llu, "
	        "changes %llu\n",
	        (unsigned long long)all->turns, (unsigned long long)all->acked, (unsigned long long)all->reads,
	        (unsigned long long)all->at_followers, (unsigned long long)all->elections,
	        (unsigned long long)all->installs, (unsigned long long)all->crashes, (unsigned long long)all->changes);
}

int main(int argc, char **argv)
{
	struct seeds s = {.name = "raft"};
	struct sums all = {0};
	bool brief = false;
	int at = 1;
	while (at < argc && argv[at][0] == '-')
		if (!seeds_option(&s, argv, &at))
			brief |= !strcmp(argv[at++], "-b");
	if (!seeds_range(&s, argc, argv, at)) {
		fprintf(stderr, "usage: sim_raft [-b] [-v] [-f] SEED [LAST]\n");
		return 2;
	}
	for (uint64_t seed; seeds_next(&s, &seed);) {
		struct world *w = calloc(1, sizeof *w); /* most of it is never touched */
		MUST(w);
		bool good = world_run(w, seed, s.talk, brief);
		seeds_verdict(&s, seed, good ? "" : w->why, brief ? "-b -v " : "-v ");
		add(&all, w);
		free(w);
	}
	show(&all);
	return seeds_end(&s);
}
