/* What must hold of any pool in usual weather: the numbers are those of core/gossip/README.md. */
#include <stdio.h>

#include "core/base/slice.h"
#include "tests/sim/gossip_scenarios.h"

/* 7: after any join, all who live see the same. */
bool sim_converge(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	dur_ns took = sim_form(&s, n);
	bool ok = took >= 0 || scenario_say(why, why_n, "7: %u members have not converged in two minutes", n);
	return scenario_finish(&s, ok, why, why_n);
}

/* 8: a dead member is known everywhere in time. */
bool sim_death(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	for (unsigned i = 0; ok && i < 1 + n / 20; i++) {
		uint32_t victim = (uint32_t)rand_below(&s.rand, n);
		if (s.nodes[victim].g)
			sim_stop(&s, victim);
	}
	dur_ns bound = scenario_death_bound(&s), took = ok ? sim_until(&s, bound, sim_converged) : 0;
	ok = ok && (took >= 0 || scenario_say(why, why_n, "8: a death is not known everywhere after %.1f s",
	                                 (double)bound / 1e9));
	return scenario_finish(&s, ok, why, why_n);
}

/* 9: loss and slow members, in half of the seeds asleep for up to twenty seconds at a time, kill nobody who is well. */
bool sim_slow(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	s.sleep_max = (seed / 2 % 2 ? 20 : 5) * NS_PER_S;
	for (uint32_t i = 0; i < 10 && i < n / 3; i++)
		s.nodes[i].slow = true;
	sim_run(&s, 120 * NS_PER_S);
	if (ok && s.false_deaths)
		ok = scenario_say(why, why_n, "9: %llu reports of death about members who were well",
		        (unsigned long long)s.false_deaths);
	return scenario_finish(&s, ok, why, why_n);
}

/* 10: two halves, also deaf to each other in one direction only, become one again. */
bool sim_partition(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	s.c.timing.reconnect_interval = 5 * NS_PER_S;
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	for (uint32_t i = 0; i < n; i++)
		s.nodes[i].group = (unsigned)rand_below(&s.rand, 2);
	s.parted = true;
	s.one_way = seed % 2;
	sim_run(&s, 90 * NS_PER_S);
	s.parted = false;
	ok = ok && (sim_until(&s, 300 * NS_PER_S, sim_converged) >= 0 ||
	                   scenario_say(why, why_n, "10: the halves have not found each other in five minutes"));
	return scenario_finish(&s, ok, why, why_n);
}

/* 11: who starts again at once, at the same place, is alive everywhere soon. */
bool sim_restart(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	for (unsigned i = 0; ok && i < 5; i++) {
		uint32_t who = 1 + (uint32_t)rand_below(&s.rand, n - 1);
		sim_stop(&s, who);
		sim_run(&s, (dur_ns)rand_below(&s.rand, 40 * NS_PER_S));
		sim_start(&s, who);
		sim_join(&s, who, 0);
		ok = sim_until(&s, 10 * NS_PER_S, sim_converged) >= 0 ||
		     scenario_say(why, why_n, "11: a restarted member is not alive everywhere after 10 s");
	}
	return scenario_finish(&s, ok, why, why_n);
}

static bool newest_seen(struct sim *s)
{
	for (uint32_t a = 0; a < s->n; a++)
		if (s->nodes[a].g && !sim_sees(s, a, s->n - 1))
			return false;
	return sim_sees(s, s->n - 1, 0);
}

/* Who comes with the id of one who is well may not join. */
static bool twin_refused(struct sim *s)
{
	uint32_t twin = sim_add(s, "twin", s->nodes[1].id);
	sim_start(s, twin);
	sim_join(s, twin, 0);
	sim_run(s, 12 * NS_PER_S); /* a lost packet is sent again */
	return s->nodes[twin].done_tag == 1 && s->nodes[twin].done_err &&
	       strstr(s->nodes[twin].done_text, "conflicting node ID");
}

/* 12: a container made anew under the same name, with another address and id, is alive everywhere in three seconds,
 * whether its forerunner was known to be dead, had left, or was killed just now. In half of the seeds it comes with the
 * same id under another name, and its own join has to work; while the holder of an id lives nobody else gets it. */
