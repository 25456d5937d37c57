#include "net/rpc_client.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/rpc_session.h"

enum {
	IDLE_STREAMS = 64,
	CALLS_MAX = 262144,
	BODY_MAX = 64 << 20,
	IDLE_S = 120,
	HEAD_KEEP = 4096,
	BYTE_TLS = 3,
	BYTE_MUX = 4,
};

/* ---- calls ---- */

static void sent_leave(struct rpc_sent *s)
{
	struct sent_list *l = s->in;
	if (!l)
		return;
	*(s->prev ? &s->prev->next : &l->first) = s->next;
	*(s->next ? &s->next->prev : &l->last) = s->prev;
	l->n--;
	s->in = NULL;
	s->prev = s->next = NULL;
}

void sent_move(struct rpc_sent *s, struct sent_list *to)
{
	sent_leave(s);
	s->in = to;
	s->prev = to->last;
	*(s->prev ? &s->prev->next : &to->first) = s;
	to->last = s;
	to->n++;
}

static void sent_free(struct rpc_sent *s)
{
	sent_leave(s);
	loop_timer_stop(s->client->loop, &s->deadline);
	buf_free(&s->request);
	s->client->calls_n--;
	free(s);
}

void sent_finish(struct rpc_sent *s, enum rpc_outcome outcome, const char *what, struct slice error, struct slice body)
{
	void (*done)(void *, const struct rpc_result *) = s->done;
	void *owner = s->owner;
	struct buf text = {0};
	MUST(!s->stream);
	sent_free(s);
	if (outcome != RPC_DONE) {
		buf_cstr(&text, what);
		buf_slice(&text, error);
	}
	struct rpc_result r = {.outcome = outcome, .error = buf_view(&text), .body = body};
	if (outcome == RPC_REFUSED)
		r.remote = error;
	done(owner, &r);
	buf_free(&text);
}

static void sent_late(struct timer *t)
{
	struct rpc_sent *s = HEAP_OWNER(t, struct rpc_sent, deadline);
	bool waits = !s->stream;
	session_abandon(s);
	if (waits)
		sent_finish(s, RPC_LATE, rpc_getting, S("failed to get conn: i/o deadline reached"), S_NONE);
	else
		sent_finish(s, RPC_LATE, rpc_making, S("i/o deadline reached"), S_NONE);
}

/* Told at the end of the turn: never from inside rpc_client_call. */
static void sent_fail(struct rpc_sent *s, const char *text)
{
	struct rpc_client *c = s->client;
	buf_reset(&s->request, 0);
	buf_cstr(&s->request, text);
	s->outcome = RPC_NO_CONN;
	s->session = NULL;
	sent_move(s, &c->failed);
	mux_links_later(&c->links);
}

/* ---- sessions ---- */

void session_retire(struct rpc_session *s)
{
	struct slice key = slice_of(s->to);
	if (s->retired)
		return;
	map_remove(&s->client->pool, key);
	s->retired = true;
	if (s->open && !s->running.n && !s->waiting.n)
		mux_link_end(&s->link);
}

void session_gone(struct rpc_session *s)
{
	struct rpc_client *c = s->client;
	MUST(!s->running.first && !s->waiting.first);
	session_retire(s);
	loop_timer_stop(c->loop, &s->idle_timer);
	dial_stop(&s->dial);
	session_drop_streams(s);
	if (s->open)
		mux_link_close(&s->link);
	*(s->prev ? &s->prev->next : &c->sessions) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	c->sessions_n--;
	free(s);
}

static void session_idle(struct timer *t)
{
	struct rpc_session *s = HEAP_OWNER(t, struct rpc_session, idle_timer);
	struct loop *l = s->client->loop;
	dur_ns idle = s->client->set.idle_timeout;
	mono_ns until = s->running.n || s->waiting.n ? l->now + idle : s->last_used + idle;
	if (until > l->now)
		loop_timer(l, t, until);
	else
		session_gone(s);
}

/* The call that made us dial hears why; those behind it only that it failed, as in Go's pool. */
static void dial_failed(struct rpc_session *s, const struct fail *f)
{
	struct buf text = {0};
	buf_fmt(&text, "failed to get conn: %s", f->text);
	session_retire(s);
	for (bool first = true; s->waiting.first; first = false)
		sent_finish(s->waiting.first, RPC_NO_CONN, rpc_getting,
		        first ? buf_view(&text) : S("failed to get conn: rpc error: lead thread didn't get connection"),
		        S_NONE);
	buf_free(&text);
	session_gone(s);
}

static void dialed(struct dial *d, const struct fail *f)
{
	struct rpc_session *s = d->owner;
	struct rpc_client *c = s->client;
	struct fail none;
	if (!f && !dial_take(d, &s->link.s, mux_link_ready)) {
		fail_set(&none, ERR_IO, "out of descriptors");
		f = &none;
	}
	if (f) {
		dial_failed(s, f);
		return;
	}
	s->open = true;
	s->last_used = c->loop->now;
	mux_init(&s->link.mux, MUX_CLIENT, sizeof(struct rpc_stream), 0, c->set.seed);
	mux_link_start(&s->link, &c->links);
	loop_timer(c->loop, &s->idle_timer, c->loop->now + c->set.idle_timeout);
	session_pump(s);
}

