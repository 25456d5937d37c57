#include "cmd/agent/log_writes.h"

#include <stdlib.h>

#include "cmd/agent/log_thread.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum {
	QUICK_NS =
	        250 * 1000, /* a disk is quick when a sync usually takes less; a change of thread takes 10 to 40 µs */
	MARK_AFTER_NS = 1000000000, /* of silence: the log is marked as synced */
};

static struct {
	struct process *process;
	struct log_batch *group, **group_end; /* of this turn */
	struct log_batch *done;               /* written here, result not taken yet */
	struct log_batch *told;               /* the result that was taken last */
	unsigned away;                        /* batches that the log thread has */
	size_t before;                        /* entries of the group before */
	dur_ns usual;                         /* how long a sync takes lately; 0: not known yet */
	unsigned failures;                    /* of the log, that the core was told of */
	struct timer mark;
	mono_ns written; /* when something was last written */
} own = {.group_end = &own.group};

static void batch_add(struct log_batch *b)
{
	*own.group_end = b;
	own.group_end = &b->next;
}

void log_writes_append(struct process *p, const struct effect *e)
{
	own.process = p;
	batch_add(log_batch_append(e, own.failures));
}

void log_writes_snapshot(struct process *p, raft_index index, raft_term replaced)
{
	if (!p->wal)
		return;
	own.process = p;
	batch_add(log_batch_snapshot(index, replaced, own.failures));
}

static void hand_over(struct process *p)
{
	for (struct log_batch *b = own.group; b; b = b->next, own.away++)
		MUST(ring_push(&p->to_log, b)); /* bounded by RAFT_PENDING_MAX entries, the ring by as many batches */
	ring_flush(&p->to_log);
}

/* A second without a write: notes in the log that all of it is synced. */
static void mark(struct timer *t)
{
	mono_ns due = own.written + MARK_AFTER_NS;
	if (own.process->core_loop.now < due) {
		loop_timer(&own.process->core_loop, t, due);
		return;
	}
	own.written = 0;
	batch_add(log_batch_new(LOG_MARK, 0, own.failures));
	log_writes_flush(own.process, false);
}

static void mark_later(struct process *p)
{
	if (!own.written) {
		own.mark.fire = mark;
		loop_timer(&p->core_loop, &own.mark, p->core_loop.now + MARK_AFTER_NS);
	}
	own.written = p->core_loop.now;
}

/* Is one writer at work who waits for each write? With more of them the core gathers the next group meanwhile. */
static bool is_lone(const struct log_batch *b)
{
	return !b->next && b->n == 1 && b->cut_after == UINT64_MAX && own.before == 1 && !own.away && !own.done;
}

void log_writes_flush(struct process *p, bool here)
{
	struct log_batch *b = own.group;
	if (!b)
		return;
	if (b->kind == LOG_APPEND)
		mark_later(p);
	if (here && is_lone(b) && own.usual && own.usual < QUICK_NS) {
		log_write(p, &b, 1);
		own.done = b;
	} else {
		hand_over(p);
	}
	own.before = b->next ? 0 : b->n;
	own.group = NULL;
	own.group_end = &own.group;
}

static struct log_batch *next_done(struct process *p)
{
	void *item = own.done;
	own.done = NULL;
	if (!item && ring_pop(&p->from_log, &item, 1))
		own.away--;
	return item;
}

/* What the core hears of: appends, but not those that fail because an earlier one did. */
static bool is_told(struct process *p, const struct log_batch *b)
{
	if (b->kind == LOG_APPEND)
		return !b->err || b->failures == own.failures;
	if (b->err)
		log_warn(&p->core_log, "raft: old segments of the log stay: %s", b->fail.text);
	return false;
}

bool log_writes_done(struct process *p, struct event *ev)
{
	struct log_batch *b;
	free(own.told);
	own.told = NULL;
	while ((b = p->wal ? next_done(p) : NULL) && !is_told(p, b))
		free(b);
	if (!b)
		return false;
	own.told = b;
	if (b->took)
		own.usual = own.usual ? (own.usual * 7 + b->took) / 8 : b->took;
	ev->kind = b->err ? EV_LOG_FAILED : EV_LOGGED;
	ev->sequence = b->sequence;
	ev->index = ev->last = b->last;
	if (b->err) {
		own.failures = b->failed;
		ev->why = slice_of(b->fail.text);
	}
	return true;
}

bool log_writes_waiting(struct process *p)
{
	return p->wal && (own.done || ring_waiting(&p->from_log));
}
