/* What the log is asked to do, in pieces that are written together: cut, append, sync once, tell how far it is durable;
 * forget what is in a snapshot. Whoever owns the log at the moment calls it: the log thread or the core thread
 * (log_thread.h), or the simulator, whose disk does worse things than a real one. */
#ifndef CMD_AGENT_LOG_BATCH_H
#define CMD_AGENT_LOG_BATCH_H

#include "store/wal.h"

struct effect;

enum log_batch_kind {
	LOG_APPEND,  /* cuts, appends entries and hard state; the result is told to the core */
	LOG_FORGET,  /* entries below `index` are in a snapshot and no longer needed */
	LOG_REPLACE, /* a snapshot up to `index`, of `term`, takes the place of the whole log */
	LOG_MARK,    /* notes that all is synced (wal_mark) */
};

/* One piece of work for the log. Entries' data is lent by the core until it applied them. Made by the core thread,
 * freed by it when it comes back with the result.
 *
 * After a failure the log refuses all appends that were made before the core knew: they build on what is not there. */
struct log_batch {
	struct log_batch *next; /* of its group, while the core has it */
	enum log_batch_kind kind;
	uint64_t sequence;
	unsigned failures; /* of the log, that the core knew when it made this */
	struct wal_hard hard;
	char vote[WAL_VOTE_MAX + 1];
	raft_index cut_after; /* UINT64_MAX: nothing */
	raft_index index;
	raft_term term;
	enum err err; /* out */
	struct fail fail;
	unsigned failed; /* how many failures the log had had then */
	raft_index last; /* where it ends */
	dur_ns took;     /* by the sync; 0: another batch has it */
	size_t n;
	struct wal_entry entries[];
};

/* All zero at first, but for the log. */
struct log_writer {
	struct wal *wal;
	unsigned failures;
	bool replaces; /* by a snapshot, but the log could not be told so yet */
	raft_index replaced;
	raft_term replaced_term;
	raft_index snapshot; /* the newest that was told of: the log shall say when it is committed */
};

/* Made zeroed; freed with free(). `failures`: of the log, that the core knows of. */
struct log_batch *log_batch_new(enum log_batch_kind kind, size_t entries, unsigned failures);
/* Of an EFF_APPEND. The core's ring of entries may move while the log is written: descriptors are copied, not data. */
struct log_batch *log_batch_append(const struct effect *e, unsigned failures);
/* A snapshot up to `index` is on disk; `replaced`: of that term, in the place of the whole log. */
struct log_batch *log_batch_snapshot(raft_index index, raft_term replaced, unsigned failures);

/* Writes and syncs; each batch has its result then. */
void log_batch_write(struct log_writer *w, struct log_batch **batches, uint32_t n);

#endif
