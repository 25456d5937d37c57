#include "net/http_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/slice.h"
#include "net/http_server.h"
#include "net/socket.h"
#include "tests/test.h"

static struct loop l;
static struct address where;

/* ---- a server of canned bytes ---------------------------------------------------------------------------------- */

static struct slice canned, asked;
static struct buf asked_bytes;
static size_t canned_cut; /* the answer is sent in two pieces, cut here */
static int listener = -1, peer = -1;

static void listen_here(void)
{
	struct fail f;
	ASSERT(loop_init(&l));
	ASSERT(address_parse(S("127.66.7.24:0"), &where));
	listener = socket_listen(&where, &(struct socket_listen){0}, &f);
	ASSERT(listener >= 0);
	where = socket_local(listener);
	buf_reset(&asked_bytes, 0);
	asked = S_NONE;
}

static void unlisten(void)
{
	if (peer >= 0)
		close(peer);
	close(listener);
	peer = -1;
	CHECK_EQ(l.pool.lent, 0);
	loop_free(&l);
	buf_free(&asked_bytes);
}

struct result {
	bool done;
	enum err code;
	char text[FAIL_TEXT_MAX];
	int status;
	struct buf body;
	size_t stop_after; /* 0: never */
};

static bool on_data(struct http_call *c, struct slice piece)
{
	struct result *r = c->owner;
	buf_slice(&r->body, piece);
	return !r->stop_after || r->body.n < r->stop_after;
}

static void on_done(struct http_call *c, const struct fail *f)
{
	struct result *r = c->owner;
	r->done = true;
	r->code = f ? f->code : OK;
	snprintf(r->text, sizeof r->text, "%s", f ? f->text : "");
	r->status = c->response.status;
	http_call_free(c); /* allowed here */
}

