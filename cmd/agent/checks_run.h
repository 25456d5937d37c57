/* Running one check: a script, an HTTP request, a connection, a command in a container. Everything is asynchronous on
 * the work thread's loop; many checks run at a time.
 *
 * Results as Consul 1.0.8's (agent/check.go): the status ("passing", "warning", "critical") and the output, cut as
 * each kind cuts it. */
#ifndef CMD_AGENT_CHECKS_RUN_H
#define CMD_AGENT_CHECKS_RUN_H

#include "core/agent/check_run.h"
#include "net/loop.h"

struct checks;

/* `done` is called once a run, on the loop's thread, unless the run was cancelled before. */
struct checks *checks_new(struct loop *l,
        void (*done)(void *host, struct slice id, uint64_t run, struct slice status, struct slice output), void *host);
/* What HTTP checks show and whom they believe from now on; outlives them. NULL: nothing, and whom the system does. */
struct errand_tls;
void checks_tls(struct checks *c, const struct errand_tls *own);
void checks_free(struct checks *c); /* kills what runs */

/* Begins a run; copies what it needs. A run of the same check that still goes on is left alone and this one dropped. */
void checks_start(struct checks *c, const struct check_run *run);
/* Forgets the check's run, killing a script's whole process group. */
void checks_cancel(struct checks *c, struct slice id);

#endif
