#include "cmd/agent/snapshots.h"

#include "cmd/agent/log_hub.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/archive.h"
#include "store/snapshot_files.h"

enum { PIECE = 64 << 10 };

static struct {
	pthread_t thread;
	bool running;
	atomic_bool finished;
	const struct db_root *root;
	struct slice state; /* in place of the root */
	struct snapshot_meta meta;
	struct arena mem; /* of meta */
	wall_ns began;
	struct logbuf log;
	struct fail fail; /* code OK: it is there */
} own;

static void write_root(struct snapshot_writer *w, struct buf *piece)
{
	struct archive_writer from;
	bool more = true;
	archive_write_begin(&from, own.root, ARCHIVE_WHOLE);
	while (more && !piece->failed) {
		buf_reset(piece, 2 * PIECE);
		more = archive_write_next(&from, piece, PIECE);
		snapshot_write(w, buf_view(piece));
	}
	archive_write_end(&from);
}

static void write_all(struct process *p)
{
	struct snapshot_writer w;
	struct buf piece = {0};
	if (snapshot_begin(&w, &p->disk.disk, SNAPSHOTS_DIR, &own.meta, own.began, &own.fail))
		return;
	if (own.state.n)
		snapshot_write(&w, own.state);
	else
		write_root(&w, &piece);
	if (piece.failed) {
		snapshot_abandon(&w);
		fail_set(&own.fail, ERR_NO_MEMORY, "out of memory");
	} else {
		snapshot_finish(&w, &own.log, &own.fail);
	}
	buf_free(&piece);
}

static void *run(void *process)
{
	struct process *p = process;
	process_thread_yields();
	write_all(p);
	log_hub_take(&own.log);
	atomic_store(&own.finished, true);
	bell_ring(&p->core_bell);
	return NULL;
}

static void note_meta(const struct effect *e)
{
	arena_reset(&own.mem, 4 << 10);
	struct snapshot_server *servers = ARENA_ARRAY(&own.mem, struct snapshot_server, e->snapshot.n);
	MUST(servers);
	for (size_t i = 0; i < e->snapshot.n; i++) {
		const struct raft_server *s = &e->snapshot.servers[i];
		servers[i] = (struct snapshot_server){
		        s->suffrage, arena_copy(&own.mem, s->id), arena_copy(&own.mem, s->address)};
	}
	MUST(!own.mem.failed);
	own.meta = (struct snapshot_meta){
	        .index = e->snapshot.index,
	        .term = e->snapshot.term,
	        .configuration.servers = {servers, (uint32_t)e->snapshot.n},
	        .configuration_index = e->snapshot.configuration,
	};
}

void snapshots_begin(struct process *p, const struct effect *e)
{
	struct slice state = e->snapshot.state;
	own.running = true;
	note_meta(e);
	own.began = p->core_loop.wall;
	own.fail = (struct fail){0};
	own.log.now = p->core_loop.wall;
	own.log.level = p->core_log.level;
	own.state = state;
	own.root = state.n ? NULL : db_pin(core_db(p->core));
	atomic_store(&own.finished, false);
	if ((own.root || state.n) && !pthread_create(&own.thread, NULL, run, p))
		return;
	fail_set(&own.fail, ERR_NO_MEMORY, "no thread or no pin for it");
	own.thread = pthread_self();
	atomic_store(&own.finished, true);
}

bool snapshots_done(struct process *p, struct event *ev)
{
	if (!own.running || !atomic_load(&own.finished))
		return false;
	own.running = false;
	if (!pthread_equal(own.thread, pthread_self()))
		pthread_join(own.thread, NULL);
	if (own.root)
		db_unpin(core_db(p->core), own.root);
	ev->index = own.meta.index;
	ev->why = own.fail.code ? slice_of(own.fail.text) : S_NONE;
	return true;
}

void snapshots_drop(struct process *p, raft_index index, raft_term term)
{
	struct fail f = {0};
	if (snapshot_remove(&p->disk.disk, SNAPSHOTS_DIR, index, term, &f))
		log_err(&p->core_log, "raft: a snapshot that does not count can't be removed: %s", f.text);
}

void snapshots_wait(struct process *p)
{
	struct event ev;
	if (own.running && !pthread_equal(own.thread, pthread_self()))
		while (!atomic_load(&own.finished))
			loop_turn(&p->core_loop, p->core_loop.now + NS_PER_MS);
	snapshots_done(p, &ev);
	arena_free(&own.mem);
	buf_free(&own.log.lines);
}

enum err snapshots_take(struct process *p, const struct core_snapshot *s, struct fail *f)
{
	struct effect e = {.snapshot = {.index = s->index, .term = s->term, .servers = s->servers, .n = s->n}};
	e.snapshot.configuration = s->configuration;
	note_meta(&e);
	own.began = p->core_loop.wall;
	own.fail = (struct fail){0};
	own.log.now = p->core_loop.wall;
	own.state = S_NONE;
	own.root = db_publish(core_db(p->core));
	write_all(p);
	log_hub_take(&own.log);
	*f = own.fail;
	own.root = NULL;
	return f->code;
}
