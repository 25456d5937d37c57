/* When is an old version free? See epoch.h.
 *
 * The claim: let the writer make a new world reachable, then advance, ending epoch E. If a later scan of the slots
 * finds each either outside (0) or holding more than E, then no reader holds the old world, nor will one.
 *
 * Proof, in the terms of C11. All operations on `now` and all entries into slots are sequentially consistent and lie in
 * one total order: A the advance from E to E+1, C the scan's load of a reader's slot, A before C. A reader's entry
 * stores g into its slot (S) and then loads `now` (L), S before L; only then it picks up a world. Take any entry.
 *  1. L sees E+1 or more: it reads from A or from a later advance, so the store of the new world, which precedes A
 *     in the writer's thread, happens before the reader's picking up: it gets the new world or a newer one.
 *  2. L sees at most E: L is before A in the total order, so S < L < A < C, and C sees S or something the same slot was
 *     given later. S's own value is g <= E, and the scan said otherwise; so it saw a later leave, or a later entry,
 * which comes after a leave. What the reader did before that leave happens before the scan: it has let go of the old
 * world. An entry that the scan misses because S comes after C falls under 1, for L comes after A. */
#include "store/epoch.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/must.h"

enum { CACHE_LINE = 64 };

struct slot {
	_Alignas(CACHE_LINE) _Atomic uint64_t entered; /* 0: outside */
};

struct epoch {
	_Alignas(CACHE_LINE) _Atomic uint64_t now;
	int readers;
	struct slot slots[EPOCH_READERS_MAX];
};

struct epoch *epoch_new(void)
{
	struct epoch *e = aligned_alloc(CACHE_LINE, sizeof *e);
	if (!e)
		return NULL;
	atomic_init(&e->now, 1);
	e->readers = 0;
	for (int i = 0; i < EPOCH_READERS_MAX; i++)
		atomic_init(&e->slots[i].entered, 0);
	return e;
}

void epoch_free(struct epoch *e)
{
	free(e);
}

int epoch_reader_add(struct epoch *e)
{
	return e->readers < EPOCH_READERS_MAX ? e->readers++ : -1;
}

void epoch_enter(struct epoch *e, int reader)
{
	MUST(reader >= 0 && reader < e->readers);
	_Atomic uint64_t *slot = &e->slots[reader].entered;
	uint64_t now = atomic_load(&e->now), seen;
	/* The second look is the L of the proof. Entering again when it differs is a courtesy: it holds back less. */
	for (;;) {
		atomic_store(slot, now);
		seen = atomic_load(&e->now);
		if (seen == now)
			return;
		now = seen;
	}
}

void epoch_leave(struct epoch *e, int reader)
{
	atomic_store_explicit(&e->slots[reader].entered, 0, memory_order_release);
}

uint64_t epoch_advance(struct epoch *e)
{
	return atomic_fetch_add(&e->now, 1);
}

uint64_t epoch_now(const struct epoch *e)
{
	return atomic_load_explicit(&e->now, memory_order_relaxed);
}

uint64_t epoch_safe(const struct epoch *e)
{
	uint64_t first = epoch_now(e);
	for (int i = 0; i < e->readers; i++) {
		uint64_t entered = atomic_load(&e->slots[i].entered);
		if (entered && entered < first)
			first = entered;
	}
	return first - 1;
}
