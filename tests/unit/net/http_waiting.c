/* Requests that wait: parked, pipelined behind, their clients gone, the server ending. */
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_conn.h" /* sizeof: what a connection costs is a promise */
#include "tests/unit/net/web.h"

TEST(http_server, parked_requests_cost_little_and_are_had_again)
{
	bool ended;
	struct http_request r;
	CHECK(sizeof(struct http_conn) < 300);
	web_start_plain();
	int fd = web_dial();
	web_give(fd, S("GET /park?index=5 HTTP/1.1\r\nHost: x\r\nUser-Agent: curl\r\nx-token: secret\r\n\r\n"));
	web_wait_held(1);
	web_turn();
	CHECK_EQ(web.loop.pool.lent, 0);
	struct http_conn *c = web.host.held[0];
	uint64_t serial = http_serial(c);
	http_parked_request(c, &r);
	CHECK_EQ(r.verb, HTTP_GET);
	CHECK_STR(r.path, "/park");
	CHECK_STR(r.query, "index=5");
	CHECK_STR(http_header_get(&r, S("X-Token")), "secret");
	CHECK_STR(http_header_get(&r, S("User-Agent")), "");
	CHECK(slice_starts(r.remote, S("127.")));
	/* the next request waits its turn, unread */
	web_give(fd, S("GET /b HTTP/1.1\r\nHost: x\r\n\r\n"));
	for (int i = 0; i < 5; i++)
		web_turn();
	CHECK_EQ(web.host.requests, 1);
	web_say(c, 200, S("woken"));
	CHECK_STR(web_take(fd, 2 * strlen(HEAD200(19)) + 27, &ended),
	        HEAD200(5) "\r\nwoken" HEAD200(19) "\r\nGET /b token= body=");
	CHECK_EQ(web.host.requests, 2);
	CHECK(web.host.closed == 0 && serial != 0);
	close(fd);
	web_stop();
}

TEST(http_server, pipelined_behind_a_waiting_one)
{
	bool ended;
	web_start_plain();
	int fd = web_dial();
	web_give(fd,
	        S("GET /wait HTTP/1.1\r\nHost: x\r\n\r\nGET /wait HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: "
	          "x\r\n\r\n"));
	web_wait_held(1);
	web_say(web.host.held[0], 200, S("1"));
	web_wait_held(2);
	web_say(web.host.held[1], 200, S("2"));
	CHECK_STR(web_take(fd, 3 * strlen(HEAD200(1)) + 28, &ended),
	        HEAD200(1) "\r\n1" HEAD200(1) "\r\n2" HEAD200(19) "\r\nGET /c token= body=");
	close(fd);
	web_stop();
}

TEST(http_server, a_client_that_goes_away_is_noticed)
{
	web_start_plain();
	int fd[3] = {web_dial(), web_dial(), web_dial()};
	web_give(fd[0], S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_give(fd[1], S("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_give(fd[2], S("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_wait_held(3);
	for (int i = 0; i < 3; i++) {
		struct linger now = {1, 0};
		setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(fd[i]);
	}
	while (web.host.closed < 3)
		web_turn();
	CHECK_EQ(http_server_counts(web.server)->connections, 0);
	web_stop();
}

TEST(http_server, half_closed_clients)
{
	bool ended;
	web_start_plain();
	int waits = web_dial(), parks = web_dial();
	web_give(waits, S("PUT /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_give(parks, S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_wait_held(2);
	shutdown(waits, SHUT_WR);
	shutdown(parks, SHUT_WR);
	while (web.host.closed < 1)
		web_turn();
	for (int i = 0; i < 5; i++)
		web_turn();
	CHECK_EQ(web.host.closed, 1);
	struct http_conn *left = web.host.held[0] ? web.host.held[0] : web.host.held[1];
	web_say(left, 200, S("still told"));
	CHECK_STR(web_take(waits, SIZE_MAX, &ended), HEAD200(10) "\r\nstill told");
	CHECK(ended);
	close(waits);
	close(parks);
	web_stop();
}

TEST(http_server, what_is_unfinished_at_the_end_is_told)
{
	web_start_plain();
	int fd = web_dial(), idle = web_dial();
	web_give(fd, S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_wait_held(1);
	http_server_stop(web.server);
	CHECK_EQ(http_server_counts(web.server)->connections, 1);
	web_stop();
	CHECK_EQ(web.host.closed, 1);
	close(fd);
	close(idle);
}

TEST(http_server, an_aborted_connection_just_ends)
{
	web_start_plain();
	web_expect("GET /abort HTTP/1.1\r\nHost: x\r\n\r\n", "", true);
	int fd = web_dial();
	bool ended;
	web_give(fd, S("GET /park HTTP/1.1\r\nHost: x\r\n\r\n"));
	web_wait_held(1);
	http_abort(web.host.held[0]);
	CHECK_STR(web_take(fd, SIZE_MAX, &ended), "");
	CHECK_EQ(web.host.closed, 0);
	close(fd);
	web_stop();
}
