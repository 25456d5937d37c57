#include "net/http_conn.h"

#include "core/base/must.h"
#include "core/base/slice.h"

enum {
	PARSE_ALWAYS = 4096,   /* an unfinished head up to here is looked at with each new line, so that garbage is
	                          answered at once; a longer one only when its end is there, so that no client can make
	                          the server read the same bytes a thousand times */
	READS_MAX = 16,        /* a connection with much to say lets others speak, too */
	BODY_SLACK = 64 << 10, /* of chunk framing and pipelined requests behind a body */
	LINGER_MS = 500,
};

/* ---- a whole request ------------------------------------------------------------------------------------------- */

static void describe(struct http_conn *c, struct http_request *r)
{
	r->remote = (struct slice){c->remote, c->remote_n};
	r->tls = c->s.tls != NULL;
	r->began = c->s.loop->now;
	r->body = r->body_cut = S_NONE;
}

/* Requests for "*" are about the server, not about anything in it. */
static bool ask_server_itself(struct http_conn *c, const struct http_request *r)
{
	if (!slice_eq(r->target, S("*")))
		return false;
	if (r->verb != HTTP_OPTIONS) {
		http_conn_plain(c, 400);
		return true;
	}
	struct http_answer a = {.status = 200};
	http_answer(c, &a);
	return true;
}

static void ask(struct http_conn *c, const struct http_request *r)
{
	struct http_server *s = c->server;
	c->state = CONN_ASKED;
	c->serial = ++s->serial;
	c->early = c->hesitates = false;
	s->counts.requests++;
	if (!ask_server_itself(c, r))
		s->set.request(s->set.host, c, r);
	MUST(c->state != CONN_ASKED); /* answered, waiting, or streaming */
	stream_take(&c->s, c->taken);
	c->taken = 0;
}

/* The body is there (or all that will ever come): the head is read again, it may have moved meanwhile. */
static void ask_with_body(struct http_conn *c, struct slice cut)
{
	struct http_request *r = &c->server->request;
	struct http_framing f;
	char *p = c->s.in.p + c->s.in.at;
	MUST(http_parse_request(p, c->head, r, &f) == HTTP_PARSED);
	describe(c, r);
	r->body = (struct slice){p + c->head, c->body};
	r->body_cut = cut;
	ask(c, r);
}

/* ---- a body that comes in -------------------------------------------------------------------------------------- */

enum body_step { BODY_MORE, BODY_WHOLE, BODY_TOO_LARGE, BODY_BAD };

static size_t body_limit(const struct http_conn *c)
{
	return c->vast ? c->server->set.vast_max : c->server->set.body_max;
}

/* Looks at what is behind the body's bytes so far. When whole, c->taken is where the request ends. */
static enum body_step body_take(struct http_conn *c)
{
	struct slice in = stream_in(&c->s);
	size_t have = c->head + c->body, n = in.n - have;
	if (!c->chunked) {
		size_t piece = (int64_t)n < c->body_left ? n : (size_t)c->body_left;
		c->body += piece;
		c->body_left -= (int64_t)piece;
		c->taken = c->head + c->body;
		return c->body_left ? BODY_MORE : BODY_WHOLE;
	}
	char *raw = c->s.in.p + c->s.in.at + have;
	size_t used, made;
	enum http_chunk_state e = http_chunk_read(&c->chunk, raw, n, raw, &used, &made);
	c->body += made;
	if (e == HTTP_CHUNK_MORE)
		stream_chop(&c->s, used - made); /* what comes next joins on */
	c->taken = e == HTTP_CHUNK_END ? have + used : stream_in(&c->s).n;
	if (e == HTTP_CHUNK_BAD)
		return BODY_BAD;
	if (c->body > body_limit(c))
		return BODY_TOO_LARGE;
	return e == HTTP_CHUNK_END ? BODY_WHOLE : BODY_MORE;
}

static void too_large(struct http_conn *c)
{
	c->early = true;
	c->body_left = INT64_MAX;
	c->state = CONN_ASKED;
	http_conn_plain(c, 413);
}

/* Hands the request on when its body is there. True: on with the next. */
static bool step_body(struct http_conn *c)
{
	switch (body_take(c)) {
	case BODY_MORE: return false;
	case BODY_WHOLE: ask_with_body(c, S_NONE); return true;
	case BODY_TOO_LARGE: too_large(c); return false;
	case BODY_BAD:
		c->close = c->linger = true; /* where the next request begins is anybody's guess */
		ask_with_body(c, slice_of(c->chunk.error));
		return false;
	}
	return false;
}

