/* The log thread: takes all batches that wait, writes them, syncs once, says how far the log is durable.
 *
 * While none of them is under way the log belongs to the core thread, which then may write a small batch itself
 * (log_writes.h). */
#ifndef CMD_AGENT_LOG_THREAD_H
#define CMD_AGENT_LOG_THREAD_H

#include "cmd/agent/process.h"

/* One turn of the core's appends: entries whose data the core lends until it applied them. Made by the core thread, freed by
 * it when it comes back with the result. */
struct log_batch {
	struct log_batch *next; /* of its group, while the core has it */
	struct wal_hard hard;
	char vote[64];
	size_t n;
	raft_index forget;  /* n == 0: entries below it are in a snapshot; 0: only a mark is wanted (wal_mark) */
	raft_term replaced; /* … which takes the place of the whole log and ends with this term; 0: no */
	enum err err; /* out */
	struct fail fail;
	raft_index synced;
	dur_ns took; /* by the sync; 0: another batch has it */
	struct wal_entry entries[];
};

void *log_thread_run(void *process);

/* Writes and syncs; each batch has its result then. For the thread that the log belongs to. */
void log_write(struct process *p, struct log_batch **batches, uint32_t n);

#endif
