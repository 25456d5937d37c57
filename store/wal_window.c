/* Reading a segment through a window. */
#include "store/wal_window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void wal_segment_name(char out[static DISK_PATH_MAX], const char *dir, uint32_t number)
{
	snprintf(out, DISK_PATH_MAX, "%s/%010" PRIu32 ".wal", dir, number);
}

enum err wal_window_open(struct wal_window *w, const char *dir, uint32_t number, enum disk_open how, struct fail *f)
{
	char name[DISK_PATH_MAX];
	if (w->open)
		w->disk->close(w->disk, &w->file);
	w->n = 0;
	wal_segment_name(name, dir, number);
	enum err e = w->disk->open(w->disk, name, how, &w->file, f);
	w->open = !e;
	return e;
}

static enum err grow(struct wal_window *w, size_t n, struct fail *f)
{
	if (n <= w->cap)
		return OK;
	char *p = realloc(w->p, n);
	if (!p)
		return fail_set(f, ERR_NO_MEMORY, "%s%s: no memory for %zu bytes", w->disk->root, w->file.name, n);
	w->p = p;
	w->cap = n;
	return OK;
}

static enum err refill(struct wal_window *w, uint64_t at, size_t n, uint64_t limit, struct fail *f)
{
	size_t want = n > WAL_WINDOW ? n : WAL_WINDOW;
	enum err e = grow(w, want, f);
	w->from = at;
	w->n = 0;
	if (want > limit - at)
		want = (size_t)(limit - at);
	return e ? e : w->disk->read(w->disk, &w->file, at, w->p, want, &w->n, f);
}

enum err wal_window_at(struct wal_window *w, uint64_t at, size_t n, uint64_t limit, struct slice *out, struct fail *f)
{
	*out = S_NONE;
	if (at >= limit)
		return OK;
	if (n > limit - at)
		n = (size_t)(limit - at);
	if (at < w->from || at + n > w->from + w->n) {
		enum err e = refill(w, at, n, limit, f);
		if (e)
			return e;
	}
	size_t there = (size_t)(w->from + w->n - at);
	*out = (struct slice){w->p + (at - w->from), n < there ? n : there};
	return OK;
}

static enum err record_torn(const struct wal_window *w, uint32_t at, const struct wal_sums *sums, struct fail *f)
{
	if (!sums)
		return fail_set(f, ERR_TORN, "%s%s: the record at offset %" PRIu32 " is cut short", w->disk->root,
		        w->file.name, at);
	if (sums->found == sums->expected)
		return fail_set(f, ERR_TORN, "%s%s: the record at offset %" PRIu32 " does not belong there",
		        w->disk->root, w->file.name, at);
	return fail_set(f, ERR_TORN,
	        "%s%s: the record at offset %" PRIu32 " does not check: checksum %08" PRIx32 ", expected %08" PRIx32,
	        w->disk->root, w->file.name, at, sums->found, sums->expected);
}

enum err wal_window_record(
        struct wal_window *w, uint32_t seed, uint32_t at, uint64_t limit, struct wal_record *out, struct fail *f)
{
	struct slice s;
	struct wal_sums sums;
	enum err e = wal_window_at(w, at, WAL_HEAD, limit, &s, f);
	if (e)
		return e;
	if (s.n < WAL_HEAD)
		return record_torn(w, at, NULL, f);
	if (!wal_record_head(s.p, seed, at, out, &sums))
		return record_torn(w, at, &sums, f);
	uint64_t size = wal_record_size(out->n);
	if (size > limit - at)
		return record_torn(w, at, NULL, f);
	e = wal_window_at(w, at, (size_t)size, limit, &s, f);
	if (e)
		return e;
	if (s.n < size)
		return record_torn(w, at, NULL, f);
	return wal_record_data(out, s.p + WAL_HEAD, &sums) ? OK : record_torn(w, at, &sums, f);
}

void wal_window_close(struct wal_window *w)
{
	if (w->open)
		w->disk->close(w->disk, &w->file);
	free(w->p);
	*w = (struct wal_window){.disk = w->disk};
}