/* Drops the body of a request that was answered already. */
static bool step_drain(struct http_conn *c)
{
	c->body = 0;
	enum body_step e = body_take(c);
	bool whole = e == BODY_WHOLE;
	size_t dropped = c->body;
	stream_take(&c->s, c->taken);
	c->body_left -= c->chunked ? (int64_t)dropped : 0;
	c->body = c->taken = 0;
	if (!whole && (e != BODY_MORE || (c->chunked && c->body_left < 0))) {
		c->close = c->linger = true;
		c->state = CONN_FLUSH;
		return false;
	}
	if (whole)
		c->state = CONN_HEAD;
	return whole;
}

/* ---- heads ----------------------------------------------------------------------------------------------------- */

/* The body is announced and not here: the host may answer already, or the client may want to be told to go on. */
static bool begin_body(struct http_conn *c, struct http_request *r)
{
	struct http_server *s = c->server;
	c->vast = s->set.vast && s->set.vast(s->set.host, r);
	if (c->body_left > (int64_t)body_limit(c)) {
		too_large(c);
		return false;
	}
	if (s->set.head) {
		c->state = CONN_ASKED;
		c->serial = ++s->serial;
		c->early = true;
		s->set.head(s->set.host, c, r);
		if (c->state != CONN_ASKED) {
			MUST(c->state == CONN_DRAIN || c->state == CONN_FLUSH || c->state == CONN_DEAD);
			stream_take(&c->s, c->head);
			c->head = c->taken = 0;
			c->body_left = c->chunked ? HTTP_DRAIN_MAX : c->body_left;
			return true;
		}
		c->early = false;
	}
	if (c->hesitates) {
		BUF_LIT(&s->out, "HTTP/1.1 100 Continue\r\n\r\n");
		c->hesitates = false;
		c->continued = true;
	}
	c->state = CONN_BODY;
	return true;
}

static bool begin_request(struct http_conn *c, struct http_request *r, const struct http_framing *f)
{
	describe(c, r);
	c->head = (uint32_t)f->head;
	c->scanned = 0;
	c->body = 0;
	c->body_left = f->content_length < 0 ? 0 : f->content_length;
	c->chunked = f->chunked;
	c->vast = false;
	c->chunk = (struct http_chunk){0};
	c->taken = c->head;
	c->minor = r->minor;
	c->head_only = r->verb == HTTP_HEAD;
	c->close = f->close || c->server->stopping;
	c->keep_alive_10 = f->keep_alive_10;
	c->active = c->s.loop->now;
	c->early = c->continued = false;
	bool body = c->chunked || c->body_left;
	c->hesitates = f->expect_continue && r->minor > 0 && body;
	if (f->expect_other) {
		c->state = CONN_ASKED;
		c->early = body;
		http_conn_plain(c, 417);
		return false;
	}
	if (!body) {
		ask(c, r);
		return true;
	}
	if (c->chunked || (int64_t)(stream_in(&c->s).n - c->head) < c->body_left || c->hesitates)
		return begin_body(c, r);
	r->body = (struct slice){stream_in(&c->s).p + c->head, (size_t)c->body_left};
	c->body = (size_t)c->body_left;
	c->taken = c->head + c->body;
	ask(c, r);
	return true;
}

/* Is there a chance that parsing finds more than last time? */
static bool worth_parsing(const struct http_conn *c, struct slice in)
{
	if (!c->scanned)
		return true;
	if (in.n <= PARSE_ALWAYS)
		return slice_find(slice_from(in, c->scanned), '\n') >= 0;
	struct slice fresh = slice_from(in, c->scanned < 3 ? 0 : c->scanned - 3);
	return slice_search(fresh, S("\n\r\n")) >= 0 || slice_search(fresh, S("\n\n")) >= 0;
}

static bool step_head(struct http_conn *c)
{
	struct slice in = stream_in(&c->s);
	struct http_framing f;
	if (!in.n)
		return false;
	enum http_parse_result e = HTTP_PARSE_MORE;
	if (worth_parsing(c, in))
		e = http_parse_request(c->s.in.p + c->s.in.at, in.n, &c->server->request, &f);
	if (e == HTTP_PARSED)
		return begin_request(c, &c->server->request, &f);
	if (e == HTTP_PARSE_BAD)
		http_conn_refuse(c, f.status, f.reason);
	else if (in.n >= HTTP_HEAD_MAX)
		http_conn_refuse(c, 431, NULL);
	else
		c->scanned = (uint32_t)in.n;
	return false;
}

