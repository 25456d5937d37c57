#include "net/http_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/http_conn.h" /* sizeof: what a connection costs is a promise */
#include "net/socket.h"
#include "tests/test.h"

/* A host that answers by path, and a client on the same thread. */
struct host {
	struct http_conn *held[64];
	unsigned n_held, closed, requests, heads, drained;
	bool answer_head;
};

static struct loop l;
static struct http_server *server;
static struct address where;
static struct host host;

static void say(struct http_conn *c, int status, struct slice body)
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
	say(c, 200, buf_view(&b));
	buf_free(&b);
}

static void on_request(void *h, struct http_conn *c, const struct http_request *r)
{
	struct host *x = h;
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
		say(c, 204, S_NONE);
	} else if (slice_is(r->path, "/304")) {
		say(c, 304, S("never sent"));
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
	struct host *x = h;
	x->heads++;
	if (slice_is(r->path, "/refuse"))
		say(c, 413, S("no"));
}

static void on_closed(void *h, struct http_conn *c)
{
	struct host *x = h;
	x->closed++;
	for (unsigned i = 0; i < x->n_held; i++)
		if (x->held[i] == c)
			x->held[i] = NULL;
}

static void on_drained(void *h, struct http_conn *c)
{
	(void)c;
	((struct host *)h)->drained++;
}

static const struct slice kept[] = {{"X-Token", 7}, {"Accept-Encoding", 15}};

static struct http_settings settings(void)
{
	host = (struct host){0};
	return (struct http_settings){.host = &host,
	        .request = on_request,
	        .head = on_head,
	        .closed = on_closed,
	        .drained = on_drained,
	        .body_max = 1 << 20,
	        .park_headers = kept,
	        .park_header_count = ARRAY_LEN(kept)};
}

static void start(const struct http_settings *s)
{
	struct fail f;
	ASSERT(loop_init(&l));
	server = http_server_new(&l, s);
	ASSERT(address_parse(S("127.66.7.23:0"), &where));
	int fd = socket_listen(&where, &(struct socket_listen){0}, &f);
	ASSERT(fd >= 0);
	where = socket_local(fd);
	ASSERT(http_server_listen(server, fd));
}

static void start_plain(void)
{
	struct http_settings s = settings();
	start(&s);
}

static void stop(void)
{
	http_server_free(server);
	CHECK_EQ(l.pool.lent, 0);
	loop_free(&l);
}

static int dial(void)
{
	bool done;
	struct fail f;
	int fd = socket_connect(&where, &done, &f);
	if (fd < 0) {
		test_fail(__FILE__, __LINE__, "%s", f.text);
		test_abort();
	}
	struct pollfd p = {fd, POLLOUT, 0};
	poll(&p, 1, 5000);
	return fd;
}

static void turn(void)
{
	loop_turn(&l, l.now + NS_PER_MS);
}

