/* Scripts: exit code 0 passes, 1 warns, all else is critical (Nagios). Consul 1.0.8: agent/checks/check.go,
 * CheckMonitor. */
#include <stdlib.h>

#include "cmd/agent/check_job.h"
#include "core/base/num.h"
#include "core/base/slice.h"

static void output(struct child *c, struct slice piece)
{
	struct check_job *j = c->owner;
	tail_put(&j->tail, piece);
}

static void put_output(const struct tail *t, struct buf *out)
{
	if (t->total > TAIL_MAX)
		buf_fmt(out, "Captured %d of %llu bytes\n...\n", TAIL_MAX, (unsigned long long)t->total);
	tail_read(t, out);
}

static void done(struct child *c)
{
	struct check_job *j = c->owner;
	struct buf text = {0};
	if (c->timed_out) {
		BUF_LIT(&text, "Timed out (");
		dur_print(&text, j->ask.timeout);
		BUF_LIT(&text, ") running check");
		if (j->tail.total)
			BUF_LIT(&text, "\n\n");
	}
	put_output(&j->tail, &text);
	const char *status = c->timed_out        ? "critical"
	                     : c->exit_code == 0 ? "passing"
	                     : c->exit_code == 1 ? "warning"
	                                         : "critical";
	check_job_end(j, status, buf_view(&text));
	buf_free(&text);
}

static const char *text(struct check_job *j, struct slice s)
{
	return arena_str(&j->mem, "%.*s", PS(s)).p;
}

static const char *const *argv_of(struct check_job *j)
{
	const struct list *args = &j->ask.script_args;
	const struct slice *at = args->items;
	const char **argv = ARENA_ARRAY(&j->mem, const char *, (size_t)args->n + 4);
	const char *shell = getenv("SHELL");
	for (uint32_t i = 0; argv && i < args->n; i++)
		argv[i] = text(j, at[i]);
	if (argv && !args->n) {
		argv[0] = shell && *shell ? shell : "/bin/sh";
		argv[1] = "-c";
		argv[2] = text(j, j->ask.script);
	}
	return argv;
}

static void start(struct check_job *j)
{
	struct child_settings s = {.argv = argv_of(j), .timeout = j->ask.timeout};
	struct fail f;
	j->child = (struct child){.owner = j, .output = output, .done = done};
	if (j->mem.failed)
		check_job_fail(j, "out of memory");
	else if (!s.argv[0][0])
		check_job_fail(j, "exec: no command");
	else if (child_start(&j->child, j->loop, &s, &f))
		check_job_fail(j, "%s", f.text);
}

static void drop(struct check_job *j)
{
	child_drop(&j->child);
}

const struct check_kind_of check_script = {start, drop};
