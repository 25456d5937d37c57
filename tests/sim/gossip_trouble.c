/* Worse than usual: everything at once, clocks that jump, floods, routers, sick members, machines that live for
 * minutes. The numbers are those of core/gossip/README.md. */
#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/gossip_scenarios.h"

static uint32_t below(struct sim *s, uint64_t n)
{
	return (uint32_t)rand_below(&s->rand, n);
}

static dur_ns up_to(struct sim *s, dur_ns n)
{
	return (dur_ns)rand_below(&s->rand, (uint64_t)n);
}

/* ---- 16: everything at once ---- */

static uint32_t running(const struct sim *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->n; i++)
		n += s->nodes[i].g != NULL;
	return n;
}

static uint32_t anybody(struct sim *s)
{
	uint32_t i;
	do
		i = below(s, s->n);
	while (!s->nodes[i].g);
	return i;
}

/* Whether another node has taken its name over. */
static bool replaced(const struct sim *s, uint32_t node)
{
	for (uint32_t i = node + 1; i < s->n; i++)
		if (slice_eq(slice_of(s->nodes[i].name), slice_of(s->nodes[node].name)))
			return true;
	return false;
}

static void start_and_join(struct sim *s, uint32_t node)
{
	uint32_t to = anybody(s);
	sim_start(s, node);
	sim_join(s, node, to);
}

static void recreate(struct sim *s, uint32_t node)
{
	char id[SIM_NAME_MAX];
	snprintf(id, sizeof id, "id-%u", s->n);
	uint32_t next = sim_add(s, s->nodes[node].name, id);
	start_and_join(s, next);
}

static void say_goodbye(struct sim *s, uint32_t node)
{
	struct gossip_event ev = {.kind = GE_LEAVE, .tag = 5};
	sim_event(s, node, &ev);
	sim_run(s, 3 * NS_PER_S);
	sim_stop(s, node);
}

static void part(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->nodes[i].group = below(s, 2);
	s->one_way = below(s, 2);
	s->parted = true;
	sim_run(s, up_to(s, 60 * NS_PER_S));
	s->parted = false;
}

static void user_event(struct sim *s)
{
	struct gossip_event ev = {.kind = GE_USER_EVENT, .tag = 2};
	ev.user_event.name = S("deploy");
	ev.user_event.payload = S("payload");
	sim_event(s, anybody(s), &ev);
}

static void misfortune(struct sim *s, uint32_t n)
{
	uint32_t who = below(s, s->n);
	bool up = s->nodes[who].g, spare = running(s) > n / 2 && running(s) > 2;
	switch (below(s, 8)) {
	case 0:
		if (up && spare)
			sim_stop(s, who);
		break;
	case 1:
		if (up && spare)
			say_goodbye(s, who);
		break;
	case 2: sim_sleep(s, who, up_to(s, 40 * NS_PER_S)); break;
	case 3: sim_jump(s, who, up_to(s, NS_PER_H)); break;
	case 4: part(s); break;
	case 5:
		if (up && spare) {
			sim_stop(s, who);
			sim_run(s, up_to(s, 20 * NS_PER_S));
			recreate(s, who);
		}
		break;
	case 6: user_event(s); break;
	default:
		if (!up && !replaced(s, who))
			start_and_join(s, who);
	}
	sim_run(s, up_to(s, 15 * NS_PER_S));
}

/* Joining is tried until it works, as agents do it. */
static void join_again(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct gossip_stats st;
		if (!s->nodes[i].g)
			continue;
		gossip_stats(s->nodes[i].g, &st);
		if (st.alive < 2)
			sim_join(s, i, anybody(s));
	}
}

bool sim_chaos(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	s.c.timing.reconnect_interval = 5 * NS_PER_S;
	s.c.loss = 0.01 * (double)below(&s, 16);
	s.c.doubled = 0.01 * (double)below(&s, 11);
	s.c.delay_max = NS_PER_MS + up_to(&s, 200 * NS_PER_MS);
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	for (unsigned i = 0; ok && i < (n < 20 ? 25 : 10); i++)
		misfortune(&s, n);
	s.c.loss = 0.05;
	s.c.delay_max = 5 * NS_PER_MS;
	for (unsigned i = 0; ok && i < 3; i++) {
		sim_run(&s, 20 * NS_PER_S);
		join_again(&s);
	}
	ok = ok && (sim_until(&s, 300 * NS_PER_S, sim_converged) >= 0 ||
	                   scenario_say(why, why_n, "16: not one pool five minutes after the trouble"));
	return scenario_finish(&s, ok, why, why_n);
}

/* ---- 17: clocks ---- */

