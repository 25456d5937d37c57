/* sim_gossip [-n SIZE] [-s SCENARIO] [-f] SEED [LAST]: runs scenarios with each seed from SEED to LAST (-f: for ever), says
 * what broke and exits 1. SIM_LOG=1 shows what the members log. Without a seed: traffic of idle pools. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/gossip_scenarios.h"

static unsigned failures;

static void run(const struct sim_scenario *c, uint64_t seed, uint32_t n)
{
	char why[1024] = "";
	if (n < c->n_min || c->run(seed, n, why, sizeof why))
		return;
	failures++;
	printf("seed %llu, %s, %u members: %s\n", (unsigned long long)seed, c->name, n, why);
	fflush(stdout);
}

static void traffic(uint32_t n)
{
	double measured, formula;
	sim_idle_traffic(n, &measured, &formula);
	printf("%5u members: %8.0f bytes a member and second, by the formula %8.0f\n", n, measured, formula);
}

int main(int argc, char **argv)
{
	uint32_t n = 0;
	const char *only = NULL;
	bool forever = false;
	int at = 1;
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "-f"))
			forever = true;
		else if (!strcmp(argv[at], "-n") && at + 1 < argc)
			n = (uint32_t)strtoul(argv[++at], NULL, 10);
		else if (!strcmp(argv[at], "-s") && at + 1 < argc)
			only = argv[++at];
	}
	if (at == argc) {
		traffic(10);
		traffic(100);
		traffic(n ? n : 300);
		return 0;
	}
	uint64_t first = strtoull(argv[at], NULL, 10), last = at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : first;
	static const uint32_t sizes[] = {5, 10, 30, 60, 100};
	for (uint64_t seed = first; forever || seed <= last; seed++)
		for (unsigned i = 0; i < sim_scenarios_n; i++)
			if (!only || !strcmp(only, sim_scenarios[i].name))
				run(&sim_scenarios[i], seed, n ? n : sizes[seed % 5]);
	printf("%u failed\n", failures);
	return failures != 0;
}
