/* Requests and answers, in Go's bytes. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/net/web.h"

TEST(http_server, answers_in_gos_bytes)
{
	web_start_plain();
	web_expect(
	        "GET /a?b HTTP/1.1\r\nHost: x\r\nX-Token: t\r\n\r\n", HEAD200(22) "\r\nGET /a?b token=t body=", false);
	web_stop();
}

TEST(http_server, the_end_of_a_connection)
{
	web_start_plain();
	web_expect("GET /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	        HEAD200(19) "Connection: close\r\n\r\nGET /e token= body=", true);
	web_expect("GET /empty HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true);
	web_expect("GET /empty HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", false);
	web_stop();
}

TEST(http_server, answers_without_a_body)
{
	web_start_plain();
	web_expect("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", HEAD200(20) "\r\n", false);
	web_expect("HEAD /empty HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", false);
	web_expect("GET /204 HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 204 No Content\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: 2\r\n\r\n",
	        false);
	web_expect("GET /304 HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 304 Not Modified\r\nA-First: 1\r\nVary: x\r\nX-B: 2\r\n\r\n", false);
	web_expect("GET /sniff HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>", false);
	web_stop();
}

TEST(http_server, about_itself)
{
	web_start_plain();
	web_expect("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	web_expect("GET * HTTP/1.1\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true);
	CHECK_EQ(web.host.requests, 0);
	web_stop();
}

#define TEXT_CLOSE "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

TEST(http_server, bad_heads_get_gos_answers)
{
	web_start_plain();
	web_expect("hello\r\n", "HTTP/1.1 400 Bad Request" TEXT_CLOSE "400 Bad Request", true);
	web_expect("GET / HTTP/9.9\r\nHost: x\r\n\r\n",
	        "HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version" TEXT_CLOSE
	        "505 HTTP Version Not Supported: unsupported protocol version",
	        true);
	web_expect("GET / HTTP/1.1\r\n\r\n",
	        "HTTP/1.1 400 Bad Request: missing required Host header" TEXT_CLOSE
	        "400 Bad Request: missing required Host header",
	        true);
	web_expect("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	        "HTTP/1.1 501 Not Implemented" TEXT_CLOSE "Unsupported transfer encoding", true);
	web_expect("PUT / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 3\r\n\r\nabc",
	        "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true);
	web_stop();
}

TEST(http_server, a_head_beyond_the_limit)
{
	web_start_plain();
	struct buf b = {0};
	BUF_LIT(&b, "GET / HTTP/1.1\r\nHost: x\r\nX-Token: ");
	char *room = buf_room(&b, 1060000);
	memset(room, 'x', 1060000);
	buf_add(&b, 900000);
	BUF_LIT(&b, "\r\nConnection: close\r\n\r\n");
	bool ended;
	CHECK(slice_starts(web_ask(buf_view(&b), b.n, SIZE_MAX, &ended), S("HTTP/1.1 200 OK\r\n")));
	b.n = strlen("GET / HTTP/1.1\r\nHost: x\r\nX-Token: ");
	memset(b.p + b.n, 'x', 1060000);
	b.n += 1060000;
	CHECK_STR(web_ask(buf_view(&b), b.n, SIZE_MAX, &ended),
	        "HTTP/1.1 431 Request Header Fields Too Large" TEXT_CLOSE "431 Request Header Fields Too Large");
	CHECK(ended);
	buf_free(&b);
	web_stop();
}

TEST(http_server, a_stream_of_requests_cut_anywhere_gets_the_same_answers)
{
	bool ended;
	web_start_plain();
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
		struct slice out = web_ask(whole, cut, SIZE_MAX, &ended);
		if (!slice_is(out, answers)) {
			test_fail(__FILE__, __LINE__, "cut at %zu", cut);
			CHECK_STR(out, answers);
			break;
		}
	}
	CHECK_EQ(web.host.requests, 6 * (whole.n + 1));
	web_stop();
}

TEST(http_server, one_byte_at_a_time)
{
	struct slice in = S("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	                    "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	bool ended;
	web_start_plain();
	int fd = web_dial();
	for (size_t i = 0; i < in.n; i++) {
		web_give(fd, slice_cut(in, i, i + 1));
		web_turn();
	}
	CHECK_STR(web_take(fd, SIZE_MAX, &ended), HEAD200(25) "Connection: close\r\n\r\nPOST /c token= body=abcde");
	close(fd);
	web_stop();
}

TEST(http_server, a_client_that_asks_before_it_sends)
{
	web_start_plain();
	web_expect("PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\none",
	        "HTTP/1.1 100 Continue\r\n\r\n" HEAD200(22) "\r\nPUT /a token= body=one", false);
	web_expect("PUT /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
	        "HTTP/1.1 413 Request Entity Too Large\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: "
	        "2\r\n"
	        "Content-Length: 2\r\nConnection: close\r\n\r\nno",
	        true);
	web_stop();
}

#define NO413                                                                                                          \
	"HTTP/1.1 413 Request Entity Too Large\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: "          \
	"2\r\nContent-Length: 2\r\n"

TEST(http_server, an_answer_may_overtake_the_body)
{
	bool ended;
	web_start_plain();
	web_expect("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n",
	        NO413 "Connection: close\r\n\r\nno", true);
	/* a short rest is dropped and the connection goes on */
	int fd = web_dial();
	web_give(fd, S("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"));
	CHECK_STR(web_take(fd, strlen(NO413) + 4, &ended), NO413 "\r\nno");
	web_give(fd, S("4567890GET /b HTTP/1.1\r\nHost: x\r\n\r\n"));
	CHECK_STR(web_take(fd, strlen(HEAD200(19)) + 21, &ended), HEAD200(19) "\r\nGET /b token= body=");
	close(fd);
	fd = web_dial();
	web_give(fd, S("PUT /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"));
	CHECK_STR(web_take(fd, strlen(NO413) + 4, &ended), NO413 "\r\nno");
	web_give(fd, S("c\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"));
	CHECK_STR(web_take(fd, strlen(HEAD200(19)) + 21, &ended), HEAD200(19) "\r\nGET /b token= body=");
	close(fd);
	CHECK_EQ(web.host.requests, 2);
	web_stop();
}

