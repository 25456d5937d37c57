#include "net/http_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/socket.h"
#include "net/tls.h"

enum { CALL_IDLE, CALL_CONNECT, CALL_HEAD, CALL_BODY, CALL_END };

enum { ANSWER_HEAD_MAX = 1 << 20, READ_PIECE = 64 << 10, READS_MAX = 8 };

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void release(struct http_call *c)
{
	stream_close(&c->stream);
	loop_timer_stop(c->loop, &c->timer);
	buf_free(&c->request);
	buf_free(&c->name);
}

/* The last thing done with a call: the owner may free it inside. */
static void finish(struct http_call *c)
{
	c->state = CALL_END;
	release(c);
	struct fail f = c->fail;
	c->done(c, f.code ? &f : NULL);
}

/* What goes wrong behind the head is an error of reading the body, and says so without the request's name. */
static void fail_call(struct http_call *c, enum err code, const char *text)
{
	if (c->state == CALL_BODY)
		fail_set(&c->fail, code, "%s", text);
	else
		fail_set(&c->fail, code, "%.*s: %s", PS(buf_view(&c->name)), text);
	finish(c);
}

static void fail_errno(struct http_call *c, const char *call)
{
	struct address here = socket_local(c->stream.watch.fd);
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT], text[2 * ADDRESS_TEXT + 128];
	int error = errno;
	if (tls_error(&c->stream)) {
		fail_call(c, ERR_IO, tls_error(&c->stream));
		return;
	}
	address_print(&here, from);
	address_print(&c->to, to);
	snprintf(text, sizeof text, "%s tcp %s->%s: %s: %s", call, from, to, call, socket_error_text(error));
	fail_call(c, ERR_IO, text);
}

