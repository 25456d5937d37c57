/* sim_gossip [-n SIZE] [-s SCENARIO] SEED [LAST]: runs the seeds; -f: from SEED on, until one fails.
 * sim_gossip figures [SIZE]: what pools send, how fast deaths are known, what Lifeguard is worth.
 * sim_gossip scale [SIZE [JOINING]]: one large pool, with its cost; a hundredth joins one that is there, unless told
 * else.
 *
 * Alone, a seed decides what happens (its number modulo the scenarios) and how large the pool is: mostly small, for
 * most of what goes wrong goes wrong among five as well, and now and then a hundred or three hundred. SIM_LOG=1 shows
 * what the members log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/gossip_scenarios.h"

struct options {
	uint32_t n;
	const char *scenario;
	bool forever;
	uint64_t first, last;
};

static unsigned passed, failed;

static uint32_t size_of(uint64_t seed)
{
	struct rand r;
	rand_seed(&r, seed);
	uint64_t kind = rand_below(&r, 100);
	return kind < 80 ? 4 + (uint32_t)rand_below(&r, 9) : kind < 98 ? 30 : kind < 99 ? 60 : 100;
}

static void run(const struct sim_scenario *c, uint64_t seed, uint32_t n, const struct options *o)
{
	char why[1024] = "", size[32] = "";
	if (n < c->n_min)
		n = c->n_min;
	if (c->run(seed, n, why, sizeof why)) {
		passed++;
		return;
	}
	failed++;
	if (o->n)
		snprintf(size, sizeof size, "-n %u ", n);
	printf("not ok gossip: seed %llu, %s, %u members: %s\n    again: tests/sim/run gossip %s%s%s%s%llu\n",
	        (unsigned long long)seed, c->name, n, why, size, o->scenario ? "-s " : "",
	        o->scenario ? o->scenario : "", o->scenario ? " " : "", (unsigned long long)seed);
	fflush(stdout);
}

static const struct sim_scenario *scenario_of(const struct options *o, uint64_t seed)
{
	if (!o->scenario)
		return &sim_scenarios[seed % sim_scenarios_n];
	for (unsigned i = 0; i < sim_scenarios_n; i++)
		if (!strcmp(o->scenario, sim_scenarios[i].name))
			return &sim_scenarios[i];
	return NULL;
}

static bool options(struct options *o, int argc, char **argv)
{
	int at = 1;
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "-f"))
			o->forever = true;
		else if (!strcmp(argv[at], "-n") && at + 1 < argc)
			o->n = (uint32_t)strtoul(argv[++at], NULL, 10);
		else if (!strcmp(argv[at], "-s") && at + 1 < argc)
			o->scenario = argv[++at];
		else
			return false;
	}
	if (at == argc || !scenario_of(o, 0))
		return false;
	o->first = strtoull(argv[at], NULL, 10);
	o->last = at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : o->first;
	return true;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	if (argc > 1 && !strcmp(argv[1], "figures")) {
		sim_figures(argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 300);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "scale")) {
		uint32_t n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000;
		return !sim_scale(n, argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : (n + 99) / 100);
	}
	if (!options(&o, argc, argv)) {
		fprintf(stderr, "usage: sim_gossip [-f] [-n SIZE] [-s SCENARIO] SEED [LAST] | figures [SIZE] | scale "
		                "[SIZE [JOINING]]\nscenarios:");
		for (unsigned i = 0; i < sim_scenarios_n; i++)
			fprintf(stderr, " %s", sim_scenarios[i].name);
		fputc('\n', stderr);
		return 2;
	}
	for (uint64_t seed = o.first; o.forever ? !failed : seed <= o.last; seed++)
		run(scenario_of(&o, seed), seed, o.n ? o.n : size_of(seed), &o);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
