#include "core/base/heap.h"

#include <stdlib.h>

#include "core/base/must.h"

/* Places count from 1: the children of i are 2i and 2i + 1. */
static struct heap_node **at(const struct heap *h, uint32_t place)
{
	return &h->nodes[place - 1];
}

static void put(struct heap *h, struct heap_node *node, uint32_t place)
{
	*at(h, place) = node;
	node->place = place;
}

static void rise(struct heap *h, struct heap_node *node)
{
	uint32_t i = node->place;
	for (; i > 1 && (*at(h, i / 2))->key > node->key; i /= 2)
		put(h, *at(h, i / 2), i);
	put(h, node, i);
}

static void sink(struct heap *h, struct heap_node *node)
{
	uint32_t i = node->place;
	for (uint32_t child; (child = 2 * i) <= h->n; i = child) {
		if (child < h->n && (*at(h, child + 1))->key < (*at(h, child))->key)
			child++;
		if ((*at(h, child))->key >= node->key)
			break;
		put(h, *at(h, child), i);
	}
	put(h, node, i);
}

static bool heap_grow(struct heap *h)
{
	if (h->n < h->cap)
		return true;
	if (h->cap > UINT32_MAX / 4)
		return false;
	uint32_t cap = h->cap ? 2 * h->cap : 16;
	struct heap_node **nodes = realloc(h->nodes, cap * sizeof *nodes);
	if (!nodes)
		return false;
	h->nodes = nodes;
	h->cap = cap;
	return true;
}

bool heap_set(struct heap *h, struct heap_node *node, int64_t key)
{
	if (!node->place) {
		if (!heap_grow(h))
			return false;
		put(h, node, ++h->n);
	}
	MUST(node->place <= h->n && *at(h, node->place) == node);
	node->key = key;
	rise(h, node);
	sink(h, node);
	return true;
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	uint32_t place = node->place;
	if (!place)
		return;
	MUST(place <= h->n && *at(h, place) == node);
	struct heap_node *last = *at(h, h->n--);
	node->place = 0;
	if (last == node)
		return;
	put(h, last, place);
	rise(h, last);
	sink(h, last);
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->n ? h->nodes[0] : NULL;
}

void heap_free(struct heap *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		h->nodes[i]->place = 0;
	free(h->nodes);
	*h = (struct heap){0};
}
