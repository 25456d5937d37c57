#include "tests/unit/net/web.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket.h"

struct web web;

void web_say(struct http_conn *c, int status, struct slice body)
{
	struct http_answer a = {.status = status, .content_type = S("text/plain")};
	BUF_LIT(&a.headers, "X-B: 2\r\nVary: x\r\nA-First: 1\r\n");
	buf_slice(&a.body, body);
	http_answer(c, &a);
	buf_free(&a.headers);
	buf_free(&a.body);
}

static void describe(struct http_conn *c, const struct http_request *r)
{
	struct buf b = {0};
	buf_fmt(&b, "%.*s %.*s token=%.*s body=%.*s%s%.*s", PS(r->method), PS(r->target),
	        PS(http_header_get(r, S("X-Token"))), PS(r->body), r->body_cut.n ? " cut: " : "", PS(r->body_cut));
	web_say(c, 200, buf_view(&b));
	buf_free(&b);
}

static void on_request(void *h, struct http_conn *c, const struct http_request *r)
{
	struct web_host *x = h;
	x->requests++;
	struct http_answer a = {.status = 200};
	if (slice_is(r->path, "/park")) {
		http_park(c);
		x->held[x->n_held++] = c;
	} else if (slice_is(r->path, "/wait")) {
		http_wait(c);
		x->held[x->n_held++] = c;
	} else if (slice_is(r->path, "/stream")) {
		BUF_LIT(&a.body, "first ");
		http_stream_begin(c, &a);
		http_set_user(c, x);
		x->held[x->n_held++] = c;
		buf_free(&a.body);
	} else if (slice_is(r->path, "/pieces")) {
		http_stream_begin(c, &a);
		http_stream_write(c, S("one "));
		http_stream_write(c, S("two"));
		http_stream_end(c);
	} else if (slice_is(r->path, "/abort")) {
		http_abort(c);
	} else if (slice_is(r->path, "/empty")) {
		http_answer(c, &a);
	} else if (slice_is(r->path, "/204")) {
		web_say(c, 204, S_NONE);
	} else if (slice_is(r->path, "/304")) {
		web_say(c, 304, S("never sent"));
	} else if (slice_is(r->path, "/sniff")) {
		a.sniff = true;
		BUF_LIT(&a.body, "<html>");
		http_answer(c, &a);
		buf_free(&a.body);
	} else if (slice_is(r->path, "/large")) {
		char *room = buf_room(&a.body, 16 << 20);
		memset(room, 'x', 16 << 20);
		buf_add(&a.body, 16 << 20);
		http_answer(c, &a);
		buf_free(&a.body);
	} else {
		describe(c, r);
	}
}

static void on_head(void *h, struct http_conn *c, const struct http_request *r)
{
	struct web_host *x = h;
	x->heads++;
	if (slice_is(r->path, "/refuse"))
		web_say(c, 413, S("no"));
}

static void on_closed(void *h, struct http_conn *c)
{
	struct web_host *x = h;
	x->closed++;
	for (unsigned i = 0; i < x->n_held; i++)
		if (x->held[i] == c)
			x->held[i] = NULL;
}

static void on_drained(void *h, struct http_conn *c)
{
	(void)c;
	((struct web_host *)h)->drained++;
}

static const struct slice kept[] = {{"X-Token", 7}, {"Accept-Encoding", 15}};

struct http_settings web_settings(void)
{
	web.host = (struct web_host){0};
	return (struct http_settings){.host = &web.host,
	        .request = on_request,
	        .head = on_head,
	        .closed = on_closed,
	        .drained = on_drained,
	        .body_max = 1 << 20,
	        .park_headers = kept,
	        .park_header_count = ARRAY_LEN(kept)};
}

void web_start(const struct http_settings *s)
{
	struct fail f;
	ASSERT(loop_init(&web.loop));
	web.server = http_server_new(&web.loop, s);
	ASSERT(address_parse(S("127.66.7.23:0"), &web.where));
	int fd = socket_listen(&web.where, &(struct socket_listen){0}, &f);
	ASSERT(fd >= 0);
	web.where = socket_local(fd);
	ASSERT(http_server_listen(web.server, fd));
}

void web_start_plain(void)
{
	struct http_settings s = web_settings();
	web_start(&s);
}

void web_stop(void)
{
	http_server_free(web.server);
	CHECK_EQ(web.loop.pool.lent, 0);
	loop_free(&web.loop);
}

int web_dial(void)
{
	bool done;
	struct fail f;
	int fd = socket_connect(&web.where, &done, &f);
	if (fd < 0) {
		test_fail(__FILE__, __LINE__, "%s", f.text);
		test_abort();
	}
	struct pollfd p = {fd, POLLOUT, 0};
	poll(&p, 1, 5000);
	return fd;
}

void web_turn(void)
{
	loop_turn(&web.loop, web.loop.now + NS_PER_MS);
}

void web_give(int fd, struct slice s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			s = slice_from(s, (size_t)n);
		else if (errno == EAGAIN)
			web_turn();
		else
			return;
	}
}

/* Looks at what came behind `from` only. */
static void drop_dates(struct buf *b, size_t from)
{
	enum { LINE = sizeof "\r\nDate: Sat, 21 Nov 2026 03:35:00 GMT" - 1 };
	from -= from < LINE ? from : LINE;
	ptrdiff_t at;
	while ((at = slice_search(slice_from(buf_view(b), from), S("\r\nDate: "))) >= 0) {
		from += (size_t)at;
		if (b->n < from + LINE)
			return;
		memmove(b->p + from, b->p + from + LINE, b->n - from - LINE);
		b->n -= LINE;
	}
}

struct slice web_take(int fd, size_t want, bool *ended)
{
	static struct buf b;
	buf_reset(&b, 1 << 26);
	*ended = false;
	loop_read_clocks(&web.loop);
	mono_ns patience = web.loop.now + 5 * NS_PER_S;
	while (!*ended && b.n < want && web.loop.now < patience) {
		char piece[65536];
		size_t before = b.n;
		ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
		if (n > 0)
			buf_bytes(&b, piece, (size_t)n);
		else if (n == 0 || errno != EAGAIN)
			*ended = true;
		else
			web_turn();
		drop_dates(&b, before);
	}
	return buf_view(&b);
}

struct slice web_ask(struct slice in, size_t cut, size_t want, bool *ended)
{
	int fd = web_dial();
	web_give(fd, slice_cut(in, 0, cut));
	if (cut < in.n) {
		web_turn();
		web_turn();
	}
	web_give(fd, slice_from(in, cut));
	struct slice out = web_take(fd, want, ended);
	close(fd);
	web_turn();
	return out;
}

void web_expect(const char *in, const char *want, bool closes)
{
	bool ended;
	CHECK_STR(web_ask(slice_of(in), strlen(in), strlen(want) + closes, &ended), want);
	CHECK_EQ(ended, closes);
}

void web_wait_held(unsigned n)
{
	while (web.host.n_held < n)
		web_turn();
}
