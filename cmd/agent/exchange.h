/* An exchange: one request of the HTTP API under way on a front, whatever carries it (HTTP, or the command `api` of
 * 8400). What has to happen with it is the same: translate it; answer, or wait (waiting.h) and translate it again.
 *
 * The carrier is a table of functions on its own connection; it owns the struct exchange, which exists only while the
 * request waits for something, so that a request answered at once costs none. Thread: the front's. */
#ifndef CMD_AGENT_EXCHANGE_H
#define CMD_AGENT_EXCHANGE_H

#include "cmd/agent/waiting.h"

struct exchange;

struct carrier {
	/* The connection's exchange, made when there was none; NULL: no memory. */
	struct exchange *(*begin)(void *conn);
	/* The answer; the exchange, if there was one, is over. */
	void (*answer)(void *conn, const struct http_answer *a);
	/* The answer will come later, and the request need not be kept (wait), or must be (park). Called before the
	 * request's bytes are gone, and once: a request parked stays parked. */
	void (*wait)(void *conn);
	bool (*park)(void *conn);
	/* The parked request once more. */
	void (*request)(void *conn, struct http_request *r);
	/* Lines of the log follow the answer, of this level and above. */
	void (*stream)(struct front *f, void *conn, struct http_answer *a, enum log_level level);
	/* Another message than one of api_http came back (exchange_send); NULL: there are none. */
	void (*reply)(void *conn, struct message *m);
};

struct exchange {
	struct waiting waiting; /* first */
	const struct carrier *by;
	void *conn;
	bool own; /* it waits for a message of the carrier's own */
};

/* Translates a request, fresh (again == NULL) or woken, and does with it what the api says. */
void exchange_serve(struct front *f, const struct carrier *by, void *conn, const struct http_request *r,
        const struct call_again *again);

/* Sends a message of the carrier's own; it comes back through `reply`. */
void exchange_send(struct front *f, struct exchange *x, const struct carrier *by, void *conn, struct message *m);

/* The client is gone: nothing more is answered. The struct is the carrier's to free. */
void exchange_abandon(struct exchange *x);

#endif