static void session_dial(struct rpc_session *s, const struct address *to)
{
	const struct rpc_client_settings *set = &s->client->set;
	const struct dial_settings how = {.to = *to,
	        .from = set->from,
	        .tls = set->tls ? set->tls(set->host, to) : NULL,
	        .tls_byte = BYTE_TLS,
	        .says_first = true,
	        .first = BYTE_MUX,
	        .timeout = set->dial_timeout};
	s->dial.owner = s;
	s->dial.done = dialed;
	dial_start(&s->dial, s->client->loop, &how);
}

static struct rpc_session *session_new(struct rpc_client *c, struct slice text, const struct address *to)
{
	struct rpc_session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->client = c;
	s->idle_timer.fire = session_idle;
	slice_cstr(text, s->to, sizeof s->to);
	if (!map_put(&c->pool, slice_of(s->to), s, NULL)) {
		free(s);
		return NULL;
	}
	s->next = c->sessions;
	if (s->next)
		s->next->prev = s;
	c->sessions = s;
	c->sessions_n++;
	session_dial(s, to);
	return s;
}

/* Takes no new calls. */
static bool over(const struct rpc_session *s)
{
	const struct mux *m = &s->link.mux;
	return s->link.finished || (!mux_may_open(m) && m->unaccepted < MUX_BACKLOG);
}

/* The session that takes this call; NULL with why there is none. */
static struct rpc_session *session_for(struct rpc_client *c, struct slice to, struct buf *why)
{
	struct address a;
	struct rpc_session *s = map_get(&c->pool, to);
	if (s && (!s->open || !over(s)))
		return s;
	if (s)
		session_retire(s);
	if (c->calls_n > c->set.calls_max)
		buf_cstr(why, "failed to get conn: too many calls under way");
	else if (to.n >= ADDRESS_TEXT || !address_parse(to, &a))
		buf_fmt(why, "failed to get conn: dial tcp: address %.*s: invalid address", PS(to));
	else if (!(s = session_new(c, to, &a)))
		buf_cstr(why, "failed to get conn: out of memory");
	return why->n ? NULL : s;
}

/* ---- for the owner ---- */

static void send_call(struct rpc_client *c, struct rpc_sent *s, struct slice to, struct slice args)
{
	struct buf why = {0};
	struct rpc_session *session = session_for(c, to, &why);
	if (!session) {
		buf_char(&why, 0);
		sent_fail(s, why.failed ? "failed to get conn: out of memory" : why.p);
	} else {
		s->session = session;
		session->last_used = c->loop->now;
		sent_move(s, &session->waiting);
		bool first = session->open && session->waiting.n == 1;
		if (!first || !session_start(session, s, buf_view(&c->head), args)) {
			buf_slice(&s->request, buf_view(&c->head));
			buf_slice(&s->request, args);
			if (s->request.failed || (first && !session->running.n))
				sent_fail(s, "failed to start stream: out of memory");
		}
	}
	buf_free(&why);
}

struct rpc_sent *rpc_client_call(struct rpc_client *c, struct slice to, struct slice method, struct slice args,
        mono_ns deadline, void (*done)(void *owner, const struct rpc_result *r), void *owner)
{
	struct rpc_sent *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct rpc_sent){.client = c, .done = done, .owner = owner, .deadline.fire = sent_late};
	if (deadline != INT64_MAX && !loop_timer(c->loop, &s->deadline, deadline)) {
		free(s);
		return NULL;
	}
	c->calls_n++;
	rpc_put_request(&c->head, ++c->seq, method);
	if (c->head.failed)
		sent_fail(s, "failed to start stream: out of memory");
	else
		send_call(c, s, to, args);
	buf_reset(&c->head, HEAD_KEEP);
	return s;
}

void rpc_client_cancel(struct rpc_sent *s)
{
	session_abandon(s);
	sent_free(s);
}

struct rpc_client *rpc_client_new(struct loop *l, const struct rpc_client_settings *set)
{
	struct rpc_client *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->loop = l;
	c->set = *set;
	c->set.idle_timeout = set->idle_timeout ? set->idle_timeout : IDLE_S * NS_PER_S;
	c->set.idle_streams = set->idle_streams ? set->idle_streams : IDLE_STREAMS;
	c->set.calls_max = set->calls_max ? set->calls_max : CALLS_MAX;
	c->set.body_max = set->body_max ? set->body_max : BODY_MAX;
	map_init(&c->pool, set->seed);
	session_links_init(c);
	return c;
}

static void drop_all(struct sent_list *l)
{
	while (l->first)
		sent_free(l->first);
}

void rpc_client_free(struct rpc_client *c)
{
	if (!c)
		return;
	while (c->sessions) {
		drop_all(&c->sessions->running);
		drop_all(&c->sessions->waiting);
		session_gone(c->sessions);
	}
	drop_all(&c->failed);
	mux_links_free(&c->links);
	map_free(&c->pool);
	buf_free(&c->head);
	free(c);
}

unsigned rpc_client_sessions(const struct rpc_client *c)
{
	return c->sessions_n;
}

unsigned rpc_client_calls(const struct rpc_client *c)
{
	return c->calls_n;
}