/* The server's side, as far as it can go now. */
static void serve(bool hang_up)
{
	char piece[4096];
	if (peer < 0 && (peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0)
		return;
	ssize_t n = recv(peer, piece, sizeof piece, 0);
	if (n <= 0)
		return;
	buf_bytes(&asked_bytes, piece, (size_t)n);
	send(peer, canned.p, canned_cut, MSG_NOSIGNAL);
	loop_turn(&l, l.now + NS_PER_MS);
	send(peer, canned.p + canned_cut, canned.n - canned_cut, MSG_NOSIGNAL);
	if (hang_up)
		shutdown(peer, SHUT_WR);
}

static struct result call_with(struct http_ask ask, const char *answer, size_t cut, bool hang_up, size_t stop_after)
{
	static struct http_call c;
	struct result r = {.stop_after = stop_after};
	canned = slice_of(answer);
	canned_cut = cut;
	c = (struct http_call){.owner = &r, .data = on_data, .done = on_done};
	ask.to = where;
	ask.host = S("h:1");
	if (!ask.method.n)
		ask.method = S("GET");
	ask.target = S("/x?y");
	http_call_start(&c, &l, &ask);
	CHECK(!r.done);
	while (!r.done) {
		serve(hang_up);
		loop_turn(&l, l.now + NS_PER_MS);
	}
	if (peer >= 0)
		close(peer);
	peer = -1;
	return r;
}

static void expect(
        struct http_ask ask, const char *answer, bool hang_up, int status, const char *body, const char *error)
{
	for (size_t cut = 0; cut <= strlen(answer); cut++) {
		struct result r = call_with(ask, answer, cut, hang_up, 0);
		CHECK_EQ(r.status, status);
		CHECK_STR(buf_view(&r.body), body);
		CHECK_STR(slice_of(r.text), error);
		buf_free(&r.body);
	}
}

#define NAME "Get \"http://h:1/x?y\": "

TEST(http_client, the_request_it_writes)
{
	listen_here();
	struct http_ask ask = {.method = S("PUT"), .headers = S("A: b\r\n"), .body = S("hello")};
	struct result r = call_with(ask, "HTTP/1.1 204 No Content\r\n\r\n", 0, false, 0);
	CHECK_EQ(r.status, 204);
	CHECK_STR(buf_view(&asked_bytes),
	        "PUT /x?y HTTP/1.1\r\nHost: h:1\r\nA: b\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
	unlisten();
}

TEST(http_client, answers_cut_anywhere)
{
	listen_here();
	struct http_ask get = {0}, head = {.method = S("HEAD")};
	expect(get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, ignored", false, 200, "hello", "");
	expect(get, "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", false, 500,
	        "abcde", "");
	expect(get, "HTTP/1.0 200 OK\r\n\r\nuntil the end", true, 200, "until the end", "");
	expect(get, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", false, 404, "", "");
	expect(head, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", false, 200, "", "");
	unlisten();
}

TEST(http_client, errors_in_gos_words)
{
	listen_here();
	struct http_ask get = {0};
	expect(get, "", true, 0, "", NAME "EOF");
	expect(get, "HTTP/1.1 200", true, 0, "", NAME "unexpected EOF");
	expect(get, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", true, 200, "hello", "unexpected EOF");
	expect(get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", true, 200, "ab", "unexpected EOF");
	expect(get, "SSH-2.0-x\r\n", false, 0, "",
	        NAME "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH-2.0-x\"");
	unlisten();
}

TEST(http_client, nobody_there)
{
	listen_here();
	struct address nobody = where;
	close(listener);
	struct fail f;
	struct http_reply r;
	char text[ADDRESS_TEXT], want[256];
	struct http_ask ask = {.to = nobody, .method = S("DELETE"), .host = S("h"), .target = S("/")};
	CHECK_EQ(http_fetch(&ask, NULL, NULL, &r, &f), ERR_IO);
	address_print(&nobody, text);
	snprintf(want, sizeof want, "Delete \"http://h/\": dial tcp %s: connect: connection refused", text);
	CHECK_STR(slice_of(f.text), want);
	http_reply_free(&r);
	ask.to = (struct address){.kind = ADDRESS_UNIX, .path = "/nowhere/s"};
	CHECK_EQ(http_fetch(&ask, NULL, NULL, &r, &f), ERR_IO);
	CHECK_STR(slice_of(f.text), "Delete \"http://h/\": dial unix /nowhere/s: connect: no such file or directory");
	http_reply_free(&r);
	listener = dup(0);
	unlisten();
}

TEST(http_client, a_deadline)
{
	listen_here();
	struct http_ask get = {.timeout = 5 * NS_PER_MS};
	struct result r = call_with(get, "", 0, false, 0);
	CHECK_EQ(r.code, ERR_TIMEOUT);
	CHECK_STR(slice_of(r.text), NAME "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
	get.timeout = NS_PER_S / 4; /* long enough for the answer to begin */
	r = call_with(get, "HTTP/1.1 200 OK\r\n\r\nsome", 0, false, 0);
	CHECK_EQ(r.code, ERR_TIMEOUT);
	CHECK_STR(buf_view(&r.body), "some");
	buf_free(&r.body);
	unlisten();
}

TEST(http_client, the_caller_may_have_enough)
{
	listen_here();
	struct http_ask get = {0};
	struct result r = call_with(get, "HTTP/1.1 200 OK\r\n\r\nendless stream", 0, false, 3);
	CHECK_EQ(r.code, OK);
	CHECK(r.body.n >= 3);
	buf_free(&r.body);
	unlisten();
}

/* ---- with our own server --------------------------------------------------------------------------------------- */

static void on_request(void *host, struct http_conn *c, const struct http_request *r)
{
	struct http_answer a = {.status = 200};
	(void)host;
	buf_slice(&a.body, r->body);
	http_answer(c, &a);
	buf_free(&a.body);
}

static void on_closed(void *host, struct http_conn *c)
{
	(void)host;
	(void)c;
}

TEST(http_client, a_megabyte_there_and_back)
{
	struct http_settings set = {.request = on_request, .closed = on_closed, .body_max = 8 << 20};
	listen_here();
	struct http_server *server = http_server_new(&l, &set);
	ASSERT(http_server_listen(server, dup(listener)));
	struct buf big = {0};
	char *room = buf_room(&big, 3 << 20);
	for (size_t i = 0; i < 3 << 20; i++)
		room[i] = (char)(i * 7);
	buf_add(&big, 3 << 20);
	struct result r = {0};
	struct http_call c = {.owner = &r, .data = on_data, .done = on_done};
	struct http_ask ask = {
	        .to = where, .method = S("PUT"), .host = S("h"), .target = S("/"), .body = buf_view(&big)};
	http_call_start(&c, &l, &ask);
	while (!r.done)
		loop_turn(&l, INT64_MAX);
	CHECK_EQ(r.status, 200);
	CHECK(slice_eq(buf_view(&r.body), buf_view(&big)));
	buf_free(&r.body);
	buf_free(&big);
	http_server_free(server);
	unlisten();
}
