/* Timers: smallest deadline first, as an intrusive binary heap. The node lies inside its owner and knows its place, so
 * moving and removing are O(log n). Grows by itself. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "core/base/types.h"

struct heap_node {
	int64_t key;    /* deadline */
	uint32_t place; /* 1-based position in the heap; 0: not in it */
};

struct heap {
	struct heap_node **nodes;
	uint32_t n, cap;
};

/* Inserts, or moves one that is in already. False when out of memory. */
bool heap_set(struct heap *h, struct heap_node *node, int64_t key);
void heap_remove(struct heap *h, struct heap_node *node); /* nothing if not in it */
struct heap_node *heap_first(const struct heap *h);       /* NULL when empty */
void heap_free(struct heap *h);

#define HEAP_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
