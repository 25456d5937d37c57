#include "tests/sim/raft_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/map.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/seeds.h"

enum { STEPS_MAX = 3000000 };

dur_ns world_some(struct world *w, dur_ns least, dur_ns most)
{
	return most <= least ? least : least + (dur_ns)rand_below(&w->rand, (uint64_t)(most - least));
}

bool world_chance(struct world *w, unsigned percent)
{
	return rand_below(&w->rand, 100) < percent;
}

uint64_t world_below(struct world *w, uint64_t n)
{
	return rand_below(&w->rand, n);
}

uint64_t hash_of(struct slice s, uint64_t seed)
{
	const uint64_t key[2] = {seed, 0x5eed};
	return hash_bytes(key, s);
}

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;
	if (!w->talk)
		return;
	va_start(ap, fmt);
	seeds_say(w->now, fmt, ap);
	va_end(ap);
}

void world_break(struct world *w, const char *fmt, ...)
{
	va_list ap;
	if (w->broken)
		return;
	w->broken = true;
	va_start(ap, fmt);
	seeds_why(w->why, sizeof w->why, w->now, fmt, ap);
	va_end(ap);
	world_say(w, "BROKEN: %s", w->why);
}

/* ---- the queue: a heap, earliest first ---- */

static bool before(const struct hap *a, const struct hap *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void world_later(struct world *w, dur_ns after, struct hap h)
{
	if (w->queue_n == w->queue_cap) {
		w->queue_cap = w->queue_cap ? w->queue_cap * 2 : 256;
		w->queue = realloc(w->queue, w->queue_cap * sizeof *w->queue);
		MUST(w->queue);
	}
	h.at = w->now + after;
	h.order = w->order++;
	size_t i = w->queue_n++;
	for (; i && before(&h, &w->queue[(i - 1) / 2]); i = (i - 1) / 2)
		w->queue[i] = w->queue[(i - 1) / 2];
	w->queue[i] = h;
}

static struct hap queue_pop(struct world *w)
{
	struct hap top = w->queue[0], last = w->queue[--w->queue_n];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < w->queue_n; i = child) {
		child += child + 1 < w->queue_n && before(&w->queue[child + 1], &w->queue[child]);
		if (!before(&w->queue[child], &last))
			break;
		w->queue[i] = w->queue[child];
	}
	w->queue[i] = last;
	return top;
}

/* ---- one thing after another ---- */

static struct node *next_timer(struct world *w, mono_ns *at)
{
	struct node *first = NULL;
	*at = INT64_MAX;
	for (int i = 0; i < w->nodes_n; i++) {
		struct node *n = &w->nodes[i];
		mono_ns next = n->up ? raft_next_tick(n->raft) : INT64_MAX;
		if (next < *at) {
			*at = next;
			first = n;
		}
	}
	return first;
}

static bool is_void(struct world *w, const struct hap *h)
{
	bool of_life = h->kind == HAP_DISK || h->kind == HAP_INSTALLED || h->kind == HAP_SNAPSHOT ||
	               h->kind == HAP_RESTORED || h->kind == HAP_KILL || h->kind == HAP_BOOT ||
	               h->kind == HAP_DIAL_FAILED;
	return of_life && h->life != w->nodes[h->node].life;
}

static void happen(struct world *w, const struct hap *h)
{
	if (is_void(w, h))
		return;
	switch (h->kind) {
	case HAP_PUMP: net_pump(w, h); break;
	case HAP_DISK: node_disk(w, h); break;
	case HAP_INSTALLED: node_installed(w, h); break;
	case HAP_SNAPSHOT: node_snapshot_done(w, h); break;
	case HAP_RESTORED: node_restored(w, h); break;
	case HAP_KILL: plan_kill(w, &w->nodes[h->node]); break;
	case HAP_BOOT:
		if (!w->nodes[h->node].up)
			node_boot(w, &w->nodes[h->node]);
		break;
	case HAP_DIAL_FAILED: net_dial_failed(w, h); break;
	case HAP_CLIENT: plan_client(w); break;
	case HAP_FAULT: plan_fault(w); break;
	case HAP_CALM: plan_calm(w); break;
	case HAP_LED: plan_led(w); break;
	case HAP_TIMEOUT: net_timeout(w, h); break;
	}
}

static bool step(struct world *w, mono_ns end)
{
	mono_ns at;
	struct node *timer = next_timer(w, &at);
	if (timer && (!w->queue_n || at < w->queue[0].at)) {
		if (at > end)
			return false;
		w->still = at <= w->now ? w->still + 1 : 0;
		if (w->still > 10000)
			world_break(w, "server %d spins", timer->number);
		w->now = at > w->now ? at : w->now;
		node_turn(w, timer);
		return true;
	}
	if (!w->queue_n || w->queue[0].at > end)
		return false;
	struct hap h = queue_pop(w);
	w->now = h.at;
	happen(w, &h);
	return true;
}

bool world_run(struct world *w, uint64_t seed, bool talk, bool brief)
{
	w->brief = brief;
	w->seed = seed;
	w->talk = talk;
	w->log.level = talk ? LOG_DEBUG : LOG_ERR + 1;
	rand_seed(&w->rand, seed);
	w->now = NS_PER_S;
	plan_begin(w);
	for (unsigned i = 0; i < STEPS_MAX && !w->broken && step(w, w->end); i++)
		;
	if (!w->broken)
		check_end(w);
	for (int i = 0; i < NODES_MAX; i++)
		node_free(&w->nodes[i]);
	net_free(w);
	free(w->queue);
	free(w->twins);
	buf_free(&w->log.lines);
	w->queue = NULL;
	w->twins = NULL;
	return !w->broken;
}
