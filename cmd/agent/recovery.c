#include "cmd/agent/recovery.h"

#include <stdio.h>

#include "cmd/agent/import.h"
#include "cmd/agent/regroup.h"
#include "cmd/agent/snapshots.h"
#include "core/base/slice.h"

enum { OWN_FILE_MAX = 1 << 20, PUBLISH_EVERY = 1024 };

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

/* Nobody reads yet: publishing now and then lets go of what later entries replaced. */
static void let_go(struct process *p)
{
	db_publish(core_db(p->core));
	epoch_advance(p->epoch);
}

static enum err replay(struct process *p, raft_index from, struct fail *f)
{
	struct wal_cursor c;
	struct wal_entry entry;
	enum err e;
	wal_cursor_open(&c, p->wal, from);
	while (!(e = wal_next(&c, &entry, f)) && entry.index) {
		const struct raft_entry r = {entry.index, entry.term, entry.type, entry.data, NULL, NULL};
		e = core_replay(p->core, &r, f);
		if (e)
			break;
		if (entry.index % PUBLISH_EVERY == 0)
			let_go(p);
	}
	wal_cursor_close(&c);
	let_go(p);
	return e;
}

/* The log has to begin where the snapshot ends, or before. */
static enum err log_behind_snapshot(struct process *p, raft_index snapshot, raft_term term, struct fail *f)
{
	if (wal_last(p->wal) < snapshot)
		return wal_reset(p->wal, snapshot, term, f);
	if (wal_first(p->wal) > snapshot + 1)
		return fail_set(f, ERR_CORRUPT,
		        "the log in %sraft/wal begins at entry %llu, but the newest usable snapshot ends at %llu",
		        p->disk.disk.root, (unsigned long long)wal_first(p->wal), (unsigned long long)snapshot);
	return replay(p, snapshot + 1, f);
}

/* With servers given by hand all of the log counts as committed. */
static void hard_state(struct process *p, raft_term snapshot_term, bool all)
{
	struct wal_hard h = wal_hard(p->wal);
	core_recover_hard(p->core, h.term > snapshot_term ? h.term : snapshot_term, h.vote_term, h.vote,
	        all ? UINT64_MAX : h.commit);
}

static enum err log_of_server(struct process *p, struct fail *f)
{
	const struct wal_options opt = {.salt = (uint64_t)process_seed()};
	raft_index snapshot;
	raft_term snapshot_term;
	struct regroup by_hand;
	enum err e = import_run(p, f);
	e = e ? e : regroup_look(p, &by_hand, f);
	e = e ? e : snapshots_restore(p, &snapshot, &snapshot_term, f);
	e = e ? e : wal_open(&p->wal, &p->disk.disk, "raft/wal", &opt, &p->core_log, f);
	if (!e)
		hard_state(p, snapshot_term, by_hand.n > 0);
	e = e ? e : log_behind_snapshot(p, snapshot, snapshot_term, f);
	e = e ? e : regroup_carry_out(p, &by_hand, snapshot, snapshot_term, f);
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
