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
#include "cmd/shape.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/slice.h"

enum { RETRY_SECONDS = 5, RETRY_SECONDS_MAX = 180 };

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

/* ---- what can be watched ---- */

struct watched {
	const char *type;
	const struct shape *shape;
	const char *const *parameters; /* those of ours that it takes */
	const char *needed;            /* the one that must be there */
};

static const char *const of_key[] = {"key", NULL}, *const of_prefix[] = {"prefix", NULL}, *const of_nothing[] = {NULL},
                         *const of_service[] = {"service", "tag", "passingonly", NULL},
                         *const of_checks[] = {"service", "state", NULL}, *const of_event[] = {"name", NULL};

static const struct watched kinds[] = {
        {"key", &shape_kv_pair, of_key, "key"},
        {"keyprefix", &shape_kv_pairs, of_prefix, "prefix"},
        {"services", &shape_services, of_nothing, NULL},
        {"nodes", &shape_nodes, of_nothing, NULL},
        {"service", &shape_service_entries, of_service, "service"},
        {"checks", &shape_checks, of_checks, NULL},
        {"event", &shape_events, of_event, NULL},
};

static const struct watched *kind_find(void)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(type, kinds[i].type))
			return &kinds[i];
	return NULL;
}

static const struct {
	const char *name;
	const char *const *value;
} parameters[] = {{"key", &key}, {"prefix", &prefix}, {"service", &service}, {"tag", &tag},
        {"passingonly", &passing_only}, {"state", &state}, {"name", &name}};

static bool takes(const struct watched *w, const char *parameter)
{
	for (const char *const *p = w->parameters; *p; p++)
		if (!strcmp(*p, parameter))
			return true;
	return false;
}

static const char *parameter_value(const char *parameter)
{
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (!strcmp(parameter, parameters[i].name))
			return *parameters[i].value;
	return "";
}

static enum err superfluous_refuse(const struct watched *w, struct fail *f)
{
	struct buf list = {0};
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (**parameters[i].value && !takes(w, parameters[i].name))
			buf_fmt(&list, "%s%s", list.n ? " " : "", parameters[i].name);
	if (client_settings.stale && w->shape == &shape_events)
		buf_fmt(&list, "%sstale", list.n ? " " : "");
	enum err e = list.n ? fail_set(f, ERR_INVALID, "Invalid parameters: [%.*s]", PS(buf_view(&list))) : OK;
	buf_free(&list);
	return e;
}

static enum err watch_check(const struct watched **w, bool *passing, struct fail *f)
{
	*passing = false;
	if (*passing_only && num_bool(slice_of(passing_only), passing, f) != OK)
		return fail_wrap(f, "Failed to parse passingonly flag");
	*w = kind_find();
	if (!*w)
		return fail_set(f, ERR_INVALID, "Unsupported watch type: %s", type);
	if ((*w)->needed && !*parameter_value((*w)->needed))
		return fail_set(f, ERR_INVALID, "Must specify a single %s to watch", (*w)->needed);
	if ((*w)->shape == &shape_checks && *service && *state)
		return fail_set(f, ERR_INVALID, "Cannot specify service and state");
	return superfluous_refuse(*w, f);
}

/* ---- asking ---- */

struct watch {
	const struct watched *kind;
	bool passing;
	struct client *c;
	raft_index index;
	struct buf last; /* what it was, as JSON */
	struct words child;
};

static struct client_request watch_request(const struct watch *w)
{
	struct client *c = w->c;
	struct client_request r;
	if (w->kind->shape == &shape_kv_pair)
		r = client_request(c, "GET", "/v1/kv/%s", key + (*key == '/'));
	else if (w->kind->shape == &shape_kv_pairs)
		r = client_request(c, "GET", "/v1/kv/%s", prefix + (*prefix == '/'));
	else if (w->kind->shape == &shape_service_entries)
		r = client_request(c, "GET", "/v1/health/service/%s", service);
	else if (w->kind->shape == &shape_checks && *service)
		r = client_request(c, "GET", "/v1/health/checks/%s", service);
	else if (w->kind->shape == &shape_checks)
		r = client_request(c, "GET", "/v1/health/state/%s", *state ? state : "any");
	else if (w->kind->shape == &shape_events)
		r = client_request(c, "GET", "/v1/event/list");
	else
		r = client_request(c, "GET", "/v1/catalog/%s", w->kind->type);
	if (w->kind->shape == &shape_kv_pairs)
		request_param(&r, "recurse", S(""));
	if (w->kind->shape == &shape_service_entries && *tag)
		request_param(&r, "tag", slice_of(tag));
	if (w->passing)
		request_param(&r, "passing", S("1"));
	if (w->kind->shape == &shape_events && *name)
		request_param(&r, "name", slice_of(name));
	request_stale(&r);
	if (w->index)
		request_param_fmt(c, &r, "index", "%llu", (unsigned long long)w->index);
	return r;
}

static bool hex_at(struct slice s, size_t from, size_t to, uint64_t *v)
{
	for (size_t i = from; i < to; i++) {
		const char *digits = "0123456789abcdef", *d = s.p[i] ? strchr(digits, s.p[i] | 0x20) : NULL;
		if (!d)
			return false;
		*v = *v << 4 | (uint64_t)(d - digits);
	}
	return true;
}

