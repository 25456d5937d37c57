/* An exchange: one request of the HTTP API under way on a front, whatever carries it (HTTP, or the command `api` of
 * 8400). What has to happen with it is the same: translate it; answer, or send its message to the core, or park it
 * until what it looked at moves, and then translate it again.
 *
 * The carrier is a table of functions on its own connection; it owns the struct exchange, which exists only while the
 * request waits for something, so that a request answered at once costs none. Thread: the front's. */
#ifndef CMD_AGENT_EXCHANGE_H
#define CMD_AGENT_EXCHANGE_H

#include "cmd/agent/front_thread.h"

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
	/* Another message than one of api_http came back (EXCHANGE_MESSAGE); NULL: there are none. */
	void (*reply)(void *conn, struct message *m);
};

enum exchange_waits {
	EXCHANGE_NOTHING,
	EXCHANGE_REPLY,   /* a message of api_http is with the core */
	EXCHANGE_MESSAGE, /* one of the carrier's own is */
	EXCHANGE_WATCH,   /* parked */
};

struct exchange {
	const struct carrier *by;
	struct front *front;
	void *conn;
	enum exchange_waits waits;
	union {
		struct message *message;
		struct parked *parked;
	};
};

/* Translates a request, fresh (deadline 0) or woken, and does with it what the api says. */
void exchange_serve(
        struct front *f, const struct carrier *by, void *conn, const struct http_request *r, mono_ns deadline);

/* Sends a message of the carrier's own; it comes back through `reply`. */
void exchange_send(struct exchange *x, struct message *m);

/* A message came back from the core; gives it back to the pool. */
void exchange_reply(struct front *f, struct message *m);

/* The client is gone: nothing more is answered. The struct is the carrier's to free. */
void exchange_abandon(struct exchange *x);

/* For parking_init: a parked request's notes moved, or its time is over. */
void exchange_woken(void *front, void *exchange, mono_ns deadline);

/* The front's answer to fill, empty. */
struct http_answer *exchange_answer(struct front *f);
/* Memory of the request at hand is over. */
void exchange_over(struct front *f);

#endif
