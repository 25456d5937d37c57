#include "cmd/agent/parking.h"

#include <stdlib.h>

#include "core/base/must.h"

/* One end in the point's ring of links, one in the query's array. */
struct link {
	struct link *next, **prev;
	struct point *point;
	struct parked *query;
};

struct point {
	struct point *next, **prev;
	struct link *links;
	struct watch_note note;
	size_t name_n;
	char name[]; /* tree, prefix or key, the key's bytes: the name in the map */
};

struct parked {
	struct timer timer;
	struct parking *parking;
	void *owner;
	mono_ns deadline;
	struct parked *next_leader, **prev_leader;
	struct parked *next_run;
	bool moved;
	uint32_t n;
	struct link links[];
};

static void expired(struct timer *t)
{
	struct parked *q = (struct parked *)(void *)((char *)t - offsetof(struct parked, timer));
	struct parking *p = q->parking;
	void *owner = q->owner;
	mono_ns deadline = q->deadline;
	parking_remove(p, q);
	p->run(p->host, owner, deadline);
}

void parking_init(struct parking *p, struct loop *l, uint64_t seed, void (*run)(void *, void *, mono_ns), void *host)
{
	*p = (struct parking){.loop = l, .run = run, .host = host};
	map_init(&p->points, seed);
}

static struct point *point_find(struct parking *p, const struct watch_note *n)
{
	size_t name_n = n->key.n + 2;
	struct point *pt = malloc(sizeof *pt + name_n);
	if (!pt)
		return NULL;
	pt->name_n = name_n;
	pt->name[0] = (char)n->tree;
	pt->name[1] = (char)n->prefix;
	if (n->key.n)
		memcpy(pt->name + 2, n->key.p, n->key.n);
	struct slice name = {pt->name, name_n};
	struct point *there = map_get(&p->points, name);
	if (there) {
		free(pt);
		/* The older look counts: nobody may sleep through what came between the two. */
		if (n->version < there->note.version)
			there->note.version = n->version;
		return there;
	}
	pt->links = NULL;
	pt->note = *n;
	pt->note.key = (struct slice){pt->name + 2, n->key.n};
	if (!map_put(&p->points, name, pt, NULL)) {
		free(pt);
		return NULL;
	}
	pt->next = p->all;
	pt->prev = &p->all;
	if (p->all)
		p->all->prev = &pt->next;
	p->all = pt;
	return pt;
}

static void point_release(struct parking *p, struct point *pt)
{
	if (pt->links)
		return;
	map_remove(&p->points, (struct slice){pt->name, pt->name_n});
	*pt->prev = pt->next;
	if (pt->next)
		pt->next->prev = pt->prev;
	free(pt);
}

static void hang(struct link *l, struct point *pt, struct parked *q)
{
	*l = (struct link){.next = pt->links, .prev = &pt->links, .point = pt, .query = q};
	if (pt->links)
		pt->links->prev = &l->next;
	pt->links = l;
}

struct parked *parking_add(struct parking *p, void *owner, const struct watchset *ws, mono_ns deadline, bool leader)
{
	struct parked *q = calloc(1, sizeof *q + ws->n * sizeof q->links[0]);
	if (!q)
		return NULL;
	q->timer.fire = expired;
	q->parking = p;
	q->owner = owner;
	q->deadline = deadline;
	atomic_fetch_add_explicit(&p->count, 1, memory_order_relaxed); /* the bell's arming comes behind it */
	for (uint32_t i = 0; i < ws->n; i++) {
		struct point *pt = point_find(p, &ws->notes[i]);
		if (!pt) {
			parking_remove(p, q);
			return NULL;
		}
		hang(&q->links[q->n++], pt, q);
	}
	if (leader) {
		q->next_leader = p->leader;
		q->prev_leader = &p->leader;
		if (p->leader)
			p->leader->prev_leader = &q->next_leader;
		p->leader = q;
	}
	if (!loop_timer(p->loop, &q->timer, deadline)) {
		parking_remove(p, q);
		return NULL;
	}
	return q;
}

void parking_remove(struct parking *p, struct parked *q)
{
	loop_timer_stop(p->loop, &q->timer);
	for (uint32_t i = 0; i < q->n; i++) {
		struct link *l = &q->links[i];
		*l->prev = l->next;
		if (l->next)
			l->next->prev = l->prev;
		point_release(p, l->point);
	}
	if (q->prev_leader) {
		*q->prev_leader = q->next_leader;
		if (q->next_leader)
			q->next_leader->prev_leader = q->prev_leader;
	}
	atomic_fetch_sub_explicit(&p->count, 1, memory_order_relaxed);
	free(q);
}

struct woken {
	void *owner;
	mono_ns deadline;
};

/* First all leave, then they run: what a query parks anew has seen the new root and need not be looked at. */
static void run_all(struct parking *p, struct parked *list, size_t n)
{
	struct woken *woken = n ? malloc(n * sizeof *woken) : NULL;
	if (!woken)
		return; /* no memory: they stay, and run when their time is over */
	size_t at = 0;
	while (list) {
		struct parked *q = list;
		list = q->next_run;
		woken[at++] = (struct woken){q->owner, q->deadline};
		parking_remove(p, q);
	}
	for (size_t i = 0; i < at; i++)
		p->run(p->host, woken[i].owner, woken[i].deadline);
	free(woken);
}

/* Adds the queries of one point to those that will run. */
static void gather(struct point *pt, struct parked **list, size_t *n)
{
	for (struct link *l = pt->links; l; l = l->next) {
		if (l->query->moved)
			continue;
		l->query->moved = true;
		l->query->next_run = *list;
		*list = l->query;
		++*n;
	}
}

void parking_look(struct parking *p, const struct db_root *now)
{
	struct parked *list = NULL;
	size_t n = 0;
	for (struct point *pt = p->all; pt; pt = pt->next)
		if (watch_moved(&pt->note, now))
			gather(pt, &list, &n);
	run_all(p, list, n);
}

void parking_end_all(struct parking *p)
{
	struct parked *list = NULL;
	size_t n = 0;
	for (struct point *pt = p->all; pt; pt = pt->next)
		gather(pt, &list, &n);
	for (struct parked *q = list; q; q = q->next_run)
		q->deadline = p->loop->now;
	run_all(p, list, n);
}

void parking_look_leader(struct parking *p)
{
	struct parked *list = NULL;
	size_t n = 0;
	for (struct parked *q = p->leader; q; q = q->next_leader, n++) {
		q->next_run = list;
		list = q;
	}
	run_all(p, list, n);
}

void parking_free(struct parking *p)
{
	while (p->all && p->all->links)
		parking_remove(p, p->all->links->query);
	map_free(&p->points);
}
