/* What does this directory say? */
#include "store/wal_recover.h"

#include "core/base/must.h"
#include "core/base/slice.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the state ---- */

struct wal_segment *recovery_segment(struct wal_state *s, uint32_t number)
{
	MUST(number >= s->first);
	MUST(number - s->first < s->n);
	return &s->segments[number - s->first];
}

bool recovery_add(struct wal_state *s, uint32_t number, struct wal_segment segment)
{
	MUST(!s->n || number == s->first + s->n);
	if (s->n == s->cap) {
		uint32_t cap = s->cap * 2 + 4;
		struct wal_segment *p = realloc(s->segments, cap * sizeof *p);
		if (!p)
			return false;
		s->segments = p;
		s->cap = cap;
	}
	if (!s->n)
		s->first = number;
	s->segments[s->n++] = segment;
	return true;
}

void recovery_hard(struct wal_state *s, const struct wal_hard *h)
{
	size_t n = h->vote.n;
	if (n && h->vote.p != s->vote)
		memmove(s->vote, h->vote.p, n);
	s->hard = *h;
	s->hard.vote = (struct slice){s->vote, n};
}

void recovery_free(struct wal_state *s)
{
	wal_trail_free(&s->trail);
	free(s->segments);
	s->segments = NULL;
}

/* ---- which segments are there ---- */

/* "0000000007.wal" → 7; 0: something else. */
static uint64_t segment_number(struct slice name)
{
	uint64_t v = 0;
	if (name.n != 14 || !slice_ends(name, S(".wal")))
		return 0;
	for (size_t i = 0; i < 10; i++) {
		if (name.p[i] < '0' || name.p[i] > '9')
			return 0;
		v = v * 10 + (uint64_t)(name.p[i] - '0');
	}
	return v <= UINT32_MAX ? v : 0;
}

static enum err note_segments(struct wal_state *s, const struct list *names, struct fail *f)
{
	const struct slice *name = names->items;
	for (uint32_t i = 0; i < names->n; i++) {
		uint64_t number = segment_number(name[i]);
		if (!number)
			continue;
		if (s->n && number != (uint64_t)s->first + s->n)
			return fail_set(f, ERR_CORRUPT, "%s%s: segment %" PRIu64 " is missing: %" PRIu64 " is there",
			        s->disk->root, s->dir, (uint64_t)s->first + s->n, number);
		if (!recovery_add(s, (uint32_t)number, (struct wal_segment){0}))
			return fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", s->disk->root, s->dir);
	}
	return OK;
}

static enum err find_segments(struct wal_state *s, struct fail *f)
{
	struct arena a = {0};
	struct list names = {0};
	enum err e = s->disk->list(s->disk, s->dir, &a, &names, f);
	e = e ? e : note_segments(s, &names, f);
	arena_free(&a);
	return e;
}

/* ---- their headers ---- */

static enum err read_header(struct wal_window *w, uint32_t number, struct wal_header *h, struct fail *f)
{
	struct slice s;
	struct wal_sums sums;
	enum err e = wal_window_at(w, 0, WAL_HEADER, WAL_HEADER, &s, f);
	if (e)
		return e;
	if (s.n < WAL_HEADER)
		return fail_set(f, ERR_CORRUPT, "%s%s: the header is cut short: %zu bytes of %d", w->disk->root,
		        w->file.name, s.n, WAL_HEADER);
	if (!wal_header_get(s.p, h, &sums))
		return fail_set(f, ERR_CORRUPT,
		        "%s%s: the header at offset 0 does not check: checksum %08" PRIx32 ", expected %08" PRIx32,
		        w->disk->root, w->file.name, sums.found, sums.expected);
	if (h->number != number)
		return fail_set(f, ERR_CORRUPT, "%s%s: the header at offset 0 is that of segment %" PRIu64,
		        w->disk->root, w->file.name, h->number);
	if (w->file.size > UINT32_MAX)
		return fail_set(f, ERR_CORRUPT, "%s%s: longer than a segment can be", w->disk->root, w->file.name);
	return OK;
}

