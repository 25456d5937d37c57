/* Remote execution (`consul exec`): an event names a prefix and a session, the job lies in the KV store below them, and
 * what comes out is written beside it: "ack", "out/00000" …, "exit". Off unless disable_remote_exec is false.
 *
 *   event --> the job is read --> ack --> EFF_EXEC_RUN --> EV_EXEC: output, … , the end --> exit
 *
 * Every key is written with the session as its lock: when the asker is gone, so is its session, and the program is
 * killed with the first key that is refused. Source: Consul 1.0.8, agent/remote_exec.go. Thread: core. */
#ifndef CORE_AGENT_REMOTE_EXEC_H
#define CORE_AGENT_REMOTE_EXEC_H

#include "core/agent/agent.h"
#include "core/agent/user_events.h"

enum { REMOTE_JOBS_MAX = 64 };

/* ASK_JOB: one key, of any server, or of the leader. */
struct ask_job {
	struct slice key;
	bool newest;
};

struct remote_job;

struct remote_exec {
	struct remote_job *jobs;
	unsigned n;
	uint64_t number;
};

void remote_exec_free(struct remote_exec *r);

/* An event "_rexec" for us. */
void remote_exec_begin(struct agent *a, const struct user_event *e);
/* EV_EXEC. */
void remote_exec_event(struct agent *a, const struct event *ev);
void remote_exec_tick(struct agent *a);
mono_ns remote_exec_next(const struct remote_exec *r);

#endif
