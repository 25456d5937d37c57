#include "cmd/agent/checks_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/agent/check_job.h"
#include "core/base/heap.h"
#include "core/base/map.h"
#include "core/base/must.h"
#include "core/base/slice.h"

#define REAP_EVERY NS_PER_S

struct checks {
	struct loop *loop;
	void (*done)(void *host, struct slice id, uint64_t run, struct slice status, struct slice output);
	void *host;
	struct map jobs; /* id → struct check_job */
	const struct errand_tls *own;
	struct timer reap; /* as process 1: orphans of scripts become our children */
};

/* ---- orphans ---- */

static void reap_orphans(struct timer *t)
{
	struct checks *c = HEAP_OWNER(t, struct checks, reap);
	siginfo_t who = {0};
	while (!waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT) && who.si_pid && !child_is_ours(who.si_pid)) {
		waitpid(who.si_pid, NULL, 0);
		who.si_pid = 0;
	}
	loop_timer(c->loop, &c->reap, c->loop->now + REAP_EVERY);
}

/* ---- birth and death ---- */

struct checks *checks_new(struct loop *l,
        void (*done)(void *host, struct slice id, uint64_t run, struct slice status, struct slice output), void *host)
{
	struct checks *c = calloc(1, sizeof *c);
	MUST(c);
	*c = (struct checks){.loop = l, .done = done, .host = host, .reap.fire = reap_orphans};
	map_init(&c->jobs, (uint64_t)(uintptr_t)c);
	if (getpid() == 1)
		loop_timer(l, &c->reap, l->now + REAP_EVERY);
	return c;
}

void checks_tls(struct checks *c, const struct errand_tls *own)
{
	c->own = own;
}

static void job_free(struct check_job *j)
{
	loop_timer_stop(j->loop, &j->timer);
	resolve_cancel(&j->resolve);
	arena_free(&j->mem);
	free(j);
}

static const struct check_kind_of *kind_of(const struct check_job *j)
{
	static const struct check_kind_of *const kinds[] = {
	        [CHECK_SCRIPT] = &check_script,
	        [CHECK_HTTP] = &check_http,
	        [CHECK_TCP] = &check_tcp,
	        [CHECK_DOCKER] = &check_docker,
	};
	return j->ask.kind < ARRAY_LEN(kinds) ? kinds[j->ask.kind] : NULL;
}

void checks_free(struct checks *c)
{
	size_t at = 0;
	for (struct check_job *j; (j = map_next(&c->jobs, &at));) {
		kind_of(j)->drop(j);
		job_free(j);
	}
	loop_timer_stop(c->loop, &c->reap);
	map_free(&c->jobs);
	free(c);
}

/* ---- a run ---- */

void checks_start(struct checks *c, const struct check_run *run)
{
	if (map_get(&c->jobs, run->id))
		return;
	struct check_job *j = calloc(1, sizeof *j);
	if (!j)
		return;
	j->checks = c;
	j->loop = c->loop;
	j->own = c->own;
	check_run_copy(&j->ask, run, &j->mem);
	loop_read_clocks(c->loop);
	j->deadline = run->timeout > 0 ? c->loop->now + run->timeout : INT64_MAX;
	if (j->mem.failed || !map_put(&c->jobs, j->ask.id, j, NULL)) {
		job_free(j);
		return;
	}
	if (kind_of(j))
		kind_of(j)->start(j);
	else
		check_job_fail(j, "checks of this kind can't be run by this agent");
}

void checks_cancel(struct checks *c, struct slice id)
{
	struct check_job *j = map_remove(&c->jobs, id);
	if (!j)
		return;
	kind_of(j)->drop(j);
	job_free(j);
}

void check_job_end(struct check_job *j, const char *status, struct slice output)
{
	struct checks *c = j->checks;
	MUST(map_remove(&c->jobs, j->ask.id) == j);
	c->done(c->host, j->ask.id, j->ask.run, slice_of(status), output);
	job_free(j);
}

void check_job_fail(struct check_job *j, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vfmt(&text, fmt, ap);
	va_end(ap);
	check_job_end(j, "critical", buf_view(&text));
	buf_free(&text);
}

/* ---- names ---- */

static void found(struct resolve *r, const struct address *all, unsigned n, const struct fail *f)
{
	struct check_job *j = (struct check_job *)(void *)((char *)r - offsetof(struct check_job, resolve));
	for (j->to_n = 0; j->to_n < n && j->to_n < CHECK_ADDRESSES_MAX; j->to_n++)
		j->to[j->to_n] = all[j->to_n];
	j->resolved(j, f);
}

void check_job_resolve(
        struct check_job *j, struct slice host, uint16_t port, void (*then)(struct check_job *j, const struct fail *f))
{
	struct fail f;
	j->to_n = j->to_at = 0;
	if (address_parse_ip(host, &j->to[0])) {
		j->to[0].port = port;
		j->to_n = 1;
		then(j, NULL);
		return;
	}
	j->pending = arena_str(&j->mem, "%.*s", PS(host));
	j->resolved = then;
	j->resolve.done = found;
	if (!resolve_start(&j->resolve, j->loop, host, port, &f))
		then(j, &f);
}
