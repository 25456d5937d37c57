#include "core/gossip/broadcast.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"

/* The shortest message there is, and how many that don't fit are looked at before a packet is called full. */
enum { SHORTEST = 12, MISSES_MAX = 32 };

static void unlink_told(struct broadcasts *q, struct told *t)
{
	struct told_list *l = &q->by_times[t->times];
	*(t->prev ? &t->prev->next : &l->first) = t->next;
	*(t->next ? &t->next->prev : &l->last) = t->prev;
	t->prev = t->next = NULL;
}

static void link_first(struct broadcasts *q, struct told *t)
{
	struct told_list *l = &q->by_times[t->times];
	t->next = l->first;
	*(l->first ? &l->first->prev : &l->last) = t;
	l->first = t;
}

/* Among the told the one that waits longest comes first: nobody starves. */
static void link_last(struct broadcasts *q, struct told *t)
{
	struct told_list *l = &q->by_times[t->times];
	t->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = t;
	l->last = t;
}

void broadcasts_init(struct broadcasts *q, uint32_t max)
{
	*q = (struct broadcasts){.max = max};
}

static void finish(struct broadcasts *q, struct told *t)
{
	if (t->owner)
		*t->owner = NULL;
	if (t->waiter && q->finished_n < BROADCAST_FINISHED_MAX)
		q->finished[q->finished_n++] = t->waiter;
	q->n--;
	free(t);
}

void broadcasts_drop(struct broadcasts *q, struct told *t)
{
	unlink_told(q, t);
	finish(q, t);
}

void broadcasts_free(struct broadcasts *q)
{
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++)
		while (q->by_times[i].first)
			broadcasts_drop(q, q->by_times[i].first);
}

uint32_t broadcasts_prune(struct broadcasts *q, uint32_t max)
{
	uint32_t dropped = 0;
	for (uint32_t i = BROADCAST_LIMIT_MAX; q->n > max && i-- > 0;)
		for (; q->n > max && q->by_times[i].last; dropped++)
			broadcasts_drop(q, q->by_times[i].last);
	return dropped;
}

void broadcasts_add(struct broadcasts *q, struct slice message, struct told **owner, uint32_t waiter)
{
	struct told *t = calloc(1, sizeof *t + message.n);
	MUST(t && message.n <= UINT16_MAX);
	if (owner && *owner)
		broadcasts_drop(q, *owner);
	if (q->n >= q->max)
		q->dropped += broadcasts_prune(q, q->max - 1);
	t->n = (uint32_t)message.n;
	t->waiter = waiter;
	t->turn = q->turn - 1;
	memcpy(t->bytes, message.p, message.n);
	t->owner = owner;
	if (owner)
		*owner = t;
	link_first(q, t);
	q->n++;
}

static bool give(struct broadcasts *q, struct told *t, struct parts *p, bool user, uint32_t limit)
{
	if (!parts_add(p, user, slice_at(t->bytes, t->n)))
		return false;
	unlink_told(q, t);
	t->turn = q->turn;
	if (++t->times >= limit)
		finish(q, t);
	else
		link_last(q, t);
	return true;
}

void broadcasts_turn(struct broadcasts *q)
{
	q->turn++;
}

void broadcasts_take(struct broadcasts *q, struct parts *p, bool user, size_t *room, uint32_t limit)
{
	if (!q->n)
		return;
	uint32_t misses = 0, most = limit < BROADCAST_LIMIT_MAX ? limit : BROADCAST_LIMIT_MAX - 1;
	/* What is told moves to the end of the next list: remember where each list ends now, or it would be met again.
	 */
	struct told *last[BROADCAST_LIMIT_MAX];
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++)
		last[i] = q->by_times[i].last;
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++) {
		struct told *end = last[i], *next;
		for (struct told *t = end ? q->by_times[i].first : NULL; t; t = next) {
			size_t cost = t->n + PACKET_PART + user;
			next = t->next;
			bool stop = t == end;
			if (*room < SHORTEST || misses > MISSES_MAX)
				return;
			if (t->turn == q->turn) {
				/* he has heard it just now */
			} else if (cost > *room) {
				misses++;
			} else {
				if (!give(q, t, p, user, most))
					return;
				*room -= cost;
			}
			if (stop)
				break;
		}
	}
}

bool broadcasts_fresh(const struct broadcasts *q, uint32_t times)
{
	for (uint32_t i = 0; i < times && i < BROADCAST_LIMIT_MAX; i++)
		if (q->by_times[i].first)
			return true;
	return false;
}

bool broadcasts_invariants(const struct broadcasts *q)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++)
		for (const struct told *t = q->by_times[i].first; t; t = t->next, n++)
			if (t->times != i || (t->owner && *t->owner != t))
				return false;
	return n == q->n && n <= q->max;
}
