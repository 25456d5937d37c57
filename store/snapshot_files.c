/* Snapshots on disk. */
#include "store/snapshot_files.h"

#include "core/base/crc.h"
#include "core/base/json.h"
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What is written at once, and what may wait for the disk: the log's syncs would wait behind more. */
enum { PIECE = 64 << 10, UNSYNCED_MAX = 1 << 20 };

/* ---- meta.json ---- */

static const struct field server_fields[] = {
        FIELD(struct snapshot_server, suffrage, "Suffrage", F_INT, 0),
        FIELD(struct snapshot_server, id, "ID", F_STR, 0),
        FIELD(struct snapshot_server, address, "Address", F_STR, 0),
};
static const struct schema server_schema = SCHEMA(struct snapshot_server, "raft.Server", server_fields);

static const struct field configuration_fields[] = {
        FIELD_SUB(struct snapshot_configuration, servers, "Servers", F_LIST, 0, &server_schema),
};
static const struct schema configuration_schema =
        SCHEMA(struct snapshot_configuration, "raft.Configuration", configuration_fields);

static const struct field meta_fields[] = {
        FIELD(struct snapshot_meta, version, "Version", F_INT, 0),
        FIELD(struct snapshot_meta, id, "ID", F_STR, 0),
        FIELD(struct snapshot_meta, index, "Index", F_UINT, 0),
        FIELD(struct snapshot_meta, term, "Term", F_UINT, 0),
        FIELD(struct snapshot_meta, peers, "Peers", F_BYTES, 0),
        FIELD_SUB(struct snapshot_meta, configuration, "Configuration", F_STRUCT, 0, &configuration_schema),
        FIELD(struct snapshot_meta, configuration_index, "ConfigurationIndex", F_UINT, 0),
        FIELD(struct snapshot_meta, size, "Size", F_INT, 0),
        FIELD(struct snapshot_meta, crc, "CRC", F_BYTES, 0),
};
const struct schema snapshot_file_schema = SCHEMA(struct snapshot_meta, "raft.fileSnapshotMeta", meta_fields);
const struct schema snapshot_meta_schema = {
        .name = "raft.SnapshotMeta",
        .size = sizeof(struct snapshot_meta),
        .fields = meta_fields,
        .n = ARRAY_LEN(meta_fields) - 1, /* the CRC stands last */
};

void snapshot_peers(struct buf *out, const struct snapshot_configuration *c)
{
	const struct snapshot_server *s = c->servers.items;
	uint32_t voters = 0;
	for (uint32_t i = 0; i < c->servers.n; i++)
		voters += s[i].suffrage == 0;
	mp_put_array(out, voters);
	for (uint32_t i = 0; i < c->servers.n; i++)
		if (s[i].suffrage == 0)
			mp_put_bytes(out, s[i].address);
}

static void crc_bytes(char out[static 8], uint64_t crc)
{
	for (int i = 0; i < 8; i++)
		out[i] = (char)(crc >> (56 - 8 * i));
}

/* ---- names ---- */

/* "<dir>/<id><end>" */
static void path_of(char out[static DISK_PATH_MAX], const char *dir, struct slice id, const char *end)
{
	int n = snprintf(out, DISK_PATH_MAX, "%s/%.*s%s", dir, PS(id), end);
	MUST(n > 0 && n < DISK_PATH_MAX);
}

static bool is_interrupted(struct slice name)
{
	return slice_ends(name, S(".tmp"));
}

/* Removes the files in a snapshot's directory, and then that. */
static enum err remove_all(struct disk *d, const char *path, struct fail *f)
{
	struct arena a = {0};
	struct list files;
	enum err e = d->list(d, path, &a, &files, f);
	for (uint32_t i = 0; !e && i < files.n; i++) {
		struct slice file = ((struct slice *)files.items)[i];
		char name[DISK_PATH_MAX];
		if (strlen(path) + 1 + file.n >= sizeof name)
			e = fail_set(f, ERR_INVALID, "%s%s: holds a file with too long a name", d->root, path);
		else
			path_of(name, path, file, "");
		e = e ? e : d->remove(d, name, f);
	}
	e = e ? e : d->remove_dir(d, path, f);
	arena_free(&a);
	return e;
}

/* ---- writing ---- */

