/* Deadlines of a loop, on core/base/heap.h.
 *
 * A timer lies inside its owner (zero but for `fire` before its first use), fires once and is then at rest. Inside
 * `fire` it may be set again, and its owner may be freed. */
#ifndef NET_TIMERS_H
#define NET_TIMERS_H

#include "core/base/heap.h"
#include "core/base/types.h"

struct timer {
	struct heap_node node;
	void (*fire)(struct timer *t);
};

struct timers {
	struct heap heap;
	mono_ns floor; /* nothing is set earlier than this: just behind the last run */
};

/* Fires at `at`; moves it when it is set already. False when out of memory. */
bool timers_set(struct timers *all, struct timer *t, mono_ns at);
/* Nothing when it is at rest. */
void timers_stop(struct timers *all, struct timer *t);
static inline bool timer_is_set(const struct timer *t)
{
	return t->node.place != 0;
}

/* The next deadline; INT64_MAX when there is none. */
mono_ns timers_next(const struct timers *all);
/* Fires all that are due at `now`, earliest first. One that is set again for `now` or earlier waits for the next
 * call: no timer can hold the loop. */
void timers_run(struct timers *all, mono_ns now);
void timers_free(struct timers *all);

#endif
