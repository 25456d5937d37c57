#include "core/gossip/broadcast.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/peer.h"
#include "core/gossip/swim.h"

/* The shortest message there is, and how many that don't fit are looked at before a packet is called full. */
enum { SHORTEST = 12, MISSES_MAX = 4 };

struct loose {
	struct told told; /* a vacant slot: next is the next vacant one */
	uint32_t waiter;
	uint32_t *owner; /* or NULL */
	char *bytes;
	size_t n;
};

/* ---- messages by number ---- */

static struct loose *loose_at(const struct broadcasts *q, uint32_t number)
{
	return &q->loose[number - BROADCAST_LOOSE];
}

static struct told *told_at(const struct broadcasts *q, uint32_t number)
{
	if (number >= BROADCAST_LOOSE)
		return &loose_at(q, number)->told;
	return (void *)((char *)roster_at(&q->pool->roster, number) + q->member_told);
}

static struct slice message_at(const struct broadcasts *q, uint32_t number)
{
	if (number < BROADCAST_LOOSE)
		return q->word(q->pool, roster_at(&q->pool->roster, number));
	const struct loose *l = loose_at(q, number);
	return slice_at(l->bytes, l->n);
}

/* A slot, cleared. */
static uint32_t loose_new(struct broadcasts *q)
{
	uint32_t slot = q->vacant;
	if (slot != BROADCAST_NONE) {
		q->vacant = q->loose[slot].told.next;
	} else {
		if (q->loose_top == q->loose_cap) {
			q->loose_cap = q->loose_cap ? 2 * q->loose_cap : 4;
			q->loose = realloc(q->loose, q->loose_cap * sizeof *q->loose);
			MUST(q->loose);
		}
		slot = q->loose_top++;
	}
	q->loose[slot] = (struct loose){0};
	return slot + BROADCAST_LOOSE;
}

/* An empty queue gives back its slots: thousands of events may have been in it. */
static void loose_end(struct broadcasts *q, uint32_t number)
{
	struct loose *l = loose_at(q, number);
	if (l->owner)
		*l->owner = BROADCAST_NONE;
	if (l->waiter && q->finished_n < BROADCAST_FINISHED_MAX)
		q->finished[q->finished_n++] = l->waiter;
	free(l->bytes);
	*l = (struct loose){.told.next = q->vacant};
	q->vacant = number - BROADCAST_LOOSE;
	if (q->n)
		return;
	free(q->loose);
	q->loose = NULL;
	q->loose_top = q->loose_cap = 0;
	q->vacant = BROADCAST_NONE;
}

/* ---- the lists ---- */

static void unlink_told(struct broadcasts *q, struct told *t)
{
	struct told_list *l = &q->by_times[t->times];
	*(t->prev != BROADCAST_NONE ? &told_at(q, t->prev)->next : &l->first) = t->next;
	*(t->next != BROADCAST_NONE ? &told_at(q, t->next)->prev : &l->last) = t->prev;
	t->queued = false;
}

static void link_first(struct broadcasts *q, uint32_t number)
{
	struct told *t = told_at(q, number);
	struct told_list *l = &q->by_times[t->times];
	t->prev = BROADCAST_NONE;
	t->next = l->first;
	*(l->first != BROADCAST_NONE ? &told_at(q, l->first)->prev : &l->last) = number;
	l->first = number;
	t->queued = true;
}

/* Among the told the one that waits longest comes first: nobody starves. */
static void link_last(struct broadcasts *q, uint32_t number)
{
	struct told *t = told_at(q, number);
	struct told_list *l = &q->by_times[t->times];
	t->next = BROADCAST_NONE;
	t->prev = l->last;
	*(l->last != BROADCAST_NONE ? &told_at(q, l->last)->next : &l->first) = number;
	l->last = number;
	t->queued = true;
}

static void finish(struct broadcasts *q, uint32_t number)
{
	q->n--;
	if (number >= BROADCAST_LOOSE)
		loose_end(q, number);
}

/* ---- the queue ---- */

void broadcasts_init(struct broadcasts *q, uint32_t max)
{
	*q = (struct broadcasts){.max = max, .vacant = BROADCAST_NONE};
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++)
		q->by_times[i] = (struct told_list){BROADCAST_NONE, BROADCAST_NONE};
}

void broadcasts_of_members(struct broadcasts *q, struct gossip *pool, size_t member_told,
        struct slice (*word)(struct gossip *g, const struct peer *p))
{
	q->pool = pool;
	q->member_told = member_told;
	q->word = word;
}

