#include "tests/sim/gossip_scenarios.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/suspicion.h"

static const struct sim_config usual = {
        .loss = 0.05,
        .doubled = 0.02,
        .delay_min = NS_PER_MS / 5,
        .delay_max = 5 * NS_PER_MS,
        .consul = true,
};

static void begin(struct sim *s, uint64_t seed)
{
	struct sim_config c = usual;
	c.timing = gossip_lan;
	c.encrypted = seed % 4 == 1; /* each seed has its own weather */
	c.compress = seed % 4 == 2;
	sim_init(s, &c, seed);
}

static bool say(char *why, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool say(char *why, size_t n, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, n, fmt, ap);
	va_end(ap);
	return false;
}

static void add_and_join(struct sim *s, uint32_t i)
{
	char name[SIM_NAME_MAX];
	snprintf(name, sizeof name, "node-%u", i);
	uint32_t at = sim_add(s, name, NULL);
	sim_start(s, at);
	if (at)
		sim_join(s, at, (uint32_t)rand_below(&s->rand, at));
}

dur_ns sim_form(struct sim *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		add_and_join(s, i);
		sim_run(s, (dur_ns)rand_below(&s->rand, 2 * 20 * NS_PER_S / (n + 10)));
	}
	return sim_until(s, 120 * NS_PER_S, sim_converged);
}

/* A death is known everywhere after the time until somebody probes it (a few rounds, longer ones where the prober
 * thinks itself slow), the longest suspicion, and the telling. */
static dur_ns death_bound(const struct sim *s)
{
	const struct gossip_timing *t = &s->c.timing;
	dur_ns probing = 12 * t->probe_interval;
	dur_ns doubting = suspicion_min(t->suspicion_mult, s->n, t->probe_interval) * t->suspicion_max_mult;
	dur_ns telling = 10 * NS_PER_S;
	return probing + doubting + telling;
}

static bool finish(struct sim *s, bool ok, char *why, size_t n)
{
	if (ok && s->broken)
		ok = say(why, n, "an invariant of one member was broken (%llu times seen)", (unsigned long long)s->broken);
	sim_free(s);
	return ok;
}

/* 7: after any join, all who live see the same. */
static bool run_converge(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	begin(&s, seed);
	dur_ns took = sim_form(&s, n);
	bool ok = took >= 0 || say(why, why_n, "7: %u members have not converged in two minutes", n);
	return finish(&s, ok, why, why_n);
}

/* 8: a dead member is known everywhere in time. */
static bool run_death(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || say(why, why_n, "7: no pool");
	for (unsigned i = 0; ok && i < 1 + n / 20; i++) {
		uint32_t victim = (uint32_t)rand_below(&s.rand, n);
		if (s.nodes[victim].g)
			sim_stop(&s, victim);
	}
	dur_ns bound = death_bound(&s), took = ok ? sim_until(&s, bound, sim_converged) : 0;
	ok = ok && (took >= 0 || say(why, why_n, "8: a death is not known everywhere after %.1f s", (double)bound / 1e9));
	return finish(&s, ok, why, why_n);
}

/* 9: loss and slow members kill nobody who is well. */
static bool run_slow(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || say(why, why_n, "7: no pool");
	for (uint32_t i = 0; i < 10 && i < n / 3; i++)
		s.nodes[i].slow = true;
	sim_run(&s, 120 * NS_PER_S);
	if (ok && s.false_deaths)
		ok = say(why, why_n, "9: %llu reports of death about members who were well",
		        (unsigned long long)s.false_deaths);
	return finish(&s, ok, why, why_n);
}

