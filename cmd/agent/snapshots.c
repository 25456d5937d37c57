#include "cmd/agent/snapshots.h"

#include "cmd/agent/log_hub.h"
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
	raft_index index;
	raft_term term;
	wall_ns began;
	struct snapshot_server self;
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
	const struct snapshot_meta meta = {
		.index = own.index,
		.term = own.term,
		.configuration.servers = {&own.self, 1},
		.configuration_index = 1,
	};
	if (snapshot_begin(&w, &p->disk.disk, SNAPSHOTS_DIR, &meta, own.began, &own.fail))
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
	write_all(p);
	log_hub_take(&own.log);
	atomic_store(&own.finished, true);
	bell_ring(&p->core_bell);
	return NULL;
}

void snapshots_begin(struct process *p, raft_index index, raft_term term, struct slice state)
{
	own.running = true;
	own.index = index;
	own.term = term;
	own.began = p->core_loop.wall;
	own.fail = (struct fail){0};
	own.log.now = p->core_loop.wall;
	own.log.level = p->core_log.level;
	own.self = (struct snapshot_server){.id = p->config->node_id, .address = atomic_load(&p->world)->self};
	own.state = state;
	own.root = state.n ? NULL : db_pin(core_db(p->core));
	atomic_store(&own.finished, false);
	if ((own.root || state.n) && !pthread_create(&own.thread, NULL, run, p))
		return;
	fail_set(&own.fail, ERR_NO_MEMORY, "no thread or no pin for it");
	own.thread = pthread_self();
	atomic_store(&own.finished, true);
}

bool snapshots_done(struct process *p, struct event *ev, raft_term *replaced)
{
	if (!own.running || !atomic_load(&own.finished))
		return false;
	own.running = false;
	if (!pthread_equal(own.thread, pthread_self()))
		pthread_join(own.thread, NULL);
	if (own.root)
		db_unpin(core_db(p->core), own.root);
	*replaced = own.state.n ? own.term : 0;
	ev->index = own.index;
	ev->why = own.fail.code ? slice_of(own.fail.text) : S_NONE;
	return true;
}

void snapshots_wait(struct process *p)
{
	struct event ev;
	raft_term replaced;
	if (own.running && !pthread_equal(own.thread, pthread_self()))
		while (!atomic_load(&own.finished))
			loop_turn(&p->core_loop, p->core_loop.now + NS_PER_MS);
	snapshots_done(p, &ev, &replaced);
	buf_free(&own.log.lines);
}

static enum err read_all(struct process *p, struct snapshot_reader *from, struct fail *f)
{
	struct archive_reader to;
	struct buf bytes = {0};
	size_t got = 0, used = 0;
	enum err e = OK;
	archive_read_begin(&to, core_state(p->core));
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

enum err snapshots_restore(struct process *p, raft_index *index, raft_term *term, struct fail *f)
{
	struct arena a = {0};
	struct snapshot_reader from;
	struct snapshot_meta meta;
	*index = *term = 0;
	enum err e = snapshot_open_newest(&from, &meta, &p->disk.disk, SNAPSHOTS_DIR, &a, &p->core_log, f);
	if (!e) {
		e = read_all(p, &from, f);
		snapshot_close(&from);
		*index = meta.index;
		*term = meta.term;
		core_restored(p->core, meta.index, meta.term);
	}
	arena_free(&a);
	return e == ERR_ABSENT ? OK : e;
}
