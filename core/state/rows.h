/* A list that grows in an arena: what a read collects. Doubling, so that the copies cost no more than the rows. */
#ifndef CORE_STATE_ROWS_H
#define CORE_STATE_ROWS_H

#include "core/base/arena.h"
#include "core/base/types.h"

struct rows {
	struct arena *a;
	size_t size; /* of one */
	char *items;
	uint32_t n, cap;
};

#define ROWS(arena, type) ((struct rows){.a = (arena), .size = sizeof(type)})

/* Room for one more, cleared; NULL when the arena is full (its `failed` stays set). */
static inline void *rows_add(struct rows *r)
{
	if (r->n == r->cap) {
		uint32_t cap = r->cap ? r->cap * 2 : 4;
		char *more = arena_alloc(r->a, cap * r->size);
		if (!more)
			return NULL;
		if (r->n)
			memcpy(more, r->items, r->n * r->size);
		r->items = more;
		r->cap = cap;
	}
	return memset(r->items + r->size * r->n++, 0, r->size);
}

/* nil when nothing was added. */
static inline struct list rows_list(const struct rows *r)
{
	return (struct list){r->items, r->n};
}

/* Copies `key` in and adds it: for loops that later change the tree they found it in. */
static inline void rows_add_key(struct rows *r, struct slice key)
{
	struct slice *to = rows_add(r);
	if (to)
		*to = arena_copy(r->a, key);
}

static inline struct slice rows_key(const struct rows *r, uint32_t i)
{
	struct slice s;
	memcpy(&s, r->items + i * sizeof s, sizeof s);
	return s;
}

#endif
