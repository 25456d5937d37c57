#include "net/rpc_session.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"

const char rpc_getting[] = "rpc error getting client: ";
const char rpc_making[] = "rpc error making call: ";

/* Nobody waits for the answer any more. Our own server ends the call when the stream is closed; Go's goes on to its
 * end, and would log an error for a stream that was reset. So many at a time may wait for that. */
enum { ABANDONED_MAX = 4096 };

/* ---- streams ---- */

static void idle_leave(struct rpc_stream *t)
{
	if (!t->idle_at)
		return;
	*t->idle_at = t->next_idle;
	if (t->next_idle)
		t->next_idle->idle_at = t->idle_at;
	t->idle_at = NULL;
	t->session->idle_n--;
}

static void idle_join(struct rpc_stream *t)
{
	struct rpc_session *s = t->session;
	t->next_idle = s->idle;
	if (t->next_idle)
		t->next_idle->idle_at = &t->next_idle;
	t->idle_at = &s->idle;
	s->idle = t;
	s->idle_n++;
}

static void release(struct rpc_stream *t)
{
	idle_leave(t);
	buf_free(&t->held);
}

static void close_stream(struct rpc_stream *t)
{
	release(t);
	mux_close(&t->session->link.mux, &t->ms);
}

static void reset_stream(struct rpc_stream *t)
{
	release(t);
	mux_reset(&t->session->link.mux, &t->ms);
}

void session_drop_streams(struct rpc_session *s)
{
	size_t at = 0;
	struct mux_stream *ms;
	if (s->open)
		while ((ms = mux_next(&s->link.mux, &at)) != NULL)
			release((struct rpc_stream *)(void *)ms);
}

static struct rpc_stream *stream_for_call(struct rpc_session *s)
{
	struct rpc_stream *t = s->idle;
	if (t) {
		idle_leave(t);
		return t;
	}
	t = (struct rpc_stream *)(void *)mux_open(&s->link.mux);
	if (t) {
		t->session = s;
		t->cut = RPC_CUT;
	}
	return t;
}

/* A retired session ends behind its last call. */
static void after_call(struct rpc_session *s)
{
	s->last_used = s->client->loop->now;
	if (s->retired && !s->running.n && !s->waiting.n)
		mux_link_end(&s->link);
}

/* ---- calls ---- */

bool session_start(struct rpc_session *s, struct rpc_sent *call, struct slice head, struct slice args)
{
	const struct slice parts[] = {head, args};
	struct rpc_stream *t = stream_for_call(s);
	if (!t)
		return false;
	t->call = call;
	call->stream = t;
	sent_move(call, &s->running);
	bool written = mux_write(&s->link.mux, &t->ms, parts, 2);
	buf_free(&call->request);
	if (!written)
		mux_link_end(&s->link); /* no memory even for this: its calls fail */
	mux_link_later(&s->link);
	return true;
}

void session_pump(struct rpc_session *s)
{
	while (s->waiting.first && (s->idle || mux_may_open(&s->link.mux)))
		if (!session_start(s, s->waiting.first, buf_view(&s->waiting.first->request), S_NONE))
			break;
}

void session_abandon(struct rpc_sent *call)
{
	struct rpc_stream *t = call->stream;
	if (!t)
		return;
	struct rpc_session *s = t->session;
	t->call = NULL;
	call->stream = NULL;
	if (mux_closed(&s->link.mux) < ABANDONED_MAX)
		close_stream(t);
	else
		reset_stream(t);
	mux_link_later(&s->link);
}

static struct rpc_sent *detach(struct rpc_stream *t)
{
	struct rpc_sent *call = t->call;
	t->call = NULL;
	call->stream = NULL;
	return call;
}

static void lost(struct rpc_sent *call, const char *why)
{
	sent_finish(call, RPC_LOST, rpc_making, slice_of(why), S_NONE);
}

/* ---- the answer ---- */

/* The stream is ready for the next call before the owner hears of this one: he may make it at once. What the message
 * points to lives in `own` or in the bytes that came. */
static void answered(struct rpc_stream *t, const struct rpc_message *m, bool more)
{
	struct rpc_session *s = t->session;
	struct rpc_sent *call = detach(t);
	struct buf own = t->held;
	t->held = (struct buf){0};
	if (m->head.error.n || s->retired || s->idle_n >= s->client->set.idle_streams)
		close_stream(t);
	else if (more)
		reset_stream(t);
	else
		idle_join(t);
	if (m->head.error.n)
		sent_finish(call, RPC_REFUSED, rpc_making, m->head.error, S_NONE);
	else
		sent_finish(call, RPC_DONE, "", S_NONE, m->body);
	buf_free(&own);
	session_pump(s);
	after_call(s);
}