/* Nobody waits for these; what can't be removed stays, and is never taken for a snapshot. */
static void remove_interrupted(struct disk *d, const char *dir)
{
	struct arena a = {0};
	struct list names;
	if (!d->list(d, dir, &a, &names, NULL))
		for (uint32_t i = 0; i < names.n; i++) {
			struct slice name = ((struct slice *)names.items)[i];
			char path[DISK_PATH_MAX];
			if (!is_interrupted(name) || name.n > SNAPSHOT_ID_MAX + 4)
				continue;
			path_of(path, dir, name, "");
			remove_all(d, path, NULL);
		}
	arena_free(&a);
}

/* First loses its name, so that half of it is never taken for a snapshot. */
static enum err remove_one(struct disk *d, const char *dir, struct slice id, struct logbuf *log, struct fail *f)
{
	char path[DISK_PATH_MAX], passing[DISK_PATH_MAX];
	path_of(path, dir, id, "");
	path_of(passing, dir, id, ".tmp");
	if (log)
		log_info(log, "snapshot: reaping snapshot %s%s", d->root, path);
	enum err e = d->rename(d, path, passing, f);
	e = e ? e : d->sync_dir(d, dir, f);
	return e ? e : remove_all(d, passing, f);
}

/* All but the newest. A failure leaves one more than needed: nothing to stop for. */
static void remove_old(struct disk *d, const char *dir, uint32_t keep, struct logbuf *log)
{
	struct arena a = {0};
	struct list all = {0};
	struct fail f;
	enum err e = snapshot_list(d, dir, &a, &all, NULL, &f);
	for (uint32_t i = keep; !e && i < all.n; i++)
		e = remove_one(d, dir, ((struct snapshot_meta *)all.items)[i].id, log, &f);
	if (e && log)
		log_err(log, "snapshot: Failed to reap snapshots: %s", f.text);
	arena_free(&a);
}

enum err snapshot_begin(struct snapshot_writer *w, struct disk *d, const char *dir, const struct snapshot_meta *meta,
        wall_ns now, struct fail *f)
{
	char path[DISK_PATH_MAX];
	*w = (struct snapshot_writer){.disk = d, .meta = *meta};
	MUST(strlen(dir) <= SNAPSHOT_DIR_MAX);
	strcpy(w->dir, dir);
	snprintf(w->id, sizeof w->id, "%" PRIu64 "-%" PRIu64 "-%" PRId64, meta->term, meta->index, now / NS_PER_MS);
	w->meta.version = 1;
	w->meta.id = slice_of(w->id);
	remove_interrupted(d, dir);
	remove_old(d, dir, SNAPSHOT_KEEP - 1, NULL);
	path_of(path, dir, w->meta.id, ".tmp");
	enum err e = d->make_dir(d, path, f);
	path_of(path, dir, w->meta.id, ".tmp/state.bin");
	e = e ? e : d->open(d, path, DISK_CREATE, &w->state, f);
	w->open = !e;
	if (e)
		snapshot_abandon(w);
	return e;
}

static void flush(struct snapshot_writer *w)
{
	if (w->fail.code || !w->out.n)
		return;
	w->disk->write(w->disk, &w->state, w->at, w->out.p, w->out.n, &w->fail);
	w->crc = crc64_xz(w->crc, w->out.p, w->out.n);
	w->at += w->out.n;
	if (!w->fail.code && w->at / UNSYNCED_MAX != (w->at - w->out.n) / UNSYNCED_MAX)
		w->disk->sync(w->disk, &w->state, &w->fail);
	buf_reset(&w->out, 2 * PIECE);
}

void snapshot_write(struct snapshot_writer *w, struct slice bytes)
{
	while (bytes.n && !w->fail.code) {
		size_t n = bytes.n < PIECE ? bytes.n : PIECE;
		buf_bytes(&w->out, bytes.p, n);
		bytes = slice_from(bytes, n);
		if (w->out.failed)
			fail_set(&w->fail, ERR_NO_MEMORY, "%s%s: no memory", w->disk->root, w->state.name);
		if (w->out.n >= PIECE)
			flush(w);
	}
}

