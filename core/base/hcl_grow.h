/* Arrays that grow within an arena, for the builders of HCL trees. */
#ifndef BASE_HCL_GROW_H
#define BASE_HCL_GROW_H

#include "core/base/arena.h"

/* Room for item number `n` of an array whose room doubles: `items` itself, a larger copy, or NULL when the arena is
 * full. */
static inline void *hcl_grow(struct arena *a, void *items, uint32_t n, size_t size)
{
	if (n & (n - 1))
		return items;
	void *bigger = arena_alloc(a, (n ? 2 * n : 1) * size);
	if (bigger && n)
		memcpy(bigger, items, n * size);
	return bigger;
}

#endif
