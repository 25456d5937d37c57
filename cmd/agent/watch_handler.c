#include "cmd/agent/watch_handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/base/text.h"

static void over(struct watch_handler *h)
{
	h->running = false;
	arena_free(&h->mem);
	h->done(h);
}

/* As Go prints it with %v. */
static struct slice name_of(struct watch_handler *h)
{
	const struct config_watch *w = h->plan->what;
	const struct slice *args = w->args.items;
	struct buf b = {0};
	if (!w->args.n)
		return w->handler;
	for (uint32_t i = 0; i < w->args.n; i++)
		buf_fmt(&b, "%c%.*s", i ? ' ' : '[', PS(args[i]));
	buf_char(&b, ']');
	struct slice name = arena_copy(&h->mem, buf_view(&b));
	buf_free(&b);
	return name;
}

static struct slice output_of(struct watch_handler *h)
{
	struct buf b = {0};
	if (h->tail.total > TAIL_MAX)
		buf_fmt(&b, "Captured %d of %llu bytes\n...\n", TAIL_MAX, (unsigned long long)h->tail.total);
	tail_read(&h->tail, &b);
	struct slice output = arena_copy(&h->mem, buf_view(&b));
	buf_free(&b);
	return output.n && output.p[output.n - 1] == '\n' ? slice_cut(output, 0, output.n - 1) : output;
}

/* ---- programs ---- */

static void output(struct child *c, struct slice piece)
{
	tail_put(&((struct watch_handler *)c->owner)->tail, piece);
}

static void program_over(struct watch_handler *h, const char *why)
{
	struct logbuf *l = h->log(h);
	struct slice name = name_of(h);
	if (why)
		log_err(l, "agent: Failed to run watch handler '%.*s': %s", PS(name), why);
	log_debug(l, "agent: watch handler '%.*s' output: %.*s", PS(name), PS(output_of(h)));
	over(h);
}

static void program_done(struct child *c)
{
	char why[64];
	if (c->exit_code < 0)
		snprintf(why, sizeof why, "signal: %s", strsignal(c->signal));
	else
		snprintf(why, sizeof why, "exit status %d", c->exit_code);
	for (char *p = why; c->exit_code < 0 && *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
	program_over(c->owner, c->exit_code ? why : NULL);
}

static const char *const *argv_of(struct watch_handler *h)
{
	const struct config_watch *w = h->plan->what;
	const struct slice *args = w->args.items;
	const char **argv = ARENA_ARRAY(&h->mem, const char *, (size_t)w->args.n + 4);
	const char *shell = getenv("SHELL");
	for (uint32_t i = 0; argv && i < w->args.n; i++)
		argv[i] = arena_str(&h->mem, "%.*s", PS(args[i])).p;
	if (argv && !w->args.n) {
		argv[0] = shell && *shell ? shell : "/bin/sh";
		argv[1] = "-c";
		argv[2] = arena_str(&h->mem, "%.*s", PS(w->handler)).p;
	}
	return argv;
}

/* Ours, and the index. */
static const char *const *env_of(struct watch_handler *h)
{
	size_t n = 0, kept = 0;
	while (environ[n])
		n++;
	const char **env = ARENA_ARRAY(&h->mem, const char *, n + 2);
	for (size_t i = 0; env && i < n; i++)
		if (strncmp(environ[i], "CONSUL_INDEX=", 13) != 0)
			env[kept++] = environ[i];
	if (env)
		env[kept] = arena_str(&h->mem, "CONSUL_INDEX=%llu", (unsigned long long)h->plan->told).p;
	return env;
}

static void program_run(struct watch_handler *h)
{
	struct child_settings s = {.argv = argv_of(h), .env = env_of(h), .input = buf_view(&h->plan->seen)};
	struct fail f;
	h->child = (struct child){.owner = h, .output = output, .done = program_done};
	if (h->mem.failed)
		program_over(h, "out of memory");
	else if (child_start(&h->child, h->loop, &s, &f))
		program_over(h, f.text);
}

/* ---- HTTP ---- */

static void http_data(struct errand *e, struct slice piece, bool first)
{
	struct watch_handler *h = e->owner;
	if (first)
		h->tail.total = 0;
	tail_put(&h->tail, piece);
}

static void http_done(struct errand *e, int status, struct slice text)
{
	struct watch_handler *h = e->owner;
	struct logbuf *l = h->log(h);
	struct slice path = h->plan->what->http_path;
	if (!status)
		log_err(l, "agent: Failed to invoke http watch handler '%.*s': %.*s", PS(path), PS(text));
	else if (status >= 200 && status <= 299)
		log_trace(l, "agent: http watch handler '%.*s' output: %.*s", PS(path), PS(output_of(h)));
	else
		log_err(l, "agent: http watch handler '%.*s' got '%d %.*s' with output: %.*s", PS(path), status,
		        PS(text), PS(output_of(h)));
	over(h);
}

/* "x-a" → "X-A", as Go's Header.Add writes names. */
static void put_name(struct buf *b, struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		bool first = !i || name.p[i - 1] == '-';
		char c = name.p[i];
		buf_char(b, (char)(first && c >= 'a' && c <= 'z'     ? c & ~0x20
		                    : !first && c >= 'A' && c <= 'Z' ? c | 0x20
		                                                     : c));
	}
}

static struct slice headers_of(struct watch_handler *h)
{
	const struct config_watch *w = h->plan->what;
	const struct named_strs *at = w->http_header.items;
	struct buf b = {0};
	buf_fmt(&b, "User-Agent: Go-http-client/1.1\r\nContent-Type: application/json\r\nX-Consul-Index: %llu\r\n",
	        (unsigned long long)h->plan->told);
	for (uint32_t i = 0; i < w->http_header.n; i++) {
		const struct slice *values = at[i].strs.items;
		for (uint32_t k = 0; k < at[i].strs.n && !slice_eq_fold(at[i].key, S("Host")); k++) {
			put_name(&b, at[i].key);
			buf_fmt(&b, ": %.*s\r\n", PS(values[k]));
		}
	}
	struct slice headers = arena_copy(&h->mem, buf_view(&b));
	buf_free(&b);
	return headers;
}

static void http_run(struct watch_handler *h)
{
	const struct config_watch *w = h->plan->what;
	char quoted[256];
	if (!errand_method(w->http_method)) {
		log_err(h->log(h), "agent: Failed to setup http watch: net/http: invalid method %s",
		        quote_cstr(w->http_method, quoted, sizeof quoted));
		over(h);
		return;
	}
	h->errand = (struct errand){
	        .loop = h->loop,
	        .owner = h,
	        .method = w->http_method,
	        .url = w->http_path,
	        .headers = headers_of(h),
	        .body = buf_view(&h->plan->seen),
	        .has_body = true,
	        .tls_skip_verify = w->http_tls_skip_verify,
	        .deadline = h->loop->now + w->http_timeout,
	        .data = http_data,
	        .done = http_done,
	};
	errand_start(&h->errand);
}

/* ---- either ---- */

void watch_handler_run(struct watch_handler *h)
{
	MUST(!h->running);
	h->running = true;
	h->mem = (struct arena){0};
	h->tail.total = 0;
	if (h->plan->what->http_path.n)
		http_run(h);
	else
		program_run(h);
}

void watch_handler_drop(struct watch_handler *h)
{
	if (!h->running)
		return;
	if (h->plan->what->http_path.n)
		errand_drop(&h->errand);
	else
		child_drop(&h->child);
	arena_free(&h->mem);
	h->running = false;
}
