/* Figures of pools: what they send, how long news takes, what Lifeguard is worth. */
#include <math.h>
#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/suspicion.h"
#include "tests/sim/gossip_scenarios.h"

/* ---- traffic ---- */

/* A second of an idle member: a ping with its ack, and the same for whoever probes it; a push/pull now and then, of
 * which it sends its share both as asker and as asked. */
double sim_expected_traffic(const struct gossip_timing *t, uint32_t n, size_t name)
{
	double ping = 16 + (double)name, ack = 150;
	double record =
	        33 + (double)name + 9 + 85 + (double)name + 2; /* node state with tags, and its time in Serf's */
	double state = 640 + n * record;
	double exchanges = 2 * 1e9 / (double)push_pull_wait(t->push_pull_interval, n);
	return (ping + ack) * 1e9 / (double)t->probe_interval + exchanges * state;
}

void sim_idle_traffic(uint32_t n, double *measured, double *formula)
{
	struct sim s;
	scenario_begin(&s, 4); /* plain, not compressed */
	s.c.loss = s.c.doubled = 0;
	MUST(sim_form(&s, n) >= 0);
	sim_run(&s, 60 * NS_PER_S);
	uint64_t before = s.bytes + s.stream_bytes;
	sim_run(&s, 360 * NS_PER_S);
	*measured = (double)(s.bytes + s.stream_bytes - before) / 360 / n;
	*formula = sim_expected_traffic(&s.c.timing, n, 7);
	sim_free(&s);
}

/* ---- deaths ---- */

struct deaths {
	uint32_t who;
	mono_ns first;
};

static void watch_deaths(struct sim *s, uint32_t node, const struct gossip_effect *x)
{
	struct deaths *d = s->owner;
	(void)node;
	if (x->kind == GX_MEMBER && x->member.change == CHANGE_FAILED && !d->first)
		d->first = s->now;
}

/* One after the other is killed; how long until the first knows, until all know: the median and the worst of eleven. */
static void deaths_known(uint32_t n)
{
	enum { KILLS = 11 };
	struct sim s;
	double first[KILLS], all[KILLS];
	struct deaths d = {0};
	scenario_begin(&s, 4);
	MUST(sim_form(&s, n) >= 0 && n > 2 * KILLS);
	s.owner = &d;
	s.watch = watch_deaths;
	for (unsigned i = 0; i < KILLS; i++) {
		sim_run(&s, 20 * NS_PER_S);
		mono_ns killed = s.now;
		d.first = 0;
		sim_stop(&s, n - 1 - i);
		dur_ns took = sim_until(&s, 2 * scenario_death_bound(&s), sim_converged);
		MUST(took >= 0);
		all[i] = (double)took / 1e9;
		first[i] = (double)(d.first - killed) / 1e9;
	}
	for (unsigned i = 0; i < KILLS; i++)
		for (unsigned k = i + 1; k < KILLS; k++) {
			double a = all[i], f = first[i];
			all[i] = fmin(a, all[k]);
			all[k] = fmax(a, all[k]);
			first[i] = fmin(f, first[k]);
			first[k] = fmax(f, first[k]);
		}
	printf("%5u members: a death is known to the first after %.1f s (worst %.1f), to all after %.1f s (worst "
	       "%.1f); "
	       "bound %.1f s\n",
	        n, first[KILLS / 2], first[KILLS - 1], all[KILLS / 2], all[KILLS - 1],
	        (double)scenario_death_bound(&s) / 1e9);
	sim_free(&s);
}

/* ---- Lifeguard ---- */

/* One in twenty is starved: sleeps again and again, up to twenty seconds. How many reports of the death of a member
 * that was well? With `plain` as SWIM was without Lifeguard: one fixed suspicion time, no awareness, and who wakes
 * believes his timers. */
static uint64_t false_deaths(uint32_t n, bool plain, double *known)
{
	struct sim s;
	scenario_begin(&s, 4);
	s.plain = plain;
	s.sleep_max = 20 * NS_PER_S;
	if (plain) {
		s.c.timing.awareness_max = 1;
		s.c.timing.suspicion_max_mult = 1;
	}
	MUST(sim_form(&s, n) >= 0);
	for (uint32_t i = 0; i < n / 20; i++)
		s.nodes[i * 20].slow = true;
	s.false_deaths = 0;
	sim_run(&s, 300 * NS_PER_S);
	uint64_t reports = s.false_deaths;
	mono_ns killed = s.now;
	uint32_t victim = n - 1;
	sim_stop(&s, victim);
	while (s.true_deaths < n * 9 / 10 && s.now - killed < 300 * NS_PER_S)
		sim_run(&s, 50 * NS_PER_MS);
	*known = (double)(s.now - killed) / 1e9;
	sim_free(&s);
	return reports;
}

static void lifeguard(uint32_t n)
{
	double plain_known, known;
	uint64_t plain = false_deaths(n, true, &plain_known), ours = false_deaths(n, false, &known);
	printf("%5u members, one in twenty starved, 5 minutes: %llu reports of false deaths; plain SWIM %llu. A true "
	       "death is "
	       "known to nine in ten after %.1f s; plain SWIM %.1f s\n",
	        n, (unsigned long long)ours, (unsigned long long)plain, known, plain_known);
}

static void traffic(uint32_t n)
{
	double measured, formula;
	sim_idle_traffic(n, &measured, &formula);
	printf("%5u members: %.0f bytes a member and second, by the formula %.0f\n", n, measured, formula);
}

void sim_figures(uint32_t n)
{
	traffic(10);
	traffic(100);
	traffic(n);
	deaths_known(30);
	deaths_known(n);
	lifeguard(n);
}
