/* Any bytes as state.bin, in one piece and in two: the same is read, or the same refused with nothing changed; and what
 * was read is written so that it reads again. The first two bytes say where the cut is. */
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/archive.h"
#include "core/state/kv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tables {
	struct db *db;
	struct state s;
};

static void tables_open(struct tables *t)
{
	t->db = db_new(NULL);
	MUST(t->db);
	state_init(&t->s, t->db);
}

static void tables_close(struct tables *t)
{
	state_free(&t->s);
	db_free(t->db);
}

static enum err take(struct tables *t, struct slice bytes, size_t cut)
{
	struct archive_reader rd;
	struct fail f = {0};
	size_t used = 0, first;
	archive_read_begin(&rd, &t->s);
	enum err e = archive_read(&rd, slice_cut(bytes, 0, cut), &first, &f);
	MUST(first <= cut);
	if (!e)
		e = archive_read(&rd, slice_from(bytes, first), &used, &f);
	MUST(e || used <= bytes.n - first);
	e = archive_read_end(&rd, e, bytes.n - first - used, &f);
	MUST(!e || f.text[0]);
	db_publish(t->db);
	return e;
}

static void give(const struct tables *t, enum archive_form form, struct buf *out)
{
	struct archive_writer w;
	archive_write_begin(&w, db_published(t->db), form);
	while (archive_write_next(&w, out, 256))
		;
	archive_write_end(&w);
	MUST(!out->failed);
}

static void give_and_take(const struct tables *from, enum archive_form form, struct buf *bytes)
{
	struct tables to;
	tables_open(&to);
	give(from, form, bytes);
	MUST(take(&to, buf_view(bytes), 0) == OK);
	bytes->n = 0;
	give(&to, ARCHIVE_WHOLE, bytes);
	tables_close(&to);
}

/* Our own form loses nothing; Consul's is at least one that is accepted. The first reading gives rows without an index,
 * which only a fuzzer writes, that of the archive: so what has been read once is looked at. */
static void there_and_back(struct tables *t)
{
	struct buf bytes = {0}, again = {0}, lossy = {0};
	give(t, ARCHIVE_WHOLE, &bytes);
	MUST(take(t, buf_view(&bytes), 0) == OK);
	bytes.n = 0;
	give(t, ARCHIVE_WHOLE, &bytes);
	give_and_take(t, ARCHIVE_WHOLE, &again);
	MUST(slice_eq(buf_view(&bytes), buf_view(&again)));
	give_and_take(t, ARCHIVE_AS_CONSUL, &lossy);
	buf_free(&bytes);
	buf_free(&again);
	buf_free(&lossy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tables one, two;
	if (size < 2)
		return 0;
	struct slice bytes = slice_at(data + 2, size - 2);
	size_t cut = (size_t)(data[0] << 8 | data[1]) % (bytes.n + 1);
	tables_open(&one);
	tables_open(&two);
	enum err e = take(&one, bytes, 0);
	MUST(take(&two, bytes, cut) == e);
	if (!e)
		there_and_back(&one);
	tables_close(&one);
	tables_close(&two);
	return 0;
}
