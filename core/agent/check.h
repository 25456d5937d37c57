/* When checks run, and what their results make of them.
 *
 *   put ---- a random part of its interval ----> run asked for (EFF_CHECK_RUN) ---- result ---> one interval later,
 * again TTL: put or set ---- its TTL passes ----> critical, once, until set again
 *
 * One row a check id that has a type; a check of another kind under the same id takes its place. Where a result never
 * comes (the host was too busy) the check runs again after RUN_LOST. Rules: Consul 1.0.8, agent/checks, agent/agent.go.
 *
 * Thread: core. Time and randomness are given. */
#ifndef CORE_AGENT_CHECK_H
#define CORE_AGENT_CHECK_H

#include "core/agent/local.h"
#include "core/effect.h"
#include "core/event.h"

#define CHECK_INTERVAL_MIN NS_PER_S

struct check_row;

struct checks_due {
	struct local *local;
	struct logbuf *log;
	struct rand *rand;
	struct map rows; /* id → struct check_row */
	struct heap due;
	uint64_t runs;
	uint32_t ttls, scripts; /* for `info` */
	mono_ns reap_at;        /* when long critical services are looked for */
};

void checks_due_init(struct checks_due *d, struct local *l, struct rand *r, struct logbuf *log);
void checks_due_free(struct checks_due *d);

/* Begins (anew). The row is in the table of local checks, with a type. */
bool checks_due_put(struct checks_due *d, const struct local_check *c, mono_ns now, struct effects *out);
void checks_due_remove(struct checks_due *d, struct slice id, struct effects *out);

/* Sets the state of a TTL check; false: the id has no TTL. */
bool checks_due_set(struct checks_due *d, struct slice id, struct slice status, struct slice output, mono_ns now);
/* What a TTL check was last set to, while that holds; false: not set, or no TTL. Valid until it is set again or put. */
bool checks_due_state(const struct checks_due *d, struct slice id, struct slice *status, struct slice *output);
/* How long its TTL is; 0: it has none. */
dur_ns checks_due_ttl(const struct checks_due *d, struct slice id);

/* A run has ended. */
void checks_due_done(struct checks_due *d, const struct event *ev, struct effects *out);
/* Starts what is due, fails what was not set in time. */
void checks_due_tick(struct checks_due *d, mono_ns now, struct effects *out);
mono_ns checks_due_next(const struct checks_due *d);

/* Services one of whose checks has been critical for longer than it allows. Looked for every check_reap_interval only;
 * false: not now, or none. services: of struct check_reap, in the arena; a service may be there more than once. */
struct check_reap {
	struct slice check, service;
};
bool checks_due_reap(struct checks_due *d, mono_ns now, struct arena *a, struct list *services);

#endif
