#include "cmd/agent/front_http.h"

#include <stdlib.h>

#include "cmd/agent/log_hub.h"
#include "core/base/must.h"
#include "core/base/slice.h"

enum {
	BODY_MAX = 64 << 20,     /* chunked values may exceed the KV's limit; snapshots are streamed */
	ANSWER_KEEP = 128 << 10, /* bytes of body buffer that a front keeps */
	ARENA_KEEP = 256 << 10,
	MONITOR_LAG_MAX = 1 << 20, /* bytes that a monitor may leave unread */
};

/* What a connection waits for: kept in its user pointer. */
enum waits { WAITS_REPLY, WAITS_WATCH, WAITS_STREAM };

struct waiter {
	enum waits what;
	struct front *front;
	struct http_conn *conn;
	union {
		struct message *message;
		struct parked *parked;
		struct monitor *monitor;
	};
};

struct monitor {
	struct monitor *next, **prev;
	struct http_conn *conn;
	struct waiter *waiter;
	uint64_t seq;
	enum log_level level;
};

static struct http_answer *fresh_answer(struct front *f)
{
	struct http_answer *a = &f->answer;
	a->status = 200;
	a->content_type = S_NONE;
	a->sniff = false;
	buf_reset(&a->headers, ANSWER_KEEP);
	buf_reset(&a->body, ANSWER_KEEP);
	return a;
}

static struct waiter *wait_for(struct front *f, struct http_conn *c, enum waits what)
{
	struct waiter *w = http_user(c);
	if (!w)
		w = calloc(1, sizeof *w);
	if (w)
		*w = (struct waiter){.what = what, .front = f, .conn = c};
	http_set_user(c, w);
	return w;
}

static void done_waiting(struct http_conn *c)
{
	free(http_user(c));
	http_set_user(c, NULL);
}

static void out_of_memory(struct front *f, struct http_conn *c)
{
	struct http_answer *a = fresh_answer(f);
	a->status = 503;
	done_waiting(c);
	http_answer(c, a);
}

static void finish(struct http_conn *c, const struct http_answer *a)
{
	done_waiting(c);
	http_answer(c, a);
}

static void begin_monitor(struct front *f, struct http_conn *c, struct http_answer *a, enum log_level level)
{
	struct waiter *w = wait_for(f, c, WAITS_STREAM);
	struct monitor *m = w ? calloc(1, sizeof *m) : NULL;
	if (!m) {
		out_of_memory(f, c);
		return;
	}
	*m = (struct monitor){.conn = c, .waiter = w, .level = level, .next = f->monitors, .prev = &f->monitors};
	if (m->next)
		m->next->prev = &m->next;
	f->monitors = m;
	w->monitor = m;
	http_stream_begin(c, a);
	log_hub_listen(&f->bell);
}

static void end_monitor(struct front *f, struct monitor *m)
{
	*m->prev = m->next;
	if (m->next)
		m->next->prev = m->prev;
	log_hub_leave(&f->bell);
	free(m);
}

/* Translates one request, fresh or woken, and does with it what the api says. */
static void serve(struct front *f, struct http_conn *c, const struct http_request *r, mono_ns deadline)
{
	struct api_wait wait = {.deadline = deadline};
	struct http_answer *a = fresh_answer(f);
	struct waiter *w;
	front_world(f);
	enum api_state state = api_http(&f->api, r, a, &wait);
	switch (state) {
	case API_ANSWERED: finish(c, a); break;
	case API_STREAM: begin_monitor(f, c, a, wait.level); break;
	case API_SENT:
		w = wait_for(f, c, WAITS_REPLY);
		if (!w) {
			message_give(&f->api, wait.message);
			out_of_memory(f, c);
			break;
		}
		w->message = wait.message;
		wait.message->owner = w;
		if (!deadline)
			http_wait(c);
		front_send(f, wait.message);
		break;
	case API_WAIT:
	case API_WAIT_LEADER:
		w = wait_for(f, c, WAITS_WATCH);
		if (w)
			w->parked = parking_add(
				&f->parking, c, &wait.watched, wait.deadline, state == API_WAIT_LEADER);
		if (!w || !w->parked)
			out_of_memory(f, c);
		else if (!deadline)
			http_park(c);
		break;
	}
	arena_reset(&f->api.arena, ARENA_KEEP);
}

static void on_request(void *host, struct http_conn *c, const struct http_request *r)
{
	serve(host, c, r, 0);
}

/* A parked query's notes moved, or its time is over. */
static void on_woken(void *host, void *owner, mono_ns deadline)
{
	struct front *f = host;
	struct http_conn *c = owner;
	struct http_request r;
	http_parked_request(c, &r);
	serve(f, c, &r, deadline);
}

static void on_closed(void *host, struct http_conn *c)
{
	struct front *f = host;
	struct waiter *w = http_user(c);
	if (!w)
		return;
	switch (w->what) {
	case WAITS_REPLY: w->message->owner = NULL; break;
	case WAITS_WATCH: parking_remove(&f->parking, w->parked); break;
	case WAITS_STREAM: end_monitor(f, w->monitor); break;
	}
	done_waiting(c);
}

void front_http_reply(struct front *f, struct message *m)
{
	struct waiter *w = m->owner;
	if (w) {
		struct http_answer *a = fresh_answer(f);
		api_http_finish(&f->api, m, a);
		finish(w->conn, a);
		arena_reset(&f->api.arena, ARENA_KEEP);
	}
	message_give(&f->api, m);
}

void front_http_monitors(struct front *f)
{
	struct buf line = {0};
	enum log_level level;
	for (struct monitor *m = f->monitors, *next; m; m = next) {
		next = m->next;
		size_t waiting = 0;
		while (waiting < MONITOR_LAG_MAX && log_hub_next(&m->seq, &line, &level)) {
			if (level < m->level)
				continue;
			buf_char(&line, '\n');
			waiting = http_stream_write(m->conn, buf_view(&line));
		}
	}
	buf_free(&line);
}

void front_http_init(struct front *f)
{
	static const struct slice kept[] = {{"X-Consul-Token", 14}, {"X-Forwarded-For", 15}};
	parking_init(&f->parking, &f->loop, process_seed(), on_woken, f);
	const struct http_settings settings = {
		.host = f,
		.request = on_request,
		.closed = on_closed,
		.body_max = BODY_MAX,
		.park_headers = kept,
		.park_header_count = ARRAY_LEN(kept),
	};
	f->http = http_server_new(&f->loop, &settings);
	MUST(f->http);
}

bool front_http_listen(struct front *f, struct fail *why)
{
	struct process *p = f->process;
	for (unsigned i = 0; i < p->http_count; i++)
		if (p->http[i].fd[f->id] >= 0 && !http_server_listen(f->http, p->http[i].fd[f->id])) {
			fail_set(why, ERR_IO, "the HTTP listener can't be watched");
			return false;
		}
	return true;
}

void front_http_free(struct front *f)
{
	if (f->http)
		http_server_free(f->http);
	parking_free(&f->parking);
	buf_free(&f->answer.headers);
	buf_free(&f->answer.body);
}
