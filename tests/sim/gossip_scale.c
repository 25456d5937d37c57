/* One large pool: does it fit, does it converge, what does it cost? Printed as it goes, for it takes minutes.
 *
 * All n may come one after the other, or the last of them to a pool that is there already: the work of n joins grows
 * with the square of n. */
#include <stdio.h>
#include <time.h>

#include "core/base/must.h"
#include "core/gossip/suspicion.h"
#include "core/gossip/swim.h"
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

/* ---- a pool that is there already ---- */

static void know(struct gossip *g, struct card *card)
{
	struct peer *p = peer_new(g, card_hold(card));
	MUST(p && peer_enter(g, p));
	p->incarnation = card->incarnation;
	peer_set_state(g, p, PEER_ALIVE);
	peer_set_status(g, p, GOSSIP_ALIVE);
}

/* Nothing to tell; the next look at somebody (push/pull) as in a pool that is old. */
static void settle(struct sim *s, struct gossip *g)
{
	dur_ns wait = push_pull_wait(g->c.timing.push_pull_interval, s->n);
	broadcasts_prune(&g->told, 0);
	gossip_timer_set(
	        g, &g->fixed[TIMER_PUSH_PULL], TIMER_PUSH_PULL, s->now + (dur_ns)rand_below(&s->rand, (uint64_t)wait));
}

/* As if they had been together for long. */
static void begin_together(struct sim *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		char name[SIM_NAME_MAX];
		snprintf(name, sizeof name, "node-%u", i);
		sim_start(s, sim_add(s, name, NULL));
	}
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < n; k++)
			if (k != i)
				know(s->nodes[i].g, s->nodes[k].g->self->card);
		settle(s, s->nodes[i].g);
	}
	say(s, "these knew each other");
}

/* ---- joins ---- */

/* What one member can tell in a second is so many packets (core/gossip/swim_packet.c: up to six for each of three
 * others), and every join is to be told by everybody as often as the limit says. Who comes faster than that is told of
 * less often, and must wait for a push/pull. */
static dur_ns apart(const struct sim *s)
{
	enum { BURST = 6, TELL_MORE = 4, INTENT = 45 };
	const struct gossip_timing *t = &s->c.timing;
	double packets = BURST * t->gossip_nodes * 1e9 / (double)t->gossip_interval;
	double news = (double)(retransmit_limit(t->retransmit_mult, s->n) + TELL_MORE) *
	              (card_message(s->nodes[0].g->self->card).n + PACKET_PART + INTENT);
	dur_ns d = (dur_ns)(1e9 * news / (packets * PACKET_BUDGET));
	return d > 20 * NS_PER_MS ? d : 20 * NS_PER_MS;
}

static bool joins(struct sim *s, uint32_t n, uint32_t joining)
{
	char what[64];
	if (joining < n)
		begin_together(s, n - joining);
	for (uint32_t i = s->n; i < n; i++) {
		scenario_add(s, i);
		sim_run(s, (dur_ns)rand_below(&s->rand, (uint64_t)(2 * apart(s))));
		if ((n - i - 1) % ((joining + 4) / 5) == 0) {
			snprintf(what, sizeof what, "%u are there, one more each %.0f ms", i + 1,
			        (double)apart(s) / 1e6);
			say(s, what);
		}
	}
	mono_ns last = s->now;
	for (int i = 0; i < 60; i++) {
		dur_ns took = sim_until(s, 15 * NS_PER_S, sim_converged);
		say(s, took < 0 ? "not all know all yet" : "all know all");
		if (took >= 0) {
			printf("all knew all %.1f s after the last join\n", (double)(s->now - last) / 1e9);
			return true;
		}
	}
	return false;
}

/* ---- rest ---- */

static bool idle(struct sim *s)
{
	double measured, formula, swim = 1, serf = 1;
	for (int i = 0; i < 60 && swim + serf > 0.5; i++) {
		sim_run(s, 10 * NS_PER_S);
		queues(s, &swim, &serf);
	}
	say(s, "quiet");
	uint64_t before = s->bytes + s->stream_bytes;
	sim_run(s, 30 * NS_PER_S);
	measured = (double)(s->bytes + s->stream_bytes - before) / 30 / s->n;
	formula = sim_expected_traffic(&s->c.timing, s->n, 9);
	printf("a member sends %.0f bytes a second, by the formula %.0f\n", measured, formula);
	say(s, "rested");
	return measured < 1.1 * formula && measured > 0.9 * formula;
}

/* ---- deaths ---- */

static bool deaths(struct sim *s, unsigned how_many)
{
	bool ok = true;
	for (unsigned i = 0; i < how_many; i++) {
		mono_ns killed = s->now;
		uint64_t before = s->true_deaths;
		dur_ns bound = scenario_death_bound(s);
		uint32_t victim = (uint32_t)rand_below(&s->rand, s->n);
		while (!s->nodes[victim].g)
			victim = (victim + 1) % s->n;
		sim_stop(s, victim);
		while (s->true_deaths == before && s->now - killed < bound)
			sim_run(s, 100 * NS_PER_MS);
		double first = (double)(s->now - killed) / 1e9;
		bool all = sim_until(s, 2 * bound, sim_converged) >= 0;
		dur_ns took = s->now - killed;
		printf("a death is known to the first after %.1f s, to all after %.1f s; bound %.1f s\n", first,
		        (double)took / 1e9, (double)bound / 1e9);
		say(s, all ? "all know" : "NOT ALL KNOW");
		ok = ok && all && took <= bound;
	}
	return ok;
}

bool sim_scale(uint32_t n, uint32_t joining)
{
	struct sim s;
	scenario_begin(&s, 4); /* plain, not compressed */
	MUST(n >= 10 && joining && joining <= n);
	bool ok = joins(&s, n, joining) && idle(&s) && deaths(&s, 2);
	printf("false deaths: %llu, broken invariants: %llu, longest queues: %u of memberlist, %u of Serf\n",
	        (unsigned long long)s.false_deaths, (unsigned long long)s.broken, s.swim_queue, s.serf_queue);
	ok = ok && !s.false_deaths && !s.broken && s.swim_queue <= n + 8 && s.serf_queue <= (n > 2048 ? 2 * n : 4096);
	puts(ok ? "all as it should be" : "NOT AS IT SHOULD BE");
	sim_free(&s);
	return ok;
}