static enum err write_meta(struct snapshot_writer *w, struct fail *f)
{
	char path[DISK_PATH_MAX], crc[8];
	struct buf peers = {0}, json = {0};
	snapshot_peers(&peers, &w->meta.configuration);
	crc_bytes(crc, w->crc);
	w->meta.peers = buf_view(&peers);
	w->meta.size = (int64_t)w->at;
	w->meta.crc = slice_at(crc, sizeof crc);
	schema_json_write(&json, &snapshot_file_schema, &w->meta, 0, 0);
	buf_char(&json, '\n');
	path_of(path, w->dir, w->meta.id, ".tmp/meta.json");
	enum err e = json.failed || peers.failed ? fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", w->disk->root, path)
	                                         : disk_write_file(w->disk, path, buf_view(&json), true, f);
	buf_free(&peers);
	buf_free(&json);
	return e;
}

/* Gives it its name. From here on it counts, even if the last sync should fail. */
static enum err arrive(struct snapshot_writer *w, struct fail *f)
{
	struct disk *d = w->disk;
	char passing[DISK_PATH_MAX], path[DISK_PATH_MAX];
	path_of(passing, w->dir, w->meta.id, ".tmp");
	path_of(path, w->dir, w->meta.id, "");
	enum err e = d->sync_dir(d, passing, f);
	e = e ? e : d->rename(d, passing, path, f);
	return e ? e : d->sync_dir(d, w->dir, f);
}

static void end_writer(struct snapshot_writer *w)
{
	if (w->open)
		w->disk->close(w->disk, &w->state);
	w->open = false;
	buf_free(&w->out);
}

enum err snapshot_remove(struct disk *d, const char *dir, raft_index index, raft_term term, struct fail *f)
{
	struct arena a = {0};
	struct list all;
	enum err e = snapshot_list(d, dir, &a, &all, NULL, f);
	for (uint32_t i = 0; i < all.n && !e; i++) {
		const struct snapshot_meta *m = &((struct snapshot_meta *)all.items)[i];
		if (m->index == index && m->term == term)
			e = remove_one(d, dir, m->id, NULL, f);
	}
	arena_free(&a);
	return e;
}

enum err snapshot_finish(struct snapshot_writer *w, struct logbuf *log, struct fail *f)
{
	flush(w);
	if (!w->fail.code)
		w->disk->sync(w->disk, &w->state, &w->fail);
	if (!w->fail.code)
		write_meta(w, &w->fail);
	enum err e = w->fail.code;
	if (e) {
		fail_set(f, e, "%s", w->fail.text);
		snapshot_abandon(w);
		return e;
	}
	end_writer(w);
	e = arrive(w, f);
	if (!e)
		remove_old(w->disk, w->dir, SNAPSHOT_KEEP, log);
	return e;
}

void snapshot_abandon(struct snapshot_writer *w)
{
	char path[DISK_PATH_MAX];
	end_writer(w);
	path_of(path, w->dir, w->meta.id, ".tmp");
	remove_all(w->disk, path, NULL);
}

/* ---- reading ---- */

static enum err read_meta(
        struct disk *d, const char *dir, struct slice id, struct arena *a, struct snapshot_meta *out, struct fail *f)
{
	char path[DISK_PATH_MAX];
	struct slice text, rest;
	struct value v;
	*out = (struct snapshot_meta){0};
	path_of(path, dir, id, "/meta.json");
	enum err e = disk_read_file(d, path, SNAPSHOT_META_MAX, a, &text, f);
	if (e)
		return e;
	e = json_read_first(text, a, &v, &rest, f);
	e = e ? e : schema_json_read(&snapshot_file_schema, &v, out, a, f);
	if (e) {
		fail_wrap(f, "%s%s", d->root, path);
		return f->code = ERR_CORRUPT;
	}
	if (out->version < 0 || out->version > 1)
		return fail_set(f, ERR_INVALID, "%s%s: snapshot version %" PRId64 " is not supported", d->root, path,
		        out->version);
	out->id = id; /* the directory's name is where it is, whatever the file says */
	return OK;
}

static int newest_first(const void *x, const void *y)
{
	const struct snapshot_meta *a = x, *b = y;
	if (a->term != b->term)
		return a->term > b->term ? -1 : 1;
	if (a->index != b->index)
		return a->index > b->index ? -1 : 1;
	return -slice_cmp(a->id, b->id);
}