/* Sends all, turning the loop when the kernel is full. */
static void give(int fd, struct slice s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			s = slice_from(s, (size_t)n);
		else if (errno == EAGAIN)
			turn();
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

/* What came, without the Date lines; reads until `want` bytes, or the end (then *ended). */
static struct slice take(int fd, size_t want, bool *ended)
{
	static struct buf b;
	buf_reset(&b, 1 << 26);
	*ended = false;
	loop_read_clocks(&l);
	mono_ns patience = l.now + 5 * NS_PER_S;
	while (!*ended && b.n < want && l.now < patience) {
		char piece[65536];
		size_t before = b.n;
		ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
		if (n > 0)
			buf_bytes(&b, piece, (size_t)n);
		else if (n == 0 || errno != EAGAIN)
			*ended = true;
		else
			turn();
		drop_dates(&b, before);
	}
	return buf_view(&b);
}

/* One connection that says `in`; all that comes back until the server has said `want` bytes or closed. */
static struct slice ask_cut(struct slice in, size_t cut, size_t want, bool *ended)
{
	int fd = dial();
	give(fd, slice_cut(in, 0, cut));
	if (cut < in.n) {
		turn();
		turn();
	}
	give(fd, slice_from(in, cut));
	struct slice out = take(fd, want, ended);
	close(fd);
	turn();
	return out;
}

#define HEAD200(n)                                                                                                     \
	"HTTP/1.1 200 OK\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: 2\r\nContent-Length: " #n "\r\n"

static void expect(const char *in, const char *want, bool closes)
{
	bool ended;
	CHECK_STR(ask_cut(slice_of(in), strlen(in), strlen(want) + closes, &ended), want);
	CHECK_EQ(ended, closes);
}

TEST(http_server, answers_in_gos_bytes)
{
	start_plain();
	expect("GET /a?b HTTP/1.1\r\nHost: x\r\nX-Token: t\r\n\r\n", HEAD200(22) "\r\nGET /a?b token=t body=", false);
	stop();
}

TEST(http_server, the_end_of_a_connection)
{
	start_plain();
	expect("GET /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	        HEAD200(19) "Connection: close\r\n\r\nGET /e token= body=", true);
	expect("GET /empty HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true);
	expect("GET /empty HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", false);
	stop();
}

TEST(http_server, answers_without_a_body)
{
	start_plain();
	expect("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", HEAD200(20) "\r\n", false);
	expect("HEAD /empty HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", false);
	expect("GET /204 HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 204 No Content\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: 2\r\n\r\n",
	        false);
	expect("GET /304 HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 304 Not Modified\r\nA-First: 1\r\nVary: x\r\nX-B: 2\r\n\r\n", false);
	expect("GET /sniff HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>", false);
	stop();
}

TEST(http_server, about_itself)
{
	start_plain();
	expect("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	expect("GET * HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true);
	CHECK_EQ(host.requests, 0);
	stop();
}

#define TEXT_CLOSE "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

TEST(http_server, bad_heads_get_gos_answers)
{
	start_plain();
	expect("hello\r\n", "HTTP/1.1 400 Bad Request" TEXT_CLOSE "400 Bad Request", true);
	expect("GET / HTTP/9.9\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version" TEXT_CLOSE
	        "505 HTTP Version Not Supported: unsupported protocol version",
	        true);
	expect("GET / HTTP/1.1\r\n\r\n",
	        "HTTP/1.1 400 Bad Request: missing required Host header" TEXT_CLOSE
	        "400 Bad Request: missing required Host header",
	        true);
	expect("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	        "HTTP/1.1 501 Not Implemented" TEXT_CLOSE "Unsupported transfer encoding", true);
	expect("PUT / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 3\r\n\r\nabc",
	        "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true);
	stop();
}

TEST(http_server, a_head_beyond_the_limit)
{
	start_plain();
	struct buf b = {0};
	BUF_LIT(&b, "GET / HTTP/1.1\r\nHost: x\r\nX-Token: ");
	char *room = buf_room(&b, 1060000);
	memset(room, 'x', 1060000);
	buf_add(&b, 900000);
	BUF_LIT(&b, "\r\nConnection: close\r\n\r\n");
	bool ended;
	CHECK(slice_starts(ask_cut(buf_view(&b), b.n, SIZE_MAX, &ended), S("HTTP/1.1 200 OK\r\n")));
	b.n = strlen("GET / HTTP/1.1\r\nHost: x\r\nX-Token: ");
	memset(b.p + b.n, 'x', 1060000);
	b.n += 1060000;
	CHECK_STR(ask_cut(buf_view(&b), b.n, SIZE_MAX, &ended),
	        "HTTP/1.1 431 Request Header Fields Too Large" TEXT_CLOSE "431 Request Header Fields Too Large");
	CHECK(ended);
	buf_free(&b);
	stop();
}

TEST(http_server, a_stream_of_requests_cut_anywhere_gets_the_same_answers)
{
	bool ended;
	start_plain();
	struct slice whole =
	        S("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /b HTTP/1.1\r\nHost: x\r\n\r\n"
	          "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
	          "GET /pieces HTTP/1.1\r\nHost: x\r\n\r\nHEAD /h HTTP/1.1\r\nHost: x\r\n\r\n"
	          "GET /z HTTP/1.1\r\nHost: x\r\nX-Fold: a\r\n b\r\nConnection: close\r\n\r\n");
	const char *answers = HEAD200(22) "\r\nPUT /a token= body=one" HEAD200(19) "\r\nGET /b token= body=" HEAD200(
	        25) "\r\nPOST /c token= body=abcde"
	            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n" HEAD200(
	                    20) "\r\n" HEAD200(19) "Connection: close\r\n\r\nGET /z token= body=";
	for (size_t cut = 0; cut <= whole.n; cut++) {
		struct slice out = ask_cut(whole, cut, SIZE_MAX, &ended);
		if (!slice_is(out, answers)) {
			test_fail(__FILE__, __LINE__, "cut at %zu", cut);
			CHECK_STR(out, answers);
			break;
		}
	}
	CHECK_EQ(host.requests, 6 * (whole.n + 1));
	stop();
}

TEST(http_server, one_byte_at_a_time)
{
	struct slice in = S("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	bool ended;
	start_plain();
	int fd = dial();
	for (size_t i = 0; i < in.n; i++) {
		give(fd, slice_cut(in, i, i + 1));
		turn();
	}
	CHECK_STR(take(fd, SIZE_MAX, &ended), HEAD200(25) "Connection: close\r\n\r\nPOST /c token= body=abcde");
	close(fd);
	stop();
}

TEST(http_server, a_client_that_asks_before_it_sends)
{
	start_plain();
	expect("PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\none",
	        "HTTP/1.1 100 Continue\r\n\r\n" HEAD200(22) "\r\nPUT /a token= body=one", false);
	expect("PUT /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
	        "HTTP/1.1 413 Request Entity Too Large\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: "
	        "2\r\n"
	        "Content-Length: 2\r\nConnection: close\r\n\r\nno",
	        true);
	stop();
}

#define NO413                                                                                                          \
	"HTTP/1.1 413 Request Entity Too Large\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: "          \
	"2\r\nContent-Length: 2\r\n"

TEST(http_server, an_answer_may_overtake_the_body)
{
	bool ended;
	start_plain();
	expect("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n", NO413 "Connection: close\r\n\r\nno",
	        true);
	/* a short rest is dropped and the connection goes on */
	int fd = dial();
	give(fd, S("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"));
	CHECK_STR(take(fd, strlen(NO413) + 4, &ended), NO413 "\r\nno");
	give(fd, S("4567890GET /b HTTP/1.1\r\nHost: x\r\n\r\n"));
	CHECK_STR(take(fd, strlen(HEAD200(19)) + 21, &ended), HEAD200(19) "\r\nGET /b token= body=");
	close(fd);
	fd = dial();
	give(fd, S("PUT /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"));
	CHECK_STR(take(fd, strlen(NO413) + 4, &ended), NO413 "\r\nno");
	give(fd, S("c\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"));
	CHECK_STR(take(fd, strlen(HEAD200(19)) + 21, &ended), HEAD200(19) "\r\nGET /b token= body=");
	close(fd);
	CHECK_EQ(host.requests, 2);
	stop();
}

TEST(http_server, bodies_that_lie)
{
	bool ended;
	start_plain();
	int fd = dial();
	give(fd, S("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort"));
	shutdown(fd, SHUT_WR);
	struct slice out = take(fd, SIZE_MAX, &ended);
	CHECK(slice_ends(out, S("PUT /a token= body=short cut: unexpected EOF")));
	close(fd);
	fd = dial();
	give(fd, S("PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX\r\n"));
	out = take(fd, SIZE_MAX, &ended);
	CHECK(ended);
	CHECK(slice_ends(out, S("Connection: close\r\n\r\nPUT /a token= body=ab cut: malformed chunked encoding")));
	close(fd);
	fd = dial();
	give(fd, S("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"));
	out = take(fd, SIZE_MAX, &ended);
	CHECK(ended && slice_starts(out, S("HTTP/1.1 413 ")));
	close(fd);
	stop();
}

TEST(http_server, a_large_body_comes_whole)
{
	bool ended;
	struct buf b = {0};
	start_plain();
	BUF_LIT(&b, "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n");
	size_t head = b.n;
	char *room = buf_room(&b, 1000000);
	for (int i = 0; i < 1000000; i++)
		room[i] = (char)('a' + i % 23);
	buf_add(&b, 1000000);
	struct slice out = ask_cut(buf_view(&b), b.n, SIZE_MAX, &ended);
	CHECK(slice_ends(out, slice_from(buf_view(&b), head)));
	buf_free(&b);
	stop();
}

/* ---- requests that wait ---------------------------------------------------------------------------------------- */

static void wait_held(unsigned n)
{
	while (host.n_held < n)
		turn();
}

TEST(http_server, parked_requests_cost_little_and_are_had_again)
{
	bool ended;
	struct http_request r;
	CHECK(sizeof(struct http_conn) < 300);
	start_plain();
	int fd = dial();
	give(fd, S("GET /park?index=5 HTTP/1.1\r\nHost: x\r\nUser-Agent: curl\r\nx-token: secret\r\n\r\n"));
	wait_held(1);
	turn();
	CHECK_EQ(l.pool.lent, 0);
	struct http_conn *c = host.held[0];
	uint64_t serial = http_serial(c);
	http_parked_request(c, &r);
	CHECK_EQ(r.verb, HTTP_GET);
	CHECK_STR(r.path, "/park");
	CHECK_STR(r.query, "index=5");
	CHECK_STR(http_header_get(&r, S("X-Token")), "secret");
	CHECK_STR(http_header_get(&r, S("User-Agent")), "");
	CHECK(slice_starts(r.remote, S("127.")));
	/* the next request waits its turn, unread */
	give(fd, S("GET /b HTTP/1.1\r\nHost: x\r\n\r\n"));
	for (int i = 0; i < 5; i++)
		turn();
	CHECK_EQ(host.requests, 1);
	say(c, 200, S("woken"));
	CHECK_STR(take(fd, 2 * strlen(HEAD200(19)) + 27, &ended),
	        HEAD200(5) "\r\nwoken" HEAD200(19) "\r\nGET /b token= body=");
	CHECK_EQ(host.requests, 2);
	CHECK(host.closed == 0 && serial != 0);
	close(fd);
	stop();
}

TEST(http_server, pipelined_behind_a_waiting_one)
{
	bool ended;
	start_plain();
	int fd = dial();
	give(fd, S("GET /wait HTTP/1.1\r\nHost: x\r\n\r\nGET /wait HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: "
	           "x\r\n\r\n"));
	wait_held(1);
	say(host.held[0], 200, S("1"));
	wait_held(2);
	say(host.held[1], 200, S("2"));
	CHECK_STR(take(fd, 3 * strlen(HEAD200(1)) + 28, &ended),
	        HEAD200(1) "\r\n1" HEAD200(1) "\r\n2" HEAD200(19) "\r\nGET /c token= body=");
	close(fd);
	stop();
}

TEST(http_server, a_client_that_goes_away_is_noticed)
{
	start_plain();
	int fd[3] = {dial(), dial(), dial()};
	give(fd[0], S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	give(fd[1], S("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
	give(fd[2], S("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
	wait_held(3);
	for (int i = 0; i < 3; i++) {
		struct linger now = {1, 0};
		setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(fd[i]);
	}
	while (host.closed < 3)
		turn();
	CHECK_EQ(http_server_counts(server)->connections, 0);
	stop();
}

TEST(http_server, half_closed_clients)
{
	bool ended;
	start_plain();
	int waits = dial(), parks = dial();
	give(waits, S("PUT /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
	give(parks, S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	wait_held(2);
	shutdown(waits, SHUT_WR);
	shutdown(parks, SHUT_WR);
	while (host.closed < 1)
		turn();
	for (int i = 0; i < 5; i++)
		turn();
	CHECK_EQ(host.closed, 1);
	struct http_conn *left = host.held[0] ? host.held[0] : host.held[1];
	say(left, 200, S("still told"));
	CHECK_STR(take(waits, SIZE_MAX, &ended), HEAD200(10) "\r\nstill told");
	CHECK(ended);
	close(waits);
	close(parks);
	stop();
}

TEST(http_server, what_is_unfinished_at_the_end_is_told)
{
	start_plain();
	int fd = dial(), idle = dial();
	give(fd, S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	wait_held(1);
	http_server_stop(server);
	CHECK_EQ(http_server_counts(server)->connections, 1);
	stop();
	CHECK_EQ(host.closed, 1);
	close(fd);
	close(idle);
}

TEST(http_server, an_aborted_connection_just_ends)
{
	start_plain();
	expect("GET /abort HTTP/1.1\r\nHost: x\r\n\r\n", "", true);
	int fd = dial();
	bool ended;
	give(fd, S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	wait_held(1);
	http_abort(host.held[0]);
	CHECK_STR(take(fd, SIZE_MAX, &ended), "");
	CHECK_EQ(host.closed, 0);
	close(fd);
	stop();
}

/* ---- long answers ---------------------------------------------------------------------------------------------- */

TEST(http_server, a_stream_in_pieces)
{
	bool ended;
	start_plain();
	int fd = dial();
	give(fd, S("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
	wait_held(1);
	struct http_conn *c = host.held[0];
	CHECK(http_user(c) == &host);
	CHECK_EQ(http_stream_write(c, S("second")), 0);
	CHECK_EQ(http_stream_write(c, S("")), 0);
	http_stream_end(c);
	const char *want =
	        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n";
	CHECK_STR(take(fd, strlen(want), &ended), want);
	give(fd, S("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"));
	want = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	CHECK_STR(take(fd, strlen(want), &ended), want);
	close(fd);
	fd = dial();
	give(fd, S("GET /stream HTTP/1.0\r\n\r\n"));
	wait_held(2);
	http_stream_write(host.held[1], S("second"));
	http_stream_end(host.held[1]);
	CHECK_STR(take(fd, SIZE_MAX, &ended), "HTTP/1.0 200 OK\r\n\r\nfirst second");
	close(fd);
	stop();
}

TEST(http_server, a_reader_that_does_not_read)
{
	bool ended;
	static char piece[100000];
	start_plain();
	int fd = dial();
	give(fd, S("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
	wait_held(1);
	size_t waiting = 0, sent = 0;
	while (waiting < 1000000) {
		waiting = http_stream_write(host.held[0], slice_at(piece, sizeof piece));
		sent += sizeof piece;
	}
	turn();
	CHECK_EQ(host.drained, 0);
	size_t got = 0;
	while (got < sent)
		got += take(fd, 1, &ended).n;
	while (!host.drained)
		turn();
	CHECK_EQ(host.drained, 1);
	http_stream_end(host.held[0]);
	close(fd);
	stop();
}

TEST(http_server, a_large_answer_holds_back_the_next)
{
	bool ended;
	start_plain();
	int fd = dial();
	give(fd, S("GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	while (!host.requests)
		turn();
	turn();
	CHECK_EQ(host.requests, 1);
	struct slice out = take(fd, SIZE_MAX, &ended);
	CHECK(ended && slice_ends(out, S("xxx" HEAD200(19) "Connection: close\r\n\r\nGET /b token= body=")));
	CHECK(out.n > 16 << 20);
	close(fd);
	stop();
}

/* ---- limits ---------------------------------------------------------------------------------------------------- */

TEST(http_server, one_connection_too_many)
{
	bool ended;
	struct http_settings s = settings();
	s.connections_max = 2;
	start(&s);
	int a = dial(), b = dial();
	while (http_server_counts(server)->accepted < 2)
		turn();
	int c = dial();
	give(c, S("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
	struct slice out = take(c, SIZE_MAX, &ended);
	CHECK(ended && slice_starts(out, S("HTTP/1.1 503 Service Unavailable")));
	close(c);
	close(a);
	while (http_server_counts(server)->connections > 1)
		turn();
	expect("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	close(b);
	stop();
}

/* Takes all descriptors below the limit but the last `left`. Returns how many it took. */
static int take_descriptors(int *fds, int like, int limit, int left)
{
	int n = 0;
	while (n < limit && (fds[n] = dup(like)) >= 0 && fds[n] < limit - left)
		n++;
	if (fds[n] >= 0)
		close(fds[n]);
	return n;
}

TEST(http_server, short_of_descriptors_and_back)
{
	enum { LIMIT = 256, FEW = LIMIT / 8 };
	bool ended;
	start_plain();
	int before = dial();
	while (http_server_counts(server)->accepted < 1)
		turn();
	int asking = dial(), waiting = dial(); /* connected by the kernel, not yet accepted */
	int fds[LIMIT];
	struct rlimit old, tight;
	getrlimit(RLIMIT_NOFILE, &old);
	tight = (struct rlimit){LIMIT, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &tight);
	int n = take_descriptors(fds, before, LIMIT, FEW);
	for (int fd = asking; fd >= 0; fd = fd == asking ? waiting : -1) {
		struct slice out = take(fd, SIZE_MAX, &ended);
		CHECK(ended && slice_starts(out, S("HTTP/1.1 503 Service Unavailable")));
		close(fd);
	}
	give(before, S("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n")); /* those inside are served meanwhile */
	CHECK(slice_starts(take(before, 10, &ended), S("HTTP/1.1 200 OK")));
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	expect("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	close(before);
	stop();
}

TEST(http_server, slow_clients_are_cut_off)
{
	bool ended;
	struct http_settings s = settings();
	s.head_timeout = s.body_timeout = s.idle_timeout = 5 * NS_PER_MS;
	start(&s);
	int head = dial(), body = dial(), idle = dial();
	give(head, S("GET / HTTP/1.1\r\nHo"));
	give(body, S("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
	give(idle, S("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"));
	CHECK_STR(take(head, SIZE_MAX, &ended), "");
	CHECK(ended);
	CHECK_STR(take(body, SIZE_MAX, &ended), "");
	CHECK(ended);
	CHECK_STR(take(idle, SIZE_MAX, &ended), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	CHECK(ended);
	CHECK_EQ(http_server_counts(server)->timed_out, 2);
	close(head);
	close(body);
	close(idle);
	stop();
}