TEST(http_server, bodies_that_lie)
{
	bool ended;
	web_start_plain();
	int fd = web_dial();
	web_give(fd, S("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort"));
	shutdown(fd, SHUT_WR);
	struct slice out = web_take(fd, SIZE_MAX, &ended);
	CHECK(slice_ends(out, S("PUT /a token= body=short cut: unexpected EOF")));
	close(fd);
	fd = web_dial();
	web_give(fd, S("PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX\r\n"));
	out = web_take(fd, SIZE_MAX, &ended);
	CHECK(ended);
	CHECK(slice_ends(out, S("Connection: close\r\n\r\nPUT /a token= body=ab cut: malformed chunked encoding")));
	close(fd);
	fd = web_dial();
	web_give(fd, S("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"));
	out = web_take(fd, SIZE_MAX, &ended);
	CHECK(ended && slice_starts(out, S("HTTP/1.1 413 ")));
	close(fd);
	web_stop();
}

TEST(http_server, a_large_body_comes_whole)
{
	bool ended;
	struct buf b = {0};
	web_start_plain();
	BUF_LIT(&b, "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n");
	size_t head = b.n;
	char *room = buf_room(&b, 1000000);
	for (int i = 0; i < 1000000; i++)
		room[i] = (char)('a' + i % 23);
	buf_add(&b, 1000000);
	struct slice out = web_ask(buf_view(&b), b.n, SIZE_MAX, &ended);
	CHECK(slice_ends(out, slice_from(buf_view(&b), head)));
	buf_free(&b);
	web_stop();
}
