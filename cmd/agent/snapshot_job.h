/* Saving a snapshot for a client, on a thread of its own: gathering and packing a million keys takes seconds, and a
 * front has others to serve. The thread is a reader like a front: it holds the world of the moment until it is done, so
 * the store keeps what is replaced meanwhile. One works at a time, others wait for it. */
#ifndef CMD_AGENT_SNAPSHOT_JOB_H
#define CMD_AGENT_SNAPSHOT_JOB_H

#include "cmd/agent/process.h"
#include "core/method/call.h"

struct snapshot_job;

/* Before the threads start. False: no place among the readers. */
bool snapshot_jobs_init(struct process *p);
/* Before the store is freed: waits for those under way. */
void snapshot_jobs_wait(void);

/* `request` as snapshot_call gives it. As forward_begin: `done` once, on the loop, never from inside. NULL: no thread.
 */
struct snapshot_job *snapshot_job_begin(
        struct loop *l, struct slice request, void (*done)(void *owner, const struct call_answer *a), void *owner);
/* Nobody wants it any more: it ends by itself. */
void snapshot_job_cancel(struct snapshot_job *j);

#endif
