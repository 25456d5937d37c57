/* consul watch */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cmd/child.h"
#include "cmd/client.h"
#include "cmd/say.h"
#include "core/agent/watch_plan.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/slice.h"

static const char *type = "", *key = "", *prefix = "", *service = "", *tag = "", *passing_only = "", *state = "",
                  *name = "";
static bool shell = true;

static const struct flag flags[] = {
        {"type", FLAG_STRING, &type, "What to watch: key, keyprefix, services, nodes, service, checks or event."},
        {"key", FLAG_STRING, &key, "The key, for 'key'."},
        {"prefix", FLAG_STRING, &prefix, "What the keys begin with, for 'keyprefix'."},
        {"service", FLAG_STRING, &service, "The service, for 'service'; also possible for 'checks'."},
        {"tag", FLAG_STRING, &tag, "Only instances with this tag, for 'service'."},
        {"passingonly", FLAG_STRING, &passing_only,
                "Only instances whose checks all pass, for 'service': `[true|false]`."},
        {"shell", FLAG_BOOL, &shell,
                "Runs the command by a shell, that of the environment variable SHELL if it is set."},
        {"state", FLAG_STRING, &state, "Only checks in this state, for 'checks'."},
        {"name", FLAG_STRING, &name, "Only events with this name, for 'event'."},
        {NULL},
};

const struct command_page page_watch = {
        .text = "Usage: consul watch [options] [child...]\n\n"
                "  Looks at one thing in the cluster. Without a command it prints it once. With a\n"
                "  command it runs that, at first and whenever the thing has changed, with what it\n"
                "  is now on the command's standard input.",
        .flags = flags,
        .asks = ASKS_SERVERS,
};

/* ---- what is watched ---- */

static void want(struct value *params, const char *parameter, const char *text)
{
	if (*text)
		params->entries[params->n++] =
		        (struct value_entry){slice_of(parameter), {.type = V_STRING, .text = slice_of(text)}};
}

static void want_flag(struct value *params, const char *parameter, bool on)
{
	params->entries[params->n++] = (struct value_entry){slice_of(parameter), {.type = V_BOOL, .boolean = on}};
}

/* The flags, as a watch of the configuration would say it. */
static enum err watch_read(struct arena *a, struct config_watch *out, struct fail *f)
{
	struct value_entry at[10];
	struct value params = {.type = V_OBJECT, .entries = at};
	bool passing;
	want(&params, "type", type);
	want(&params, "key", key);
	want(&params, "prefix", prefix);
	want(&params, "service", service);
	want(&params, "tag", tag);
	if (client_settings.stale)
		want_flag(&params, "stale", true);
	want(&params, "state", state);
	want(&params, "name", name);
	if (*passing_only && num_bool(slice_of(passing_only), &passing, f) != OK)
		return fail_wrap(f, "Failed to parse passingonly flag");
	if (*passing_only)
		want_flag(&params, "passingonly", passing);
	return config_watch_parse(&params, a, out, f);
}

/* ---- asking ---- */

struct watch {
	struct watch_plan plan;
	struct client *c;
	struct words child;
};

static enum err watch_ask(struct watch *w, bool *news, struct fail *f)
{
	struct arena *a = client_arena(w->c);
	struct watch_question q;
	struct client_answer answer;
	watch_plan_ask(&w->plan, a, &q);
	struct client_request r = client_request(w->c, "GET", "%.*s", PS(q.path));
	for (size_t i = 0; i < q.n; i++)
		request_param(&r, q.params[i].key.p, q.params[i].val);
	if (client_ask(w->c, &r, &answer, f) != OK)
		return f->code;
	return watch_plan_answer(&w->plan, &(struct watch_heard){answer.status, answer.index, answer.body}, a, news, f);
}

/* ---- handing on ---- */

static int handler_failed(const char *what, const struct fail *f)
{
	complain("Error %s handler: %s", what, f->text);
	return FAILED;
}

/* The data lies in memory that the child reads as a file, so nobody waits for anybody. */
static int input_of(struct slice data)
{
	int fd = memfd_create("watch", MFD_CLOEXEC);
	for (size_t at = 0; fd >= 0 && at < data.n;) {
		ssize_t n = write(fd, data.p + at, data.n - at);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		at += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static int handler_run(const struct watch *w)
{
	struct fail f;
	char index[48];
	snprintf(index, sizeof(index), "CONSUL_INDEX=%llu", (unsigned long long)w->plan.told);
	struct child_program p = {w->child, shell, index, input_of(buf_view(&w->plan.seen))};
	pid_t pid = child_begin(&p, &f);
	if (p.input >= 0)
		close(p.input);
	if (pid < 0)
		return handler_failed("starting", &f);
	return child_end(pid, &f) == OK ? DONE : handler_failed("executing", &f);
}

static int print(const struct watch *w)
{
	struct buf text = {0};
	struct value v;
	struct slice rest;
	struct fail f;
	if (json_read_first(buf_view(&w->plan.seen), client_arena(w->c), &v, &rest, &f) != OK)
		return FAILED;
	json_value(&text, &v, 4, 0);
	say_bytes(buf_view(&text));
	buf_free(&text);
	return DONE;
}

/* ---- watching ---- */

static void after_failure(struct watch *w, const struct fail *f)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	dur_ns wait = watch_plan_failed(&w->plan);
	struct buf text = {0};
	dur_print(&text, wait);
	strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", localtime_r(&now, &tm));
	complain("%s [ERR] consul.watch: Watch (type: %s) errored: %s, retry in %.*s", stamp, type, f->text,
	        PS(buf_view(&text)));
	buf_free(&text);
	sleep((unsigned)(wait / NS_PER_S));
}

static int watch_loop(struct watch *w)
{
	for (;; arena_reset(client_arena(w->c), 1 << 20)) {
		struct fail f;
		bool news;
		if (watch_ask(w, &news, &f) != OK)
			after_failure(w, &f);
		else if (news && !w->child.n)
			return print(w);
		else if (news && handler_run(w) != DONE)
			return FAILED;
	}
}

/* Everything printed has gone out. */
static void stop(int sig)
{
	(void)sig;
	_exit(DONE);
}

static int watch_begin(struct watch *w)
{
	struct fail f;
	struct slice node;
	if (client_node_name(w->c, &node, &f) != OK)
		return give_up("Error querying Consul agent", &f);
	signal(SIGTERM, stop);
	return watch_loop(w);
}

int cmd_watch(struct words words)
{
	if (!*type)
		return misused(&page_watch, "Watch type must be specified");
	struct fail f;
	struct arena mem = {0};
	struct config_watch what;
	struct watch w = {.plan = {.what = &what}, .child = words};
	int code = FAILED;
	if (watch_read(&mem, &what, &f) != OK) {
		complain("%s", f.text);
	} else if ((w.c = client_for_command())) {
		code = watch_begin(&w);
		client_close(w.c);
	}
	watch_plan_free(&w.plan);
	arena_free(&mem);
	return code;
}
