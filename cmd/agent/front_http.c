#include "cmd/agent/front_http.h"

#include <stdlib.h>

#include "cmd/agent/exchange.h"
#include "cmd/agent/monitors.h"
#include "core/api/snapshot_call.h"
#include "core/base/must.h"

enum {
	BODY_MAX = 64 << 20, /* chunked values may exceed the KV's limit */
	SPARE_MAX = 256,     /* waiters that a front keeps: each write needs one for a moment */
};

/* What a connection whose request waits has in its user pointer. */
struct waiter {
	struct exchange exchange; /* first */
	struct monitor *monitor;  /* of a stream of log lines */
	struct waiter *next;      /* spare */
};

/* ---- as a carrier of exchanges ---- */

static struct exchange *begin(void *conn)
{
	struct waiter *w = http_user(conn);
	struct front *f = http_host(conn);
	if (!w && f->spare) {
		w = f->spare;
		f->spare = w->next;
		f->spares--;
		*w = (struct waiter){0};
	} else if (!w) {
		w = calloc(1, sizeof *w);
	}
	http_set_user(conn, w);
	return w ? &w->exchange : NULL;
}

static void done_waiting(struct http_conn *c)
{
	struct waiter *w = http_user(c);
	struct front *f = http_host(c);
	http_set_user(c, NULL);
	if (!w || f->spares == SPARE_MAX) {
		free(w);
		return;
	}
	w->next = f->spare;
	f->spare = w;
	f->spares++;
}

static void answer(void *conn, const struct http_answer *a)
{
	done_waiting(conn);
	http_answer(conn, a);
}

static void wait(void *conn)
{
	http_wait(conn);
}

static bool park(void *conn)
{
	http_park(conn);
	return true;
}

static void request(void *conn, struct http_request *r)
{
	http_parked_request(conn, r);
}

/* ---- lines of the log ---- */

static void put_line(void *conn, struct buf *out, struct slice line)
{
	(void)conn;
	buf_slice(out, line);
	buf_char(out, '\n');
}

static size_t send_lines(void *conn, struct slice lines)
{
	return http_stream_write(conn, lines);
}

static void stream(struct front *f, void *conn, struct http_answer *a, enum log_level level)
{
	static const struct monitor_calls calls = {.put = put_line, .send = send_lines};
	struct waiter *w = (struct waiter *)begin(conn);
	struct monitor *m = w ? calloc(1, sizeof *m) : NULL;
	if (!m) {
		a->status = 503;
		buf_reset(&a->body, SIZE_MAX);
		answer(conn, a);
		return;
	}
	w->monitor = m;
	m->calls = &calls;
	m->conn = conn;
	m->level = level;
	http_stream_begin(conn, a);
	monitor_begin(f, m);
}

static void end_stream(struct front *f, struct waiter *w)
{
	if (!w->monitor)
		return;
	monitor_end(f, w->monitor);
	if (w->monitor->lost)
		log_warn(&f->api.log, "agent: Dropped %llu logs during monitor request",
		        (unsigned long long)w->monitor->lost);
	free(w->monitor);
}

/* ---- the server's calls ---- */

static const struct carrier carrier = {
        .begin = begin, .answer = answer, .wait = wait, .park = park, .request = request, .stream = stream};

static void on_request(void *host, struct http_conn *c, const struct http_request *r)
{
	exchange_serve(host, &carrier, c, r, NULL);
}

static void on_head(void *host, struct http_conn *c, const struct http_request *r)
{
	if (api_http_early(r))
		exchange_serve(host, &carrier, c, r, NULL);
}

static bool is_vast(void *host, const struct http_request *r)
{
	(void)host;
	return api_http_brings_snapshot(r);
}

static void on_closed(void *host, struct http_conn *c)
{
	struct waiter *w = http_user(c);
	if (!w)
		return;
	end_stream(host, w);
	exchange_abandon(&w->exchange);
	done_waiting(c);
}

void front_http_init(struct front *f)
{
	static const struct slice kept[] = {{"X-Consul-Token", 14}, {"X-Forwarded-For", 15}, {"Accept-Encoding", 15}};
	const struct http_settings settings = {
	        .host = f,
	        .head = on_head,
	        .request = on_request,
	        .closed = on_closed,
	        .vast = is_vast,
	        .body_max = BODY_MAX,
	        .vast_max = SNAPSHOT_CALL_MAX,
	        .park_headers = kept,
	        .park_header_count = ARRAY_LEN(kept),
	};
	f->http = http_server_new(&f->loop, &settings);
	MUST(f->http);
}

static bool listen_on(struct front *f, const struct front_socket *l)
{
	const struct https *h = &f->process->https;
	int fd = l->fd[f->id];
	if (fd < 0)
		return true;
	return l->tls ? http_server_listen_tls(f->http, fd, h->identity, h->clients) : http_server_listen(f->http, fd);
}

bool front_http_listen(struct front *f, struct fail *why)
{
	struct process *p = f->process;
	for (unsigned i = 0; i < p->http_count; i++)
		if (!listen_on(f, &p->http[i])) {
			fail_set(why, ERR_IO, "the HTTP listener can't be watched");
			return false;
		}
	return true;
}

void front_http_free(struct front *f)
{
	if (f->http)
		http_server_free(f->http);
	for (struct waiter *w = f->spare, *next; w; w = next) {
		next = w->next;
		free(w);
	}
	buf_free(&f->answer.headers);
	buf_free(&f->answer.body);
}
