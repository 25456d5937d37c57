#include "cmd/agent/log_thread.h"

#include "core/base/slice.h"

enum { TAKE_MAX = 64 };

/* Old segments go; that it failed is no reason to stop writing. */
static void forget(struct process *p, struct log_batch *b)
{
	struct fail f = {0};
	if (wal_forget_before(p->wal, b->forget, &f))
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

static void append_all(struct process *p, struct log_batch **batches, uint32_t n)
{
	struct fail f = {0};
	enum err e = OK;
	for (uint32_t i = 0; i < n && !e; i++)
		e = append(p, batches[i], &f);
	if (!e)
		e = wal_sync(p->wal, &f);
	for (uint32_t i = 0; i < n; i++) {
		batches[i]->err = e;
		batches[i]->fail = f;
		if (!batches[i]->n && !batches[i]->replaced)
			forget(p, batches[i]);
		batches[i]->synced = wal_synced(p->wal);
		ring_push(&p->from_log, batches[i]);
	}
	ring_flush(&p->from_log);
}

void *log_thread_run(void *process)
{
	struct process *p = process;
	struct loop loop;
	if (!loop_init(&loop) || !bell_watch(&p->log_bell, &loop))
		return NULL;
	bool marked = true;
	loop_read_clocks(&loop);
	while (!atomic_load(&p->stopping)) {
		void *items[TAKE_MAX];
		uint32_t n, taken = 0;
		while ((n = ring_pop(&p->to_log, items, TAKE_MAX))) {
			append_all(p, (struct log_batch **)items, n);
			taken += n;
		}
		/* An idle second: note in the log that all of it is synced. */
		if (!taken && !marked)
			wal_mark(p->wal);
		marked = !taken;
		bell_arm(&p->log_bell);
		bool busy = ring_waiting(&p->to_log) || atomic_load(&p->stopping);
		loop_turn(&loop, busy ? 0 : marked ? INT64_MAX : loop.now + NS_PER_S);
		bell_disarm(&p->log_bell);
	}
	loop_free(&loop);
	return NULL;
}
