#include "cmd/agent/import.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "cmd/agent/snapshots.h"
#include "core/base/msgpack.h"
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "store/bolt.h"
#include "store/snapshot_files.h"

#define DB "raft/raft.db"
#define DB_KEPT "raft/raft.db.imported"
#define WAL "raft/wal"
#define WAL_NEW "raft/wal.import"

enum { BATCH_ENTRIES = 1024, BATCH_BYTES = 4 << 20 };

/* An entry as hashicorp/raft-boltdb keeps it. */
struct bolt_entry {
	struct slice data;
	uint64_t index, term, type;
};

static const struct field entry_fields[] = {
        FIELD(struct bolt_entry, data, "Data", F_BYTES, 0),
        FIELD(struct bolt_entry, index, "Index", F_UINT, 0),
        FIELD(struct bolt_entry, term, "Term", F_UINT, 0),
        FIELD(struct bolt_entry, type, "Type", F_UINT, 0),
};
static const struct schema entry_schema = SCHEMA(struct bolt_entry, "raft.Log", entry_fields);

static uint64_t be64(struct slice s)
{
	uint64_t v = 0;
	for (size_t i = 0; i < s.n && i < 8; i++)
		v = v << 8 | (uint8_t)s.p[i];
	return v;
}

static enum err entry_read(
        struct slice key, struct slice value, struct arena *a, struct bolt_entry *out, struct fail *f)
{
	struct mp_reader r = mp_read(value);
	*out = (struct bolt_entry){0};
	schema_mp_read(&r, &entry_schema, out, a);
	if (r.failed || key.n != 8 || out->index != be64(key) || out->type > UINT8_MAX)
		return fail_set(f, ERR_CORRUPT, DB ": the entry with the key %" PRIu64 " is none", be64(key));
	return OK;
}

/* ---- what raft.db says besides its entries ---- */

struct bolt_conf {
	uint64_t term, vote_term;
	char vote[WAL_VOTE_MAX + 1];
};

/* A server that never took part in an election has none of them. */
static enum err conf_read(struct bolt *b, struct bolt_conf *out, struct fail *f)
{
	struct bolt_cursor c;
	struct slice key, value;
	*out = (struct bolt_conf){0};
	enum err e = bolt_cursor_open(&c, b, S("conf"), f);
	while (!e && !(e = bolt_next(&c, &key, &value, f)) && key.p) {
		if (slice_is(key, "CurrentTerm"))
			out->term = be64(value);
		else if (slice_is(key, "LastVoteTerm"))
			out->vote_term = be64(value);
		else if (slice_is(key, "LastVoteCand"))
			slice_cstr(value, out->vote, sizeof out->vote);
	}
	bolt_cursor_close(&c);
	return e;
}

/* ---- copying ---- */

struct copy {
	struct wal *wal;
	struct wal_hard hard;
	bool hard_written;
	raft_index from; /* entries below it are in the snapshot */
	struct wal_entry entries[BATCH_ENTRIES];
	size_t n, bytes;
	struct arena mem; /* of their data */
};

static enum err copy_flush(struct copy *c, struct fail *f)
{
	enum err e = wal_append(c->wal, c->hard_written ? NULL : &c->hard, c->entries, c->n, f);
	c->hard_written = true;
	c->n = c->bytes = 0;
	arena_reset(&c->mem, BATCH_BYTES);
	return e;
}

static enum err copy_entry(struct copy *c, const struct bolt_entry *e, struct fail *f)
{
	if (e->index < c->from)
		return OK;
	if (e->index != wal_last(c->wal) + c->n + 1)
		return fail_set(
		        f, ERR_CORRUPT, DB ": entry %" PRIu64 " follows %" PRIu64, e->index, wal_last(c->wal) + c->n);
	struct slice data = arena_copy(&c->mem, e->data);
	if (e->data.n && !data.p)
		return fail_set(f, ERR_NO_MEMORY, "no memory for the entries of " DB);
	c->entries[c->n++] = (struct wal_entry){e->index, e->term, (uint8_t)e->type, data};
	c->bytes += data.n;
	return c->n == BATCH_ENTRIES || c->bytes > BATCH_BYTES ? copy_flush(c, f) : OK;
}

static enum err copy_entries(struct copy *c, struct bolt *b, struct fail *f)
{
	struct bolt_cursor cursor;
	struct slice key, value;
	struct bolt_entry entry;
	struct arena a = {0};
	enum err e = bolt_cursor_open(&cursor, b, S("logs"), f);
	while (!e && !(e = bolt_next(&cursor, &key, &value, f)) && key.p) {
		e = entry_read(key, value, &a, &entry, f);
		e = e ? e : copy_entry(c, &entry, f);
		arena_reset(&a, 0);
		if (e)
			break;
	}
	bolt_cursor_close(&cursor);
	arena_free(&a);
	return e ? e : copy_flush(c, f);
}

/* The newest snapshot that can be used; 0 if there is none. */
static enum err snapshot_newest(struct disk *d, struct logbuf *log, raft_index *index, raft_term *term, struct fail *f)
{
	struct arena a = {0};
	struct snapshot_reader reader;
	struct snapshot_meta meta;
	*index = *term = 0;
	enum err e = snapshot_open_newest(&reader, &meta, d, SNAPSHOTS_DIR, &a, log, f);
	if (!e) {
		snapshot_close(&reader);
		*index = meta.index;
		*term = meta.term;
	}
	arena_free(&a);
	return e == ERR_ABSENT ? OK : e;
}

