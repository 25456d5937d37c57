#include "cmd/agent/exchange.h"

enum {
	ANSWER_KEEP = 128 << 10, /* bytes of body buffer that a front keeps */
	ARENA_KEEP = 256 << 10,
};

struct http_answer *exchange_answer(struct front *f)
{
	struct http_answer *a = &f->answer;
	a->status = 200;
	a->content_type = S_NONE;
	a->sniff = false;
	buf_reset(&a->headers, ANSWER_KEEP);
	buf_reset(&a->body, ANSWER_KEEP);
	return a;
}

void exchange_over(struct front *f)
{
	arena_reset(&f->api.arena, ARENA_KEEP);
}

static void out_of_memory(struct front *f, const struct carrier *by, void *conn)
{
	struct http_answer *a = exchange_answer(f);
	a->status = 503;
	by->answer(conn, a);
}

static struct exchange *wait_for(struct front *f, const struct carrier *by, void *conn, enum exchange_waits waits)
{
	struct exchange *x = by->begin(conn);
	if (x)
		*x = (struct exchange){.by = by, .front = f, .conn = conn, .waits = waits};
	return x;
}

static void send(struct front *f, const struct carrier *by, void *conn, struct message *m, bool fresh)
{
	struct exchange *x = wait_for(f, by, conn, EXCHANGE_REPLY);
	if (!x) {
		message_give(&f->api, m);
		out_of_memory(f, by, conn);
		return;
	}
	x->message = m;
	m->owner = x;
	if (fresh)
		by->wait(conn);
	front_send(f, m);
}

static void park(
        struct front *f, const struct carrier *by, void *conn, const struct api_wait *wait, bool leader, bool fresh)
{
	struct exchange *x = wait_for(f, by, conn, EXCHANGE_WATCH);
	if (x)
		x->parked = parking_add(&f->parking, x, &wait->watched, wait->deadline, leader);
	if (!x || !x->parked) {
		out_of_memory(f, by, conn);
	} else if (fresh && !by->park(conn)) {
		exchange_abandon(x);
		out_of_memory(f, by, conn);
	}
}

/* Requests are timed where somebody reads of it: the loop's clock stands still during a turn. */
static void read_clock(struct front *f)
{
	struct timespec t;
	if (f->api.log.level > LOG_DEBUG)
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	f->api.now = t.tv_sec * NS_PER_S + t.tv_nsec;
}

void exchange_serve(
        struct front *f, const struct carrier *by, void *conn, const struct http_request *r, mono_ns deadline)
{
	struct api_wait wait = {.deadline = deadline};
	struct http_answer *a = exchange_answer(f);
	front_world(f);
	read_clock(f);
	enum api_state state = api_http(&f->api, r, a, &wait);
	switch (state) {
	case API_ANSWERED: by->answer(conn, a); break;
	case API_STREAM: by->stream(f, conn, a, wait.level); break;
	case API_SENT: send(f, by, conn, wait.message, !deadline); break;
	case API_WAIT:
	case API_WAIT_LEADER: park(f, by, conn, &wait, state == API_WAIT_LEADER, !deadline); break;
	}
	exchange_over(f);
}

void exchange_send(struct exchange *x, struct message *m)
{
	x->waits = EXCHANGE_MESSAGE;
	x->message = m;
	m->owner = x;
	front_send(x->front, m);
}

void exchange_reply(struct front *f, struct message *m)
{
	struct exchange *x = m->owner;
	if (x && x->waits == EXCHANGE_MESSAGE) {
		x->by->reply(x->conn, m);
	} else if (x) {
		struct http_answer *a = exchange_answer(f);
		read_clock(f);
		api_http_finish(&f->api, m, a);
		x->by->answer(x->conn, a);
	}
	if (m->ask == ASK_RELOAD)
		f->reloading = false;
	exchange_over(f);
	message_give(&f->api, m);
}

void exchange_abandon(struct exchange *x)
{
	switch (x->waits) {
	case EXCHANGE_REPLY:
	case EXCHANGE_MESSAGE: x->message->owner = NULL; break;
	case EXCHANGE_WATCH: parking_remove(&x->front->parking, x->parked); break;
	case EXCHANGE_NOTHING: break;
	}
	x->waits = EXCHANGE_NOTHING;
}

void exchange_woken(void *front, void *exchange, mono_ns deadline)
{
	struct exchange *x = exchange;
	struct http_request r;
	x->by->request(x->conn, &r);
	exchange_serve(front, x->by, x->conn, &r, deadline);
}
