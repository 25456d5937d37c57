/* Programs of remote execution (core/agent/remote_exec.h): children of the core thread's loop. Their output goes to the
 * core in pieces of four kilobytes, or what there is after half a second. A script is written to a file of its own,
 * removed at the end. At most EXEC_MAX at a time. */
#ifndef CMD_AGENT_EXEC_RUN_H
#define CMD_AGENT_EXEC_RUN_H

#include "core/effect.h"
#include "core/event.h"
#include "net/loop.h"

enum { EXEC_MAX = 64, EXEC_PIECE = 4096 };

struct exec_runs;

/* `news` gets EV_EXEC without its time. NULL: no memory. */
struct exec_runs *exec_runs_new(struct loop *l, void *owner, void (*news)(void *owner, struct event *ev));
void exec_runs_free(struct exec_runs *r); /* kills what runs */

/* EFF_EXEC_RUN, EFF_EXEC_KILL. */
void exec_run(struct exec_runs *r, const struct effect *e);
void exec_kill(struct exec_runs *r, uint64_t id);

#endif
