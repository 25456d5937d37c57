/* Which of the snapshots on disk counts: the newest that is a part of the log. */
#include "cmd/agent/recovery_log.h"

#include <stdio.h>

#include "cmd/agent/snapshots.h"
#include "store/snapshot_files.h"
#include "tests/sim/disk.h"
#include "tests/test.h"

/* An archive of nothing. */
#define EMPTY "\x81\xa9LastIndex\0"

struct rig {
	struct sim_disk disk;
	struct wal *wal;
	struct log_recovery r;
	struct agent_config config;
	struct logbuf log;
};

static void begin(struct rig *g)
{
	const struct wal_options o = {.salt = 1};
	struct fail f;
	*g = (struct rig){.log.level = LOG_ERR + 1};
	sim_disk_init(&g->disk, 1);
	ASSERT(!wal_open(&g->wal, &g->disk.disk, "raft/wal", &o, NULL, &f));
}

static void append(struct rig *g, raft_index first, raft_index last, raft_term term)
{
	struct fail f;
	for (raft_index i = first; i <= last; i++) {
		const struct wal_entry e = {i, term, RAFT_NOOP, S_NONE};
		ASSERT(!wal_append(g->wal, NULL, &e, 1, &f));
	}
	ASSERT(!wal_sync(g->wal, &f));
}

static void snapshot(struct rig *g, raft_index index, raft_term term)
{
	struct snapshot_server one = {0, S("one"), S("10.0.0.1:8300")};
	const struct snapshot_meta m = {
	        .index = index, .term = term, .configuration.servers = {&one, 1}, .configuration_index = 1};
	struct snapshot_writer w;
	struct fail f;
	ASSERT(!snapshot_begin(&w, &g->disk.disk, SNAPSHOTS_DIR, &m, 0, &f));
	snapshot_write(&w, S(EMPTY));
	ASSERT(!snapshot_finish(&w, &g->log, &f));
}

/* What is on disk is what a new process finds. */
static enum err recovered(struct rig *g, struct fail *f)
{
	wal_close(g->wal);
	g->config = (struct agent_config){.node_name = S("one"),
	        .node_id = S("one"),
	        .datacenter = S("dc1"),
	        .server_mode = true,
	        .advertise_addr = S("10.0.0.1"),
	        .server_advertise = {CONFIG_ADDR_TCP, S("10.0.0.1"), 8300}};
	struct epoch *epoch = epoch_new();
	const struct core_options o = {
	        .config = &g->config, .epoch = epoch, .log = &g->log, .seed = 1, .durable = true};
	g->r = (struct log_recovery){
	        .disk = &g->disk.disk, .core = core_new(&o), .epoch = epoch, .log = &g->log, .options = {.salt = 2}};
	ASSERT(g->r.core);
	return recovery_log(&g->r, f);
}

static uint32_t snapshots_n(struct rig *g)
{
	struct arena a = {0};
	struct list all;
	struct fail f;
	ASSERT(!snapshot_list(&g->disk.disk, SNAPSHOTS_DIR, &a, &all, NULL, &f));
	arena_free(&a);
	return all.n;
}

static void end(struct rig *g)
{
	if (g->r.wal)
		wal_close(g->r.wal);
	core_free(g->r.core);
	epoch_free(g->r.epoch);
	sim_disk_free(&g->disk);
	buf_free(&g->log.lines);
}

/* A restore as entry 4 of term 1 was on its way to disk; meanwhile a leader of term 2 was followed. */
TEST(recovery_log, a_snapshot_that_contradicts_the_log_does_not_count)
{
	struct rig g;
	struct fail f;
	begin(&g);
	append(&g, 1, 3, 1);
	snapshot(&g, 2, 1);
	append(&g, 4, 6, 2);
	snapshot(&g, 4, 1);
	CHECK_EQ(recovered(&g, &f), OK);
	CHECK_EQ(g.r.snapshot, 2);
	CHECK_EQ(wal_last(g.r.wal), 6);
	CHECK_EQ(snapshots_n(&g), 1); /* nor may it be the one that is kept */
	end(&g);
}

TEST(recovery_log, one_behind_the_end_of_the_log_does_not_count)
{
	struct rig g;
	struct fail f;
	begin(&g);
	append(&g, 1, 3, 1);
	append(&g, 4, 6, 2);
	snapshot(&g, 9, 1);
	CHECK_EQ(recovered(&g, &f), OK);
	CHECK_EQ(g.r.snapshot, 0);
	CHECK_EQ(wal_first(g.r.wal), 1);
	CHECK_EQ(wal_last(g.r.wal), 6);
	CHECK_EQ(snapshots_n(&g), 0);
	end(&g);
}

TEST(recovery_log, the_newest_that_is_a_part_counts)
{
	struct rig g;
	struct fail f;
	begin(&g);
	append(&g, 1, 6, 1);
	snapshot(&g, 2, 1);
	snapshot(&g, 6, 1);
	CHECK_EQ(recovered(&g, &f), OK);
	CHECK_EQ(g.r.snapshot, 6);
	CHECK_EQ(snapshots_n(&g), 2);
	end(&g);
}

TEST(recovery_log, without_a_log_a_snapshot_is_all_there_is)
{
	struct rig g;
	struct fail f;
	begin(&g);
	snapshot(&g, 9, 3);
	CHECK_EQ(recovered(&g, &f), OK);
	CHECK_EQ(g.r.snapshot, 9);
	CHECK_EQ(wal_first(g.r.wal), 10);
	CHECK_EQ(snapshots_n(&g), 1);
	end(&g);
}

/* A leader's older snapshot was taking the place of ours (the floor tells): the log still stood on ours. */
TEST(recovery_log, a_log_that_was_given_up_goes)
{
	struct rig g;
	struct fail f;
	const struct wal_hard hard = {.term = 4, .floor_term = 3, .floor = 11};
	begin(&g);
	ASSERT(!wal_reset(g.wal, 10, 3, &f));
	append(&g, 11, 11, 3);
	snapshot(&g, 5, 2);
	CHECK_EQ(recovered(&g, &f), ERR_CORRUPT); /* it is a damage without the floor */
	end(&g);
	begin(&g);
	ASSERT(!wal_reset(g.wal, 10, 3, &f));
	append(&g, 11, 11, 3);
	ASSERT(!wal_append(g.wal, &hard, NULL, 0, &f) && !wal_sync(g.wal, &f));
	snapshot(&g, 5, 2);
	CHECK_EQ(recovered(&g, &f), OK);
	CHECK_EQ(g.r.snapshot, 5);
	CHECK_EQ(wal_first(g.r.wal), 6);
	CHECK_EQ(wal_hard(g.r.wal).floor, 11);
	CHECK_EQ(wal_hard(g.r.wal).floor_term, 3);
	end(&g);
}
