/* Bytes placed flush against an inaccessible page: one byte too far and the test dies. */
#ifndef TESTS_NET_GUARD_H
#define TESTS_NET_GUARD_H

#include <sys/mman.h>
#include <unistd.h>

#include "core/base/types.h"

struct guard {
	char *memory;
	size_t size;
};

/* Room for `n` bytes that end at the page. */
static inline struct guard guard_new(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (n + page - 1) / page * page;
	char *p = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(p + size, page, PROT_NONE);
	return (struct guard){p, size};
}

static inline char *guard_put(struct guard *g, struct slice s)
{
	char *at = g->memory + g->size - s.n;
	if (s.n)
		memcpy(at, s.p, s.n);
	return at;
}

static inline void guard_free(struct guard *g)
{
	munmap(g->memory, g->size + (size_t)sysconf(_SC_PAGESIZE));
}

#endif
