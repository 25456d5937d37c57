/* Long answers: in pieces, unread, large. */
#include <unistd.h>

#include "tests/unit/net/web.h"

TEST(http_server, a_stream_in_pieces)
{
	bool ended;
	web_start_plain();
	int fd = web_dial();
	web_give(fd, S("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_wait_held(1);
	struct http_conn *c = web.host.held[0];
	CHECK(http_user(c) == &web.host);
	CHECK_EQ(http_stream_write(c, S("second")), 0);
	CHECK_EQ(http_stream_write(c, S("")), 0);
	http_stream_end(c);
	const char *want =
	        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n";
	CHECK_STR(web_take(fd, strlen(want), &ended), want);
	web_give(fd, S("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"));
	want = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	CHECK_STR(web_take(fd, strlen(want), &ended), want);
	close(fd);
	fd = web_dial();
	web_give(fd, S("GET /stream HTTP/1.0\r\n\r\n"));
	web_wait_held(2);
	http_stream_write(web.host.held[1], S("second"));
	http_stream_end(web.host.held[1]);
	CHECK_STR(web_take(fd, SIZE_MAX, &ended), "HTTP/1.0 200 OK\r\n\r\nfirst second");
	close(fd);
	web_stop();
}

TEST(http_server, a_reader_that_does_not_read)
{
	bool ended;
	static char piece[100000];
	web_start_plain();
	int fd = web_dial();
	web_give(fd, S("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_wait_held(1);
	size_t waiting = 0, sent = 0;
	while (waiting < 1000000) {
		waiting = http_stream_write(web.host.held[0], slice_at(piece, sizeof piece));
		sent += sizeof piece;
	}
	web_turn();
	CHECK_EQ(web.host.drained, 0);
	size_t got = 0;
	while (got < sent)
		got += web_take(fd, 1, &ended).n;
	while (!web.host.drained)
		web_turn();
	CHECK_EQ(web.host.drained, 1);
	http_stream_end(web.host.held[0]);
	close(fd);
	web_stop();
}

TEST(http_server, a_large_answer_holds_back_the_next)
{
	bool ended;
	web_start_plain();
	int fd = web_dial();
	web_give(
	        fd, S("GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	while (!web.host.requests)
		web_turn();
	web_turn();
	CHECK_EQ(web.host.requests, 1);
	struct slice out = web_take(fd, SIZE_MAX, &ended);
	CHECK(ended && slice_ends(out, S("xxx" HEAD200(19) "Connection: close\r\n\r\nGET /b token= body=")));
	CHECK(out.n > 16 << 20);
	close(fd);
	web_stop();
}
