/* An HTTP/1.1 server on a loop.
 *
 * The host gives a table of limits and callbacks; the server gives it whole requests, one at a time a connection, in
 * order (pipelined ones wait), and sends the answers. Everything happens on the loop's thread; several servers share a
 * port with SO_REUSEPORT, one a thread.
 *
 * The life of a request: `request` is called with the request and the connection; what the request points to lives
 * until the callback returns. Before it returns the host has done exactly one of:
 *   http_answer        the answer, now;
 *   http_stream_begin  the head of an answer whose body comes in pieces;
 *   http_wait          the answer comes later, whatever is needed was taken from the request already;
 *   http_park          the answer comes later, and the request is kept as a compact copy (request line, the headers
 * named in the settings, body), to be had again with http_parked_request. Later means any time on the same thread:
 * http_answer or http_stream_begin with the same connection. A waiting connection has given back its buffers: parked it
 * costs about 300 bytes and the copy, in one allocation each.
 *
 * A client that goes away is noticed at once (EPOLLRDHUP). `closed` is called if the host had not finished answering;
 * then, and after the last call for an answer, the connection must not be touched any more. A client that only shut
 * down its sending side is told apart for http_wait (it still gets its answer) but not for http_park: who asks to be
 * told of a change and shuts down counts as gone. `closed` is never called inside http_answer, http_stream_write or
 * http_stream_end: it comes in a later turn.
 *
 * What the server does by itself, in the bytes of Go's net/http: bad heads (400, 431, 501, 505), Expect (100, 417),
 * "OPTIONS *" and other "*", Connection and Content-Length, Date, HEAD, 204 and 304 without body, header lines sorted
 * by name with Content-Type among them. Answers always have a Content-Length (Go chunks those above 2 KiB; clients
 * cannot tell).
 *
 * Limits, each with an answer: heads above HTTP_HEAD_MAX 431; bodies above body_max (or vast_max) 413; connections
 * above connections_max 503, and likewise when the process runs short of descriptors (listener.h); slow clients are cut
 * off by the timeouts; answers that nobody reads wait in memory until write_timeout, and meanwhile no further request
 * of that connection is begun. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "core/base/err.h"
#include "core/base/http_message.h"
#include "net/loop.h"

struct http_conn;
struct http_server;

enum {
	HTTP_HEAD_MAX = (1 << 20) + 4096, /* as net/http: a mebibyte and a buffer */
	HTTP_DRAIN_MAX = 256 << 10,       /* an unread body is read and dropped up to here, else the connection ends */
};

struct http_settings {
	void *host; /* handed to every callback */

	/* A request is whole. r->body_cut says if its body is not (http_message.h). */
	void (*request)(void *host, struct http_conn *c, const struct http_request *r);
	/* Optional: the head of a request is there and its body is not, r->body is empty. The host may answer already
	 * (http_answer; for example 413 by r->content_length); else it does nothing and `request` follows. */
	void (*head)(void *host, struct http_conn *c, const struct http_request *r);
	/* Optional: may the body that is announced have vast_max bytes? */
	bool (*vast)(void *host, const struct http_request *r);
	/* The client went away before its answer was finished. */
	void (*closed)(void *host, struct http_conn *c);
	/* Optional: everything written to a stream has left. */
	void (*drained)(void *host, struct http_conn *c);

	size_t body_max;          /* bytes of a body */
	size_t vast_max;          /* … for which `vast` says so */
	unsigned connections_max; /* 0: 65536 */
	dur_ns head_timeout;      /* from the first byte of a head to its last; 0: 60 s, as for those below */
	dur_ns body_timeout;      /* for each piece of a body */
	dur_ns write_timeout;     /* for each piece of an answer */
	dur_ns idle_timeout;      /* between requests; 0: for ever */

	const struct slice *park_headers; /* names that http_park keeps */
	unsigned park_header_count;
};

struct http_counts {
	uint64_t accepted, requests, refused, timed_out;
	unsigned connections; /* open now */
};

/* NULL when out of memory. The settings are copied (what they point to is not). */
struct http_server *http_server_new(struct loop *l, const struct http_settings *s);
/* Serves a listening socket (net/socket.h) from now on and owns it. */
bool http_server_listen(struct http_server *s, int fd);
/* The same under TLS (net/tls.h). `clients` not NULL: only for clients with a certificate from them. Both outlive the
 * server. Without an identity every caller is turned away, as crypto/tls does when it has no certificate. */
struct tls_identity;
struct tls_trust;
bool http_server_listen_tls(
        struct http_server *s, int fd, const struct tls_identity *who, const struct tls_trust *clients);
/* Closes the listeners; open connections go on, each until its answer is finished. */
void http_server_stop(struct http_server *s);
/* Closes everything; `closed` is called for each unfinished request. */
void http_server_free(struct http_server *s);
const struct http_counts *http_server_counts(const struct http_server *s);

/* The whole answer. Nothing of `a` is kept. */
void http_answer(struct http_conn *c, const struct http_answer *a);

void http_wait(struct http_conn *c);
void http_park(struct http_conn *c);
/* The parked request again; it points into the copy, which lives until the answer. May be called any number of times.
 */
void http_parked_request(struct http_conn *c, struct http_request *r);

/* An answer in pieces (chunked; for HTTP/1.0 until the connection closes). a->body is the first piece, may be empty. */
void http_stream_begin(struct http_conn *c, const struct http_answer *a);
/* Sends a piece. Returns how many bytes wait for the client to read: a host that sees this grow stops, and goes on
 * with `drained`, or gives up with http_abort. */
size_t http_stream_write(struct http_conn *c, struct slice piece);
void http_stream_end(struct http_conn *c);

/* Closes the connection without (more) answer; `closed` is not called. */
void http_abort(struct http_conn *c);

/* What the host keeps with a connection while a request is unfinished; NULL at first, and again for the next. */
void http_set_user(struct http_conn *c, void *user);
void *http_user(const struct http_conn *c);
void *http_host(const struct http_conn *c); /* of the settings */
/* Grows with every request of the server: tells a late reply for an older request from one for this. */
uint64_t http_serial(const struct http_conn *c);

#endif