bool sim_containers(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	s.c.loss = 0.01;
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	uint32_t last = n - 1;
	bool by_ids = seed / 2 % 2;
	for (unsigned i = 0; ok && i < (n < 8 ? 50 : 8); i++) {
		char name[SIM_NAME_MAX], id[SIM_NAME_MAX];
		if (by_ids) { /* the same id under another name, as with a kept data directory */
			snprintf(id, sizeof id, "%s", s.nodes[last].id);
			snprintf(name, sizeof name, "name-%u", i);
		} else {
			snprintf(id, sizeof id, "id-%u", i);
			snprintf(name, sizeof name, "%s", s.nodes[last].name);
		}
		if (i % 3 == 1) {
			struct gossip_event ev = {.kind = GE_LEAVE, .tag = 9};
			sim_event(&s, last, &ev);
			sim_run(&s, 3 * NS_PER_S);
		}
		sim_stop(&s, last);
		if (i % 3 == 2)
			sim_run(&s, 60 * NS_PER_S);
		last = sim_add(&s, name, id);
		sim_start(&s, last);
		sim_join(&s, last, 0);
		dur_ns took = sim_until(&s, 20 * NS_PER_S, newest_seen);
		if (took < 0 || took > 3 * NS_PER_S)
			ok = scenario_say(why, why_n, "12: recreation %u is not alive everywhere after 3 s (%.1f s)", i,
			        (double)took / 1e9);
		sim_run(&s, 2 * NS_PER_S);
		if (ok && !newest_seen(&s))
			ok = scenario_say(why, why_n, "12: recreation %u was alive and is not any more", i);
	}
	if (ok && by_ids && !twin_refused(&s))
		ok = scenario_say(why, why_n, "12: two who live share an id");
	return scenario_finish(&s, ok, why, why_n);
}

static bool others_know_left(struct sim *s)
{
	struct gossip_member m;
	uint32_t *who = s->owner;
	for (uint32_t i = 0; i < s->n; i++)
		if (i != *who &&
		        (!gossip_find(s->nodes[i].g, slice_of(s->nodes[*who].name), &m) || m.status != GOSSIP_LEFT))
			return false;
	return true;
}

/* 13: who says goodbye has left, for everybody. (Where the goodbye comes after the death it was a failure for a moment,
 * as with Serf.) */
bool sim_leave(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	uint32_t who = 1;
	scenario_begin(&s, seed);
	s.owner = &who;
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
	struct gossip_event ev = {.kind = GE_LEAVE, .tag = 77};
	if (ok)
		sim_event(&s, who, &ev);
	sim_run(&s, 10 * NS_PER_S);
	if (ok && (s.nodes[who].done_tag != 77 || s.nodes[who].done_err))
		ok = scenario_say(why, why_n, "13: leaving did not end: %s", s.nodes[who].done_text);
	ok = ok && (sim_until(&s, 60 * NS_PER_S, others_know_left) >= 0 ||
	                   scenario_say(why, why_n, "13: some don't know that it left"));
	return scenario_finish(&s, ok, why, why_n);
}

static bool all_heard(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->nodes[i].events < 20)
			return false;
	return true;
}

/* 14: every event reaches everybody, once. 15: a key operation reaches everybody. */
bool sim_events(uint64_t seed, uint32_t n, char *why, size_t why_n)
{
	struct sim s;
	scenario_begin(&s, seed);
	s.c.encrypted = true;
	bool ok = sim_form(&s, n) >= 0 || scenario_say(why, why_n, "7: no pool");
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
	ok = ok && (sim_until(&s, 60 * NS_PER_S, all_heard) >= 0 || scenario_say(why, why_n, "14: an event got lost"));
	for (uint32_t i = 0; ok && i < n; i++)
		if (s.nodes[i].events != 20)
			ok = scenario_say(why, why_n, "14: an event was delivered twice");
	struct gossip_event ev = {.kind = GE_KEY, .tag = 3};
	ev.key.operation = KEY_INSTALL;
	ev.key.key = S("fedcba9876543210");
	ev.key.relay = 2;
	if (ok)
		sim_event(&s, 0, &ev);
	sim_run(&s, 12 * NS_PER_S);
	const struct sim_node *asker = &s.nodes[0];
	if (ok && (asker->done_tag != 3 || asker->keys.nodes != n || asker->keys.errors || asker->keys.answers + 1 < n))
		ok = scenario_say(why, why_n, "15: install-key: %u of %u answered, %u errors: %s", asker->keys.answers,
		        asker->keys.nodes, asker->keys.errors, asker->done_text);
	ev = (struct gossip_event){.kind = GE_KEY, .tag = 4};
	ev.key.operation = KEY_LIST;
	ev.key.relay = 2;
	if (ok)
		sim_event(&s, 0, &ev);
	sim_run(&s, 12 * NS_PER_S);
	if (ok && (asker->done_tag != 4 || asker->keys.key_n != 2 || asker->key_fewest + 1 < n))
		ok = scenario_say(why, why_n, "15: list-keys: %u keys, the rarest with %u of %u", asker->keys.key_n,
		        asker->key_fewest, n);
	return scenario_finish(&s, ok, why, why_n);
}
