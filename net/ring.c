#include "net/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/must.h"

/* That the loop turns is all. The eventfd is never read: watched by its edges, each write is one event. */
static void bell_ready(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
}

bool bell_init(struct bell *b)
{
	b->watch = (struct watch){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .ready = bell_ready};
	atomic_init(&b->asleep, 0);
	return b->watch.fd >= 0;
}

bool bell_watch(struct bell *b, struct loop *l)
{
	return loop_add(l, b->watch.fd, EPOLLIN | EPOLLET, &b->watch);
}

void bell_free(struct bell *b, struct loop *l)
{
	if (l)
		loop_del(l, &b->watch);
	close(b->watch.fd);
	b->watch.fd = -1;
}

void bell_arm(struct bell *b)
{
	atomic_exchange_explicit(&b->asleep, 1, memory_order_acq_rel);
}

void bell_disarm(struct bell *b)
{
	atomic_exchange_explicit(&b->asleep, 0, memory_order_acq_rel);
}

void bell_ring(struct bell *b)
{
	if (!atomic_exchange_explicit(&b->asleep, 0, memory_order_acq_rel))
		return;
	int before = errno; /* a signal handler may be here */
	ssize_t n = write(b->watch.fd, &(uint64_t){1}, sizeof(uint64_t));
	(void)n; /* fails only after 2^64 rings */
	errno = before;
}

bool ring_init(struct ring *r, uint32_t size, struct bell *reader)
{
	MUST(size > 0 && size <= 1U << 30);
	uint32_t n = 1;
	while (n < size)
		n *= 2;
	memset(r, 0, sizeof *r);
	r->slots = calloc(n, sizeof *r->slots);
	r->mask = n - 1;
	r->bell = reader;
	return r->slots != NULL;
}

void ring_free(struct ring *r)
{
	free(r->slots);
	r->slots = NULL;
}

uint32_t ring_space(struct ring *r)
{
	uint32_t used = r->next - r->head_seen;
	if (used > r->mask) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		used = r->next - r->head_seen;
	}
	return r->mask + 1 - used;
}

bool ring_push(struct ring *r, void *item)
{
	if (!ring_space(r))
		return false;
	r->slots[r->next++ & r->mask] = item;
	return true;
}

bool ring_flush(struct ring *r)
{
	if (r->next == atomic_load_explicit(&r->tail, memory_order_relaxed))
		return false;
	atomic_store_explicit(&r->tail, r->next, memory_order_release);
	if (r->bell)
		bell_ring(r->bell);
	return true;
}

bool ring_waiting(struct ring *r)
{
	if (r->at == r->tail_seen)
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return r->at != r->tail_seen;
}

uint32_t ring_pop(struct ring *r, void **items, uint32_t max)
{
	if (!ring_waiting(r))
		return 0;
	uint32_t n = r->tail_seen - r->at;
	if (n > max)
		n = max;
	for (uint32_t i = 0; i < n; i++)
		items[i] = r->slots[(r->at + i) & r->mask];
	r->at += n;
	atomic_store_explicit(&r->head, r->at, memory_order_release);
	return n;
}
