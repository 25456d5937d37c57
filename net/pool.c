#include "net/pool.h"

#include <stdlib.h>

#include "core/base/must.h"

char *pool_lend(struct pool *p)
{
	char *block = p->kept ? p->free[--p->kept] : malloc(POOL_BLOCK);
	p->lent += block != NULL;
	return block;
}

void pool_return(struct pool *p, char *block)
{
	MUST(p->lent > 0);
	p->lent--;
	if (p->kept < POOL_KEPT)
		p->free[p->kept++] = block;
	else
		free(block);
}

void pool_free(struct pool *p)
{
	while (p->kept)
		free(p->free[--p->kept]);
}
