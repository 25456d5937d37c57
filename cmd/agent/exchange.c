#include "cmd/agent/exchange.h"

enum {
	ANSWER_KEEP = 128 << 10, /* bytes of body buffer that a front keeps */
};

/* The front's answer to fill, empty. */
static struct http_answer *exchange_answer(struct front *f)
{
	struct http_answer *a = &f->answer;
	a->status = 200;
	a->content_type = S_NONE;
	a->sniff = false;
	buf_reset(&a->headers, ANSWER_KEEP);
	buf_reset(&a->body, ANSWER_KEEP);
	return a;
}

static void out_of_memory(struct front *f, const struct carrier *by, void *conn)
{
	struct http_answer *a = exchange_answer(f);
	a->status = 503;
	by->answer(conn, a);
}

static void run_again(struct waiting *w, const struct call_again *again)
{
	struct exchange *x = (struct exchange *)w;
	struct http_request r;
	x->by->request(x->conn, &r);
	exchange_serve(w->front, x->by, x->conn, &r, again);
}

static void read_clock(struct front *f);

static void replied(struct waiting *w, struct message *m)
{
	struct exchange *x = (struct exchange *)w;
	struct front *f = w->front;
	if (x->own) {
		x->by->reply(x->conn, m);
		return;
	}
	struct http_answer *a = exchange_answer(f);
	read_clock(f);
	api_http_finish(&f->api, m, a);
	x->by->answer(x->conn, a);
}

static const struct waiting_calls calls = {.again = run_again, .reply = replied};

static struct exchange *begin(struct front *f, const struct carrier *by, void *conn)
{
	struct exchange *x = by->begin(conn);
	if (x)
		*x = (struct exchange){.waiting = {.calls = &calls, .front = f}, .by = by, .conn = conn};
	return x;
}

/* The carrier keeps the request of one that will be run again. */
static void put_off(struct front *f, const struct carrier *by, void *conn, enum api_state state,
        const struct api_wait *wait, bool fresh)
{
	struct exchange *x = begin(f, by, conn);
	bool waits = x && waiting_begin(&x->waiting, state, wait);
	if (!x && state == API_SENT)
		message_give(&f->api, wait->message);
	if (waits && fresh && state == API_SENT) {
		by->wait(conn);
	} else if (waits && fresh && !by->park(conn)) {
		waiting_end(&x->waiting);
		waits = false;
	}
	if (!waits)
		out_of_memory(f, by, conn);
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

void exchange_serve(struct front *f, const struct carrier *by, void *conn, const struct http_request *r,
        const struct call_again *again)
{
	struct api_wait wait = {0};
	struct http_answer *a = exchange_answer(f);
	if (again)
		wait.again = *again;
	front_world(f);
	read_clock(f);
	enum api_state state = api_http(&f->api, r, a, &wait);
	switch (state) {
	case API_ANSWERED: by->answer(conn, a); break;
	case API_STREAM: by->stream(f, conn, a, wait.level); break;
	default: put_off(f, by, conn, state, &wait, !again); break;
	}
	front_over(f);
}

void exchange_send(struct front *f, struct exchange *x, const struct carrier *by, void *conn, struct message *m)
{
	const struct api_wait wait = {.message = m};
	*x = (struct exchange){.waiting = {.calls = &calls, .front = f}, .by = by, .conn = conn, .own = true};
	waiting_begin(&x->waiting, API_SENT, &wait);
}

void exchange_abandon(struct exchange *x)
{
	waiting_end(&x->waiting);
}
