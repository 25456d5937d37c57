/* Maps as sorted lists (declared in schema.h). */
#include "core/base/schema.h"
#include "core/base/slice.h"

static int key_cmp(const char *a, const char *b)
{
	struct slice x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return slice_cmp(x, y);
}

/* Merges two sorted runs; of equal keys the one from the left stays in front. */
static void merge(char *to, const char *left, const char *middle, const char *right, size_t stride)
{
	const char *l = left, *r = middle;
	for (; l < middle && r < right; to += stride) {
		const char **from = key_cmp(l, r) <= 0 ? &l : &r;
		memcpy(to, *from, stride);
		*from += stride;
	}
	memcpy(to, l, (size_t)(middle - l));
	memcpy(to + (middle - l), r, (size_t)(right - r));
}

static void sort_runs(char *items, char *spare, size_t n, size_t stride)
{
	char *from = items, *to = spare;
	for (size_t run = 1; run < n; run *= 2) {
		for (size_t at = 0; at < n; at += 2 * run) {
			size_t middle = at + run < n ? at + run : n, end = at + 2 * run < n ? at + 2 * run : n;
			merge(to + at * stride, from + at * stride, from + middle * stride, from + end * stride,
			        stride);
		}
		char *swap = from;
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, n * stride);
}

static void drop_older(struct list *map, size_t stride)
{
	char *items = map->items;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < map->n; i++) {
		if (kept && !key_cmp(items + (kept - 1) * stride, items + i * stride))
			kept--;
		if (kept != i)
			memmove(items + kept * stride, items + i * stride, stride);
		kept++;
	}
	map->n = kept;
}

bool schema_map_sort(struct list *map, size_t stride, struct arena *a)
{
	char *items = map->items;
	uint32_t i = 1;
	while (i < map->n && key_cmp(items + (i - 1) * stride, items + i * stride) < 0)
		i++;
	if (i >= map->n)
		return true;
	char *spare = arena_alloc(a, map->n * stride);
	if (!spare)
		return false;
	sort_runs(items, spare, map->n, stride);
	drop_older(map, stride);
	return true;
}