/* A machine that was suspended: its clock leaps while nothing else does, the packets of that time are lost. */
bool sim_clocks(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	s.false_deaths = 0;
	for (unsigned i = 0; ok && i < 12; i++) {
		for (uint32_t k = 1 + n / 8; k; k--)
			sim_jump(&s, below(&s, n), NS_PER_S / 2 + up_to(&s, (i % 2 ? 20 : 7200) * NS_PER_S));
		sim_run(&s, up_to(&s, 10 * NS_PER_S));
	}
	sim_run(&s, 30 * NS_PER_S);
	if (ok && s.false_deaths)
		ok = scenario_say(why, why_n, "17: clocks that leap killed %llu members who were well",
		        (unsigned long long)s.false_deaths);
	ok = ok && (sim_until(&s, 60 * NS_PER_S, sim_converged) >= 0 || scenario_say(why, why_n, "17: not one pool"));
	return scenario_finish(&s, ok, why, why_n);
}

/* ---- 18: floods ---- */

static bool quiet(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct gossip_stats st;
		gossip_stats(s->nodes[i].g, &st);
		if (st.event_queue || st.query_queue || st.intent_queue || st.swim_queue)
			return false;
	}
	return true;
}

/* Thousands of events and queries in a second: queues stay within their bounds, nobody dies of it, all is told on in
 * the end. */
bool sim_flood(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	n = n < 10 ? n : 10; /* it is the queue of one that counts */
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	s.false_deaths = 0;
	for (unsigned i = 0; ok && i < 6000; i++) {
		char name[32];
		snprintf(name, sizeof name, "flood-%u", i);
		struct gossip_event ev = {.kind = i % 8 ? GE_USER_EVENT : GE_QUERY, .tag = 2};
		if (i % 8) {
			ev.user_event.name = slice_of(name);
			ev.user_event.payload =
			        S("0123456789012345678901234567890123456789012345678901234567890123456789");
		} else {
			ev.query.name = slice_of(name);
		}
		sim_event(&s, 0, &ev);
		if (i % 16 == 0)
			sim_run(&s, 2 * NS_PER_MS);
	}
	if (ok && s.false_deaths)
		ok = scenario_say(why, why_n, "18: the flood killed %llu", (unsigned long long)s.false_deaths);
	ok = ok && (sim_until(&s, 600 * NS_PER_S, quiet) >= 0 || scenario_say(why, why_n, "18: the queues never end"));
	ok = ok && (sim_converged(&s) || scenario_say(why, why_n, "18: not one pool"));
	return scenario_finish(&s, ok, why, why_n);
}

/* ---- 19: routers ---- */

static uint32_t incarnation_of(const struct sim *s, uint32_t node)
{
	struct gossip_member m;
	MUST(gossip_find(s->nodes[node].g, slice_of(s->nodes[node].name), &m));
	return m.incarnation;
}

static bool answers_reach(const struct sim *s, uint32_t node, uint32_t from)
{
	struct gossip_member m;
	unsigned router = s->nodes[node].router;
	if (node == from || (router && router == s->nodes[from].router && !s->hairpin))
		return true;
	return gossip_find(s->nodes[node].g, slice_of(s->nodes[from].name), &m) && m.measured;
}

static bool all_answers_reach(const struct sim *s)
{
	for (uint32_t a = 0; a < s->n; a++)
		for (uint32_t b = 0; b < s->n; b++)
			if (!answers_reach(s, a, b))
				return false;
	return true;
}

/* Two agents behind one address, two behind another, the rest outside: alive for ten minutes, nobody ever had to
 * refute anything, whether the routers let those inside reach each other by the outer address or not. */
bool sim_nat(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	uint32_t before[64];
	scenario_begin(&s, seed);
	s.c.loss = 0;
	s.c.delay_max = 40 * NS_PER_MS;
	s.hairpin = seed % 2;
	n = n > 60 ? 64 : n + 4;
	for (uint32_t i = 0; i < n; i++) {
		char name[SIM_NAME_MAX];
		snprintf(name, sizeof name, "node-%u", i);
		sim_add(&s, name, NULL);
		if (i >= n - 4)
			sim_route(&s, i, 1 + i % 2);
		sim_start(&s, i);
		if (i)
			sim_join(&s, i, 0);
		sim_run(&s, NS_PER_S);
	}
	bool ok = sim_until(&s, 60 * NS_PER_S, sim_converged) >= 0 || scenario_say(why, why_n, "19: no pool");
	for (uint32_t i = 0; ok && i < n; i++) {
		before[i] = incarnation_of(&s, i);
		s.nodes[i].failures_seen = 0;
	}
	sim_run(&s, 600 * NS_PER_S);
	for (uint32_t i = 0; ok && i < n; i++)
		if (incarnation_of(&s, i) != before[i] || s.nodes[i].failures_seen)
			ok = scenario_say(why, why_n, "19: %s refuted %u times, saw %u die", s.nodes[i].name,
			        incarnation_of(&s, i) - before[i], s.nodes[i].failures_seen);
	ok = ok && (sim_converged(&s) || scenario_say(why, why_n, "19: not one pool after ten minutes"));
	ok = ok && (all_answers_reach(&s) || scenario_say(why, why_n, "19: answers don't come back through a router"));
	return scenario_finish(&s, ok, why, why_n);
}

/* ---- 20: who is sick? ---- */

