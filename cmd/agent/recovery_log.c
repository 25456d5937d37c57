#include "cmd/agent/recovery_log.h"

#include "cmd/agent/snapshots.h"
#include "core/base/must.h"
#include "core/raft/raft_wire.h"
#include "core/state/archive.h"
#include "store/snapshot_files.h"

enum { PIECE = 64 << 10, PUBLISH_EVERY = 1024 };

/* ---- the snapshot ---- */

static enum err read_all(struct log_recovery *r, struct snapshot_reader *from, struct fail *f)
{
	struct archive_reader to;
	struct buf bytes = {0};
	size_t got = 0, used = 0;
	enum err e = OK;
	archive_read_begin(&to, core_state(r->core));
	do {
		char *room = buf_room(&bytes, PIECE);
		e = room ? snapshot_read(from, room, PIECE, &got, f) : fail_set(f, ERR_NO_MEMORY, "out of memory");
		if (e)
			break;
		buf_add(&bytes, got);
		e = archive_read(&to, buf_view(&bytes), &used, f);
		buf_consume(&bytes, used);
	} while (!e && got);
	e = archive_read_end(&to, e, bytes.n, f);
	buf_free(&bytes);
	return e;
}

/* Old snapshots have no configuration, only the voters' addresses. */
static enum err tell_core(struct log_recovery *r, const struct snapshot_meta *meta, struct arena *a, struct fail *f)
{
	const struct snapshot_server *from = meta->configuration.servers.items;
	size_t n = meta->configuration.servers.n;
	struct raft_server *servers = ARENA_ARRAY(a, struct raft_server, n + 1);
	MUST(servers);
	for (size_t i = 0; i < n; i++) {
		servers[i] = (struct raft_server){.id = from[i].id, .address = from[i].address};
		servers[i].suffrage = (unsigned)from[i].suffrage;
	}
	if (!n && !raft_wire_read_peers(meta->peers, a, &servers, &n))
		return fail_set(f, ERR_CORRUPT, "snapshot %.*s: its peers can't be read", PS(meta->id));
	const struct core_snapshot s = {meta->index, meta->term, servers, n,
	        n == meta->configuration.servers.n ? meta->configuration_index : 1};
	core_restored(r->core, &s);
	return OK;
}

/* Is it a part of our log? One that is behind the log's end, or contradicts it, was on its way when we ended: nobody
 * was told that it is here, and the log may have gone another way since. */
static bool is_ours(const struct log_recovery *r, const struct snapshot_meta *m)
{
	raft_index before = wal_first(r->wal) - 1;
	if (m->index < before || m->index > wal_last(r->wal))
		return false;
	raft_term term = wal_term_of(r->wal, m->index);
	return term == m->term || (!term && m->index == before);
}

/* Does the log go without those that are not a part of it, from its first entry on or behind an older one? */
static bool goes_without(const struct log_recovery *r, const struct list *all)
{
	const struct snapshot_meta *m = all->items;
	if (wal_first(r->wal) == 1 && wal_last(r->wal))
		return true;
	for (uint32_t i = 0; i < all->n; i++)
		if (is_ours(r, &m[i]))
			return true;
	return false;
}

/* Those that don't count must not come first when the oldest are removed. */
static enum err give_up_others(struct log_recovery *r, struct fail *f)
{
	struct arena a = {0};
	struct list all;
	enum err e = snapshot_list(r->disk, SNAPSHOTS_DIR, &a, &all, NULL, f);
	const struct snapshot_meta *m = all.items;
	bool gone = !e && goes_without(r, &all);
	for (uint32_t i = 0; gone && !e && i < all.n; i++) {
		if (m[i].index < wal_first(r->wal) - 1 || is_ours(r, &m[i]))
			continue;
		log_warn(r->log, "raft: Removing snapshot %.*s, which is no part of the log", PS(m[i].id));
		e = snapshot_remove(r->disk, SNAPSHOTS_DIR, m[i].index, m[i].term, f);
	}
	arena_free(&a);
	return e;
}

static enum err restore(struct log_recovery *r, struct fail *f)
{
	struct arena a = {0};
	struct snapshot_reader from;
	struct snapshot_meta meta;
	enum err e = give_up_others(r, f);
	e = e ? e : snapshot_open_newest(&from, &meta, r->disk, SNAPSHOTS_DIR, &a, r->log, f);
	if (!e) {
		e = read_all(r, &from, f);
		snapshot_close(&from);
		r->snapshot = meta.index;
		r->snapshot_term = meta.term;
		e = e ? e : tell_core(r, &meta, &a, f);
	}
	arena_free(&a);
	return e == ERR_ABSENT ? OK : e;
}

/* ---- the log ---- */

/* Nobody reads yet: publishing now and then lets go of what later entries replaced. */
static void let_go(struct log_recovery *r)
{
	db_publish(core_db(r->core));
	epoch_advance(r->epoch);
}

static enum err replay(struct log_recovery *r, struct fail *f)
{
	struct wal_cursor c;
	struct wal_entry entry;
	enum err e;
	wal_cursor_open(&c, r->wal, r->snapshot + 1);
	while (!(e = wal_next(&c, &entry, f)) && entry.index) {
		const struct raft_entry again = {entry.index, entry.term, entry.type, entry.data, NULL, NULL};
		e = core_replay(r->core, &again, f);
		if (e)
			break;
		if (entry.index % PUBLISH_EVERY == 0)
			let_go(r);
	}
	wal_cursor_close(&c);
	let_go(r);
	return e;
}

/* Was this log given up, and the snapshot beneath it? Its end is the floor then: nothing was taken since. */
static bool is_given_up(const struct log_recovery *r)
{
	struct wal_hard h = wal_hard(r->wal);
	raft_index last = wal_last(r->wal);
	return h.floor_term && h.floor == last && h.floor_term == wal_term_of(r->wal, last);
}

/* The log has to begin where the snapshot ends, or before, and to have its last entry. */
static enum err log_behind_snapshot(struct log_recovery *r, struct fail *f)
{
	raft_index first = wal_first(r->wal), last = wal_last(r->wal);
	bool gap = first > r->snapshot + 1;
	raft_term term = gap || last < r->snapshot ? 0 : wal_term_of(r->wal, r->snapshot);
	if (last < r->snapshot || (gap && is_given_up(r)) || (r->snapshot && term && term != r->snapshot_term))
		return wal_reset(r->wal, r->snapshot, r->snapshot_term, f);
	if (wal_first(r->wal) > r->snapshot + 1)
		return fail_set(f, ERR_CORRUPT,
		        "the log in %sraft/wal begins at entry %llu, but the newest usable snapshot ends at %llu",
		        r->disk->root, (unsigned long long)wal_first(r->wal), (unsigned long long)r->snapshot);
	return replay(r, f);
}

static void hard_state(struct log_recovery *r)
{
	struct wal_hard h = wal_hard(r->wal);
	core_recover_hard(r->core, h.term > r->snapshot_term ? h.term : r->snapshot_term, h.vote_term, h.vote,
	        r->all ? UINT64_MAX : h.commit);
	core_recover_floor(r->core, h.floor_term, h.floor);
}

enum err recovery_log(struct log_recovery *r, struct fail *f)
{
	enum err e = wal_open(&r->wal, r->disk, "raft/wal", &r->options, r->log, f);
	e = e ? e : restore(r, f);
	if (!e)
		hard_state(r);
	return e ? e : log_behind_snapshot(r, f);
}
