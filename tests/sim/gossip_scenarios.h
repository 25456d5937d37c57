/* Scenarios for pools on virtual time; each checks the numbered invariants of core/gossip/README.md. */
#ifndef SIM_GOSSIP_SCENARIOS_H
#define SIM_GOSSIP_SCENARIOS_H

#include "tests/sim/gossip_net.h"

struct sim_scenario {
	const char *name;
	/* True when all held; else `why` says what did not. `n`: size of the pool. */
	bool (*run)(uint64_t seed, uint32_t n, char *why, size_t why_n);
	uint32_t n_min;
};

extern const struct sim_scenario sim_scenarios[];
extern const unsigned sim_scenarios_n;

/* Bytes that a member sends in a second when nothing happens, and what the formula says; packets and streams. */
void sim_idle_traffic(uint32_t n, double *measured, double *formula);

/* A pool of `n`, made by joining and at rest. How long it took, or -1. */
dur_ns sim_form(struct sim *s, uint32_t n);

#endif
