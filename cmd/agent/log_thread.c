#include "cmd/agent/log_thread.h"

#include <time.h>

#include "cmd/agent/core_thread.h"
#include "core/base/slice.h"

enum {
	TAKE_MAX = 64,
	HINT_EVERY = 1024, /* entries; recovery applies up to the hint, so it need not be the newest */
};

/* Of whichever thread the log belongs to at the moment. */
static struct {
	unsigned failures;
	raft_index replaced; /* by a snapshot, but the log could not be told so yet; 0: no */
	raft_term replaced_term;
} own;

static bool is_news(struct process *p, const struct wal_hard *h)
{
	struct wal_hard have = wal_hard(p->wal);
	return have.term != h->term || have.vote_term != h->vote_term || !slice_eq(have.vote, h->vote) ||
	       h->commit >= have.commit + HINT_EVERY;
}

/* What is not done is tried again before the next append. */
static enum err replace(struct process *p, struct fail *f)
{
	enum err e = own.replaced ? wal_reset(p->wal, own.replaced, own.replaced_term, f) : OK;
	if (!e)
		own.replaced = 0;
	return e;
}

static enum err append(struct process *p, struct log_batch *b, struct fail *f)
{
	if (b->failures != own.failures)
		return fail_set(f, ERR_FAILED, "an earlier append failed");
	b->hard.vote = slice_of(b->vote);
	enum err e = replace(p, f);
	if (!e && b->cut_after != UINT64_MAX)
		e = wal_cut_after(p->wal, b->cut_after, f);
	return e ? e : wal_append(p->wal, is_news(p, &b->hard) ? &b->hard : NULL, b->entries, b->n, f);
}

/* Forgetting and marking wait for the sync (tidy). */
static enum err write_one(struct process *p, struct log_batch *b, struct fail *f)
{
	if (b->kind == LOG_APPEND)
		return append(p, b, f);
	if (b->kind != LOG_REPLACE)
		return OK;
	own.replaced = b->index;
	own.replaced_term = b->term;
	return replace(p, f);
}

static void tidy(struct process *p, struct log_batch *b)
{
	if (b->kind == LOG_MARK)
		wal_mark(p->wal);
	else if (b->kind == LOG_FORGET)
		b->err = wal_forget_before(p->wal, b->index, &b->fail);
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

/* Appends behind a failed one are refused, by `failures`. */
static bool write_all(struct process *p, struct log_batch **batches, uint32_t n)
{
	bool wrote = false;
	for (uint32_t i = 0; i < n; i++) {
		struct log_batch *b = batches[i];
		b->err = write_one(p, b, &b->fail);
		wrote |= !b->err && b->kind == LOG_APPEND;
		own.failures += b->err && b->kind == LOG_APPEND && b->failures == own.failures;
	}
	return wrote;
}

void log_write(struct process *p, struct log_batch **batches, uint32_t n)
{
	struct fail f = {0};
	dur_ns took = 0;
	enum err e = write_all(p, batches, n) ? sync_all(p, &took, &f) : OK;
	own.failures += e != OK;
	for (uint32_t i = 0; i < n; i++) {
		struct log_batch *b = batches[i];
		if (e && b->kind == LOG_APPEND) {
			b->err = e;
			b->fail = f;
		}
		if (!b->err)
			tidy(p, b);
		b->failed = own.failures;
		b->last = wal_last(p->wal);
		b->took = b->kind == LOG_APPEND ? took : 0;
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
			core_thread_turn_here(p, false);
		}
		bell_arm(&p->log_bell);
		loop_turn(&loop, ring_waiting(&p->to_log) || atomic_load(&p->stopping) ? 0 : INT64_MAX);
		bell_disarm(&p->log_bell);
	}
	loop_free(&loop);
	return NULL;
}
