#include "core/method/near.h"

#include <math.h>
#include <stdlib.h>

#include "core/agent/config.h"
#include "core/base/slice.h"
#include "core/state/coordinates.h"

double coordinate_distance(const struct coordinate *a, const struct coordinate *b)
{
	const double *x = a->vec.items, *y = b->vec.items;
	if (a->vec.n != b->vec.n)
		return INFINITY;
	double sum = 0;
	for (uint32_t i = 0; i < a->vec.n; i++)
		sum += (x[i] - y[i]) * (x[i] - y[i]);
	double raw = sqrt(sum) + a->height + b->height;
	double adjusted = raw + a->adjustment + b->adjustment;
	return adjusted > 0 ? adjusted : raw;
}

static const struct coordinate *of_node(struct call *c, struct slice node)
{
	struct list entries = {0};
	coordinates_of_node(c->world->db, NULL, node, c->arena, &entries);
	const struct coordinate_entry *e = entries.items;
	return entries.n ? e->coord : NULL;
}

struct ranked {
	double distance;
	uint32_t at;
};

static int by_distance(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static struct slice name_of(const char *item, size_t name_at, enum near_item where)
{
	const char *base = item;
	if (where == NEAR_IN_POINTER)
		memcpy(&base, item, sizeof base);
	struct slice name;
	memcpy(&name, base + name_at, sizeof name);
	return name;
}

void near_sort(struct call *c, const struct query_source *source, struct list *l, size_t stride, size_t name_at,
        enum near_item where)
{
	if (!source->node.n || l->n < 2 || !slice_eq(source->datacenter, c->world->config->datacenter))
		return;
	const struct coordinate *from = of_node(c, source->node);
	struct ranked *ranks = from ? ARENA_ARRAY(c->arena, struct ranked, l->n) : NULL;
	char *sorted = ranks ? arena_alloc(c->arena, l->n * stride) : NULL;
	if (!sorted)
		return;
	const char *items = l->items;
	for (uint32_t i = 0; i < l->n; i++) {
		const struct coordinate *to = of_node(c, name_of(items + i * stride, name_at, where));
		ranks[i] = (struct ranked){to ? coordinate_distance(from, to) : INFINITY, i};
	}
	qsort(ranks, l->n, sizeof *ranks, by_distance);
	for (uint32_t i = 0; i < l->n; i++)
		memcpy(sorted + i * stride, items + ranks[i].at * stride, stride);
	l->items = sorted;
}