static enum err copy_all(
        struct disk *d, struct bolt *b, uint64_t salt, struct logbuf *log, raft_index *last, struct fail *f)
{
	const struct wal_options opt = {.salt = salt};
	static struct copy c; /* one a process; too large for a stack */
	struct bolt_conf conf;
	raft_index snapshot;
	raft_term snapshot_term;
	c = (struct copy){0};
	enum err e = snapshot_newest(d, log, &snapshot, &snapshot_term, f);
	e = e ? e : conf_read(b, &conf, f);
	e = e ? e : wal_open(&c.wal, d, WAL_NEW, &opt, NULL, f);
	if (!e && snapshot)
		e = wal_reset(c.wal, snapshot, snapshot_term, f);
	if (!e) {
		c.from = snapshot + 1;
		c.hard = (struct wal_hard){conf.term, conf.vote_term, slice_of(conf.vote), 0};
		e = copy_entries(&c, b, f);
	}
	e = e ? e : wal_sync(c.wal, f);
	*last = c.wal ? wal_last(c.wal) : 0;
	if (c.wal)
		wal_close(c.wal);
	arena_free(&c.mem);
	return e;
}

/* ---- the directory ---- */

/* Removes a directory of files; OK if it is not there. */
static enum err remove_all(struct disk *d, const char *dir, struct fail *f)
{
	struct arena a = {0};
	struct list names = {0};
	enum err e = d->list(d, dir, &a, &names, f);
	const struct slice *name = names.items;
	for (uint32_t i = 0; i < names.n && !e; i++) {
		char path[DISK_PATH_MAX];
		snprintf(path, sizeof path, "%s/%.*s", dir, PS(name[i]));
		e = d->remove(d, path, f);
	}
	e = e ? e : d->remove_dir(d, dir, f);
	arena_free(&a);
	return e == ERR_ABSENT ? OK : e;
}

static enum err rename_kept(struct disk *d, const char *from, const char *to, struct fail *f)
{
	enum err e = d->rename(d, from, to, f);
	return e ? e : d->sync_dir(d, "raft", f);
}

static bool has_files(struct disk *d, const char *dir)
{
	struct arena a = {0};
	struct list names = {0};
	bool yes = !d->list(d, dir, &a, &names, NULL) && names.n;
	arena_free(&a);
	return yes;
}

/* ---- both are there ---- */

static enum err last_of_db(struct bolt *b, raft_index *index, raft_term *term, struct fail *f)
{
	struct bolt_cursor c;
	struct slice key, value;
	struct bolt_entry entry;
	struct arena a = {0};
	*index = *term = 0;
	enum err e = bolt_cursor_open(&c, b, S("logs"), f);
	while (!e && !(e = bolt_next(&c, &key, &value, f)) && key.p) {
		e = entry_read(key, value, &a, &entry, f);
		arena_reset(&a, 0);
		*index = entry.index;
		*term = entry.term;
	}
	bolt_cursor_close(&c);
	arena_free(&a);
	return e;
}

/* Is our log at least as new as raft.db? Then raft.db has only not been put aside. */
static enum err settle(struct disk *d, struct bolt *b, struct logbuf *log, struct fail *f)
{
	const struct wal_options opt = {0};
	struct wal *wal;
	raft_index last;
	raft_term term;
	enum err e = last_of_db(b, &last, &term, f);
	e = e ? e : wal_open(&wal, d, WAL, &opt, log, f);
	if (e)
		return e;
	raft_index own_last = wal_last(wal);
	raft_term own_term = wal_term_of(wal, own_last);
	wal_close(wal);
	if (own_term > term || (own_term == term && own_last >= last))
		return rename_kept(d, DB, DB_KEPT, f);
	return fail_set(f, ERR_FAILED,
	        "%sraft has two logs: raft.db ends at entry %" PRIu64 " of term %" PRIu64 ", wal at entry %" PRIu64
	        " of term %" PRIu64 ". Another Consul ran here after raft.db had been taken over. Move the one away "
	        "that does not count: the file raft.db, or the directory wal",
	        d->root, last, term, own_last, own_term);
}

/* ---- all of it ---- */

static enum err carry(struct disk *d, struct bolt *b, uint64_t salt, struct logbuf *log, struct fail *f)
{
	raft_index last;
	if (has_files(d, WAL))
		return settle(d, b, log, f);
	enum err e = remove_all(d, WAL_NEW, f);
	e = e ? e : remove_all(d, WAL, f);
	e = e ? e : copy_all(d, b, salt, log, &last, f);
	e = e ? e : rename_kept(d, WAL_NEW, WAL, f);
	e = e ? e : rename_kept(d, DB, DB_KEPT, f);
	if (!e && log)
		log_info(log,
		        "raft: Took over the log of another Consul server, up to entry %" PRIu64 ": " DB
		        " is kept as " DB_KEPT,
		        last);
	return e;
}

enum err import_carry(struct disk *d, uint64_t salt, struct logbuf *log, struct fail *f)
{
	struct bolt b;
	enum err e = bolt_open(&b, d, DB, f);
	if (e == ERR_ABSENT)
		return OK;
	if (!e) {
		e = carry(d, &b, salt, log, f);
		bolt_close(&b);
	}
	return e ? fail_wrap(f, "taking over the log of another Consul server") : OK;
}

/* BoltDB's writer holds a lock as long as it runs. */
static bool in_use(const struct disk_posix *d)
{
	int fd = openat(d->fd, DB, O_RDWR | O_CLOEXEC);
	bool busy = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB);
	if (fd >= 0)
		close(fd);
	return busy;
}

enum err import_run(struct process *p, struct fail *f)
{
	if (in_use(&p->disk))
		return fail_set(f, ERR_IO, "%s" DB " is in use by another process: stop that Consul server first",
		        p->disk.disk.root);
	return import_carry(&p->disk.disk, process_seed(), &p->core_log, f);
}
