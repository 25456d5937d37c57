/* The log of a Raft server on disk.
 *
 * One file is open for writing, the last segment:
 *
 *	0      64                synced          end           blank          size
 *	| head | records, durable | records, not | zeros on disk | zeros, space only |
 *
 * `blank`: the file system knows space that was reserved but never written; the first sync after writing there must
 * also change its tables, which costs as much as the sync itself. So zeros are written ahead, WAL_BLANK at a time, by
 * the batch that comes to the end of them. (ext4, 4 KB batches: 7.5 k syncs/s without, 11.1 k with.) */
#include "store/wal.h"

#include "core/base/must.h"
#include "store/wal_recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	WAL_BLANK = 256 << 10,
	WAL_SEGMENT_MIN = 512,
	WAL_SEGMENT_MAX = 1 << 30,
	WAL_OUT_KEEP = 256 << 10, /* of the batch buffer, between batches */
};

struct wal {
	struct wal_state s;
	struct wal_options opt;
	struct disk_file file; /* the last segment */
	bool open;
	bool spoiled; /* nothing may be written to it any more: the next write begins a new one */
	bool removed; /* a segment's file, and that is not on disk yet */
	bool marked;  /* the last record says that all is synced */
	uint32_t end, synced, blank;
	raft_index synced_last; /* what a failed sync goes back to */
	struct wal_hard synced_hard;
	char synced_vote[WAL_VOTE_MAX];
	struct buf out;
};

static bool wal_invariants(const struct wal *w)
{
	return w->synced <= w->end && w->synced_last <= w->s.trail.last && w->s.trail.base <= w->s.trail.last &&
	       (w->s.n || w->spoiled) && (!w->open || w->s.segments[w->s.n - 1].end == w->end);
}

static uint32_t last_number(const struct wal *w)
{
	return w->s.first + w->s.n - 1;
}

static enum err no_memory(const struct wal *w, struct fail *f)
{
	return fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", w->s.disk->root, w->s.dir);
}

/* ---- opening ---- */

static void note_synced(struct wal *w)
{
	const struct wal_hard *h = &w->s.hard;
	w->synced = w->end;
	w->synced_last = w->s.trail.last;
	w->synced_hard = *h;
	if (h->vote.n)
		memcpy(w->synced_vote, h->vote.p, h->vote.n);
	w->synced_hard.vote = (struct slice){w->synced_vote, h->vote.n};
}

static enum err open_last(struct wal *w, struct fail *f)
{
	char name[DISK_PATH_MAX];
	w->spoiled = !w->s.n || w->s.torn;
	if (!w->s.n)
		return OK;
	wal_segment_name(name, w->s.dir, last_number(w));
	enum err e = w->s.disk->open(w->s.disk, name, DISK_WRITE, &w->file, f);
	w->open = !e;
	w->end = w->blank = w->s.segments[w->s.n - 1].end;
	return e;
}

static void set_options(struct wal *w, const struct wal_options *opt)
{
	w->opt = *opt;
	if (!opt->segment_bytes)
		w->opt.segment_bytes = WAL_SEGMENT_BYTES;
	if (w->opt.segment_bytes < WAL_SEGMENT_MIN)
		w->opt.segment_bytes = WAL_SEGMENT_MIN;
	if (w->opt.segment_bytes > WAL_SEGMENT_MAX)
		w->opt.segment_bytes = WAL_SEGMENT_MAX;
}

static void wal_free(struct wal *w)
{
	if (w->open)
		w->s.disk->close(w->s.disk, &w->file);
	buf_free(&w->out);
	recovery_free(&w->s);
	free(w);
}

enum err wal_open(struct wal **out, struct disk *d, const char *dir, const struct wal_options *opt, struct logbuf *log,
        struct fail *f)
{
	*out = NULL;
	struct wal *w = calloc(1, sizeof *w);
	if (!w)
		return fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", d->root, dir);
	MUST(strlen(dir) < sizeof w->s.dir);
	strcpy(w->s.dir, dir);
	w->s.disk = d;
	set_options(w, opt);
	enum err e = wal_recover(&w->s, log, f);
	e = e ? e : open_last(w, f);
	if (e) {
		wal_free(w);
		return e;
	}
	note_synced(w);
	MUST(wal_invariants(w));
	*out = w;
	return OK;
}

void wal_close(struct wal *w)
{
	if (!w)
		return;
	struct fail f;
	wal_mark(w);
	wal_sync(w, &f);
	wal_free(w);
}

/* ---- what is there ---- */

raft_index wal_first(const struct wal *w)
{
	return w->s.trail.base + 1;
}

raft_index wal_last(const struct wal *w)
{
	return w->s.trail.last;
}

raft_term wal_term_of(const struct wal *w, raft_index index)
{
	return wal_trail_term(&w->s.trail, index);
}

