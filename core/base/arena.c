#include "core/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGN = 16, BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20 };

struct arena_block {
	struct arena_block *next;
	size_t size; /* of the whole block, this header included */
};

_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "pieces start aligned");

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

/* Blocks double, so that a large request takes few of them. */
static bool arena_grow(struct arena *a, size_t need)
{
	size_t size = a->held < BLOCK_MIN ? BLOCK_MIN : a->held > BLOCK_MAX ? BLOCK_MAX : a->held;
	if (need > SIZE_MAX / 2)
		return false;
	if (size < need + sizeof(struct arena_block))
		size = need + sizeof(struct arena_block);
	if (a->limit && a->held + size > a->limit)
		return false;
	struct arena_block *b = malloc(size);
	if (!b)
		return false;
	b->next = a->blocks;
	b->size = size;
	a->blocks = b;
	a->held += size;
	a->at = (char *)(b + 1);
	a->end = (char *)b + size;
	return true;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t take = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (take < n || ((size_t)(a->end - a->at) < take && !arena_grow(a, take)) || !a->at) {
		if (n == 0 && !a->at && arena_grow(a, ALIGN))
			return a->at;
		a->failed = true;
		return NULL;
	}
	void *p = a->at;
	a->at += take;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);
	return p ? memset(p, 0, n) : NULL;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	if (!s.p)
		return s;
	char *p = arena_alloc(a, s.n + 1);
	if (!p)
		return S_NONE;
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct slice){p, s.n};
}

struct slice arena_str(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p ? (struct slice){p, (size_t)n} : S_NONE;
}

void arena_reset(struct arena *a, size_t keep)
{
	struct arena_block *kept = NULL, *b = a->blocks;
	while (b) {
		struct arena_block *next = b->next;
		if (!kept && b->size <= keep)
			kept = b;
		else
			free(b);
		b = next;
	}
	size_t limit = a->limit;
	*a = (struct arena){.limit = limit};
	if (kept) {
		kept->next = NULL;
		a->blocks = kept;
		a->held = kept->size;
		a->at = (char *)(kept + 1);
		a->end = (char *)kept + kept->size;
	}
}

void arena_free(struct arena *a)
{
	arena_reset(a, 0);
}
