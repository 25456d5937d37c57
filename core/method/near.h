/* Sorting answers by distance from a node (?near=), as Vivaldi's coordinates estimate it (agent/consul/rtt.go). */
#ifndef CORE_METHOD_NEAR_H
#define CORE_METHOD_NEAR_H

#include "core/method/requests.h"

/* Sorts `l`, items of `stride` bytes whose node name (struct slice) stands `name_at` bytes into what `indirect` says:
 * the item itself, or the first pointer in it. Nodes without a coordinate come last, otherwise the order is kept. Does
 * nothing when the source names no node, another datacenter, or one without a coordinate. */
enum near_item { NEAR_IN_ITEM, NEAR_IN_POINTER };
void near_sort(struct call *c, const struct query_source *source, struct list *l, size_t stride, size_t name_at,
        enum near_item where);

/* Estimated round trip in seconds. */
double coordinate_distance(const struct coordinate *a, const struct coordinate *b);

#endif
