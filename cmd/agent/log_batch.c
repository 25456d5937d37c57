#include "cmd/agent/log_batch.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/effect.h"
#include "core/raft/raft.h"

enum { HINT_EVERY = 1024 /* entries; recovery applies up to the hint, so it need not be the newest */ };

struct log_batch *log_batch_new(enum log_batch_kind kind, size_t entries, unsigned failures)
{
	struct log_batch *b = calloc(1, sizeof *b + entries * sizeof b->entries[0]);
	MUST(b);
	b->kind = kind;
	b->failures = failures;
	return b;
}

struct log_batch *log_batch_append(const struct effect *e, unsigned failures)
{
	struct log_batch *b = log_batch_new(LOG_APPEND, e->append.n, failures);
	b->sequence = e->append.sequence;
	b->cut_after = e->append.cut_after;
	b->n = e->append.n;
	slice_cstr(e->append.voted_for, b->vote, sizeof b->vote);
	b->hard =
	        (struct wal_hard){.term = e->append.term, .vote_term = e->append.vote_term, .commit = e->append.commit};
	for (size_t i = 0; i < b->n; i++) {
		const struct raft_entry *from = &e->append.entries[i];
		b->entries[i] = (struct wal_entry){from->index, from->term, from->type, from->data};
	}
	return b;
}

struct log_batch *log_batch_snapshot(raft_index index, raft_term replaced, unsigned failures)
{
	struct log_batch *b = log_batch_new(replaced ? LOG_REPLACE : LOG_FORGET, 0, failures);
	b->index = replaced ? index : index + 1;
	b->term = replaced;
	return b;
}

static bool is_news(const struct log_writer *w, const struct wal_hard *h)
{
	struct wal_hard have = wal_hard(w->wal);
	return have.term != h->term || have.vote_term != h->vote_term || !slice_eq(have.vote, h->vote) ||
	       have.floor_term != h->floor_term || have.floor != h->floor || h->commit >= have.commit + HINT_EVERY ||
	       (have.commit < w->snapshot && h->commit >= w->snapshot);
}

/* What is not done is tried again before the next append. */
static enum err replace(struct log_writer *w, struct fail *f)
{
	enum err e = w->replaces ? wal_reset(w->wal, w->replaced, w->replaced_term, f) : OK;
	if (!e)
		w->replaces = false;
	return e;
}

static enum err append(struct log_writer *w, struct log_batch *b, struct fail *f)
{
	if (b->failures != w->failures)
		return fail_set(f, ERR_FAILED, "an earlier append failed");
	b->hard.vote = slice_of(b->vote);
	enum err e = replace(w, f);
	if (!e && b->cut_after != UINT64_MAX)
		e = wal_cut_after(w->wal, b->cut_after, f);
	return e ? e : wal_append(w->wal, is_news(w, &b->hard) ? &b->hard : NULL, b->entries, b->n, f);
}

/* Forgetting and marking wait for the sync (tidy). */
static enum err write_one(struct log_writer *w, struct log_batch *b, struct fail *f)
{
	if (b->kind == LOG_APPEND)
		return append(w, b, f);
	if (b->kind == LOG_FORGET)
		w->snapshot = b->index - 1;
	if (b->kind != LOG_REPLACE)
		return OK;
	w->replaces = true;
	w->replaced = w->snapshot = b->index;
	w->replaced_term = b->term;
	return replace(w, f);
}

static void tidy(struct log_writer *w, struct log_batch *b)
{
	if (b->kind == LOG_MARK)
		wal_mark(w->wal);
	else if (b->kind == LOG_FORGET)
		b->err = wal_forget_before(w->wal, b->index, &b->fail);
}

static enum err sync_all(struct log_writer *w, dur_ns *took, struct fail *f)
{
	struct timespec began, ended;
	clock_gettime(CLOCK_MONOTONIC, &began);
	enum err e = wal_sync(w->wal, f);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	*took = (ended.tv_sec - began.tv_sec) * NS_PER_S + ended.tv_nsec - began.tv_nsec;
	return e;
}

/* Appends behind a failed one are refused, by `failures`. */
static bool write_all(struct log_writer *w, struct log_batch **batches, uint32_t n)
{
	bool wrote = false;
	for (uint32_t i = 0; i < n; i++) {
		struct log_batch *b = batches[i];
		b->err = write_one(w, b, &b->fail);
		wrote |= !b->err && b->kind == LOG_APPEND;
		w->failures += b->err && b->kind == LOG_APPEND && b->failures == w->failures;
	}
	return wrote;
}

void log_batch_write(struct log_writer *w, struct log_batch **batches, uint32_t n)
{
	struct fail f = {0};
	dur_ns took = 0;
	enum err e = write_all(w, batches, n) ? sync_all(w, &took, &f) : OK;
	w->failures += e != OK;
	for (uint32_t i = 0; i < n; i++) {
		struct log_batch *b = batches[i];
		if (e && b->kind == LOG_APPEND) {
			b->err = e;
			b->fail = f;
		}
		if (!b->err)
			tidy(w, b);
		b->failed = w->failures;
		b->last = wal_last(w->wal);
		b->took = b->kind == LOG_APPEND ? took : 0;
		took -= b->took;
	}
}