struct wal_hard wal_hard(const struct wal *w)
{
	return w->s.hard;
}

raft_index wal_synced(const struct wal *w)
{
	return w->synced_last;
}

/* ---- writing ---- */

enum err wal_sync(struct wal *w, struct fail *f)
{
	if (!w->open || w->synced == w->end)
		return OK;
	enum err e = w->s.disk->sync(w->s.disk, &w->file, f);
	if (!e) {
		note_synced(w);
		return OK;
	}
	/* Not even a second, successful sync would tell that these pages arrived (disk.h, 3). */
	w->spoiled = true;
	w->end = w->s.segments[w->s.n - 1].end = w->synced;
	wal_trail_cut(&w->s.trail, w->synced_last, 0);
	recovery_hard(&w->s, &w->synced_hard);
	MUST(wal_invariants(w));
	return e;
}

static uint32_t new_number(const struct wal *w)
{
	return w->s.n ? last_number(w) + 1 : 1;
}

/* The first bytes of a segment: its header and the hard state. */
static uint32_t encode_start(struct wal *w, const struct wal_header *h)
{
	char header[WAL_HEADER], text[WAL_HARD_TEXT];
	struct wal_record hard = wal_record_of_hard(&w->s.hard, text);
	hard.at = hard.synced = WAL_HEADER;
	wal_header_put(header, h);
	buf_reset(&w->out, WAL_OUT_KEEP);
	buf_bytes(&w->out, header, sizeof header);
	wal_record_put(&w->out, wal_header_seed(h), &hard);
	return (uint32_t)w->out.n;
}

/* Makes the file under a passing name: with its own name it is there whole or not at all. */
static enum err make_segment(struct wal *w, uint32_t number, uint64_t size, struct disk_file *file, struct fail *f)
{
	struct disk *d = w->s.disk;
	char passing[DISK_PATH_MAX], name[DISK_PATH_MAX];
	snprintf(passing, sizeof passing, "%s/next.tmp", w->s.dir);
	wal_segment_name(name, w->s.dir, number);
	enum err e = d->open(d, passing, DISK_CREATE, file, f);
	if (e)
		return e;
	e = d->reserve(d, file, size, f);
	e = e ? e : d->write(d, file, 0, w->out.p, w->out.n, f);
	e = e ? e : d->sync(d, file, f);
	e = e ? e : d->rename(d, passing, name, f);
	if (e)
		d->remove(d, passing, NULL);
	else
		strcpy(file->name, name);
	e = e ? e : d->sync_dir(d, w->s.dir, f);
	if (e)
		d->close(d, file);
	return e;
}

static void take_segment(struct wal *w, const struct disk_file *file, uint64_t size, uint32_t start)
{
	if (w->open)
		w->s.disk->close(w->s.disk, &w->file);
	w->file = *file;
	w->open = true;
	w->spoiled = w->marked = false;
	w->s.size = (uint32_t)size;
	w->end = w->blank = start;
	note_synced(w);
}

/* Leaves the last segment behind and begins one with room for `bytes`. From the attempt on the old one is closed: if
 * the new one should turn out to exist after a crash, what was appended to the old one later would not count. */
static enum err begin_segment(struct wal *w, uint64_t bytes, struct fail *f)
{
	enum err e = wal_sync(w, f);
	if (e)
		return e;
	w->spoiled = true;
	uint32_t number = new_number(w);
	struct wal_header h = {
	        .number = number,
	        .salt = w->opt.salt,
	        .last_index = w->s.trail.last,
	        .last_term = wal_term_of(w, w->s.trail.last),
	        .prev_end = w->end,
	};
	uint32_t start = encode_start(w, &h);
	uint64_t size = start + bytes > w->opt.segment_bytes ? start + bytes : w->opt.segment_bytes;
	struct disk_file file;
	if (w->out.failed)
		return no_memory(w, f);
	e = make_segment(w, number, size, &file, f);
	if (e)
		return e;
	if (!recovery_add(&w->s, number, (struct wal_segment){wal_header_seed(&h), start, h.last_index})) {
		w->s.disk->close(w->s.disk, &file);
		return no_memory(w, f);
	}
	take_segment(w, &file, size, start);
	return OK;
}

static enum err make_room(struct wal *w, uint64_t bytes, struct fail *f)
{
	if (!w->spoiled && w->end + bytes <= w->s.size)
		return OK;
	return begin_segment(w, bytes, f);
}

