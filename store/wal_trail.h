/* Where the entries of the log lie: index → segment and offset, index → term, without the entries.
 *
 * Memory only. Every 16 KiB of log has one mark; an entry is found by walking from the mark before it. What must hold:
 * (1) marks grow strictly by index and by place; (2) from a mark's place on, up to the next mark's index, the live
 * entries follow each other in one segment, with nothing but records of other kinds between; (3) the first live entry
 * has a mark. A cut drops marks, and the entry that comes next gets one, so (2) survives. Terms are runs. */
#ifndef STORE_WAL_TRAIL_H
#define STORE_WAL_TRAIL_H

#include "core/base/types.h"

enum { WAL_MARK_EVERY = 16 << 10 };

struct wal_mark_at {
	raft_index index;
	uint32_t segment, at;
};

struct wal_run {
	raft_index from;
	raft_term term;
};

struct wal_trail {
	raft_index base, last; /* entries base + 1 … last are live */
	raft_term base_term;
	struct wal_mark_at *marks;
	struct wal_run *runs;
	uint32_t n_marks, cap_marks, n_runs, cap_runs;
	bool jump; /* the next entry needs a mark */
};

/* Room for so many more entries' marks and runs, so that wal_trail_add can't fail. False: no memory. */
bool wal_trail_reserve(struct wal_trail *t, size_t marks, size_t runs);
/* The entry last + 1. Precondition: room was reserved. */
void wal_trail_add(struct wal_trail *t, raft_term term, uint32_t segment, uint32_t at);

/* Drops entries > index. An index below base moves the base down (their entries are in segments that are gone): then
 * `term` is that of `index`. */
void wal_trail_cut(struct wal_trail *t, raft_index index, raft_term term);
/* Drops all; goes on behind (index, term). */
void wal_trail_reset(struct wal_trail *t, raft_index index, raft_term term);
/* The segments below `segment` are gone. */
void wal_trail_forget(struct wal_trail *t, uint32_t segment);

raft_term wal_trail_term(const struct wal_trail *t, raft_index index); /* 0: unknown */
/* The last mark at or before a live entry (MUST). */
const struct wal_mark_at *wal_trail_find(const struct wal_trail *t, raft_index index);
bool wal_trail_invariants(const struct wal_trail *t);
void wal_trail_free(struct wal_trail *t);

#endif
