#include "cmd/agent/log_thread.h"

#include <time.h>

#include "core/base/slice.h"

enum { TAKE_MAX = 64 };

/* Old segments go; that it failed is no reason to stop writing. */
static void tidy(struct process *p, struct log_batch *b)
{
	struct fail f = {0};
	if (!b->forget)
		wal_mark(p->wal);
	else if (wal_forget_before(p->wal, b->forget, &f))
		b->fail = f;
}

static enum err append(struct process *p, struct log_batch *b, struct fail *f)
{
	if (b->replaced)
		return wal_reset(p->wal, b->forget - 1, b->replaced, f);
	if (!b->n)
		return OK;
	b->hard.vote = slice_of(b->vote);
	struct wal_hard have = wal_hard(p->wal);
	bool same = have.term == b->hard.term && have.vote_term == b->hard.vote_term &&
		    slice_eq(have.vote, b->hard.vote);
	return wal_append(p->wal, same ? NULL : &b->hard, b->entries, b->n, f);
}

static enum err append_all(struct process *p, struct log_batch **batches, uint32_t n, struct fail *f)
{
	enum err e = OK;
	for (uint32_t i = 0; i < n && !e; i++)
		e = append(p, batches[i], f);
	return e;
}

static enum err sync_all(struct process *p, dur_ns *took, struct fail *f)
{
	struct timespec began, ended;
	clock_gettime(CLOCK_MONOTONIC, &began);
	enum err e = wal_sync(p->wal, f);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	*took = (ended.tv_sec - began.tv_sec) * NS_PER_S + ended.tv_nsec - began.tv_nsec;
	return e;
}

void log_write(struct process *p, struct log_batch **batches, uint32_t n)
{
	struct fail f = {0};
	dur_ns took = 0;
	enum err e = append_all(p, batches, n, &f);
	e = e ? e : sync_all(p, &took, &f);
	for (uint32_t i = 0; i < n; i++) {
		struct log_batch *b = batches[i];
		b->err = e;
		b->fail = f;
		if (!b->n && !b->replaced)
			tidy(p, b);
		b->synced = wal_synced(p->wal);
		b->took = b->n ? took : 0;
		took -= b->took;
	}
}

void *log_thread_run(void *process)
{
	struct process *p = process;
	struct loop loop;
	if (!loop_init(&loop) || !bell_watch(&p->log_bell, &loop))
		return NULL;
	loop_read_clocks(&loop);
	while (!atomic_load(&p->stopping)) {
		void *items[TAKE_MAX];
		uint32_t n;
		while ((n = ring_pop(&p->to_log, items, TAKE_MAX))) {
			log_write(p, (struct log_batch **)items, n);
			for (uint32_t i = 0; i < n; i++)
				ring_push(&p->from_log, items[i]);
			ring_flush(&p->from_log);
		}
		bell_arm(&p->log_bell);
		loop_turn(&loop, ring_waiting(&p->to_log) || atomic_load(&p->stopping) ? 0 : INT64_MAX);
		bell_disarm(&p->log_bell);
	}
	loop_free(&loop);
	return NULL;
}
