/* An HTTP server whose host answers by path, and its client, on one thread and one loop: the test turns it.
 *
 *   /park, /wait, /stream   answered by the test, through web.host.held in the order in which they came
 *   /pieces /empty /204 /304 /sniff /large (16 MiB) /abort   what they say; all others describe the request
 *   /refuse is answered (413) when its head is there */
#ifndef TEST_NET_WEB_H
#define TEST_NET_WEB_H

#include "net/address.h"
#include "net/http_server.h"
#include "tests/test.h"

struct web_host {
	struct http_conn *held[64]; /* NULL: closed since */
	unsigned n_held, closed, requests, heads, drained;
};

struct web {
	struct loop loop;
	struct http_server *server;
	struct address where;
	struct web_host host;
};
extern struct web web;

struct http_settings web_settings(void); /* and a host that has seen nothing yet */
void web_start(const struct http_settings *s);
void web_start_plain(void);
void web_stop(void); /* all buffers are back in the pool */

void web_turn(void);
void web_wait_held(unsigned n); /* turns until so many have been held */

/* What the host answers in a test's name, with headers of its own. */
void web_say(struct http_conn *c, int status, struct slice body);

/* The client. web_give turns the loop while the kernel is full; web_take reads until `want` bytes without the Date
 * lines, or the end (then *ended), or for five seconds. */
int web_dial(void);
void web_give(int fd, struct slice s);
struct slice web_take(int fd, size_t want, bool *ended);

/* One connection that says `in`, with a turn at `cut`; all that comes back, as web_take. */
struct slice web_ask(struct slice in, size_t cut, size_t want, bool *ended);
/* … and it is `want`, and the server then closes or does not. */
void web_expect(const char *in, const char *want, bool closes);

/* The head of web_say's answer with a body of n bytes. */
#define HEAD200(n)                                                                                                     \
	"HTTP/1.1 200 OK\r\nA-First: 1\r\nContent-Type: text/plain\r\nVary: x\r\nX-B: 2\r\nContent-Length: " #n "\r\n"

#endif
