/* The log thread: takes all batches that wait, writes them, syncs once, says how far the log is durable.
 *
 * While none of them is under way the log belongs to the core thread, which then may write a small batch itself
 * (log_writes.h). */
#ifndef CMD_AGENT_LOG_THREAD_H
#define CMD_AGENT_LOG_THREAD_H

#include "cmd/agent/log_batch.h"
#include "cmd/agent/process.h"

void *log_thread_run(void *process);

/* Writes and syncs; each batch has its result then. For the thread that the log belongs to. */
void log_write(struct process *p, struct log_batch **batches, uint32_t n);

#endif
