#include "cmd/agent/recovery.h"

#include <stdio.h>

#include "cmd/agent/import.h"
#include "cmd/agent/regroup.h"
#include "cmd/agent/recovery_log.h"
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

static enum err log_of_server(struct process *p, struct fail *f)
{
	struct log_recovery r = {
	        .disk = &p->disk.disk,
	        .core = p->core,
	        .epoch = p->epoch,
	        .log = &p->core_log,
	        .options = {.salt = (uint64_t)process_seed()},
	};
	struct regroup by_hand;
	enum err e = import_run(p, f);
	e = e ? e : regroup_look(p, &by_hand, f);
	r.all = !e && by_hand.n > 0; /* with servers given by hand all of the log counts as committed */
	e = e ? e : recovery_log(&r, f);
	p->wal = r.wal;
	e = e ? e : regroup_carry_out(p, &by_hand, r.snapshot, r.snapshot_term, f);
	if (e)
		return fail_wrap(f, "Failed to start Consul server: Failed to start Raft");
	if (!bell_init(&p->log_bell) || !ring_init(&p->to_log, 1 << 16, &p->log_bell) ||
	        !ring_init(&p->from_log, 1 << 16, NULL))
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
