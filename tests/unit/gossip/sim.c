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

TEST(gossip_sim, trouble_passes)
{
	run("chaos", 6, 5);
	run("clocks", 3, 6);
	run("nat", 2, 3);
	run("prune", 3, 4);
}

TEST(gossip_sim, queues_are_bounded)
{
	run("flood", 1, 3);
}

TEST(gossip_sim, short_lives_leave_nothing)
{
	run("spot", 2, 3);
}

TEST(gossip_sim, the_sick_one_is_named)
{
	run("accuser", 2, 12);
}

TEST(gossip_sim, traffic_is_what_the_formula_says)
{
	double measured, formula;
	sim_idle_traffic(30, &measured, &formula);
	CHECK(measured > formula * 0.75);
	CHECK(measured < formula * 1.25);
}
