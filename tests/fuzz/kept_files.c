/* Any bytes as the small files of the raft folder: peers.json in both forms, and a snapshot's meta.json with whatever
 * state.bin lies beside it. What is accepted of peers.json is written so that it reads the same. */
#include "cmd/agent/regroup.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft.h"
#include "store/snapshot_files.h"
#include "tests/sim/disk.h"

#define DIR "raft/snapshots"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void peers(struct slice text, int64_t protocol)
{
	struct regroup r = {0}, again = {0};
	struct fail f = {0};
	struct buf b = {0};
	enum err e = regroup_parse(text, protocol, &r, &f);
	MUST(e == OK || f.text[0]);
	MUST(r.n <= REGROUP_SERVERS_MAX);
	if (!e && r.n) {
		regroup_print(r.servers, r.n, protocol, &b);
		MUST(regroup_parse(buf_view(&b), protocol, &again, &f) == OK && again.n == r.n);
	}
	for (size_t i = 0; i < again.n; i++) {
		MUST(slice_eq(r.servers[i].id, again.servers[i].id));
		MUST(slice_eq(r.servers[i].address, again.servers[i].address));
	}
	buf_free(&b);
	arena_free(&r.mem);
	arena_free(&again.mem);
}

static void snapshot(struct slice meta, struct slice state)
{
	struct sim_disk d;
	struct snapshot_reader r;
	struct snapshot_meta m;
	struct logbuf log = {0};
	struct arena a = {0};
	struct list all;
	struct fail f = {0};
	char bytes[64];
	size_t got = 0;
	sim_disk_init(&d, 1);
	MUST(!d.disk.make_dir(&d.disk, DIR "/1-2-3", &f));
	sim_disk_put(&d, DIR "/1-2-3/meta.json", meta);
	sim_disk_put(&d, DIR "/1-2-3/state.bin", state);
	MUST(snapshot_list(&d.disk, DIR, &a, &all, &log, &f) == OK && all.n <= 1);
	enum err e = snapshot_open_newest(&r, &m, &d.disk, DIR, &a, &log, &f);
	MUST(e == OK || f.text[0]);
	if (!e) {
		while (snapshot_read(&r, bytes, sizeof bytes, &got, &f) == OK && got)
			;
		snapshot_close(&r);
	}
	sim_disk_free(&d);
	buf_free(&log.lines);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice state = slice_at(data, size), meta = slice_next(&state, 0);
	peers(meta, 2);
	peers(meta, 3);
	snapshot(meta, state);
	return 0;
}