static void call_timer(struct timer *t)
{
	struct http_call *c = (struct http_call *)(void *)((char *)t - offsetof(struct http_call, timer));
	if (c->fail.code)
		finish(c); /* it failed inside http_call_start, which must not call back */
	else if (c->state == CALL_BODY)
		fail_call(c, ERR_TIMEOUT,
		        "context deadline exceeded (Client.Timeout or context cancellation while reading body)");
	else
		fail_call(c, ERR_TIMEOUT, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

static void bad_answer(struct http_call *c, const struct http_framing *f)
{
	char text[512];
	struct slice about = slice_cut(f->about, 0, 256);
	snprintf(
	        text, sizeof text, "net/http: HTTP/1.x transport connection broken: %s \"%.*s\"", f->reason, PS(about));
	fail_call(c, ERR_INVALID, text);
}

/* True when the head is whole and kept; else the call has ended or needs more. */
static bool take_head(struct http_call *c)
{
	struct slice in = stream_in(&c->stream);
	struct http_framing *f = &c->framing;
	for (;;) {
		char *p = c->stream.in.p ? c->stream.in.p + c->stream.in.at : NULL;
		enum http_parse_result e = http_parse_response(p, in.n, c->head_only, &c->response, f);
		if (e == HTTP_PARSE_BAD) {
			bad_answer(c, f);
			return false;
		}
		if (e == HTTP_PARSE_MORE) {
			if (in.n >= ANSWER_HEAD_MAX)
				fail_call(c, ERR_FULL,
				        "net/http: server response headers exceeded 1048576 bytes; aborted");
			return false;
		}
		if (c->response.status >= 200)
			break;
		stream_take(&c->stream, f->head); /* 100 Continue and the like */
		in = stream_in(&c->stream);
	}
	buf_bytes(&c->head, in.p, f->head);
	if (c->head.failed) {
		fail_call(c, ERR_NO_MEMORY, "out of memory");
		return false;
	}
	MUST(http_parse_response(c->head.p, c->head.n, c->head_only, &c->response, f) == HTTP_PARSED);
	stream_take(&c->stream, f->head);
	c->left = f->content_length;
	c->state = CALL_BODY;
	return true;
}

/* Hands on what is there of the body. False when the call has ended. */
static bool take_body(struct http_call *c)
{
	struct slice in = stream_in(&c->stream), piece = in;
	bool whole = false;
	size_t used = in.n;
	if (c->framing.chunked && in.n) {
		char *p = c->stream.in.p + c->stream.in.at;
		size_t made;
		enum http_chunk_state e = http_chunk_read(&c->chunk, p, in.n, p, &used, &made);
		if (e == HTTP_CHUNK_BAD) {
			fail_call(c, ERR_INVALID, c->chunk.error);
			return false;
		}
		piece = (struct slice){p, made};
		whole = e == HTTP_CHUNK_END;
	} else if (!c->framing.chunked && c->left >= 0) {
		used = (int64_t)in.n < c->left ? in.n : (size_t)c->left;
		piece.n = used;
		c->left -= (int64_t)used;
		whole = c->left == 0;
	}
	if (piece.n && c->data && !c->data(c, piece))
		whole = true;
	stream_take(&c->stream, used);
	if (whole)
		finish(c);
	return !whole;
}

static void server_ended(struct http_call *c)
{
	if (c->state == CALL_HEAD)
		fail_call(c, ERR_CLOSED, stream_in(&c->stream).n ? "unexpected EOF" : "EOF");
	else if (c->framing.chunked || c->left > 0)
		fail_call(c, ERR_CLOSED, "unexpected EOF");
	else
		finish(c);
}

static void take_input(struct http_call *c)
{
	bool drained = false;
	/* what TLS has decrypted no event will announce: it is taken to the end */
	for (int i = 0; (i < READS_MAX || c->secure) && !drained; i++) {
		size_t limit = c->state == CALL_HEAD ? ANSWER_HEAD_MAX : READ_PIECE;
		switch (stream_read(&c->stream, limit, &drained)) {
		case STREAM_GOT: break;
		case STREAM_LATER: return;
		case STREAM_FULL: return;
		case STREAM_END: server_ended(c); return;
		case STREAM_FAIL: fail_errno(c, "read"); return;
		}
		if (c->state == CALL_HEAD && !take_head(c))
			return;
		if (c->state == CALL_BODY && !take_body(c))
			return;
	}
}

/* ---- the request ----------------------------------------------------------------------------------------------- */

static bool connected(struct http_call *c)
{
	struct fail f;
	if (socket_connected(c->stream.watch.fd, &c->to, &f)) {
		fail_call(c, f.code, f.text);
		return false;
	}
	if (c->secure && !tls_connect(&c->stream, &c->tls)) {
		fail_call(c, ERR_NO_MEMORY, "out of memory");
		return false;
	}
	c->state = CALL_HEAD;
	struct iovec part = {c->request.p, c->request.n};
	bool sent = stream_send(&c->stream, &part, 1);
	buf_free(&c->request);
	if (!sent)
		fail_errno(c, "write");
	return sent;
}

static void call_ready(struct watch *w, uint32_t events)
{
	struct http_call *c = (struct http_call *)(void *)((char *)w - offsetof(struct http_call, stream));
	if (c->state == CALL_CONNECT) {
		loop_mod(c->loop, w, EPOLLIN | EPOLLRDHUP);
		connected(c);
		return;
	}
	/* A server may answer and hang up before it has read all: what it said counts more than that we cannot write.
	 */
	if (events & EPOLLOUT && !stream_flush(&c->stream))
		loop_mod(c->loop, w, EPOLLIN | EPOLLRDHUP);
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		take_input(c);
}

static void put_name(struct http_call *c, const struct http_ask *ask)
{
	struct buf *b = &c->name;
	for (size_t i = 0; i < ask->method.n; i++) {
		char m = ask->method.p[i];
		buf_char(b, i && m >= 'A' && m <= 'Z' ? (char)(m + 'a' - 'A') : m);
	}
	buf_fmt(b, " \"%s://%.*s%.*s\"", ask->tls ? "https" : "http", PS(ask->host), PS(ask->target));
}

static void put_request(struct http_call *c, const struct http_ask *ask)
{
	struct buf *b = &c->request;
	buf_slice(b, ask->method);
	buf_char(b, ' ');
	buf_slice(b, ask->target);
	BUF_LIT(b, " HTTP/1.1\r\nHost: ");
	buf_slice(b, ask->host);
	BUF_LIT(b, "\r\n");
	buf_slice(b, ask->headers);
	if (ask->has_body || ask->body.n) {
		BUF_LIT(b, "Content-Length: ");
		buf_u64(b, ask->body.n);
		BUF_LIT(b, "\r\n");
	}
	BUF_LIT(b, "Connection: close\r\n\r\n");
	buf_slice(b, ask->body);
}

static enum err begin(struct http_call *c, const struct http_ask *ask, struct fail *f)
{
	bool done;
	put_name(c, ask);
	put_request(c, ask);
	if (c->request.failed || c->name.failed)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	int fd = socket_connect(&ask->to, &done, f);
	if (fd < 0)
		return f->code;
	if (!stream_open(&c->stream, c->loop, fd, call_ready)) {
		stream_close(&c->stream);
		return fail_set(f, ERR_IO, "dial: %s", socket_error_text(errno));
	}
	c->state = CALL_CONNECT;
	loop_mod(c->loop, &c->stream.watch, EPOLLOUT);
	return OK;
}

void http_call_start(struct http_call *c, struct loop *l, const struct http_ask *ask)
{
	MUST(c->done != NULL && (c->state == CALL_IDLE || c->state == CALL_END));
	buf_free(&c->head);
	c->loop = l;
	c->to = ask->to;
	c->head_only = slice_is(ask->method, "HEAD");
	c->secure = ask->tls != NULL;
	if (ask->tls)
		c->tls = *ask->tls;
	c->chunk = (struct http_chunk){0};
	c->fail = (struct fail){0};
	c->response.status = 0;
	c->response.header_count = 0;
	c->timer = (struct timer){.fire = call_timer};
	struct fail f = {0};
	if (begin(c, ask, &f)) {
		fail_set(&c->fail, f.code, "%.*s: %s", PS(buf_view(&c->name)), f.text);
		c->state = CALL_CONNECT;
	}
	if (c->fail.code || ask->timeout)
		loop_timer(l, &c->timer, c->fail.code ? 0 : l->now + ask->timeout);
}

void http_call_free(struct http_call *c)
{
	if (c->loop)
		release(c);
	buf_free(&c->head);
	c->state = CALL_IDLE;
}

/* ---- blocking -------------------------------------------------------------------------------------------------- */

struct fetch {
	struct http_call call;
	struct loop loop;
	bool (*piece)(void *owner, struct slice);
	void *owner;
	struct http_reply *reply;
	struct fail *fail;
	bool done;
};

static bool fetch_data(struct http_call *c, struct slice piece)
{
	struct fetch *f = c->owner;
	f->reply->response = c->response;
	if (f->piece)
		return f->piece(f->owner, piece);
	buf_slice(&f->reply->body, piece);
	return !f->reply->body.failed;
}

static void fetch_done(struct http_call *c, const struct fail *fail)
{
	struct fetch *f = c->owner;
	if (fail)
		*f->fail = *fail;
	f->done = true;
}

enum err http_fetch(const struct http_ask *ask, bool (*piece)(void *owner, struct slice), void *owner,
        struct http_reply *r, struct fail *f)
{
	struct fetch *x = calloc(1, sizeof *x);
	*r = (struct http_reply){0};
	*f = (struct fail){0};
	if (!x || !loop_init(&x->loop)) {
		free(x);
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	}
	x->piece = piece;
	x->owner = owner;
	x->reply = r;
	x->fail = f;
	x->call.owner = x;
	x->call.data = fetch_data;
	x->call.done = fetch_done;
	http_call_start(&x->call, &x->loop, ask);
	while (!x->done)
		loop_turn(&x->loop, INT64_MAX);
	r->response = x->call.response;
	r->head = x->call.head;
	x->call.head = (struct buf){0};
	http_call_free(&x->call);
	loop_free(&x->loop);
	free(x);
	if (!f->code && r->body.failed)
		fail_set(f, ERR_NO_MEMORY, "out of memory");
	return f->code;
}

void http_reply_free(struct http_reply *r)
{
	buf_free(&r->head);
	buf_free(&r->body);
}
