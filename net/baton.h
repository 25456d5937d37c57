/* Who may do what only one thread at a time may do, when most threads that come need not do it themselves: it is enough
 * for them that whoever does it now looks once more at what they have brought.
 *
 *	put work where the holder finds it;
 *	if (baton_try(&b))
 *		do
 *			look at everything, work;
 *		while (!baton_drop(&b));
 *
 * Nothing is overlooked: either baton_try gives the baton, or baton_drop of the holder fails after it and he looks
 * again. All changes are exchanges of one atomic, so they stand in one order, and each sees all that was done before
 * those ahead of it: what was put before baton_try is seen by the look behind the baton_drop that failed. And what one
 * holder did, the next one sees.
 *
 * One thread, always the same one, may also wait for the baton (baton_take): it is the next to have it, and has to look
 * at everything, too, for those who came meanwhile were sent away. */
#ifndef NET_BATON_H
#define NET_BATON_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct baton {
	atomic_uint state;
	sem_t handed; /* to the one who waits */
};

void baton_init(struct baton *b);
void baton_free(struct baton *b);

/* Never waits. False: another thread has it and will look again. */
bool baton_try(struct baton *b);
/* Waits until it is ours. */
void baton_take(struct baton *b);
/* False: somebody came meanwhile, and it is still ours: look again. */
bool baton_drop(struct baton *b);

#endif
