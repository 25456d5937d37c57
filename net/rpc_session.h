/* What the files of the RPC client share: rpc_client (the pool: sessions by address, connecting) and rpc_session (calls
 * on the streams of one session).
 *
 *   a call: waiting (for the connection, or for a stream) --> running (on a stream) --> finished
 *                 `--- failed before it was sent: in client->failed until the end of the turn
 *   a session: DIALING --> OPEN --> (retired: out of the pool, ends behind its last call) --> gone
 *
 * Invariants: 1. A call is in exactly one list. 2. A running call and its stream know each other; a stream without a
 * call is idle, and in the list of idle ones. 3. A session is freed only by session_gone, which is called only from the
 * loop and when the client is freed. */
#ifndef NET_RPC_SESSION_H
#define NET_RPC_SESSION_H

#include "net/dial.h"
#include "net/mux_link.h"
#include "net/rpc_client.h"
#include "net/rpc_frame.h"

struct sent_list {
	struct rpc_sent *first, *last;
	unsigned n;
};

struct rpc_sent {
	struct rpc_client *client;
	struct rpc_session *session; /* NULL in client->failed */
	struct rpc_stream *stream;   /* NULL: waiting */
	void (*done)(void *owner, const struct rpc_result *r);
	void *owner;
	struct timer deadline;
	struct sent_list *in;
	struct rpc_sent *prev, *next;
	struct buf request; /* while it waits; in client->failed: the sentence */
	enum rpc_outcome outcome;
};

struct rpc_stream {
	struct mux_stream ms; /* first */
	struct rpc_session *session;
	struct rpc_sent *call;
	struct rpc_stream *next_idle, **idle_at; /* NULL: not idle */
	struct buf held;
	struct rpc_cut cut;
};

struct rpc_session {
	struct mux_link link; /* first */
	struct rpc_client *client;
	struct rpc_session *prev, *next;
	struct dial dial;
	struct timer idle_timer;
	mono_ns last_used;
	struct sent_list waiting, running;
	struct rpc_stream *idle;
	unsigned idle_n;
	bool open, retired;
	char to[ADDRESS_TEXT]; /* its key in the pool */
};

struct rpc_client {
	struct loop *loop;
	struct rpc_client_settings set;
	struct mux_links links;
	struct map pool; /* by address: the session that new calls take */
	struct rpc_session *sessions;
	unsigned sessions_n, calls_n;
	struct sent_list failed;
	uint64_t seq;
	struct buf head; /* of the request that is being written */
};

/* rpc_client.c */
void sent_move(struct rpc_sent *s, struct sent_list *to);
/* Takes the call out, tells its owner and frees it. */
void sent_finish(struct rpc_sent *s, enum rpc_outcome outcome, const char *what, struct slice error, struct slice body);
void session_retire(struct rpc_session *s);
void session_gone(struct rpc_session *s);

/* rpc_session.c */
extern const char rpc_getting[], rpc_making[]; /* how sentences begin */
void session_links_init(struct rpc_client *c);
/* Gives a stream to the call, if there is one; else it goes on waiting. `args` S_NONE: in its `request`. */
bool session_start(struct rpc_session *s, struct rpc_sent *call, struct slice head, struct slice args);
/* Starts what waits, as far as there are streams. */
void session_pump(struct rpc_session *s);
/* The call's stream is reset: nobody waits for its answer. */
void session_abandon(struct rpc_sent *call);
/* All streams' memory, before the link is closed. */
void session_drop_streams(struct rpc_session *s);

#endif