/* When the next n bytes do not fit into the zeros that are on disk, writes more of these behind them. */
static enum err write_zeros(struct wal *w, size_t n, struct fail *f)
{
	static char zeros[WAL_BLANK]; /* never touched, so it takes no memory */
	uint64_t from = w->end + n, to = (from + WAL_BLANK) & ~(uint64_t)(WAL_BLANK - 1);
	if (from <= w->blank)
		return OK;
	if (to > w->s.size)
		to = w->s.size;
	w->blank = (uint32_t)to;
	return to > from ? w->s.disk->write(w->s.disk, &w->file, from, zeros, (size_t)(to - from), f) : OK;
}

/* Writes what was encoded. */
static enum err write_out(struct wal *w, struct fail *f)
{
	enum err e = write_zeros(w, w->out.n, f);
	e = e ? e : w->s.disk->write(w->s.disk, &w->file, w->end, w->out.p, w->out.n, f);
	if (e) {
		w->spoiled = true;
		return e;
	}
	w->end += (uint32_t)w->out.n;
	w->s.segments[w->s.n - 1].end = w->end;
	w->marked = false;
	return OK;
}

static void encode(struct wal *w, struct wal_record *r)
{
	r->at = w->end + (uint32_t)w->out.n;
	r->synced = w->synced;
	wal_record_put(&w->out, w->s.segments[w->s.n - 1].seed, r);
}

static void encode_batch(struct wal *w, const struct wal_hard *hard, const struct wal_entry *entries, size_t n)
{
	char text[WAL_HARD_TEXT];
	buf_reset(&w->out, WAL_OUT_KEEP);
	if (hard) {
		struct wal_record r = wal_record_of_hard(hard, text);
		encode(w, &r);
	}
	for (size_t i = 0; i < n; i++) {
		const struct wal_entry *e = &entries[i];
		struct wal_record r = {WAL_ENTRY, e->type, e->index, e->term, .data = e->data};
		encode(w, &r);
	}
}

struct batch_size {
	uint64_t bytes;
	size_t runs; /* changes of the term */
};

static uint64_t hard_size(const struct wal_hard *hard)
{
	char text[WAL_HARD_TEXT];
	return wal_record_size(wal_record_of_hard(hard, text).data.n);
}

static struct batch_size measure(const struct wal_hard *hard, const struct wal_entry *e, size_t n)
{
	struct batch_size z = {hard ? hard_size(hard) : 0, 0};
	for (size_t i = 0; i < n; i++) {
		MUST(e[i].index == e[0].index + i);
		z.bytes += wal_record_size(e[i].data.n);
		z.runs += i == 0 || e[i].term != e[i - 1].term;
	}
	return z;
}

static void add_to_trail(struct wal *w, uint32_t at, const struct wal_entry *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		wal_trail_add(&w->s.trail, e[i].term, last_number(w), at);
		at += (uint32_t)wal_record_size(e[i].data.n);
	}
}

enum err wal_append(
        struct wal *w, const struct wal_hard *hard, const struct wal_entry *entries, size_t n, struct fail *f)
{
	struct batch_size z = measure(hard, entries, n);
	if (!z.bytes)
		return OK;
	if (z.bytes > WAL_BATCH_MAX)
		return fail_set(f, ERR_INVALID, "%s%s: a batch of %" PRIu64 " bytes is larger than %d", w->s.disk->root,
		        w->s.dir, z.bytes, WAL_BATCH_MAX);
	if (n && entries[0].index != wal_last(w) + 1)
		return fail_set(f, ERR_FAILED, "%s%s: entry %" PRIu64 " does not follow entry %" PRIu64,
		        w->s.disk->root, w->s.dir, entries[0].index, wal_last(w));
	enum err e = make_room(w, z.bytes, f);
	if (e)
		return e;
	uint32_t at = w->end + (hard ? (uint32_t)hard_size(hard) : 0);
	encode_batch(w, hard, entries, n);
	if (w->out.failed || !wal_trail_reserve(&w->s.trail, (size_t)(z.bytes / WAL_MARK_EVERY) + 2, z.runs))
		return no_memory(w, f);
	e = write_out(w, f);
	if (e)
		return e;
	add_to_trail(w, at, entries, n);
	if (hard)
		recovery_hard(&w->s, hard);
	MUST(wal_invariants(w));
	return OK;
}

void wal_mark(struct wal *w)
{
	if (w->spoiled || w->marked || w->synced != w->end || w->end + WAL_HEAD > w->s.size)
		return;
	struct wal_record r = {WAL_MARK};
	buf_reset(&w->out, WAL_OUT_KEEP);
	encode(w, &r);
	w->marked = !w->out.failed && !write_out(w, NULL);
}

/* A record that changes what the earlier ones mean. Synced at once, so that a failed sync never has to undo one. */
static enum err write_control(struct wal *w, enum wal_kind kind, raft_index index, raft_term term, struct fail *f)
{
	enum err e = make_room(w, WAL_HEAD, f);
	if (e)
		return e;
	struct wal_record r = {kind, .index = index, .term = term};
	buf_reset(&w->out, WAL_OUT_KEEP);
	encode(w, &r);
	e = w->out.failed ? no_memory(w, f) : write_out(w, f);
	return e ? e : wal_sync(w, f);
}

