#include "net/timers.h"

bool timers_set(struct timers *all, struct timer *t, mono_ns at)
{
	return heap_set(&all->heap, &t->node, at > all->floor ? at : all->floor);
}

void timers_stop(struct timers *all, struct timer *t)
{
	heap_remove(&all->heap, &t->node);
}

mono_ns timers_next(const struct timers *all)
{
	const struct heap_node *first = heap_first(&all->heap);
	return first ? first->key : INT64_MAX;
}

void timers_run(struct timers *all, mono_ns now)
{
	all->floor = now + 1;
	struct heap_node *first;
	while ((first = heap_first(&all->heap)) && first->key <= now) {
		struct timer *t = HEAP_OWNER(first, struct timer, node);
		heap_remove(&all->heap, first);
		t->fire(t);
	}
}

void timers_free(struct timers *all)
{
	heap_free(&all->heap);
}
