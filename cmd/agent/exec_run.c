#include "cmd/agent/exec_run.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/slice.h"
#include "net/spawn.h"

#define IDLE (500 * NS_PER_MS)
enum { EXIT_FAILED = 255 };

struct exec_one {
	struct exec_one *next;
	struct exec_runs *runs;
	uint64_t id;
	struct child child;
	struct timer idle;
	struct buf output;
	struct arena mem;
	char script[32]; /* empty: none */
};

struct exec_runs {
	struct loop *loop;
	void *owner;
	void (*news)(void *owner, struct event *ev);
	struct exec_one *first;
	unsigned n;
};

struct exec_runs *exec_runs_new(struct loop *l, void *owner, void (*news)(void *owner, struct event *ev))
{
	struct exec_runs *r = calloc(1, sizeof *r);
	if (r)
		*r = (struct exec_runs){.loop = l, .owner = owner, .news = news};
	return r;
}

static void forget(struct exec_one *x)
{
	struct exec_one **at = &x->runs->first;
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	x->runs->n--;
	loop_timer_stop(x->runs->loop, &x->idle);
	if (x->script[0])
		unlink(x->script);
	buf_free(&x->output);
	arena_free(&x->mem);
	free(x);
}

void exec_runs_free(struct exec_runs *r)
{
	while (r && r->first) {
		child_drop(&r->first->child);
		forget(r->first);
	}
	free(r);
}

/* ---- output ---- */

static void tell(struct exec_one *x, struct slice output)
{
	struct event ev = {.kind = EV_EXEC};
	ev.exec.id = x->id;
	ev.exec.output = output;
	x->runs->news(x->runs->owner, &ev);
}

static void tell_end(struct exec_runs *r, uint64_t id, int exit_code, const char *why)
{
	struct event ev = {.kind = EV_EXEC};
	ev.exec.id = id;
	ev.exec.ended = true;
	ev.exec.exit_code = exit_code;
	ev.exec.why = slice_of(why);
	r->news(r->owner, &ev);
}

static void flush(struct exec_one *x)
{
	struct slice all = buf_view(&x->output);
	while (all.n) {
		tell(x, slice_cut(all, 0, EXEC_PIECE));
		all = slice_from(all, EXEC_PIECE);
	}
	buf_reset(&x->output, EXEC_PIECE);
	loop_timer_stop(x->runs->loop, &x->idle);
}

static void idle(struct timer *t)
{
	flush(HEAP_OWNER(t, struct exec_one, idle));
}

static void output(struct child *c, struct slice piece)
{
	struct exec_one *x = c->owner;
	buf_slice(&x->output, piece);
	if (x->output.n >= EXEC_PIECE)
		flush(x);
	else
		loop_timer(x->runs->loop, &x->idle, x->runs->loop->now + IDLE);
}

static void done(struct child *c)
{
	struct exec_one *x = c->owner;
	struct exec_runs *r = x->runs;
	uint64_t id = x->id;
	int code = c->exit_code;
	flush(x);
	forget(x);
	tell_end(r, id, code, NULL);
}

/* ---- starting ---- */

static bool write_script(struct exec_one *x, struct slice text)
{
	static const char pattern[] = "/tmp/rexecXXXXXX";
	memcpy(x->script, pattern, sizeof pattern);
	int fd = mkstemp(x->script);
	if (fd < 0) {
		x->script[0] = 0;
		return false;
	}
	bool ok = write(fd, text.p, text.n) == (ssize_t)text.n && !fchmod(fd, 0750);
	return !close(fd) && ok;
}

/* As written, or by the shell. */
static const char *const *argv_of(struct exec_one *x, const struct effect *e)
{
	const struct slice *args = e->exec.args.items;
	const char **argv = ARENA_ARRAY(&x->mem, const char *, (size_t)e->exec.args.n + 4);
	const char *shell = getenv("SHELL");
	for (uint32_t i = 0; argv && i < e->exec.args.n; i++)
		argv[i] = arena_str(&x->mem, "%.*s", PS(args[i])).p;
	if (argv && !e->exec.args.n) {
		argv[0] = shell && *shell ? shell : "/bin/sh";
		argv[1] = "-c";
		argv[2] = x->script[0] ? x->script : arena_str(&x->mem, "%.*s", PS(e->exec.command)).p;
	}
	return x->mem.failed ? NULL : argv;
}

void exec_run(struct exec_runs *r, const struct effect *e)
{
	struct exec_one *x = r->n < EXEC_MAX ? calloc(1, sizeof *x) : NULL;
	struct fail f;
	if (!x) {
		tell_end(r, e->exec.id, EXIT_FAILED, "too many at once");
		return;
	}
	*x = (struct exec_one){.next = r->first, .runs = r, .id = e->exec.id, .idle = {.fire = idle}};
	r->first = x;
	r->n++;
	bool ready = !e->exec.script.n || write_script(x, e->exec.script);
	struct child_settings s = {.argv = ready ? argv_of(x, e) : NULL};
	x->child = (struct child){.owner = x, .output = output, .done = done};
	if (!s.argv)
		fail_set(&f, ERR_IO, "failed to make tmp file");
	else if (!child_start(&x->child, r->loop, &s, &f))
		return;
	forget(x);
	tell_end(r, e->exec.id, EXIT_FAILED, f.text);
}

void exec_kill(struct exec_runs *r, uint64_t id)
{
	struct exec_one *x = r->first;
	while (x && x->id != id)
		x = x->next;
	if (x)
		child_kill(&x->child);
}
