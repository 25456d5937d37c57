/* How threads talk: a ring of pointers with one writer and one reader, and a bell that wakes a sleeping reader.
 *
 * A ring is bounded and never blocks: ring_push says false when it is full. What is pushed becomes visible with
 * ring_flush, which also rings the reader's bell: so a batch costs one atomic store and at most one system call. What
 * a pointer points to travels with it: all that the writer wrote before ring_flush, the reader sees after ring_pop.
 *
 * A bell belongs to a reader and may be shared by all the rings (and any other atomic) that it looks at. Ringing an
 * awake reader is one atomic exchange and no system call. The reader's turn:
 *
 *	for (;;) {
 *		take all from the rings, work, flush what goes out;
 *		bell_arm(&bell);
 *		mono_ns until = ring_waiting(&a) || ring_waiting(&b) ? 0 : INT64_MAX;
 *		loop_turn(&loop, until);             // the bell is watched: bell_watch
 *		bell_disarm(&bell);
 *	}
 *
 * Why no wake-up is lost. `asleep` is changed by exchanges only (acquire and release), so all its changes stand in one
 * order and each one sees everything that happened before those ahead of it. Let R be the reader's arming, followed by
 * its look at the rings, and W a writer's ring, after its data.
 *   1. W before R: R sees W's data, because it reads from W or from an exchange behind it. The look finds the data and
 *the reader does not sleep.
 *   2. R before W: the first exchange behind R finds 1. If it is a writer's, that writer writes the eventfd and the
 *      reader wakes; if it is the reader's own disarming, it is awake and looks again at its rings before it sleeps,
 *      which is case 1 for the next arming.
 * An event of the eventfd waits for epoll_wait, so it does not matter whether the reader is in there already.
 * If the writer of case 2 is not W but an earlier one, W finds 0 and writes nothing: the reader is on its way out of
 * epoll_wait and arms again behind W, which is case 1. */
#ifndef NET_RING_H
#define NET_RING_H

#include <stdatomic.h>

#include "core/base/types.h"
#include "net/loop.h"

struct bell {
	struct watch watch; /* of the eventfd, on the reader's loop */
	_Alignas(64) atomic_uint asleep;
};

/* False, with errno, when there is no descriptor left. */
bool bell_init(struct bell *b);
/* Watches the bell on the reader's loop: being rung ends its wait, nothing else happens. */
bool bell_watch(struct bell *b, struct loop *l);
void bell_free(struct bell *b, struct loop *l); /* l: the loop it is watched on, or NULL */

void bell_arm(struct bell *b);    /* reader: about to look a last time and sleep */
void bell_disarm(struct bell *b); /* reader: awake */
void bell_ring(struct bell *b);   /* any thread, any signal handler: look again, please */

struct ring {
	void **slots;
	uint32_t mask;
	struct bell *bell;             /* of the reader; NULL: it looks by itself */
	_Alignas(64) atomic_uint tail; /* written by the writer: everything before it is visible */
	uint32_t next;                 /* writer: where the next one goes */
	uint32_t head_seen;            /* writer: head when last looked at */
	_Alignas(64) atomic_uint head; /* written by the reader: everything before it is taken */
	uint32_t tail_seen;            /* reader: tail when last looked at */
	uint32_t at;                   /* reader: what is taken next */
};

/* `size` is rounded up to a power of two. False when out of memory. */
bool ring_init(struct ring *r, uint32_t size, struct bell *reader);
void ring_free(struct ring *r);

/* Writer. False when full (then flush, and answer "busy" or try in the next turn). */
bool ring_push(struct ring *r, void *item);
uint32_t ring_space(struct ring *r); /* how many pushes will succeed at least */
/* Makes what was pushed visible and wakes the reader. False, and costs nothing, when nothing was pushed. */
bool ring_flush(struct ring *r);

/* Reader. Takes up to `max` items; returns how many. */
uint32_t ring_pop(struct ring *r, void **items, uint32_t max);
bool ring_waiting(struct ring *r); /* is there something to take? */

#endif