static void spoilt(struct rpc_stream *t, const char *why)
{
	struct rpc_session *s = t->session;
	struct rpc_sent *call = detach(t);
	reset_stream(t);
	lost(call, why);
	after_call(s);
}

static void data(struct rpc_stream *t, struct slice bytes)
{
	struct rpc_message m;
	if (!t->call) { /* nobody asked */
		reset_stream(t);
		return;
	}
	mux_taken(&t->session->link.mux, &t->ms, bytes.n);
	if (t->held.n) {
		buf_slice(&t->held, bytes);
		bytes = buf_view(&t->held);
	}
	switch (t->held.failed ? RPC_CUT_BAD : rpc_cut(&t->cut, bytes, t->session->client->set.body_max, &m)) {
	case RPC_CUT_WHOLE: answered(t, &m, bytes.n > m.n); break;
	case RPC_CUT_BAD: spoilt(t, t->held.failed ? "out of memory" : "answer is no msgpack, or too long"); break;
	case RPC_CUT_MORE:
		if (!t->held.n)
			buf_slice(&t->held, bytes);
		if (t->held.failed)
			spoilt(t, "out of memory");
		break;
	}
}

/* ---- events of a session ---- */

/* The other side has no more to say on this stream. */
static void stream_over(struct rpc_stream *t, const char *why, bool gone)
{
	struct rpc_session *s = t->session;
	struct rpc_sent *call = t->call ? detach(t) : NULL;
	if (gone)
		release(t);
	else
		close_stream(t);
	if (call)
		lost(call, why);
	session_pump(s);
	after_call(s);
}

static void event(struct mux_link *l, const struct mux_event *ev)
{
	struct rpc_session *s = (struct rpc_session *)(void *)l;
	struct rpc_stream *t = (struct rpc_stream *)(void *)ev->stream;
	switch (ev->kind) {
	case MUX_DATA: data(t, ev->data); break;
	case MUX_ENDED: stream_over(t, "EOF", false); break;
	case MUX_RESET: stream_over(t, "connection reset", true); break;
	case MUX_ACCEPTED: session_pump(s); break;
	case MUX_AWAY: session_retire(s); break;
	default: break;
	}
}

/* Go's pool says EOF whatever ended the session; but a handshake that failed never made a connection. */
static void ended(struct mux_link *l, const char *why)
{
	struct rpc_session *s = (struct rpc_session *)(void *)l;
	const char *tls = tls_error(&l->s);
	struct buf text = {0};
	(void)why;
	session_retire(s);
	if (tls)
		buf_fmt(&text, "failed to get conn: %s", tls);
	else
		buf_cstr(&text, "failed to start stream: session shutdown");
	while (s->running.first) {
		struct rpc_sent *call = s->running.first;
		detach(call->stream);
		if (tls)
			sent_finish(call, RPC_NO_CONN, rpc_getting, buf_view(&text), S_NONE);
		else
			lost(call, "EOF");
	}
	while (s->waiting.first)
		sent_finish(s->waiting.first, RPC_NO_CONN, rpc_getting, buf_view(&text), S_NONE);
	buf_free(&text);
	session_gone(s);
}

static void turn(struct mux_links *all)
{
	struct rpc_client *c = all->owner;
	for (unsigned n = c->failed.n; n && c->failed.first; n--) {
		struct rpc_sent *call = c->failed.first;
		struct buf text = call->request;
		call->request = (struct buf){0};
		sent_finish(call, call->outcome, rpc_getting, buf_view(&text), S_NONE);
		buf_free(&text);
	}
	if (c->failed.first)
		mux_links_later(all);
}

void session_links_init(struct rpc_client *c)
{
	enum { UNREAD_MAX = 1 << 30 }; /* answers are always read: what waits to be sent is bounded by the calls */
	MUST(offsetof(struct rpc_stream, ms) == 0 && offsetof(struct rpc_session, link) == 0);
	c->links = (struct mux_links){
	        .loop = c->loop, .owner = c, .unread_max = UNREAD_MAX, .event = event, .turn = turn, .ended = ended};
	mux_links_init(&c->links);
}
