#include "net/baton.h"

#include <errno.h>

#include "core/base/must.h"

enum {
	FREE,
	HELD,
	HELD_COME,   /* … and somebody came who was sent away */
	HELD_WANTED, /* … and one waits */
};

void baton_init(struct baton *b)
{
	atomic_init(&b->state, FREE);
	MUST(!sem_init(&b->handed, 0, 0));
}

void baton_free(struct baton *b)
{
	sem_destroy(&b->handed);
}

/* Goes from whatever state it is in to the one that `next` has for it; returns the former. Where both are the same it
 * still is an exchange, so that the holder sees what was done before it. */
static unsigned pass(struct baton *b, const uint8_t *next)
{
	unsigned seen = atomic_load_explicit(&b->state, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
	        &b->state, &seen, next[seen], memory_order_acq_rel, memory_order_relaxed))
		;
	return seen;
}

bool baton_try(struct baton *b)
{
	static const uint8_t next[] = {
	        [FREE] = HELD, [HELD] = HELD_COME, [HELD_COME] = HELD_COME, [HELD_WANTED] = HELD_WANTED};
	return pass(b, next) == FREE;
}

void baton_take(struct baton *b)
{
	static const uint8_t next[] = {
	        [FREE] = HELD, [HELD] = HELD_WANTED, [HELD_COME] = HELD_WANTED, [HELD_WANTED] = HELD_WANTED};
	unsigned before = pass(b, next);
	MUST(before != HELD_WANTED);
	while (before != FREE && sem_wait(&b->handed))
		MUST(errno == EINTR);
}

/* One who waits gets it as it is: held. */
bool baton_drop(struct baton *b)
{
	static const uint8_t next[] = {[HELD] = FREE, [HELD_COME] = HELD, [HELD_WANTED] = HELD};
	unsigned before = pass(b, next);
	MUST(before != FREE);
	if (before == HELD_WANTED)
		sem_post(&b->handed);
	return before != HELD_COME;
}
