/* A server of msgpack values on a loop: what comes in is cut into whole values, one after another, and handed to the
 * host one at a time a connection, in order; what the host sends goes out as it is.
 *
 * The life of a value: `value` is called with it; it lives until the callback returns, and what the host returns says
 * how the connection goes on:
 *   IPC_CONN_NEXT  the next value, please;
 *   IPC_CONN_HOLD  not before ipc_conn_resume: the answer comes later. A client that shut down its sending side still
 *                  gets it; one that is gone altogether is told by `closed`;
 *   IPC_CONN_PARK  the same, for who asks to be told of a change: shutting down the sending side counts as gone, too;
 *   IPC_CONN_END   nothing more is read; what was sent leaves, then the connection is closed.
 * A connection that is held has given back its input buffer unless more has come already.
 *
 * ipc_conn_send may be called at any time. `closed` is called once for each connection that was `opened`, whoever ended
 * it; never inside ipc_conn_send, ipc_conn_resume or ipc_conn_end: it comes in a later turn.
 *
 * Limits, each with an answer: connections above connections_max are closed at once; a value longer than its limit
 * (ipc_conn_limit) or bytes that are no msgpack give `spoilt`, then the end; a value of which nothing more comes for
 * stall_timeout, or output of which nothing leaves for as long, ends the connection; while more than unread_max bytes
 * wait for a client to read them no further value of it is looked at. Thread: the loop's. */
#ifndef NET_IPC_SERVER_H
#define NET_IPC_SERVER_H

#include "net/address.h"
#include "net/loop.h"

struct ipc_server;
struct ipc_conn;

enum ipc_conn_then { IPC_CONN_NEXT, IPC_CONN_HOLD, IPC_CONN_PARK, IPC_CONN_END };

struct ipc_settings {
	void *host; /* handed to every callback */

	/* A client came: what the host keeps with the connection (ipc_conn_user); NULL: it is closed, and no more said.
	 */
	void *(*opened)(void *host, struct ipc_conn *c);
	enum ipc_conn_then (*value)(void *host, struct ipc_conn *c, struct slice value);
	/* Optional: what came can be no value, or is longer than allowed. */
	void (*spoilt)(void *host, struct ipc_conn *c);
	void (*closed)(void *host, struct ipc_conn *c);

	size_t value_max;         /* bytes of a value until ipc_conn_limit says otherwise */
	size_t unread_max;        /* 0: 256 KiB */
	unsigned connections_max; /* 0: 1024 */
	dur_ns stall_timeout;     /* 0: 60 s */
};

struct ipc_counts {
	uint64_t accepted, values, refused, timed_out;
	unsigned connections; /* now */
};

/* NULL when out of memory. The settings are copied. */
struct ipc_server *ipc_server_new(struct loop *l, const struct ipc_settings *set);
/* Serves a listening socket (net/socket.h) and owns it. False when out of memory or descriptors; then the socket is
 * still the caller's. */
bool ipc_server_listen(struct ipc_server *s, int fd);
/* Closes everything; `closed` is called for each connection. Clients have a tenth of a second to hang up themselves. */
void ipc_server_free(struct ipc_server *s);
const struct ipc_counts *ipc_server_counts(const struct ipc_server *s);

/* Sends bytes behind those that wait. Returns how many wait now. A failure ends the connection in a later turn. */
size_t ipc_conn_send(struct ipc_conn *c, struct slice bytes);
/* The connection was held: its next value, please, in a later turn. */
void ipc_conn_resume(struct ipc_conn *c);
/* Ends it as IPC_CONN_END does. */
void ipc_conn_end(struct ipc_conn *c);
/* The longest value from the next one on. */
void ipc_conn_limit(struct ipc_conn *c, size_t value_max);

void *ipc_conn_user(const struct ipc_conn *c);
const struct address *ipc_conn_client(const struct ipc_conn *c);

#endif
