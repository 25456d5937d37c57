/* The work thread: what must not hold up the core: running checks (its own loop), small files below the data directory.
 *
 * The core thread hands over copies through a ring and takes results from another; both are bounded. What finds the
 * ring full waits on the core's side. Of files only the newest state of each waits, so there are no more than there are
 * services and checks, and none is lost, at the end of the agent either; of checks WORK_WAITING_MAX wait, a further run
 * is dropped (it comes again with the next interval). */
#ifndef CMD_AGENT_WORK_THREAD_H
#define CMD_AGENT_WORK_THREAD_H

#include "cmd/agent/process.h"
#include "core/agent/check_run.h"

struct work;

enum { WORK_RING = 4096, WORK_WAITING_MAX = 65536 };

/* `reader`: the core's bell, rung when results wait. `disk` may be NULL (no data directory): files are not kept. */
struct work *work_new(struct bell *reader, struct disk *disk);
/* With enable_agent_tls_for_checks: HTTP checks are clients with the agent's certificate, who believe its authority.
 * Before the thread starts. */
enum err work_tls(struct work *w, const struct agent_config *c, struct fail *f);
void work_free(struct work *w);
void *work_run(void *work); /* the thread */
void work_stop(struct work *w);

/* ---- core thread (work_flush: once a turn, when all was handed over) ---- */
void work_check_run(struct work *w, const struct check_run *c);
void work_check_cancel(struct work *w, const struct check_run *c);
void work_file(struct work *w, struct slice name, struct slice bytes); /* empty bytes: remove it */
void work_flush(struct work *w);
/* The next result into ev->check; what it points to lives until work_check_free. */
bool work_check_done(struct work *w, struct event *ev);
void work_check_free(struct work *w);
bool work_waiting(struct work *w);

#endif