/* Every accusation that it makes, and every one that is made against it, has the sick one at an end. */
static uint32_t most_quarrels(const struct sim *s, uint32_t seen_by)
{
	uint64_t most = 0;
	uint32_t worst = UINT32_MAX;
	for (uint32_t i = 0; i < s->n; i++) {
		struct gossip_member m;
		if (!gossip_find(s->nodes[seen_by].g, slice_of(s->nodes[i].name), &m) ||
		        m.accusations + m.accused <= most)
			continue;
		most = m.accusations + m.accused;
		worst = i;
	}
	return worst;
}

/* One hears a fifth of what it is told: it kills nobody, and the counts of accusations (made plus suffered) name it,
 * whoever is asked. */
bool sim_accuser(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	s.c.loss = 0.01;
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	uint32_t sick = below(&s, n), wrong = 0;
	s.false_deaths = 0;
	s.nodes[sick].deaf = 0.8;
	s.nodes[sick].slow = below(&s, 2);
	sim_run(&s, 600 * NS_PER_S);
	for (uint32_t i = 0; ok && i < n; i++)
		wrong += i != sick && most_quarrels(&s, i) != sick;
	if (ok && wrong > n / 10)
		ok = scenario_say(why, why_n, "20: %u of %u don't know that %s is sick", wrong, n, s.nodes[sick].name);
	if (ok && s.false_deaths)
		ok = scenario_say(why, why_n, "20: a sick member killed %llu", (unsigned long long)s.false_deaths);
	return scenario_finish(&s, ok, why, why_n);
}

/* ---- 21: machines that live for minutes ---- */

static bool clean(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct gossip_stats st;
		if (!s->nodes[i].g)
			continue;
		gossip_stats(s->nodes[i].g, &st);
		if (st.members != running(s))
			return false;
	}
	return true;
}

/* Spot machines are born and killed, in some seeds for an hour. Each says (rc_tm) that a minute is enough to remember
 * it: two minutes after the last was killed nobody knows any of them, and none comes back by way of somebody who still
 * did. */
bool sim_spot(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool"), by_pool = seed % 2 == 0;
	unsigned spots = n > 20 ? 15 : seed % 5 ? 30 : 100;
	if (by_pool)
		for (uint32_t i = 0; i < n; i++) {
			struct gossip_event ev = {.kind = GE_TIMEOUTS};
			ev.timeouts.reconnect = NS_PER_MIN;
			sim_event(&s, i, &ev);
		}
	for (unsigned i = 0; ok && i < spots; i++) {
		char name[SIM_NAME_MAX];
		snprintf(name, sizeof name, "spot-%u", i);
		uint32_t spot = sim_add(&s, name, NULL);
		s.nodes[spot].forget = by_pool ? 0 : NS_PER_MIN;
		sim_start(&s, spot);
		sim_join(&s, spot, below(&s, n));
		sim_run(&s, 3 * NS_PER_S + up_to(&s, 33 * NS_PER_S));
		if (i >= 2 && s.nodes[spot - 2].g)
			sim_stop(&s, spot - 2);
	}
	for (uint32_t i = n; i < s.n; i++)
		if (s.nodes[i].g)
			sim_stop(&s, i);
	ok = ok && (sim_until(&s, 120 * NS_PER_S, clean) >= 0 ||
	                   scenario_say(why, why_n, "21: the dead linger two minutes after the last death"));
	sim_run(&s, 60 * NS_PER_S);
	ok = ok && (clean(&s) || scenario_say(why, why_n, "21: one of the dead came back"));
	return scenario_finish(&s, ok, why, why_n);
}

/* ---- 22: sent away ---- */

static bool known(const struct sim *s, uint32_t by, uint32_t whom, enum gossip_status as)
{
	struct gossip_member m;
	return gossip_find(s->nodes[by].g, slice_of(s->nodes[whom].name), &m) && m.status == as;
}

static bool last_has_left(struct sim *s)
{
	for (uint32_t i = 0; i + 1 < s->n; i++)
		if (!known(s, i, s->n - 1, GOSSIP_LEFT))
			return false;
	return true;
}

/* A failed member that is sent away has left for everybody; with prune it is forgotten by everybody, and stays so. */
bool sim_prune(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	sim_stop(&s, n - 1);
	ok = ok &&
	     (sim_until(&s, scenario_death_bound(&s), sim_converged) >= 0 || scenario_say(why, why_n, "8: no death"));
	for (unsigned prune = 0; ok && prune < 2; prune++) {
		struct gossip_event ev = {.kind = GE_FORCE_LEAVE, .tag = 6};
		ev.member.name = slice_of(s.nodes[n - 1].name);
		ev.member.prune = prune;
		sim_event(&s, below(&s, n - 1), &ev);
		if (sim_until(&s, 10 * NS_PER_S, prune ? clean : last_has_left) < 0)
			ok = scenario_say(why, why_n,
			        prune ? "22: not forgotten by all after ten seconds"
			              : "22: not left for all after ten seconds");
	}
	sim_run(&s, 90 * NS_PER_S);
	ok = ok && (clean(&s) || scenario_say(why, why_n, "22: what was pruned is back"));
	return scenario_finish(&s, ok, why, why_n);
}
