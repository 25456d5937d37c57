/* A watch at work: what it asks the agent, and when what it hears is news. For `consul watch` as for the watches of the
 * configuration.
 *
 * The host asks (watch_plan_ask), hands the answer over (watch_plan_answer), and if that was news runs the handler with
 * `seen` on its standard input and `told` as CONSUL_INDEX; then it asks again. A question blocks beyond `index`. After
 * an error it waits first (watch_plan_failed). Pure: no clock, no socket. Source: Consul 1.0.8 watch/plan.go,
 * watch/funcs.go. */
#ifndef AGENT_WATCH_PLAN_H
#define AGENT_WATCH_PLAN_H

#include "core/agent/config_watch.h"
#include "core/base/buf.h"

struct watch_plan {
	const struct config_watch *what;
	raft_index index; /* the next question waits for something beyond; 0: it does not wait */
	raft_index told;  /* index of what was news last … */
	struct buf seen;  /* … and what it was: a line of JSON in the shape of the reference's client library */
	unsigned failures;
};

enum { WATCH_PARAMS_MAX = 8 };

struct watch_question {
	struct slice path; /* not escaped */
	struct pair params[WATCH_PARAMS_MAX];
	size_t n;
};

struct watch_heard {
	int status;
	raft_index index; /* X-Consul-Index; 0: none */
	struct slice body;
};

/* A GET without the token. What it points to lies in the arena or belongs to the watch. */
void watch_plan_ask(const struct watch_plan *p, struct arena *a, struct watch_question *q);
/* Not OK: nothing was learnt, see watch_plan_failed. The arena is for the meantime only. */
enum err watch_plan_answer(
        struct watch_plan *p, const struct watch_heard *h, struct arena *a, bool *news, struct fail *f);
/* How long to wait before the next question, which does not block. Longer each time. */
dur_ns watch_plan_failed(struct watch_plan *p);
void watch_plan_free(struct watch_plan *p);

#endif
