/* Memory of one request: allocations that all die together.
 *
 * An arena hands out aligned pieces of blocks and gives everything back at once. It never frees a single piece. Not
 * thread-safe: one owner at a time (it may travel inside a message). Returns NULL when memory or its limit is
 * exhausted; then `failed` stays set until the next reset, so a caller may check once at the end. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "core/base/types.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	char *at, *end;             /* the free part of the newest block */
	size_t held;                /* bytes taken from the system */
	size_t limit;               /* most bytes to take; 0: no limit */
	bool failed;
};

/* An all-zero arena is ready for use. `limit` as above. */
void arena_init(struct arena *a, size_t limit);

/* `n` bytes aligned to 16, not cleared; NULL when full. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n); /* … cleared */

/* Copies. arena_str adds a NUL behind the copy (not counted in n). nil stays nil. */
struct slice arena_copy(struct arena *a, struct slice s);
struct slice arena_str(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets everything; keeps one block of at most `keep` bytes for the next request. */
void arena_reset(struct arena *a, size_t keep);
void arena_free(struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_zalloc((a), sizeof(type) * (n)))

#endif