enum err wal_cut_after(struct wal *w, raft_index index, struct fail *f)
{
	MUST(index >= w->s.trail.base);
	if (index >= wal_last(w))
		return OK;
	raft_term term = wal_term_of(w, index);
	enum err e = write_control(w, WAL_CUT, index, term, f);
	if (e)
		return e;
	wal_trail_cut(&w->s.trail, index, term);
	note_synced(w);
	MUST(wal_trail_invariants(&w->s.trail));
	return OK;
}

enum err wal_reset(struct wal *w, raft_index index, raft_term term, struct fail *f)
{
	enum err e = write_control(w, WAL_RESET, index, term, f);
	if (e)
		return e;
	wal_trail_reset(&w->s.trail, index, term);
	note_synced(w);
	/* The log is what it should be; old segments that can't be deleted now go with the next wal_forget_before. */
	wal_forget_before(w, index, NULL);
	return OK;
}

/* ---- forgetting ---- */

/* There must never be a gap: one file's going is on disk before the next one goes. */
static enum err settle_removal(struct wal *w, struct fail *f)
{
	enum err e = w->removed ? w->s.disk->sync_dir(w->s.disk, w->s.dir, f) : OK;
	w->removed = w->removed && e;
	return e;
}

static enum err delete_oldest(struct wal *w, struct fail *f)
{
	char name[DISK_PATH_MAX];
	wal_segment_name(name, w->s.dir, w->s.first);
	enum err e = settle_removal(w, f);
	e = e ? e : w->s.disk->remove(w->s.disk, name, f);
	if (e)
		return e;
	w->removed = true;
	w->s.n--;
	w->s.first++;
	memmove(w->s.segments, w->s.segments + 1, w->s.n * sizeof *w->s.segments);
	wal_trail_forget(&w->s.trail, w->s.first);
	return OK;
}

enum err wal_forget_before(struct wal *w, raft_index index, struct fail *f)
{
	const struct wal_trail *t = &w->s.trail;
	uint32_t keep = w->s.n ? last_number(w) : 0;
	raft_index oldest = index <= t->last ? index : t->last;
	if (oldest > t->base)
		keep = wal_trail_find(t, oldest)->segment;
	else if (t->n_marks)
		return OK;
	while (w->s.n && w->s.first < keep) {
		enum err e = delete_oldest(w, f);
		if (e)
			return e;
	}
	MUST(wal_trail_invariants(t));
	return settle_removal(w, f);
}

/* ---- reading ---- */

void wal_cursor_open(struct wal_cursor *c, struct wal *w, raft_index from)
{
	MUST(from > w->s.trail.base);
	MUST(from <= w->s.trail.last + 1);
	*c = (struct wal_cursor){.wal = w, .next = from};
}

/* Goes to the mark before the next entry, unless we are beyond it already. */
static enum err cursor_seek(struct wal_cursor *c, struct fail *f)
{
	struct wal *w = c->wal;
	const struct wal_mark_at *m = wal_trail_find(&w->s.trail, c->next);
	if (!c->window) {
		c->window = calloc(1, sizeof *c->window);
		if (!c->window)
			return no_memory(w, f);
		c->window->disk = w->s.disk;
	}
	if (c->segment > m->segment || (c->segment == m->segment && c->at >= m->at))
		return OK;
	enum err e = c->segment == m->segment ? OK : wal_window_open(c->window, w->s.dir, m->segment, DISK_READ, f);
	if (e)
		return e;
	c->segment = m->segment;
	c->at = m->at;
	return OK;
}

enum err wal_next(struct wal_cursor *c, struct wal_entry *out, struct fail *f)
{
	struct wal_state *s = &c->wal->s;
	*out = (struct wal_entry){0};
	if (c->next > s->trail.last)
		return OK;
	enum err e = cursor_seek(c, f);
	if (e)
		return e;
	const struct wal_segment *seg = recovery_segment(s, c->segment);
	struct wal_record r;
	do {
		e = wal_window_record(c->window, seg->seed, c->at, seg->end, &r, f);
		if (e == ERR_TORN)
			return f ? (f->code = ERR_CORRUPT) : ERR_CORRUPT;
		if (e)
			return e;
		c->at += (uint32_t)wal_record_size(r.n);
	} while (r.kind != WAL_ENTRY || r.index != c->next);
	*out = (struct wal_entry){r.index, r.term, r.type, r.data};
	c->next++;
	return OK;
}

void wal_cursor_close(struct wal_cursor *c)
{
	if (c->window)
		wal_window_close(c->window);
	free(c->window);
	c->window = NULL;
}
