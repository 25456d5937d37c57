/* Calls other servers in the manner of Go's net/rpc over yamux: a pool with one session an address.
 *
 * A call takes an idle stream of the session or opens one; the stream is kept for the next call (at most 64 idle ones a
 * session), and closed after any error. There is one attempt to connect at a time an address; calls wait for it. A
 * session that breaks is dropped, its calls fail, the next one connects anew. One that nobody uses for idle_timeout is
 * closed. An idle session costs about a kilobyte, and 200 bytes an idle stream.
 *
 * Errors are sentences whose parts callers look for:
 *   rpc error getting client: failed to get conn: dial tcp …: connect: connection refused
 *   rpc error getting client: failed to get conn: rpc error: lead thread didn't get connection   (the calls behind it)
 *   rpc error getting client: failed to start stream: …
 *   rpc error making call: <the other side's error> | EOF | i/o deadline reached
 * Thread: the loop's. */
#ifndef NET_RPC_CLIENT_H
#define NET_RPC_CLIENT_H

#include "net/address.h"
#include "net/loop.h"
#include "net/tls.h"

struct rpc_client;
struct rpc_sent;

struct rpc_client_settings {
	void *host;
	/* How to speak TLS to this address, asked inside the rpc_client_call that makes the connection; NULL (or no
	 * function): plain. Copied; trust and identity outlive the client. */
	const struct tls_settings *(*tls)(void *host, const struct address *to);
	struct address from;   /* bound to when dialing; ADDRESS_NONE: any */
	dur_ns dial_timeout;   /* 0: 10 s */
	dur_ns idle_timeout;   /* 0: 2 min */
	unsigned idle_streams; /* kept a session; 0: 64 */
	unsigned calls_max;    /* under way at a time, all addresses together; 0: 262144. More fail at once */
	size_t body_max;       /* 0: 64 MiB; a longer answer fails the call */
	uint64_t seed;
};

enum rpc_outcome {
	RPC_DONE,    /* body is the reply */
	RPC_REFUSED, /* the other side answered with an error */
	RPC_NO_CONN, /* never sent */
	RPC_LOST,    /* sent, but the connection ended before the answer: it may have happened or not */
	RPC_LATE,    /* the deadline came first */
};

struct rpc_result {
	enum rpc_outcome outcome;
	struct slice error;  /* the sentence, empty with RPC_DONE */
	struct slice remote; /* RPC_REFUSED: the other side's own words, without our prefix */
	struct slice body;   /* RPC_DONE: one whole msgpack object */
};

/* NULL when out of memory. */
struct rpc_client *rpc_client_new(struct loop *l, const struct rpc_client_settings *set);
/* Closes everything. Calls under way end silently. */
void rpc_client_free(struct rpc_client *c);

/* Sends a call. `to` is "ip:port". `args` is one whole msgpack object. Nothing is kept of the slices. `deadline` is a
 * moment on the monotonic clock, INT64_MAX: none. `done` is called once, never inside this function; the result's
 * slices live until it returns. NULL when out of memory: `done` will not be called. */
struct rpc_sent *rpc_client_call(struct rpc_client *c, struct slice to, struct slice method, struct slice args,
        mono_ns deadline, void (*done)(void *owner, const struct rpc_result *r), void *owner);
/* Forgets the call: `done` is not called. The other side is told. */
void rpc_client_cancel(struct rpc_sent *s);

/* Sessions now, and calls under way. */
unsigned rpc_client_sessions(const struct rpc_client *c);
unsigned rpc_client_calls(const struct rpc_client *c);

#endif