/* Each header tells the seed of its own segment and the end of the one before. */
static enum err read_headers(struct wal_state *s, struct wal_window *w, struct fail *f)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct wal_header h;
		enum err e = wal_window_open(w, s->dir, s->first + i, DISK_READ, f);
		e = e ? e : read_header(w, s->first + i, &h, f);
		if (e)
			return e;
		s->segments[i].seed = wal_header_seed(&h);
		s->segments[i].after = h.last_index;
		if (i)
			s->segments[i - 1].end = h.prev_end;
		else
			wal_trail_reset(&s->trail, h.last_index, h.last_term);
		s->size = (uint32_t)w->file.size;
	}
	return OK;
}

/* ---- their records ---- */

static enum err misfit(const struct wal_window *w, const struct wal_record *r, raft_index last, struct fail *f)
{
	return fail_set(f, ERR_CORRUPT,
	        "%s%s: the record at offset %" PRIu32 " (kind %d, index %" PRIu64 ") does not follow entry %" PRIu64,
	        w->disk->root, w->file.name, r->at, r->kind, r->index, last);
}

static enum err take_record(
        struct wal_state *s, const struct wal_window *w, uint32_t number, const struct wal_record *r, struct fail *f)
{
	struct wal_hard hard;
	if ((r->at == WAL_HEADER) && r->kind != WAL_HARD)
		return misfit(w, r, s->trail.last, f);
	switch (r->kind) {
	case WAL_ENTRY:
		if (r->index != s->trail.last + 1)
			return misfit(w, r, s->trail.last, f);
		if (!wal_trail_reserve(&s->trail, 1, 1))
			return fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", w->disk->root, w->file.name);
		wal_trail_add(&s->trail, r->term, number, r->at);
		return OK;
	case WAL_HARD:
		if (!wal_record_to_hard(r, &hard))
			return misfit(w, r, s->trail.last, f);
		recovery_hard(s, &hard);
		return OK;
	case WAL_CUT:
		if (r->index > s->trail.last)
			return misfit(w, r, s->trail.last, f);
		wal_trail_cut(&s->trail, r->index, r->term);
		return OK;
	case WAL_RESET: wal_trail_reset(&s->trail, r->index, r->term); return OK;
	case WAL_MARK:
	case WAL_KIND_END: break;
	}
	return OK;
}

/* Reads records from *at on. ERR_TORN: the one at *at does not check. *proven: the highest `synced` seen. */
static enum err read_records(struct wal_state *s, struct wal_window *w, uint32_t number, uint32_t limit, uint32_t *at,
        uint32_t *proven, struct fail *f)
{
	uint32_t seed = recovery_segment(s, number)->seed;
	while (*at < limit) {
		struct wal_record r;
		enum err e = wal_window_record(w, seed, *at, limit, &r, f);
		e = e ? e : take_record(s, w, number, &r, f);
		if (e)
			return e;
		if (r.synced > *proven)
			*proven = r.synced;
		*at += (uint32_t)wal_record_size(r.n);
	}
	return OK;
}

static enum err read_closed(struct wal_state *s, struct wal_window *w, uint32_t number, struct fail *f)
{
	const struct wal_segment *seg = recovery_segment(s, number), *next = seg + 1;
	uint32_t at = WAL_HEADER, proven = 0;
	enum err e = wal_window_open(w, s->dir, number, DISK_READ, f);
	e = e ? e : read_records(s, w, number, seg->end, &at, &proven, f);
	if (e == ERR_TORN)
		return f->code = ERR_CORRUPT;
	if (!e && (at != seg->end || next->after != s->trail.last))
		return fail_set(f, ERR_CORRUPT,
		        "%s%s: ends at offset %" PRIu32 " with entry %" PRIu64 "; the next segment says at %" PRIu32
		        " with %" PRIu64,
		        w->disk->root, w->file.name, at, s->trail.last, seg->end, next->after);
	return e;
}

/* ---- the tail ---- */

struct tail {
	uint32_t at;      /* P */
	uint32_t proof;   /* offset of a head that says that P was on disk; 0: none */
	uint32_t written; /* end of the last byte that is not zero; at or before P: none */
};

