/* One run of a check, for the files that know a kind each: check_script.c, check_http.c, check_tcp.c, check_docker.c.
 * Not for others.
 *
 * A kind's `start` begins and returns; sooner or later it calls check_job_end, once, also from inside `start`. That
 * frees the job: nothing of it may be touched afterwards. `drop` gives up without a result. */
#ifndef CMD_AGENT_CHECK_JOB_H
#define CMD_AGENT_CHECK_JOB_H

#include "cmd/agent/errand.h"
#include "cmd/agent/tail.h"
#include "core/agent/check_run.h"
#include "core/base/arena.h"
#include "net/spawn.h"

struct checks;

enum { CHECK_ADDRESSES_MAX = 8 };

struct check_job {
	struct checks *checks;
	struct loop *loop;
	const struct errand_tls *own; /* of HTTP */
	struct check_run ask;         /* what it points to is in mem */
	struct arena mem;
	struct tail tail; /* of the output */
	mono_ns deadline; /* INT64_MAX: none */
	struct timer timer;
	struct resolve resolve;
	void (*resolved)(struct check_job *j, const struct fail *f);
	struct address to[CHECK_ADDRESSES_MAX];
	unsigned to_n, to_at;
	union {
		struct child child;
		struct http_call call;
		struct errand errand;
		struct watch watch;
	};
	struct slice pending; /* name of the host being looked up, NUL-terminated; Docker: the output */
	/* Docker */
	int step;
	struct slice exec_id;
};

struct check_kind_of {
	void (*start)(struct check_job *j);
	void (*drop)(struct check_job *j);
};
extern const struct check_kind_of check_script, check_http, check_tcp, check_docker;

void check_job_end(struct check_job *j, const char *status, struct slice output);
/* Critical, with a sentence. */
void check_job_fail(struct check_job *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Finds the addresses of `host` (an IP needs no look-up) into j->to; then calls `then` with NULL, or with why not. */
void check_job_resolve(
        struct check_job *j, struct slice host, uint16_t port, void (*then)(struct check_job *j, const struct fail *f));

#endif
