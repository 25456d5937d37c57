/* A server's disk: the real log and snapshots (store/wal, store/snapshot_files, cmd/agent/recovery_log) on a disk that
 * tears and forgets what was not synced, that can be slow, fail, be full, and be switched off between any two calls. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/agent/recovery_log.h"
#include "cmd/agent/snapshots.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/archive.h"
#include "store/snapshot_files.h"
#include "tests/sim/cluster_world.h"

enum { GROUP_MAX = 64, SEGMENT = 64 << 10, CALLS_OF_A_GROUP = 12, CALLS_OF_A_SNAPSHOT = 24 };

void platter_init(struct cluster *c, struct host *h)
{
	struct platter *p = &h->disk;
	sim_disk_init(&p->disk, rand_u64(&c->rand));
	p->end = &p->waiting;
	p->least = 20 * NS_PER_US;
	p->most = 2 * NS_PER_MS;
}

void platter_state(const struct db_root *r, struct buf *out)
{
	struct archive_writer w;
	archive_write_begin(&w, r, ARCHIVE_WHOLE);
	while (archive_write_next(&w, out, 1 << 16))
		;
	archive_write_end(&w);
	MUST(!out->failed);
}

void platter_recover(struct cluster *c, struct host *h)
{
	struct platter *p = &h->disk;
	struct fail f = {0};
	struct log_recovery r = {
	        .disk = &p->disk.disk,
	        .core = h->core,
	        .epoch = h->epoch,
	        .log = &h->log,
	        .options = {.salt = rand_u64(&c->rand), .segment_bytes = SEGMENT},
	};
	uint64_t capacity = p->disk.capacity;
	p->disk.capacity = p->disk.fail_at = p->disk.fail_until = 0; /* on an ill disk nobody starts */
	if (recovery_log(&r, &f))
		cluster_wrong(c, "%s can't start: %s", h->name, f.text);
	p->disk.capacity = capacity;
	p->writer = (struct log_writer){.wal = r.wal};
	p->busy = false;
	p->told = 0;
	if (!cluster_over(c))
		truth_recovered(c, h);
}

/* ---- the log ---- */

static struct log_batch *batch_pop(struct platter *p)
{
	struct log_batch *b = p->waiting;
	p->waiting = b->next;
	if (!p->waiting)
		p->end = &p->waiting;
	return b;
}

static void next_group(struct cluster *c, struct host *h);

/* What the core hears of, as log_writes.c tells it. */
static void tell(struct cluster *c, struct host *h, const struct log_batch *b)
{
	struct platter *p = &h->disk;
	struct event ev = {.kind = b->err ? EV_LOG_FAILED : EV_LOGGED};
	if (b->kind != LOG_APPEND || (b->err && b->failures != p->told))
		return;
	ev.sequence = b->sequence;
	ev.index = ev.last = b->last;
	if (b->err) {
		p->told = b->failed;
		ev.why = slice_of(b->fail.text);
		cluster_say(c, "the disk of %s: %s", h->name, b->fail.text);
	}
	host_step(c, h, &ev);
}

static void on_synced(struct cluster *c, struct hap *e)
{
	struct host *h = e->host;
	struct platter *p = &h->disk;
	struct log_batch *group[GROUP_MAX];
	uint32_t n = 0;
	p->busy = false;
	while (p->waiting && n < GROUP_MAX)
		group[n++] = batch_pop(p);
	log_batch_write(&p->writer, group, n);
	for (uint32_t i = 0; i < n; i++) {
		tell(c, h, group[i]);
		free(group[i]);
	}
	next_group(c, h);
}

static void next_group(struct cluster *c, struct host *h)
{
	struct platter *p = &h->disk;
	if (p->busy || !p->waiting)
		return;
	p->busy = true;
	cluster_later(c, cluster_some(c, p->least, p->most), on_synced, h);
}

static void batch_add(struct cluster *c, struct host *h, struct log_batch *b)
{
	struct platter *p = &h->disk;
	*p->end = b;
	p->end = &b->next;
	next_group(c, h);
}

void platter_append(struct cluster *c, struct host *h, const struct effect *e)
{
	batch_add(c, h, log_batch_append(e, h->disk.told));
}

void platter_forget(struct cluster *c, struct host *h, const struct effect *e)
{
	batch_add(c, h, log_batch_snapshot(e->snapshot.index, e->snapshot.term, h->disk.told));
}

/* ---- snapshots ---- */

