/* Pools on virtual time, a few seeds each: the program tests/sim runs many more. */
#include "tests/sim/gossip_scenarios.h"
#include "tests/test.h"

static void run(const char *name, uint64_t seeds, uint32_t n)
{
	for (unsigned i = 0; i < sim_scenarios_n; i++)
		for (uint64_t seed = 0; slice_is(slice_of(name), sim_scenarios[i].name) && seed < seeds; seed++) {
			char why[1024] = "";
			if (!sim_scenarios[i].run(seed, n + (uint32_t)(seed % 5), why, sizeof why))
				test_fail(__FILE__, __LINE__, "seed %llu: %s", (unsigned long long)seed, why);
		}
}

TEST(gossip_sim, pools_converge)
{
	run("converge", 24, 4);
	run("converge", 1, 100);
}

TEST(gossip_sim, a_death_is_known_in_time)
{
	run("death", 12, 5);
}

TEST(gossip_sim, slow_members_kill_nobody)
{
	run("slow", 2, 32);
}

TEST(gossip_sim, halves_find_each_other)
{
	run("partition", 8, 5);
}

TEST(gossip_sim, who_starts_again_is_back)
{
	run("restart", 12, 4);
}

TEST(gossip_sim, containers_come_and_go)
{
	run("containers", 12, 4);
}

TEST(gossip_sim, goodbye_is_no_failure)
{
	run("leave", 12, 4);
}

TEST(gossip_sim, events_and_keys_reach_everybody)
{
	run("events", 8, 4);
}

TEST(gossip_sim, traffic_is_what_the_formula_says)
{
	double measured, formula;
	sim_idle_traffic(30, &measured, &formula);
	CHECK(measured > formula * 0.75);
	CHECK(measured < formula * 1.25);
}
