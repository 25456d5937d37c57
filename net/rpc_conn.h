/* What the files of the RPC server share: rpc_server (accepting, first bytes, the end), rpc_stream (calls on the
 * streams of a session, answers), rpc_plain (calls on the connection itself).
 *
 *   FIRST -- 0 --> PLAIN   one call at a time in conn->plain
 *     | `--- 4 --> MUX     a call is the owner's struct around each mux stream
 *     `--- other: the host's, or closed
 *
 * Invariants: 1. A connection is freed only by rpc_conn_gone, which is called only from the loop and when the server is
 * freed. 2. A call is `busy` from just before the host's `call` until rpc_answer or `gone`; no message of its stream is
 * looked at meanwhile, nor while an answer waits for window. 3. conn->held is the sum of what its calls hold. */
#ifndef NET_RPC_CONN_H
#define NET_RPC_CONN_H

#include "net/listener.h"
#include "net/mux_link.h"
#include "net/rpc_frame.h"
#include "net/rpc_server.h"

enum rpc_conn_state { RPC_CONN_FIRST, RPC_CONN_PLAIN, RPC_CONN_MUX };

struct rpc_call {
	struct mux_stream ms; /* first; unused on a plain connection */
	struct rpc_conn *conn;
	void *user;
	uint64_t seq;
	struct slice method; /* of the call under way */
	char *method_copy;   /* owns it when the call outlives the bytes it came in */
	struct buf held;     /* what came of the next message */
	struct rpc_cut cut;
	uint32_t uncounted;                      /* bytes held that the other side has got no credit for yet */
	bool busy, inside;                       /* the host has it; `call` is on the stack */
	bool last;                               /* its stream ends behind the answer */
	struct rpc_call *next_again, **again_at; /* answered, and more is held */
};

struct rpc_conn {
	struct mux_link link; /* first; its stream serves in every state */
	struct rpc_server *server;
	struct rpc_conn *prev, *next;
	struct timer timer; /* FIRST: the deadline; PLAIN: work at the end of the turn */
	struct address client;
	struct rpc_call *plain;
	size_t held;
	uint8_t state;
	bool secure, ended, broken; /* under TLS; the client has finished sending (PLAIN); to be closed */
};

struct rpc_server {
	struct loop *loop;
	struct rpc_server_settings set;
	struct rpc_server_counts counts;
	struct listeners listeners;
	struct mux_links links;
	struct rpc_conn *conns;
	struct rpc_call *again;
	struct buf head; /* of the answer that is being written */
};

void rpc_conn_gone(struct rpc_conn *c);
/* Out of memory for it: it ends in this turn, or the next. */
void rpc_conn_break(struct rpc_conn *c);
void rpc_trouble(struct rpc_conn *c, enum rpc_trouble what, const char *why);

/* rpc_stream.c */
void rpc_links_init(struct rpc_server *s);
/* Hands one message to the host, or answers it. */
void rpc_dispatch(struct rpc_call *c, const struct rpc_message *m);
/* The call's stream is over: the host is told if it has it; what the call holds is freed, the struct not. */
void rpc_call_over(struct rpc_call *c);

/* rpc_plain.c */
bool rpc_plain_start(struct rpc_conn *c); /* false: no memory */
void rpc_plain_later(struct rpc_conn *c); /* an answer was written: it leaves at the end of the turn */

#endif