/* 10: two halves, also deaf to each other in one direction only, become one again. */
static bool run_partition(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	begin(&s, seed);
	s.c.timing.reconnect_interval = 5 * NS_PER_S;
	bool ok = sim_form(&s, n) >= 0 || say(why, why_n, "7: no pool");
	for (uint32_t i = 0; i < n; i++)
		s.nodes[i].group = (unsigned)rand_below(&s.rand, 2);
	s.parted = true;
	s.one_way = seed % 2;
	sim_run(&s, 90 * NS_PER_S);
	s.parted = false;
	ok = ok && (sim_until(&s, 300 * NS_PER_S, sim_converged) >= 0 ||
	                   say(why, why_n, "10: the halves have not found each other in five minutes"));
	return finish(&s, ok, why, why_n);
}

/* 11: who starts again at once, at the same place, is alive everywhere soon. */
static bool run_restart(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || say(why, why_n, "7: no pool");
	for (unsigned i = 0; ok && i < 5; i++) {
		uint32_t who = 1 + (uint32_t)rand_below(&s.rand, n - 1);
		sim_stop(&s, who);
		sim_run(&s, (dur_ns)rand_below(&s.rand, 40 * NS_PER_S));
		sim_start(&s, who);
		sim_join(&s, who, 0);
		ok = sim_until(&s, 30 * NS_PER_S, sim_converged) >= 0 ||
		     say(why, why_n, "11: a restarted member is not alive everywhere after 30 s");
	}
	return finish(&s, ok, why, why_n);
}

static bool newest_seen(struct sim *s)
{
	for (uint32_t a = 0; a < s->n; a++)
		if (s->nodes[a].g && !sim_sees(s, a, s->n - 1))
			return false;
	return true;
}

/* 12: a container made anew under the same name, with another address and id, is alive everywhere in three seconds,
 * whether its forerunner was known to be dead, had left, or was killed just now. */
static bool run_containers(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	begin(&s, seed);
	s.c.loss = 0.01;
	bool ok = sim_form(&s, n) >= 0 || say(why, why_n, "7: no pool");
	uint32_t last = n - 1;
	for (unsigned i = 0; ok && i < 10; i++) {
		char id[SIM_NAME_MAX];
		snprintf(id, sizeof id, "id-%u", i);
		if (i % 3 == 1) {
			struct gossip_event ev = {.kind = GE_LEAVE, .tag = 9};
			sim_event(&s, last, &ev);
			sim_run(&s, 3 * NS_PER_S);
		}
		sim_stop(&s, last);
		if (i % 3 == 2)
			sim_run(&s, 60 * NS_PER_S);
		last = sim_add(&s, s.nodes[last].name, id);
		sim_start(&s, last);
		sim_join(&s, last, 0);
		dur_ns took = sim_until(&s, 20 * NS_PER_S, newest_seen);
		if (took < 0 || took > 3 * NS_PER_S)
			ok = say(why, why_n, "12: recreation %u is not alive everywhere after 3 s (%.1f s)", i,
			        (double)took / 1e9);
		sim_run(&s, 2 * NS_PER_S);
		if (ok && !newest_seen(&s))
			ok = say(why, why_n, "12: recreation %u was alive and is not any more", i);
	}
	return finish(&s, ok, why, why_n);
}

static bool others_know_left(struct sim *s)
{
	struct gossip_member m;
	uint32_t *who = s->owner;
	for (uint32_t i = 0; i < s->n; i++)
		if (i != *who && (!gossip_find(s->nodes[i].g, slice_of(s->nodes[*who].name), &m) || m.status != GOSSIP_LEFT))
			return false;
	return true;
}

/* 13: who says goodbye has left, for everybody. (Where the goodbye comes after the death it was a failure for a moment,
 * as with Serf.) */
static bool run_leave(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	uint32_t who = 1;
	begin(&s, seed);
	s.owner = &who;
	bool ok = sim_form(&s, n) >= 0 || say(why, why_n, "7: no pool");
	struct gossip_event ev = {.kind = GE_LEAVE, .tag = 77};
	if (ok)
		sim_event(&s, who, &ev);
	sim_run(&s, 10 * NS_PER_S);
	if (ok && (s.nodes[who].done_tag != 77 || s.nodes[who].done_err))
		ok = say(why, why_n, "13: leaving did not end: %s", s.nodes[who].done_text);
	ok = ok && (sim_until(&s, 60 * NS_PER_S, others_know_left) >= 0 || say(why, why_n, "13: some don't know that it left"));
	return finish(&s, ok, why, why_n);
}