/* The index that stands for an event: both halves of its id, one over the other. */
static raft_index event_index(struct slice id)
{
	uint64_t lower = 0, upper = 0;
	if (id.n != 36 || !hex_at(id, 0, 8, &lower) || !hex_at(id, 9, 13, &lower) || !hex_at(id, 14, 18, &lower) ||
	        !hex_at(id, 19, 23, &upper) || !hex_at(id, 24, 36, &upper))
		return 0;
	return lower ^ upper;
}

/* Leaves only the events that came after those seen. */
static void events_prune(const struct watch *w, struct value *events)
{
	for (uint32_t i = 0; events->type == V_LIST && i < events->n; i++) {
		if (event_index(value_text(&events->items[i], "ID")) != w->index)
			continue;
		events->items += i + 1;
		events->n -= i + 1;
		return;
	}
}

/* A key is the one item of the list that the agent sends; a missing key is null. */
static enum err watch_ask(struct watch *w, struct value *out, raft_index *index, struct fail *f)
{
	struct client_answer a;
	struct value v = {V_NULL};
	struct slice rest;
	struct client_request r = watch_request(w);
	bool kv = w->kind->shape == &shape_kv_pair || w->kind->shape == &shape_kv_pairs;
	if (client_ask(w->c, &r, &a, f) != OK)
		return f->code;
	*index = a.index;
	*out = v;
	if (kv && a.status == 404)
		return OK;
	if (a.status != 200 && kv)
		return fail_set(f, ERR_FAILED, "Unexpected response code: %d", a.status);
	if (a.status != 200)
		return fail_set(f, ERR_FAILED, "Unexpected response code: %d (%.*s)", a.status, PS(a.body));
	if (json_read_first(a.body, client_arena(w->c), &v, &rest, f) != OK)
		return f->code;
	if (w->kind->shape == &shape_events)
		events_prune(w, &v);
	if (w->kind->shape == &shape_kv_pair && !(v.type == V_LIST && v.n))
		return OK;
	*out = shape_take(w->kind->shape, w->kind->shape == &shape_kv_pair ? &v.items[0] : &v, client_arena(w->c));
	return OK;
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

static int handler_run(const struct watch *w, struct slice data)
{
	struct fail f;
	char index[48];
	snprintf(index, sizeof(index), "CONSUL_INDEX=%llu", (unsigned long long)w->index);
	struct child_program p = {w->child, shell, index, input_of(data)};
	pid_t pid = child_begin(&p, &f);
	if (p.input >= 0)
		close(p.input);
	if (pid < 0)
		return handler_failed("starting", &f);
	return child_end(pid, &f) == OK ? DONE : handler_failed("executing", &f);
}

static void value_print(const struct value *v)
{
	struct buf text = {0};
	json_value(&text, v, 4, 0);
	say_bytes(buf_view(&text));
	buf_free(&text);
}

/* ---- watching ---- */

static void log_failure(const struct fail *f, unsigned seconds)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", localtime_r(&now, &tm));
	struct buf wait = {0};
	dur_print(&wait, seconds * NS_PER_S);
	complain("%s [ERR] consul.watch: Watch (type: %s) errored: %s, retry in %.*s", stamp, type, f->text,
	        PS(buf_view(&wait)));
	buf_free(&wait);
}

/* Waits longer each time. */
static void after_failure(struct watch *w, unsigned *failures, const struct fail *f)
{
	++*failures;
	w->index = 0;
	unsigned seconds = *failures > 6 ? RETRY_SECONDS_MAX : RETRY_SECONDS * *failures * *failures;
	seconds = seconds > RETRY_SECONDS_MAX ? RETRY_SECONDS_MAX : seconds;
	log_failure(f, seconds);
	sleep(seconds);
}

/* Notes what it is now. False if that is nothing new. */
static bool is_new(struct watch *w, const struct value *v, raft_index index)
{
	if (index == w->index)
		return false;
	raft_index before = w->index;
	struct buf text = {0};
	json_value(&text, v, 0, 0);
	buf_char(&text, '\n');
	bool same = before && slice_eq(buf_view(&text), buf_view(&w->last));
	buf_free(&w->last);
	w->last = text;
	w->index = index;
	return !same;
}

static int watch_loop(struct watch *w)
{
	unsigned failures = 0;
	for (;; arena_reset(client_arena(w->c), 1 << 20)) {
		struct fail f;
		struct value v;
		raft_index index = 0;
		if (watch_ask(w, &v, &index, &f) != OK) {
			after_failure(w, &failures, &f);
			continue;
		}
		failures = 0;
		raft_index before = w->index;
		if (!is_new(w, &v, index))
			continue;
		if (!w->child.n) {
			value_print(&v);
			return DONE;
		}
		if (handler_run(w, buf_view(&w->last)) != DONE)
			return FAILED;
		if (index < before)
			w->index = 0;
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
	if (client_node_name(w->c, &node, &f) != OK) {
		complain("Error querying Consul agent: %s", f.text);
		return FAILED;
	}
	signal(SIGTERM, stop);
	return watch_loop(w);
}

int cmd_watch(struct words words)
{
	if (!*type)
		return misused(&page_watch, "Watch type must be specified");
	struct fail f;
	struct watch w = {.child = words};
	if (watch_check(&w.kind, &w.passing, &f) != OK) {
		complain("%s", f.text);
		return FAILED;
	}
	w.c = client_for_command();
	int code = w.c ? watch_begin(&w) : FAILED;
	client_close(w.c);
	buf_free(&w.last);
	return code;
}
