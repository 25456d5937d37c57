#include "cmd/agent/recovery.h"

#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"

enum { OWN_FILE_MAX = 1 << 20 };

/* Registered services and checks that were kept: small files, handed over as they are. */
static enum err own_files(struct process *p, const char *dir, struct fail *f)
{
	struct arena a = {0};
	struct list names = {0};
	struct disk *d = &p->disk.disk;
	enum err e = d->list(d, dir, &a, &names, f);
	if (e == ERR_ABSENT)
		e = OK;
	const struct slice *name = names.items;
	for (uint32_t i = 0; i < names.n && !e; i++) {
		char path[DISK_PATH_MAX];
		struct disk_file file;
		size_t got = 0;
		if (slice_ends(name[i], S(".tmp")) || slice_is(name[i], "state"))
			continue;
		snprintf(path, sizeof path, "%s/%.*s", dir, PS(name[i]));
		e = d->open(d, path, DISK_READ, &file, f);
		if (e)
			break;
		char *bytes = file.size <= OWN_FILE_MAX ? arena_alloc(&a, file.size) : NULL;
		e = bytes ? d->read(d, &file, 0, bytes, file.size, &got, f)
			  : fail_set(f, ERR_INVALID, "%s is too large for a definition", path);
		d->close(d, &file);
		if (!e)
			core_restore_file(p->core, slice_of(path), slice_at(bytes, got));
	}
	arena_free(&a);
	return e;
}

static enum err replay(struct process *p, struct fail *f)
{
	struct wal_cursor c;
	struct wal_entry entry;
	enum err e;
	wal_cursor_open(&c, p->wal, wal_first(p->wal));
	while (!(e = wal_next(&c, &entry, f)) && entry.index) {
		const struct raft_entry r = {entry.index, entry.term, entry.type, entry.data, NULL};
		e = core_replay(p->core, &r, f);
		if (e)
			break;
	}
	wal_cursor_close(&c);
	return e;
}

static enum err log_of_server(struct process *p, struct fail *f)
{
	const struct wal_options opt = {.salt = (uint64_t)process_seed()};
	enum err e = wal_open(&p->wal, &p->disk.disk, "raft/wal", &opt, &p->core_log, f);
	if (e)
		return fail_wrap(f, "Failed to start Consul server: Failed to start Raft");
	e = replay(p, f);
	if (e)
		return fail_wrap(f, "Failed to start Consul server: Failed to start Raft");
	struct wal_hard hard = wal_hard(p->wal);
	raft_index last = wal_last(p->wal);
	core_replayed(p->core, hard.term, last, wal_term_of(p->wal, last));
	if (!bell_init(&p->log_bell) || !ring_init(&p->to_log, 1 << 16, &p->log_bell) ||
		!ring_init(&p->from_log, 1 << 16, &p->core_bell))
		return fail_set(f, ERR_NO_MEMORY, "no memory for the log's rings");
	return OK;
}

enum err recovery_run(struct process *p, bool durable, struct fail *f)
{
	char root[DISK_PATH_MAX];
	if (!p->config->data_dir.n)
		return OK;
	enum err e = disk_posix_open(&p->disk, slice_cstr(p->config->data_dir, root, sizeof root), f);
	e = e || !durable ? e : log_of_server(p, f);
	e = e ? e : own_files(p, "services", f);
	e = e ? e : own_files(p, "checks", f);
	return e ? e : own_files(p, "checks/state", f);
}