/* *bad: directories that look like snapshots but can't be read. */
static enum err list_all(struct disk *d, const char *dir, struct arena *a, struct list *out, uint32_t *bad,
        struct logbuf *log, struct fail *f)
{
	struct list names;
	*out = (struct list){0};
	*bad = 0;
	enum err e = d->list(d, dir, a, &names, f);
	if (e)
		return e == ERR_ABSENT ? OK : e;
	struct snapshot_meta *metas = arena_alloc(a, names.n * sizeof *metas);
	if (!metas)
		return fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", d->root, dir);
	for (uint32_t i = 0; i < names.n; i++) {
		struct slice name = ((struct slice *)names.items)[i];
		struct fail why;
		if (is_interrupted(name) || name.n > SNAPSHOT_ID_MAX)
			continue;
		if (!read_meta(d, dir, name, a, &metas[out->n], &why)) {
			out->n++;
			continue;
		}
		(*bad)++;
		if (log)
			log_warn(log, "snapshot: Failed to read metadata for %.*s: %s", PS(name), why.text);
	}
	out->items = metas;
	qsort(metas, out->n, sizeof *metas, newest_first);
	return OK;
}

enum err snapshot_list(
        struct disk *d, const char *dir, struct arena *a, struct list *out, struct logbuf *log, struct fail *f)
{
	uint32_t bad;
	return list_all(d, dir, a, out, &bad, log, f);
}

static enum err check_state(struct snapshot_reader *r, const struct snapshot_meta *meta, struct fail *f)
{
	char *piece = malloc(PIECE), crc[8];
	if (!piece)
		return fail_set(f, ERR_NO_MEMORY, "%s%s: no memory", r->disk->root, r->state.name);
	uint64_t sum = 0;
	size_t got;
	enum err e;
	while (!(e = snapshot_read(r, piece, PIECE, &got, f)) && got)
		sum = crc64_xz(sum, piece, got);
	free(piece);
	if (e)
		return e;
	crc_bytes(crc, sum);
	if (slice_eq(meta->crc, slice_at(crc, sizeof crc)))
		return OK;
	uint64_t expected = 0;
	for (size_t i = 0; i < meta->crc.n && i < 8; i++)
		expected = expected << 8 | (uint8_t)meta->crc.p[i];
	return fail_set(f, ERR_CORRUPT,
	        "%s%s: CRC mismatch: checksum %016" PRIx64 ", expected %016" PRIx64 " (%" PRIu64
	        " bytes, expected %" PRId64 ")",
	        r->disk->root, r->state.name, sum, expected, r->at, meta->size);
}

enum err snapshot_open(
        struct snapshot_reader *r, struct disk *d, const char *dir, const struct snapshot_meta *meta, struct fail *f)
{
	char path[DISK_PATH_MAX];
	*r = (struct snapshot_reader){.disk = d};
	path_of(path, dir, meta->id, "/state.bin");
	enum err e = d->open(d, path, DISK_READ, &r->state, f);
	if (e)
		return e;
	e = check_state(r, meta, f);
	if (e)
		snapshot_close(r);
	r->at = 0;
	return e;
}

enum err snapshot_read(struct snapshot_reader *r, void *p, size_t n, size_t *got, struct fail *f)
{
	enum err e = r->disk->read(r->disk, &r->state, r->at, p, n, got, f);
	if (!e)
		r->at += *got;
	return e;
}

void snapshot_close(struct snapshot_reader *r)
{
	r->disk->close(r->disk, &r->state);
}

enum err snapshot_open_newest(struct snapshot_reader *r, struct snapshot_meta *meta, struct disk *d, const char *dir,
        struct arena *a, struct logbuf *log, struct fail *f)
{
	struct list all;
	uint32_t bad;
	struct fail why;
	enum err e = list_all(d, dir, a, &all, &bad, log, f);
	if (e)
		return e;
	for (uint32_t i = 0; i < all.n; i++) {
		*meta = ((struct snapshot_meta *)all.items)[i];
		e = snapshot_open(r, d, dir, meta, &why);
		if (!e)
			return OK;
		bad++;
		if (log)
			log_err(log, "raft: Failed to open snapshot %.*s: %s", PS(meta->id), why.text);
	}
	if (bad)
		return fail_set(f, ERR_CORRUPT, "%s%s: failed to load any existing snapshots", d->root, dir);
	return fail_set(f, ERR_ABSENT, "%s%s: there is no snapshot", d->root, dir);
}