static bool step(struct http_conn *c)
{
	switch (c->state) {
	case CONN_HEAD: return step_head(c);
	case CONN_BODY: return step_body(c);
	case CONN_DRAIN: return step_drain(c);
	default: return false;
	}
}

/* ---- the ways in ----------------------------------------------------------------------------------------------- */

static bool host_is_busy(const struct http_conn *c)
{
	return c->state == CONN_WAIT || c->state == CONN_PARKED || c->state == CONN_STREAM;
}

void http_conn_gone(struct http_conn *c)
{
	struct http_server *s = c->server;
	if (host_is_busy(c)) {
		c->state = CONN_DEAD;
		s->set.closed(s->set.host, c);
	}
	http_conn_free(c);
}

/* False: the connection is no more. */
static bool work(struct http_conn *c)
{
	struct http_server *s = c->server;
	bool more = true;
	while (more && !stream_waiting(&c->s)) {
		s->corked = c;
		while (s->out.n < GATHER_MAX && !stream_waiting(&c->s) && (more = step(c)))
			;
		s->corked = NULL;
		if (!http_conn_flush(c)) {
			http_conn_gone(c);
			return false;
		}
	}
	return true;
}

/* Begins as many requests as can be. */
static void http_conn_work(struct http_conn *c)
{
	if (work(c))
		http_conn_settle(c);
}

/* The client has finished sending. What is complete was answered before. */
static void ended(struct http_conn *c)
{
	c->ended = true;
	if (c->state == CONN_BODY) {
		c->close |= c->chunked || c->continued; /* as net/http says it in these two cases only */
		c->server->corked = c;
		ask_with_body(c, S("unexpected EOF"));
		c->server->corked = NULL;
		if (!http_conn_flush(c))
			c->state = host_is_busy(c) ? c->state : CONN_DEAD;
	} else if (c->state == CONN_HEAD && stream_in(&c->s).n && !stream_waiting(&c->s)) {
		http_conn_refuse(c, 400, NULL);
		if (!http_conn_flush(c))
			c->state = CONN_DEAD;
	} else if (!stream_waiting(&c->s)) {
		c->state = CONN_DEAD;
	} else {
		c->state = CONN_FLUSH;
	}
}

static size_t read_limit(const struct http_conn *c)
{
	if (c->state == CONN_BODY)
		return c->head + body_limit(c) + BODY_SLACK;
	return HTTP_HEAD_MAX;
}

static bool wants_input(const struct http_conn *c)
{
	return (c->state == CONN_HEAD || c->state == CONN_BODY || c->state == CONN_DRAIN || c->state == CONN_LINGER) &&
	       !c->ended && !stream_waiting(&c->s);
}

/* False: the connection is no more. */
static bool take_input(struct http_conn *c)
{
	bool drained = false;
	for (int i = 0; i < READS_MAX && !drained && wants_input(c); i++) {
		switch (stream_read(&c->s, read_limit(c), &drained)) {
		case STREAM_GOT: break;
		case STREAM_LATER: return true;
		case STREAM_FULL: return true;
		case STREAM_END: ended(c); return true;
		case STREAM_FAIL: http_conn_gone(c); return false;
		}
		if (c->state == CONN_LINGER)
			stream_take(&c->s, stream_in(&c->s).n);
		else if (!work(c))
			return false;
	}
	return true;
}

static void stop_clock(struct http_conn *c)
{
	if (c->clock != CLOCK_NONE)
		loop_timer_stop(c->s.loop, &c->timer);
	c->clock = CLOCK_NONE;
}

/* Level-triggered readiness of a connection that is not to be read now must not come again and again. */
static void rest(struct http_conn *c, uint32_t events)
{
	uint32_t unwanted = events & (EPOLLIN | EPOLLRDHUP);
	if (unwanted & EPOLLRDHUP)
		unwanted |= EPOLLIN;
	loop_mod(c->s.loop, &c->s.watch, c->s.watch.events & ~unwanted);
}

/* False: the connection is no more, or was left to the host. */
static bool give_output(struct http_conn *c)
{
	const struct http_settings *set = &c->server->set;
	bool waited = stream_waiting(&c->s) > 0;
	if (!stream_flush(&c->s)) {
		http_conn_gone(c);
		return false;
	}
	if (c->clock == CLOCK_WRITE)
		stop_clock(c);
	if (waited && !stream_waiting(&c->s) && c->state == CONN_STREAM && set->drained) {
		set->drained(set->host, c);
		return false; /* the host may have ended it; whatever else is ready comes again */
	}
	return work(c);
}

