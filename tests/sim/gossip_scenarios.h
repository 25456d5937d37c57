/* Scenarios for pools on virtual time; each checks numbered invariants of core/gossip/README.md. */
#ifndef SIM_GOSSIP_SCENARIOS_H
#define SIM_GOSSIP_SCENARIOS_H

#include "tests/sim/gossip_net.h"

/* True when all held; else `why` says what did not. `n`: size of the pool. */
typedef bool sim_run_scenario(uint64_t seed, uint32_t n, char *why, size_t why_n);

struct sim_scenario {
	const char *name;
	sim_run_scenario *run;
	uint32_t n_min;
};

extern const struct sim_scenario sim_scenarios[];
extern const unsigned sim_scenarios_n;

/* gossip_rules.c: usual weather. gossip_trouble.c: more than that. */
sim_run_scenario sim_converge, sim_death, sim_slow, sim_partition, sim_restart, sim_containers, sim_leave, sim_events;
sim_run_scenario sim_chaos, sim_clocks, sim_flood, sim_nat, sim_accuser, sim_spot, sim_prune;

/* ---- what scenarios share ---- */

void scenario_begin(struct sim *s, uint64_t seed);
/* Always false. */
bool scenario_say(char *why, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Node `i` is added, started and joins one of the earlier ones. */
void scenario_add(struct sim *s, uint32_t i);
dur_ns scenario_death_bound(const struct sim *s);
/* Looks at what was counted on the way, and frees. */
bool scenario_finish(struct sim *s, bool ok, char *why, size_t n);

/* A pool of `n`, made by joining and at rest. How long it took, or -1. */
dur_ns sim_form(struct sim *s, uint32_t n);

/* ---- gossip_figures.c ---- */

/* Bytes that a member sends in a second when nothing happens, and what the formula says; packets and streams. */
void sim_idle_traffic(uint32_t n, double *measured, double *formula);
/* The formula alone: bytes a second, with names of `name` bytes. */
double sim_expected_traffic(const struct gossip_timing *t, uint32_t n, size_t name);
/* Prints traffic, times of deaths and the worth of Lifeguard in pools of up to `n`. */
void sim_figures(uint32_t n);

/* gossip_scale.c: one pool of `n`, thousands, of which the last `joining` join, the others being there already: memory,
 * work, traffic, deaths; printed as it goes. True when all was as it should be. */
bool sim_scale(uint32_t n, uint32_t joining);

#endif