void broadcasts_drop(struct broadcasts *q, uint32_t number)
{
	unlink_told(q, told_at(q, number));
	finish(q, number);
}

void broadcasts_free(struct broadcasts *q)
{
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++)
		while (q->by_times[i].first != BROADCAST_NONE)
			broadcasts_drop(q, q->by_times[i].first);
	free(q->loose); /* all vacant, when a member's word was the last */
	q->loose = NULL;
}

uint32_t broadcasts_prune(struct broadcasts *q, uint32_t max)
{
	uint32_t dropped = 0;
	for (uint32_t i = BROADCAST_LIMIT_MAX; q->n > max && i-- > 0;)
		for (; q->n > max && q->by_times[i].last != BROADCAST_NONE; dropped++)
			broadcasts_drop(q, q->by_times[i].last);
	return dropped;
}

static void add(struct broadcasts *q, uint32_t number)
{
	struct told *t = told_at(q, number);
	*t = (struct told){.turn = (uint16_t)(q->turn - 1)};
	link_first(q, number);
	q->n++;
}

static void make_room(struct broadcasts *q)
{
	if (q->n >= q->max)
		q->dropped += broadcasts_prune(q, q->max - 1);
}

void broadcasts_add(struct broadcasts *q, struct slice message, uint32_t *owner, uint32_t waiter)
{
	MUST(message.n <= UINT16_MAX && (!owner || *owner == BROADCAST_NONE));
	make_room(q);
	uint32_t number = loose_new(q);
	struct loose *l = loose_at(q, number);
	l->bytes = malloc(message.n + !message.n);
	MUST(l->bytes);
	memcpy(l->bytes, message.p, message.n);
	l->n = message.n;
	l->waiter = waiter;
	l->owner = owner;
	if (owner)
		*owner = number;
	add(q, number);
}

void broadcasts_disown(struct broadcasts *q, uint32_t number)
{
	struct loose *l = loose_at(q, number);
	*l->owner = BROADCAST_NONE;
	l->owner = NULL;
}

void broadcasts_add_member(struct broadcasts *q, uint32_t member)
{
	broadcasts_drop_member(q, member);
	make_room(q);
	add(q, member);
}

void broadcasts_drop_member(struct broadcasts *q, uint32_t member)
{
	if (told_at(q, member)->queued)
		broadcasts_drop(q, member);
}

void broadcasts_turn(struct broadcasts *q)
{
	q->turn++;
}

static bool give(
        struct broadcasts *q, uint32_t number, struct slice message, struct parts *p, bool user, uint32_t limit)
{
	if (!parts_add(p, user, message))
		return false;
	struct told *t = told_at(q, number);
	unlink_told(q, t);
	t->turn = q->turn;
	if (++t->times >= limit)
		finish(q, number);
	else
		link_last(q, number);
	return true;
}

void broadcasts_take(struct broadcasts *q, struct parts *p, bool user, size_t *room, uint32_t limit)
{
	if (!q->n)
		return;
	uint32_t misses = 0, most = limit < BROADCAST_LIMIT_MAX ? limit : BROADCAST_LIMIT_MAX - 1;
	/* What is told moves to the end of the next list: remember where each list ends now, or it would be met again.
	 */
	uint32_t last[BROADCAST_LIMIT_MAX];
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++)
		last[i] = q->by_times[i].last;
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++) {
		uint32_t end = last[i], next = BROADCAST_NONE;
		for (uint32_t at = end != BROADCAST_NONE ? q->by_times[i].first : end; at != BROADCAST_NONE;
		        at = next) {
			if (*room < SHORTEST || misses > MISSES_MAX)
				return;
			const struct told *t = told_at(q, at);
			next = at == end ? BROADCAST_NONE : t->next;
			if (t->turn == q->turn) /* he has heard it just now */
				continue;
			struct slice message = message_at(q, at);
			size_t cost = message.n + PACKET_PART + user;
			if (cost > *room) {
				misses++;
				continue;
			}
			if (!give(q, at, message, p, user, most))
				return;
			*room -= cost;
		}
	}
}

bool broadcasts_invariants(const struct broadcasts *q)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < BROADCAST_LIMIT_MAX; i++)
		for (uint32_t at = q->by_times[i].first; at != BROADCAST_NONE; at = told_at(q, at)->next, n++)
			if (told_at(q, at)->times != i || !told_at(q, at)->queued)
				return false;
	return n == q->n && n <= q->max;
}
