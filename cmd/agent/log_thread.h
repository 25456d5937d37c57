/* The log thread: takes all batches that wait, writes them, syncs once, says how far the log is durable. */
#ifndef CMD_AGENT_LOG_THREAD_H
#define CMD_AGENT_LOG_THREAD_H

#include "cmd/agent/process.h"

/* One turn of the core's appends: entries whose data the core lends until it applied them. Made by the core thread, freed by
 * it when it comes back with the result. */
struct log_batch {
	struct wal_hard hard;
	char vote[64];
	size_t n;
	raft_index forget;  /* n == 0: entries below it are in a snapshot */
	raft_term replaced; /* … which takes the place of the whole log and ends with this term; 0: no */
	enum err err; /* out */
	struct fail fail;
	raft_index synced;
	struct wal_entry entries[];
};

void *log_thread_run(void *process);

#endif
