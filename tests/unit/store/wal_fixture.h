/* A log on the simulated disk, with entries that can be told apart: their data are a function of index and term. */
#ifndef TEST_STORE_WAL_FIXTURE_H
#define TEST_STORE_WAL_FIXTURE_H

#include "store/wal.h"
#include "tests/sim/disk.h"
#include "tests/test.h"

enum { SEGMENT = 4096, SALT = 42, DATA_MAX = 400 };

extern const char *const wal_names[4]; /* of the first segments */

size_t wal_test_data(raft_index index, raft_term term, char out[static DATA_MAX]); /* how many bytes */
void wal_test_entry(struct wal_entry *e, raft_index index, raft_term term, char out[static DATA_MAX]);

/* Opens raft/wal on `d` with segments of that size. */
enum err wal_test_open(struct wal **w, struct sim_disk *d, uint64_t segment, struct fail *f);
/* The next n (at most 64) entries of that term; wal_test_put syncs, too. */
enum err wal_test_append(struct wal *w, size_t n, raft_term term, struct fail *f);
enum err wal_test_put(struct wal *w, size_t n, raft_term term, struct fail *f);

/* All entries can be read, from the first to the last, and are what they should be. */
bool wal_test_reads_well(struct wal *w);

#endif
