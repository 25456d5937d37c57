/* Connections and descriptors that are too many, clients that are too slow. */
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/net/web.h"

TEST(http_server, one_connection_too_many)
{
	bool ended;
	struct http_settings s = web_settings();
	s.connections_max = 2;
	web_start(&s);
	int a = web_dial(), b = web_dial();
	while (http_server_counts(web.server)->accepted < 2)
		web_turn();
	int c = web_dial();
	web_give(c, S("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
	struct slice out = web_take(c, SIZE_MAX, &ended);
	CHECK(ended && slice_starts(out, S("HTTP/1.1 503 Service Unavailable")));
	close(c);
	close(a);
	while (http_server_counts(web.server)->connections > 1)
		web_turn();
	web_expect("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	close(b);
	web_stop();
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
	web_start_plain();
	int before = web_dial();
	while (http_server_counts(web.server)->accepted < 1)
		web_turn();
	int asking = web_dial(), waiting = web_dial(); /* connected by the kernel, not yet accepted */
	int fds[LIMIT];
	struct rlimit old, tight;
	getrlimit(RLIMIT_NOFILE, &old);
	tight = (struct rlimit){LIMIT, old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &tight);
	int n = take_descriptors(fds, before, LIMIT, FEW);
	for (int fd = asking; fd >= 0; fd = fd == asking ? waiting : -1) {
		struct slice out = web_take(fd, SIZE_MAX, &ended);
		CHECK(ended && slice_starts(out, S("HTTP/1.1 503 Service Unavailable")));
		close(fd);
	}
	web_give(before, S("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n")); /* those inside are served meanwhile */
	CHECK(slice_starts(web_take(before, 10, &ended), S("HTTP/1.1 200 OK")));
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	web_expect("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	close(before);
	web_stop();
}

TEST(http_server, slow_clients_are_cut_off)
{
	bool ended;
	struct http_settings s = web_settings();
	s.head_timeout = s.body_timeout = s.idle_timeout = 5 * NS_PER_MS;
	web_start(&s);
	int head = web_dial(), body = web_dial(), idle = web_dial();
	web_give(head, S("GET / HTTP/1.1\r\nHo"));
	web_give(body, S("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
	web_give(idle, S("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"));
	CHECK_STR(web_take(head, SIZE_MAX, &ended), "");
	CHECK(ended);
	CHECK_STR(web_take(body, SIZE_MAX, &ended), "");
	CHECK(ended);
	CHECK_STR(web_take(idle, SIZE_MAX, &ended), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	CHECK(ended);
	CHECK_EQ(http_server_counts(web.server)->timed_out, 2);
	close(head);
	close(body);
	close(idle);
	web_stop();
}