static bool all_heard(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->nodes[i].events < 20)
			return false;
	return true;
}

/* 14: every event reaches everybody, once. 15: a key operation reaches everybody. */
static bool run_events(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	begin(&s, seed);
	s.c.encrypted = true;
	bool ok = sim_form(&s, n) >= 0 || say(why, why_n, "7: no pool");
	for (uint32_t i = 0; i < s.n; i++)
		s.nodes[i].events = 0;
	for (unsigned i = 0; ok && i < 20; i++) {
		char name[16];
		snprintf(name, sizeof name, "event-%u", i);
		struct gossip_event ev = {.kind = GE_USER_EVENT, .tag = 2};
		ev.user_event.name = slice_of(name);
		ev.user_event.payload = S("payload");
		sim_event(&s, (uint32_t)rand_below(&s.rand, n), &ev);
		sim_run(&s, 20 * NS_PER_MS);
	}
	ok = ok && (sim_until(&s, 60 * NS_PER_S, all_heard) >= 0 || say(why, why_n, "14: an event got lost"));
	for (uint32_t i = 0; ok && i < n; i++)
		if (s.nodes[i].events != 20)
			ok = say(why, why_n, "14: an event was delivered twice");
	struct gossip_event ev = {.kind = GE_KEY, .tag = 3};
	ev.key.operation = KEY_INSTALL;
	ev.key.key = S("fedcba9876543210");
	ev.key.relay = 2;
	if (ok)
		sim_event(&s, 0, &ev);
	sim_run(&s, 12 * NS_PER_S);
	const struct sim_node *asker = &s.nodes[0];
	if (ok && (asker->done_tag != 3 || asker->keys.nodes != n || asker->keys.errors || asker->keys.answers + 1 < n))
		ok = say(why, why_n, "15: install-key: %u of %u answered, %u errors: %s", asker->keys.answers,
		        asker->keys.nodes, asker->keys.errors, asker->done_text);
	return finish(&s, ok, why, why_n);
}

const struct sim_scenario sim_scenarios[] = {
        {"converge", run_converge, 2},
        {"death", run_death, 3},
        {"slow", run_slow, 30},
        {"partition", run_partition, 4},
        {"restart", run_restart, 3},
        {"containers", run_containers, 3},
        {"leave", run_leave, 3},
        {"events", run_events, 3},
};
const unsigned sim_scenarios_n = ARRAY_LEN(sim_scenarios);

/* ---- traffic ---- */

/* A second of an idle member: a ping with its ack, and the same for whoever probes it; a push/pull now and then, of
 * which it sends its share both as asker and as asked. */
static double expected_traffic(const struct gossip_timing *t, uint32_t n, size_t name)
{
	double ping = 16 + (double)name, ack = 150;
	double record = 33 + (double)name + 9 + 85 + (double)name + 2; /* node state with tags, and its time in Serf's */
	double state = 640 + n * record;
	double exchanges = 2 * 1e9 / (double)push_pull_wait(t->push_pull_interval, n);
	return (ping + ack) * 1e9 / (double)t->probe_interval + exchanges * state;
}

void sim_idle_traffic(uint32_t n, double *measured, double *formula)
{
	struct sim s;
	begin(&s, 4); /* plain, not compressed */
	s.c.loss = s.c.doubled = 0;
	MUST(sim_form(&s, n) >= 0);
	sim_run(&s, 60 * NS_PER_S);
	uint64_t before = s.bytes + s.stream_bytes;
	sim_run(&s, 360 * NS_PER_S);
	*measured = (double)(s.bytes + s.stream_bytes - before) / 360 / n;
	*formula = expected_traffic(&s.c.timing, n, 7);
	sim_free(&s);
}