static void search_tail(struct tail *t, struct slice s, uint32_t from, uint32_t seed)
{
	struct wal_record r;
	struct wal_sums sums;
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1]) {
			t->written = from + (uint32_t)i;
			break;
		}
	for (size_t i = 0; i + WAL_HEAD <= s.n && !t->proof; i += WAL_ALIGN)
		if (s.p[i + 32] && wal_record_head(s.p + i, seed, from + (uint32_t)i, &r, &sums) && r.synced > t->at)
			t->proof = from + (uint32_t)i;
}

static enum err read_tail(struct wal_state *s, struct wal_window *w, struct tail *t, struct fail *f)
{
	uint32_t seed = s->segments[s->n - 1].seed;
	for (uint32_t at = t->at; at < s->size && !t->proof;) {
		struct slice part;
		enum err e = wal_window_at(w, at, WAL_WINDOW, s->size, &part, f);
		if (e)
			return e;
		search_tail(t, part, at, seed);
		if (part.n < WAL_WINDOW)
			break;
		at += WAL_WINDOW - (WAL_HEAD - WAL_ALIGN); /* a head may lie across the edge */
	}
	return OK;
}

/* The record at `at` does not check; f says so already. */
static enum err judge_tail(struct wal_state *s, struct wal_window *w, uint32_t at, struct logbuf *log, struct fail *f)
{
	struct tail t = {.at = at};
	struct fail trouble;
	enum err e = read_tail(s, w, &t, &trouble);
	if (e) {
		*f = trouble;
		return e;
	}
	if (t.proof) {
		fail_set(&trouble, ERR_CORRUPT, "%.900s; the record at offset %" PRIu32 " says that it was on disk",
		        f->text, t.proof);
		*f = trouble;
		return f->code;
	}
	s->torn = t.written > at;
	if (s->torn && log)
		log_warn(log,
		        "raft: %s%s: cut a torn tail of %" PRIu32 " bytes at offset %" PRIu32
		        ": a write was interrupted",
		        w->disk->root, w->file.name, t.written - at, at);
	return OK;
}

static enum err settle(struct wal_state *s, struct wal_window *w, uint32_t from, uint32_t end, struct fail *f)
{
	while (from < end) {
		struct slice part;
		enum err e = wal_window_at(w, from, WAL_WINDOW, end, &part, f);
		if (!e && !part.n)
			e = fail_set(f, ERR_IO, "%s%s: became shorter", w->disk->root, w->file.name);
		e = e ? e : s->disk->write(s->disk, &w->file, from, part.p, part.n, f);
		if (e)
			return e;
		from += (uint32_t)part.n;
	}
	return s->disk->sync(s->disk, &w->file, f);
}

static enum err read_open(struct wal_state *s, struct wal_window *w, struct logbuf *log, struct fail *f)
{
	uint32_t at = WAL_HEADER, proven = WAL_HEADER, number = s->first + s->n - 1;
	enum err e = wal_window_open(w, s->dir, number, DISK_WRITE, f);
	e = e ? e : read_records(s, w, number, s->size, &at, &proven, f);
	if (e == ERR_TORN)
		e = judge_tail(s, w, at, log, f);
	if (!e && at == WAL_HEADER)
		return fail_set(f, ERR_CORRUPT, "%s%s: the first record, at offset %d, is not there", w->disk->root,
		        w->file.name, WAL_HEADER);
	s->segments[s->n - 1].end = at;
	return e ? e : settle(s, w, proven, at, f);
}

enum err wal_recover(struct wal_state *s, struct logbuf *log, struct fail *f)
{
	struct wal_window w = {.disk = s->disk};
	struct fail own;
	f = f ? f : &own;
	enum err e = s->disk->make_dir(s->disk, s->dir, f);
	e = e ? e : find_segments(s, f);
	e = e ? e : read_headers(s, &w, f);
	for (uint32_t i = 0; !e && i + 1 < s->n; i++)
		e = read_closed(s, &w, s->first + i, f);
	if (!e && s->n)
		e = read_open(s, &w, log, f);
	wal_window_close(&w);
	if (!e)
		MUST(wal_trail_invariants(&s->trail));
	return e;
}
