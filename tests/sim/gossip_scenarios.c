#include "tests/sim/gossip_scenarios.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/slice.h"
#include "core/gossip/suspicion.h"

static const struct sim_config usual = {
        .loss = 0.05,
        .doubled = 0.02,
        .delay_min = NS_PER_MS / 5,
        .delay_max = 5 * NS_PER_MS,
        .consul = true,
};

void scenario_begin(struct sim *s, uint64_t seed)
{
	struct sim_config c = usual;
	c.timing = gossip_lan;
	c.encrypted = seed % 4 == 1; /* each seed has its own weather */
	c.compress = seed % 4 == 2;
	sim_init(s, &c, seed);
}

bool scenario_say(char *why, size_t n, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, n, fmt, ap);
	va_end(ap);
	return false;
}

void scenario_add(struct sim *s, uint32_t i)
{
	char name[SIM_NAME_MAX];
	snprintf(name, sizeof name, "node-%u", i);
	uint32_t at = sim_add(s, name, NULL);
	sim_start(s, at);
	if (at)
		sim_join(s, at, (uint32_t)rand_below(&s->rand, at));
}

/* All come within twenty seconds; of thousands not more than fifty a second. */
dur_ns sim_form(struct sim *s, uint32_t n)
{
	dur_ns apart = 20 * NS_PER_S / (n + 10);
	if (apart < 20 * NS_PER_MS)
		apart = 20 * NS_PER_MS;
	for (uint32_t i = 0; i < n; i++) {
		scenario_add(s, i);
		sim_run(s, (dur_ns)rand_below(&s->rand, (uint64_t)(2 * apart)));
	}
	return sim_until(s, 120 * NS_PER_S, sim_converged);
}

/* A death is known everywhere after the time until somebody probes it (a few rounds, longer ones where the prober
 * thinks itself slow), the longest suspicion, and the telling. */
dur_ns scenario_death_bound(const struct sim *s)
{
	const struct gossip_timing *t = &s->c.timing;
	dur_ns probing = 12 * t->probe_interval;
	dur_ns doubting = suspicion_min(t->suspicion_mult, s->n, t->probe_interval) * t->suspicion_max_mult;
	dur_ns telling = 10 * NS_PER_S;
	return probing + doubting + telling;
}

bool scenario_finish(struct sim *s, bool ok, char *why, size_t n)
{
	uint32_t serf_max = 2 * s->n > 4096 ? 2 * s->n : 4096;
	if (ok && (s->swim_queue > s->n + 8 || s->serf_queue > serf_max))
		ok = scenario_say(why, n, "5: queues of %u and %u messages", s->swim_queue, s->serf_queue);
	if (ok && s->broken)
		ok = scenario_say(why, n, "an invariant of one member was broken (%llu times seen)",
		        (unsigned long long)s->broken);
	sim_free(s);
	return ok;
}

const struct sim_scenario sim_scenarios[] = {
        {"converge", sim_converge, 2},
        {"death", sim_death, 3},
        {"slow", sim_slow, 30},
        {"partition", sim_partition, 4},
        {"restart", sim_restart, 3},
        {"containers", sim_containers, 3},
        {"leave", sim_leave, 3},
        {"events", sim_events, 3},
        {"chaos", sim_chaos, 4},
        {"clocks", sim_clocks, 5},
        {"flood", sim_flood, 3},
        {"nat", sim_nat, 3},
        {"accuser", sim_accuser, 12},
        {"spot", sim_spot, 3},
        {"prune", sim_prune, 3},
};
const unsigned sim_scenarios_n = ARRAY_LEN(sim_scenarios);
