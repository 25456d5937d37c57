/* One request, one answer, a deadline: as a state machine on a loop (http_call), or blocking (http_fetch).
 *
 * Each request has a connection of its own and says "Connection: close".
 * Redirects are not followed: the caller sees the 3xx. Errors read as those of Go's client: `Get
 * "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused`. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "net/address.h"
#include "net/http_chunk.h"
#include "net/http_parse.h"
#include "net/stream.h"
#include "net/tls.h"

struct http_ask {
	struct address to;
	struct slice method;  /* "GET" */
	struct slice host;    /* value of Host: "127.0.0.1:8500" */
	struct slice target;  /* "/v1/kv/a?raw" */
	struct slice headers; /* whole lines "Name: value\r\n"; may be empty */
	struct slice body;
	bool has_body;                  /* send Content-Length even for an empty body */
	dur_ns timeout;                 /* for the whole; 0: none */
	const struct tls_settings *tls; /* NULL: plain; what it points to outlives the call */
};

struct http_call {
	/* Set by the caller. */
	void *owner;
	/* A piece of the body (chunks joined). Optional; head of the answer is in c->response. False ends the call
	 * early, as if the body had ended here. */
	bool (*data)(struct http_call *c, struct slice piece);
	/* Finished: c->response is whole (its slices point into c->head), or f->text says why not. The call may be
	 * reused or freed from here on, also inside. Never called from inside http_call_start. */
	void (*done)(struct http_call *c, const struct fail *f);

	/* Of the answer. */
	struct http_response response;
	struct buf head; /* owns what the response points to */

	/* Private. */
	struct stream stream;
	struct loop *loop;
	struct timer timer;
	struct address to;
	struct buf request; /* bytes to be sent */
	struct buf name;    /* `Get "http://…/"` for errors */
	struct http_framing framing;
	struct http_chunk chunk;
	int64_t left;
	uint8_t state;
	bool head_only, secure;
	struct tls_settings tls;
	struct fail fail;
};

/* Begins. What `ask` points to may go when this returns. All but owner, data and done is set up here. */
void http_call_start(struct http_call *c, struct loop *l, const struct http_ask *ask);
/* Gives up silently (done is not called), or returns the memory of a finished call. */
void http_call_free(struct http_call *c);

/* Blocking, on a loop of its own: for the command line. `body` gets the whole body, unless `piece` takes it as it
 * comes. The answer's status and headers are in *r, whose slices point into `head`. */
struct http_reply {
	struct http_response response;
	struct buf head, body;
};
enum err http_fetch(const struct http_ask *ask, bool (*piece)(void *owner, struct slice), void *owner,
        struct http_reply *r, struct fail *f);
void http_reply_free(struct http_reply *r);

#endif