static enum err snapshot_write_all(struct host *h, struct fail *f)
{
	struct platter *p = &h->disk;
	struct snapshot_server servers[HOSTS_MAX];
	struct snapshot_writer w;
	for (size_t i = 0; i < p->snapshot.n; i++)
		servers[i] = (struct snapshot_server){
		        p->snapshot.servers[i].suffrage, p->snapshot.servers[i].id, p->snapshot.servers[i].address};
	const struct snapshot_meta meta = {
	        .index = p->snapshot.index,
	        .term = p->snapshot.term,
	        .configuration.servers = {servers, (uint32_t)p->snapshot.n},
	        .configuration_index = p->snapshot.configuration,
	};
	enum err e = snapshot_begin(&w, &p->disk.disk, SNAPSHOTS_DIR, &meta, h->log.now, f);
	if (e)
		return e;
	snapshot_write(&w, buf_view(&p->snapshot.state));
	return snapshot_finish(&w, &h->log, f);
}

static void on_snapshot(struct cluster *c, struct hap *e)
{
	struct host *h = e->host;
	struct event ev = {.kind = EV_SNAPSHOT_DONE};
	struct fail f = {0};
	if (snapshot_write_all(h, &f))
		ev.why = slice_of(f.text);
	else
		c->report->snapshots++;
	h->disk.snapshot.running = false;
	ev.index = h->disk.snapshot.index;
	host_step(c, h, &ev);
}

void platter_snapshot(struct cluster *c, struct host *h, const struct effect *e)
{
	struct platter *p = &h->disk;
	MUST(!p->snapshot.running);
	p->snapshot.running = true;
	p->snapshot.index = e->snapshot.index;
	p->snapshot.term = e->snapshot.term;
	p->snapshot.configuration = e->snapshot.configuration;
	p->snapshot.n = e->snapshot.n;
	for (size_t i = 0; i < e->snapshot.n; i++) {
		const struct raft_server *from = &e->snapshot.servers[i];
		p->snapshot.servers[i] = *from;
		p->snapshot.servers[i].id = slice_of(slice_cstr(from->id, p->snapshot.texts[i][0], 64));
		p->snapshot.servers[i].address = slice_of(slice_cstr(from->address, p->snapshot.texts[i][1], 64));
	}
	buf_reset(&p->snapshot.state, 1 << 20);
	if (e->snapshot.state.n)
		buf_slice(&p->snapshot.state, e->snapshot.state);
	else
		platter_state(db_published(core_db(h->core)), &p->snapshot.state);
	cluster_later(c, cluster_some(c, NS_PER_MS, 200 * NS_PER_MS), on_snapshot, h);
}

void platter_drop(struct cluster *c, struct host *h, const struct effect *e)
{
	struct fail f = {0};
	if (snapshot_remove(&h->disk.disk.disk, SNAPSHOTS_DIR, e->snapshot.index, e->snapshot.term, &f))
		cluster_say(c, "%s can't remove a snapshot: %s", h->name, f.text);
}

/* ---- the end ---- */

/* Anything between nothing and all of what the disk was asked for has happened. */
void platter_crash(struct cluster *c, struct host *h, enum crash how)
{
	struct platter *p = &h->disk;
	struct log_batch *group[GROUP_MAX];
	struct fail f;
	uint32_t n = 0;
	if (p->snapshot.running && cluster_chance(c, 50)) {
		p->disk.crash_at = p->disk.calls + 1 + cluster_below(c, CALLS_OF_A_SNAPSHOT);
		snapshot_write_all(h, &f);
	} else if (p->busy && cluster_chance(c, 70)) {
		p->disk.crash_at = p->disk.calls + 1 + cluster_below(c, CALLS_OF_A_GROUP);
		for (struct log_batch *b = p->waiting; b && n < GROUP_MAX; b = b->next)
			group[n++] = b;
		log_batch_write(&p->writer, group, n);
	}
	p->disk.off = true;
	if (p->writer.wal)
		wal_close(p->writer.wal);
	while (p->waiting)
		free(batch_pop(p));
	p->busy = p->snapshot.running = false;
	p->writer.wal = NULL;
	if (how == CRASH_POWER)
		sim_disk_crash(&p->disk);
	else
		sim_disk_kill(&p->disk);
}

void platter_free(struct host *h)
{
	if (!h->server)
		return;
	buf_free(&h->disk.snapshot.state);
	sim_disk_free(&h->disk.disk);
}
