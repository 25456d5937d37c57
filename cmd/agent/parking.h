/* Blocking queries that wait, hung up by what they look at.
 *
 * Each watch note (tree, key or prefix) is one point here, however many queries depend on it; after a publication one
 * look a point tells which moved, and only the queries on those run again. A waiting query costs its struct and a link
 * a note; its request line is kept by the connection.
 *
 * Thread: one front's. Memory: malloc, bounded by the number of connections. */
#ifndef CMD_AGENT_PARKING_H
#define CMD_AGENT_PARKING_H

#include <stdatomic.h>

#include "core/base/map.h"
#include "net/loop.h"
#include "store/watchset.h"

struct parked;
struct point;

struct parking {
	struct loop *loop;
	struct map points;
	struct point *all;     /* list */
	struct parked *leader; /* those that wait for a leader */
	atomic_size_t count;   /* the core thread looks whether anybody waits; only the front writes */
	void (*run)(void *host, void *owner, mono_ns deadline); /* look again: answer, or park anew */
	void *host;
};

void parking_init(struct parking *p, struct loop *l, uint64_t seed, void (*run)(void *, void *, mono_ns), void *host);
void parking_free(struct parking *p);

/* Parks `owner` until one of the notes moves or the deadline has come. NULL: no memory. A set without notes waits for
 * the deadline only; `leader`: also for any change of leadership. */
struct parked *parking_add(struct parking *p, void *owner, const struct watchset *ws, mono_ns deadline, bool leader);
/* Takes it away (answered otherwise, or the client is gone). */
void parking_remove(struct parking *p, struct parked *q);

/* A new root is published: runs everything whose notes moved. Each is taken away before it runs. */
void parking_look(struct parking *p, const struct db_root *now);
/* Another state took the place of all: runs everything that waits for notes, as if its time were over. */
void parking_end_all(struct parking *p);
/* Leadership changed: runs those that wait for it. */
void parking_look_leader(struct parking *p);

#endif
