/* The event loop: epoll, one thread, one turn at a time.
 *
 * The host owns the for-loop and calls loop_turn, so that it can work before and after each turn:
 *
 *	for (;;) {
 *		work that came in; flush what goes out;
 *		loop_turn(&loop, INT64_MAX);
 *	}
 *
 * A turn waits until something is ready, a timer is due or the deadline has come; reads both clocks once; calls the
 * ready watches, then the timers that are due. Everything on a loop happens on the thread that turns it; nothing here
 * is thread-safe (to wake a loop from another thread: net/ring.h, a bell).
 *
 * Watches and timers are intrusive: they lie inside their owners, and the loop never allocates for them but for the
 * heap of timers. A callback may add, change, remove or free any watch or timer, its own included: the loop forgets
 * the events of a removed watch, also those of the same turn. Readiness is level-triggered: what is not taken is
 * reported again in the next turn. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <sys/epoll.h>

#include "core/base/types.h"
#include "net/pool.h"
#include "net/timers.h"

enum { LOOP_READY_MAX = 256 };

/* A descriptor that is watched. Zero but for `fd` and `ready` before loop_add. EPOLLERR and EPOLLHUP are always
 * reported, wanted or not. */
struct watch {
	int fd;
	uint32_t events; /* what is wanted now; kept by loop_add and loop_mod */
	void (*ready)(struct watch *w, uint32_t events);
};

struct loop {
	int epoll;
	mono_ns now;  /* of this turn */
	wall_ns wall; /* of this turn */
	struct timers timers;
	struct pool pool; /* buffers lent to the streams of this loop */
	int ready_n, ready_at;
	struct epoll_event ready[LOOP_READY_MAX];
};

/* False, with errno, when the system has no epoll descriptor to give. */
bool loop_init(struct loop *l);
/* Closes epoll and returns the memory. The watches are their owners' business. */
void loop_free(struct loop *l);

/* Watches w->fd. False, with errno, when the kernel refuses (ENOSPC, ENOMEM). */
bool loop_add(struct loop *l, int fd, uint32_t events, struct watch *w);
/* Changes what is wanted; costs nothing when it is wanted already. */
void loop_mod(struct loop *l, struct watch *w, uint32_t events);
/* Forgets the watch (call it before closing the descriptor). */
void loop_del(struct loop *l, struct watch *w);

/* One turn. `deadline` is a moment on the monotonic clock: INT64_MAX waits for ever, 0 does not wait at all. Returns
 * the number of watches called. */
int loop_turn(struct loop *l, mono_ns deadline);

/* A turn in three steps, for a host that lets other threads have what belongs to the loop while it waits: they may set
 * timers meanwhile, but remove no watch. How many milliseconds to wait (-1: for ever); how many watches are ready;
 * calls them. */
int loop_patience(const struct loop *l, mono_ns deadline);
int loop_wait(struct loop *l, int ms);
int loop_serve(struct loop *l, int n);

/* Reads both clocks now (loop_turn does it by itself once a turn). */
void loop_read_clocks(struct loop *l);

/* Timers of this loop: loop_timer fires `t` at `at` (or moves it there), loop_timer_stop forgets it. */
static inline bool loop_timer(struct loop *l, struct timer *t, mono_ns at)
{
	return timers_set(&l->timers, t, at);
}
static inline void loop_timer_stop(struct loop *l, struct timer *t)
{
	timers_stop(&l->timers, t);
}

#endif
