/* One large pool: does it fit, does it converge, what does it cost? Printed as it goes, for it takes minutes. */
#include <stdio.h>
#include <time.h>

#include "core/base/must.h"
#include "core/gossip/suspicion.h"
#include "tests/sim/gossip_scenarios.h"

static double resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * 4096 / 1e6;
}

/* Messages of memberlist and of Serf that a member still has to tell, in the mean. */
static void queues(const struct sim *s, double *swim, double *serf)
{
	*swim = *serf = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		struct gossip_stats st;
		if (!s->nodes[i].g)
			continue;
		gossip_stats(s->nodes[i].g, &st);
		*swim += (double)st.swim_queue / s->n;
		*serf += (double)st.intent_queue / s->n;
	}
}

static void say(const struct sim *s, const char *what)
{
	double swim, serf;
	queues(s, &swim, &serf);
	printf("%7.1f s: %s; %.0f s of a core, %.0f MB (%.0f bytes for each member that each knows), %.1f M packets; "
	       "to tell: %.0f + %.0f\n",
	        (double)(s->now - NS_PER_S) / 1e9, what, (double)clock() / CLOCKS_PER_SEC, resident(),
	        resident() * 1e6 / s->n / s->n, (double)s->packets / 1e6, swim, serf);
	fflush(stdout);
}

static bool form(struct sim *s, uint32_t n)
{
	char what[64];
	for (uint32_t i = 0; i < n; i++) {
		scenario_add(s, i);
		sim_run(s, (dur_ns)rand_below(&s->rand, 40 * NS_PER_MS));
		if (i % (n / 5) == n / 5 - 1) {
			snprintf(what, sizeof what, "%u members have joined", i + 1);
			say(s, what);
		}
	}
	for (int i = 0; i < 60; i++) {
		dur_ns took = sim_until(s, 15 * NS_PER_S, sim_converged);
		say(s, took < 0 ? "not all know all yet" : "all know all");
		if (took >= 0)
			return true;
	}
	return false;
}

static void idle(struct sim *s)
{
	double measured, swim = 1, serf = 1;
	for (int i = 0; i < 60 && swim + serf > 0.5; i++) {
		sim_run(s, 60 * NS_PER_S);
		queues(s, &swim, &serf);
		if (i % 5 == 4)
			say(s, "telling");
	}
	say(s, "quiet");
	uint64_t before = s->bytes + s->stream_bytes;
	dur_ns wait = 2 * push_pull_wait(s->c.timing.push_pull_interval, s->n);
	sim_run(s, wait);
	measured = (double)(s->bytes + s->stream_bytes - before) / ((double)wait / 1e9) / s->n;
	printf("a member sends %.0f bytes a second, by the formula %.0f\n", measured,
	        sim_expected_traffic(&s->c.timing, s->n, 9));
}

static void deaths(struct sim *s)
{
	for (unsigned i = 0; i < 3; i++) {
		mono_ns killed = s->now;
		uint64_t before = s->true_deaths;
		uint32_t victim = 0;
		while (!s->nodes[victim].g)
			victim++;
		sim_stop(s, victim);
		while (s->true_deaths == before)
			sim_run(s, 100 * NS_PER_MS);
		double first = (double)(s->now - killed) / 1e9;
		dur_ns took = sim_until(s, 2 * scenario_death_bound(s), sim_converged);
		printf("a death is known to the first after %.1f s, to all after %.1f s; bound %.1f s\n", first,
		        (double)took / 1e9 + first, (double)scenario_death_bound(s) / 1e9);
		say(s, took < 0 ? "NOT ALL KNOW" : "all know");
	}
}

void sim_scale(uint32_t n)
{
	struct sim s;
	scenario_begin(&s, 4); /* plain, not compressed */
	MUST(n >= 5);
	if (form(&s, n)) {
		deaths(&s);
		idle(&s);
		deaths(&s);
	}
	printf("false deaths: %llu, broken invariants: %llu\n", (unsigned long long)s.false_deaths,
	        (unsigned long long)s.broken);
	sim_free(&s);
}