void http_conn_ready(struct watch *w, uint32_t events)
{
	struct http_conn *c = (struct http_conn *)(void *)w;
	if (events & (EPOLLERR | EPOLLHUP)) {
		http_conn_gone(c);
		return;
	}
	if (events & EPOLLOUT && !give_output(c))
		return;
	if (events & (EPOLLIN | EPOLLRDHUP)) {
		if (events & EPOLLRDHUP && (c->state == CONN_PARKED || c->state == CONN_STREAM)) {
			http_conn_gone(c);
			return;
		}
		if (!wants_input(c))
			rest(c, events);
		else if (!take_input(c))
			return;
	}
	http_conn_settle(c);
}

void http_conn_timer(struct timer *t)
{
	struct http_conn *c = (struct http_conn *)(void *)((char *)t - offsetof(struct http_conn, timer));
	uint8_t clock = c->clock;
	mono_ns idle_until = c->active + c->server->set.idle_timeout;
	c->clock = CLOCK_NONE;
	if (clock == CLOCK_AGAIN) {
		http_conn_work(c);
	} else if (clock == CLOCK_IDLE && idle_until > c->s.loop->now) {
		http_conn_settle(c);
	} else {
		c->server->counts.timed_out += clock != CLOCK_BROKEN && clock != CLOCK_LINGER && clock != CLOCK_IDLE;
		http_conn_gone(c);
	}
}

/* ---- what to wait for ------------------------------------------------------------------------------------------ */

static void set_clock(struct http_conn *c, enum conn_clock clock, dur_ns after)
{
	c->clock = (uint8_t)clock;
	if (!loop_timer(c->s.loop, &c->timer, c->s.loop->now + after))
		c->clock = CLOCK_NONE; /* no memory for a deadline: better without than closed */
}

static void choose_clock(struct http_conn *c)
{
	const struct http_settings *set = &c->server->set;
	if (c->clock == CLOCK_BROKEN)
		return;
	if (stream_waiting(&c->s)) {
		if (c->clock != CLOCK_WRITE)
			set_clock(c, CLOCK_WRITE, set->write_timeout);
	} else if (c->state == CONN_LINGER) {
		if (c->clock != CLOCK_LINGER)
			set_clock(c, CLOCK_LINGER, LINGER_MS * NS_PER_MS);
	} else if (c->state == CONN_BODY || c->state == CONN_DRAIN) {
		set_clock(c, CLOCK_BODY, set->body_timeout);
	} else if (c->state == CONN_HEAD && stream_in(&c->s).n) {
		if (!c->scanned)
			set_clock(c, CLOCK_AGAIN, 0);
		else if (c->clock != CLOCK_HEAD)
			set_clock(c, CLOCK_HEAD, set->head_timeout);
	} else if (c->state == CONN_HEAD && set->idle_timeout) {
		if (c->clock != CLOCK_IDLE)
			set_clock(c, CLOCK_IDLE, c->active + set->idle_timeout - c->s.loop->now);
	} else {
		stop_clock(c);
	}
}

/* The last answer has left. */
static bool finish(struct http_conn *c)
{
	if (c->ended || !c->linger)
		return false;
	stream_take(&c->s, stream_in(&c->s).n);
	stream_shut(&c->s);
	c->state = CONN_LINGER;
	return true;
}

void http_conn_settle(struct http_conn *c)
{
	if (c->ended && (c->state == CONN_HEAD || c->state == CONN_DRAIN))
		c->state = CONN_FLUSH;
	if (c->state == CONN_FLUSH && !stream_waiting(&c->s) && !finish(c))
		c->state = CONN_DEAD;
	if (c->state == CONN_DEAD) {
		http_conn_free(c);
		return;
	}
	uint32_t out = stream_waiting(&c->s) ? EPOLLOUT : 0;
	if (wants_input(c))
		loop_mod(c->s.loop, &c->s.watch, EPOLLIN | EPOLLRDHUP);
	else if (out || c->ended)
		loop_mod(c->s.loop, &c->s.watch,
		        out | (c->s.watch.events & (host_is_busy(c) && !c->ended ? EPOLLRDHUP : 0)));
	choose_clock(c);
}
