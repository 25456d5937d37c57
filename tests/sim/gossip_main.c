/* sim_gossip [-f] [-n SIZE] [-s SCENARIO] SEED [LAST] (seeds.h).
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
#include "tests/sim/seeds.h"

struct options {
	uint32_t n;
	const char *scenario;
	struct seeds seeds;
};

static uint32_t size_of(uint64_t seed)
{
	struct rand r;
	rand_seed(&r, seed);
	uint64_t kind = rand_below(&r, 100);
	return kind < 80 ? 4 + (uint32_t)rand_below(&r, 9) : kind < 98 ? 30 : kind < 99 ? 60 : 100;
}

static void run(const struct sim_scenario *c, uint64_t seed, uint32_t n, struct options *o)
{
	char why[1024] = "", said[1200] = "", again[128] = "";
	size_t at = 0;
	if (n < c->n_min)
		n = c->n_min;
	if (!c->run(seed, n, why, sizeof why))
		snprintf(said, sizeof said, "%s, %u members: %s", c->name, n, why);
	if (o->n)
		at = (size_t)snprintf(again, sizeof again, "-n %u ", n);
	if (o->scenario)
		snprintf(again + at, sizeof again - at, "-s %s ", o->scenario);
	seeds_verdict(&o->seeds, seed, said, again);
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
	while (at < argc && argv[at][0] == '-') {
		if (seeds_option(&o->seeds, argv, &at))
			continue;
		bool size = !strcmp(argv[at], "-n");
		if (at + 1 == argc || (!size && strcmp(argv[at], "-s") != 0))
			return false;
		if (size)
			o->n = (uint32_t)strtoul(argv[at + 1], NULL, 10);
		else
			o->scenario = argv[at + 1];
		at += 2;
	}
	return scenario_of(o, 0) && seeds_range(&o->seeds, argc, argv, at);
}

int main(int argc, char **argv)
{
	struct options o = {.seeds = {.name = "gossip"}};
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
	for (uint64_t seed; seeds_next(&o.seeds, &seed);)
		run(scenario_of(&o, seed), seed, o.n ? o.n : size_of(seed), &o);
	return seeds_end(&o.seeds);
}
