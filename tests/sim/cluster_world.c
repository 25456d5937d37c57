#include "tests/sim/cluster_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "tests/sim/seeds.h"

#define SETTLES_WITHIN (5 * NS_PER_S)
enum { STILL_MAX = 20000, STEPS_MAX = 2000000 };

/* ---- chance and words ---- */

dur_ns cluster_some(struct cluster *c, dur_ns least, dur_ns most)
{
	return most <= least ? least : least + (dur_ns)rand_below(&c->rand, (uint64_t)(most - least) + 1);
}

uint64_t cluster_below(struct cluster *c, uint64_t n)
{
	return rand_below(&c->rand, n);
}

bool cluster_chance(struct cluster *c, unsigned percent)
{
	return rand_below(&c->rand, 100) < percent;
}

void cluster_say(struct cluster *c, const char *fmt, ...)
{
	va_list ap;
	if (!c->talk)
		return;
	va_start(ap, fmt);
	seeds_say(c->now, fmt, ap);
	va_end(ap);
}

void cluster_wrong(struct cluster *c, const char *fmt, ...)
{
	va_list ap;
	if (cluster_over(c))
		return;
	va_start(ap, fmt);
	seeds_why(c->report->wrong, sizeof c->report->wrong, c->now, fmt, ap);
	va_end(ap);
	cluster_say(c, "WRONG: %s", c->report->wrong);
	for (unsigned i = 0; c->talk && i < c->hosts_n; i++)
		host_show(c, &c->hosts[i]);
}

bool cluster_over(const struct cluster *c)
{
	return c->report->wrong[0];
}

/* ---- what is to happen ---- */

struct hap *cluster_later(struct cluster *c, dur_ns after, void (*fire)(struct cluster *, struct hap *), struct host *h)
{
	struct hap *e = calloc(1, sizeof *e);
	MUST(e);
	e->fire = fire;
	e->host = h;
	e->life = h ? h->life : 0;
	MUST(heap_set(&c->queue, &e->timer, c->now + after));
	return e;
}

static void hap_free(struct hap *e)
{
	buf_free(&e->bytes);
	buf_free(&e->state);
	free(e);
}

static void happen(struct cluster *c, struct hap *e)
{
	struct host *h = e->host;
	heap_remove(&c->queue, &e->timer);
	if (h && e->life == h->life && h->paused > c->now) { /* it waits at the door */
		MUST(heap_set(&c->queue, &e->timer, h->paused));
		return;
	}
	if (!h || e->life == h->life)
		e->fire(c, e);
	if (!e->timer.place) /* not put off */
		hap_free(e);
}

/* Those whose time has come, in their order; each as often as there is something for it. */
static void hosts_turn(struct cluster *c)
{
	for (unsigned i = 0; i < c->hosts_n && !cluster_over(c); i++) {
		struct host *h = &c->hosts[i];
		if (h->up && h->paused <= c->now && (h->stepped || host_next(h) <= c->now))
			host_turn(c, h);
	}
}

static mono_ns next_of_all(const struct cluster *c, mono_ns end)
{
	const struct heap_node *first = heap_first(&c->queue);
	mono_ns next = first && first->key < end ? first->key : end;
	for (unsigned i = 0; i < c->hosts_n; i++) {
		const struct host *h = &c->hosts[i];
		mono_ns at = h->up ? host_next(h) : INT64_MAX;
		at = at < h->paused ? h->paused : at;
		next = at < next ? at : next;
	}
	return next;
}

void cluster_until(struct cluster *c, mono_ns end)
{
	unsigned still = 0; /* turns in which no time passes */
	while (c->now < end && !cluster_over(c)) {
		mono_ns before = c->now, next = next_of_all(c, end);
		c->now = next > before ? next : before;
		struct heap_node *first;
		while ((first = heap_first(&c->queue)) && first->key <= c->now && !cluster_over(c))
			happen(c, HEAP_OWNER(first, struct hap, timer));
		hosts_turn(c);
		still = c->now == before ? still + 1 : 0;
		if (still > STILL_MAX || ++c->steps > STEPS_MAX)
			cluster_wrong(c, "it goes round in circles");
	}
}

/* ---- one run ---- */

static void troubles(struct cluster *c, mono_ns end)
{
	while (c->now < end && !cluster_over(c)) {
		cluster_until(c, c->now + cluster_some(c, c->fault_pause / 8, c->fault_pause));
		if (!cluster_over(c))
			plan_fault(c);
	}
}

/* Nobody asks any more: everybody has applied all of it, and has answered. */
static bool settled(const struct cluster *c)
{
	for (unsigned i = 0; i < c->hosts_n; i++) {
		const struct host *h = &c->hosts[i];
		if (h->up && h->server && h->world.applied < c->dc[h->dc].truth.n)
			return false;
		for (const struct asked *a = h->asked; a; a = a->next)
			if (a->message)
				return false;
	}
	return true;
}

static void heal(struct cluster *c)
{
	mono_ns most = c->now + plan_calm(c);
	while (c->now < most && !cluster_over(c) && !plan_healed(c))
		cluster_until(c, c->now + 250 * NS_PER_MS);
	if (!cluster_over(c) && !plan_healed(c))
		cluster_wrong(c, "in all the time of calm it does not heal");
	c->quiet = true;
	mono_ns end = c->now + SETTLES_WITHIN;
	do
		cluster_until(c, c->now + 500 * NS_PER_MS);
	while (c->now < end && !cluster_over(c) && !settled(c));
	for (unsigned i = 0; i < c->dcs && !cluster_over(c); i++)
		truth_same(c, &c->dc[i]);
	for (unsigned i = 0; i < c->hosts_n && !cluster_over(c); i++)
		asked_settled(c, &c->hosts[i]);
	if (!cluster_over(c))
		end_look(c);
}

void cluster_end(struct cluster *c)
{
	for (unsigned i = 0; i < c->hosts_n; i++)
		host_free(c, &c->hosts[i]);
	wire_free(c);
	chat_free(c);
	for (struct heap_node *first; (first = heap_first(&c->queue));) {
		struct hap *e = HEAP_OWNER(first, struct hap, timer);
		heap_remove(&c->queue, &e->timer);
		hap_free(e);
	}
	heap_free(&c->queue);
	for (unsigned i = 0; i < c->dcs; i++)
		truth_free(&c->dc[i].truth);
	free(c->ops);
	free(c);
}

struct cluster *cluster_new(uint64_t seed, bool talk, struct cluster_report *report)
{
	struct cluster *c = calloc(1, sizeof *c);
	MUST(c);
	*report = (struct cluster_report){0};
	c->seed = seed;
	c->talk = talk;
	c->report = report;
	c->now = NS_PER_S;
	rand_seed(&c->rand, seed);
	return c;
}

void cluster_run(uint64_t seed, bool talk, struct cluster_report *out)
{
	struct cluster *c = cluster_new(seed, talk, out);
	plan_shape(c);
	plan_begin(c);
	client_begin(c);
	cluster_until(c, c->now + 3 * NS_PER_S);
	troubles(c, c->now + cluster_some(c, 4 * NS_PER_S, 12 * NS_PER_S));
	if (!cluster_over(c))
		heal(c);
	if (!cluster_over(c) && !out->writes)
		cluster_wrong(c, "nothing was ever written");
	cluster_end(c);
}
