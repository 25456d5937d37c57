/* The HTTP transport of a client. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/client_transport.h"
#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "net/http_client.h"

/* ---- where to ---- */

static struct slice scheme_of(const struct client *c)
{
	return slice_of(c->http.https ? "https" : "http");
}

/* A host as an URL shows it: what may not stand there, such as the slashes of a path, is escaped. */
static struct slice authority_of(struct client *c, struct slice host)
{
	struct buf b = {0};
	for (size_t i = 0; i < host.n; i++) {
		struct slice one = slice_at(&host.p[i], 1);
		if (strchr("!$&'()*+,;=:[]<>\"", host.p[i]))
			buf_slice(&b, one);
		else
			percent_put_query(&b, one);
	}
	struct slice s = arena_copy(&c->fixed, buf_view(&b));
	buf_free(&b);
	return s;
}

static enum err unix_open(struct client *c, struct slice path)
{
	c->http.to = (struct address){.kind = ADDRESS_UNIX, .path = arena_str(&c->fixed, "%.*s", PS(path)).p};
	c->http.authority = authority_of(c, path);
	return OK;
}

enum err client_http_open(struct client *c, const char *address, struct fail *f)
{
	struct slice text = slice_of(address);
	ptrdiff_t mark = slice_search(text, S("://"));
	if (mark >= 0) {
		struct slice scheme = slice_cut(text, 0, (size_t)mark);
		text = slice_from(text, (size_t)mark + 3);
		if (slice_is(scheme, "unix"))
			return unix_open(c, text);
		if (!slice_is(scheme, "http") && !slice_is(scheme, "https"))
			return fail_set(f, ERR_INVALID, "Unknown protocol scheme: %.*s", PS(scheme));
		c->http.https = slice_is(scheme, "https");
	}
	c->http.host = text;
	c->http.authority = authority_of(c, text);
	return client_tls_open(c, f);
}

void client_http_close(struct client *c)
{
	tls_trust_free(c->http.trust);
	tls_identity_free(c->http.identity);
}

/* ---- one request ---- */

/* Before an error of the connection stands the request: `Get "http://127.0.0.1:8500/v1/kv/a": `. http_fetch has put one
 * there, too, but cannot know how a Unix socket is shown. */
static enum err request_wrap(const struct client *c, const struct client_wire *w, struct fail *f)
{
	struct slice named = slice_of(f->text);
	ptrdiff_t end = slice_search(named, S("\": "));
	if (end >= 0 && slice_search(named, S(" \"http")) >= 0)
		memmove(f->text, f->text + end + 3, named.n - (size_t)end - 2);
	struct buf url = {0};
	buf_fmt(&url, "%.*s://%.*s%.*s", PS(scheme_of(c)), PS(c->http.authority), PS(w->target));
	char text[FAIL_TEXT_MAX], verb[16];
	quote_cstr(buf_view(&url), text, sizeof(text));
	buf_free(&url);
	slice_cstr(slice_of(w->method), verb, sizeof(verb));
	for (char *p = verb + 1; verb[0] && *p; p++)
		*p |= 0x20;
	return fail_wrap(f, "%s %s", verb, text);
}

static void headers_put(const struct client *c, const struct client_wire *w, struct buf *b)
{
	BUF_LIT(b, "User-Agent: Go-http-client/1.1\r\n");
	if (c->http.basic.n)
		buf_fmt(b, "Authorization: Basic %.*s\r\n", PS(c->http.basic));
	if (w->token.n)
		buf_fmt(b, "X-Consul-Token: %.*s\r\n", PS(w->token));
}

/* Only the body of a 200 is handed on piece by piece; the text of an error is kept. */
struct body_taker {
	client_piece *piece;
	void *owner;
	struct http_reply *reply;
};

static bool body_take(void *owner, struct slice piece)
{
	struct body_taker *t = owner;
	if (t->reply->response.status == 200)
		return t->piece(t->owner, piece);
	buf_slice(&t->reply->body, piece);
	return !t->reply->body.failed;
}

static enum err fetch(struct client *c, const struct client_wire *w, client_piece *piece, void *owner,
        struct http_reply *reply, struct fail *f)
{
	/* A name is looked up at the first request, so that its error names the request. */
	if (c->http.to.kind == ADDRESS_NONE &&
	        client_address(c, c->http.host, c->http.https ? "443" : "80", &c->http.to, f) != OK)
		return f->code;
	struct buf headers = {0};
	headers_put(c, w, &headers);
	struct http_ask ask = {
	        .to = c->http.to,
	        .method = slice_of(w->method),
	        .host = c->http.host,
	        .target = w->target,
	        .headers = buf_view(&headers),
	        .body = w->body,
	        .has_body = w->has_body,
	        .tls = c->http.https ? &c->http.tls : NULL,
	};
	struct body_taker taker = {piece, owner, reply};
	enum err e = http_fetch(&ask, piece ? body_take : NULL, &taker, reply, f);
	buf_free(&headers);
	return e;
}

enum err client_http_ask(struct client *c, const struct client_wire *w, client_piece *piece, void *owner,
        struct client_answer *a, struct fail *f)
{
	struct http_reply reply = {0};
	struct fail ignored;
	enum err e = fetch(c, w, piece, owner, &reply, f);
	a->status = reply.response.status;
	if (num_u64(http_response_header(&reply.response, S("X-Consul-Index")), &a->index, &ignored) != OK)
		a->index = 0;
	a->location = arena_copy(&c->arena, http_response_header(&reply.response, S("Location")));
	a->body = arena_copy(&c->arena, buf_view(&reply.body));
	http_reply_free(&reply);
	return e == OK ? OK : request_wrap(c, w, f);
}
