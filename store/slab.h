/* Memory of the store: small pieces by size class out of pages of one class, large ones from the system.
 *
 * A page is SLAB_PAGE bytes and holds pieces of one size; pages are cut from mappings that nobody has touched yet, so
 * an idle store costs a few of the machine's pages, however large the mapping. A page that empties serves any other
 * class, and its memory goes back to the system when there are many of them.
 *
 * `slab_alloc` may fail; `slab_alloc_must` may not: it may take from a reserve of pages that slab_alloc leaves alone,
 * so that removing still works when memory has run out (see slab_reserve for how far that carries).
 *
 * Thread: the writer's only. Pieces are aligned to 8 and not cleared. */
#ifndef STORE_SLAB_H
#define STORE_SLAB_H

#include "core/base/types.h"

enum {
	SLAB_PAGE = 32 << 10,
	SLAB_SMALL_MAX = 4096,  /* larger pieces come from malloc */
	SLAB_RESERVE_PAGES = 52 /* more than there are sizes of inner nodes: a page for each */
};

struct slab;

struct slab *slab_new(void);        /* NULL: no memory */
void slab_free_all(struct slab *s); /* with every piece still out */

void *slab_alloc(struct slab *s, size_t n);
void *slab_alloc_must(struct slab *s, size_t n);
void slab_free(struct slab *s, void *p, size_t n); /* n as it was asked for */

/* Fills the reserve up to SLAB_RESERVE_PAGES and one more page for each 40 levels of depth. False: no memory. With a
 * full reserve at least forty nodes of every size can be had whatever the system says. */
bool slab_reserve(struct slab *s, size_t depth);

/* An array of malloc that is counted with the rest; NULL: no memory, the old one is still good. new_n 0 frees. */
void *slab_array(struct slab *s, void *p, size_t old_n, size_t new_n);

size_t slab_held(const struct slab *s); /* bytes the system lent us, pages never touched left out */
size_t slab_used(const struct slab *s); /* of these, in pieces that are out (as rounded) */

/* For tests: lets `skip` allocations pass, then `count` fail (slab_alloc_must goes to the reserve then). */
void slab_fail(struct slab *s, long skip, long count);

#endif
