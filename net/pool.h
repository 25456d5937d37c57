/* Blocks of memory that a loop lends to its streams while they hold bytes, so that an idle connection has none.
 *
 * All blocks are POOL_BLOCK bytes. At most POOL_KEPT unused ones are kept; the rest goes back to the system at once. */
#ifndef NET_POOL_H
#define NET_POOL_H

#include "core/base/types.h"

enum { POOL_BLOCK = 16384, POOL_KEPT = 32 };

struct pool {
	void *free[POOL_KEPT];
	unsigned kept;
	size_t lent; /* blocks that are out */
};

/* NULL when out of memory. */
char *pool_lend(struct pool *p);
void pool_return(struct pool *p, char *block);
void pool_free(struct pool *p);

#endif
