/* Serves calls in the manner of Go's net/rpc with msgpack, and sorts connections by their first byte:
 *   0 calls on the connection itself, one after another;
 *   4 calls on the streams of a yamux session (net/mux.h), one after another on each stream;
 *   3 TLS, and within it once more a first byte;
 *   any other: handed to the host.
 *
 * A request is a map {Seq, ServiceMethod} and then the argument; an answer is a map {Error, Seq, ServiceMethod} and
 * then the body, an empty map with an error. A method without a dot is answered here: "rpc: service/method request
 * ill-formed: X"; what methods there are the host knows.
 *
 * The life of a call: `call` is called with it; method and args live until that returns; the struct lives until the
 * host has answered (inside `call` or any time later), or until `gone`. `gone` comes for each call that is not answered
 * when its stream or connection ends; never inside rpc_answer. Answers leave at the end of the loop's turn, those of
 * one session in one piece. Bytes that are no msgpack end the stream.
 *
 * Limits, each with an answer: connections above connections_max are closed at once; one that does not say its byte
 * (and finish its handshake) in first_timeout is closed; streams above streams_max are reset; an argument above
 * argument_max ends its stream, as do arguments half received when they hold more than held_max on one connection;
 * while more than unread_max bytes wait for a client to read them nothing more is read from it, and one that reads
 * nothing at all falls to the ping; 1 GiB of answers that streams do not take ends the session. Thread: the loop's. */
#ifndef NET_RPC_SERVER_H
#define NET_RPC_SERVER_H

#include "net/address.h"
#include "net/stream.h"
#include "net/tls.h"

struct rpc_server;
struct rpc_call;

enum rpc_trouble {
	RPC_TROUBLE_BYTE,    /* failed to read the first byte; `why`: "i/o timeout", "x509: …" */
	RPC_TROUBLE_PLAIN,   /* no TLS, but only TLS is served */
	RPC_TROUBLE_NO_TLS,  /* TLS, but we have no certificate */
	RPC_TROUBLE_SESSION, /* a yamux session failed; `why`: "keepalive timeout", "invalid protocol version" … */
	RPC_TROUBLE_REQUEST, /* a request that can't be read, or is too long */
};

struct rpc_server_settings {
	void *host; /* handed to every callback */

	void (*call)(void *host, struct rpc_call *c, struct slice method, struct slice args);
	void (*gone)(void *host, struct rpc_call *c);
	/* A connection with another first byte: *s is off the loop, nothing of it read but the byte. True: the struct
	 * was copied and is the host's, who goes on with stream_join, on this thread or another. False: it is closed.
	 * NULL: all are. */
	bool (*taken)(void *host, uint8_t byte, struct stream *s, const struct address *client);
	void (*trouble)(
	        void *host, enum rpc_trouble what, const char *why, const struct address *client); /* optional */

	const struct tls_identity *identity; /* NULL: no TLS. May change: see rpc_server_tls */
	const struct tls_trust *clients;     /* not NULL: clients have to show a certificate it vouches for */
	bool tls_only;

	unsigned connections_max; /* 0: 16384 */
	unsigned streams_max;     /* of a connection; 0: 65536 */
	size_t argument_max;      /* 0: 64 MiB */
	size_t held_max;          /* 0: 128 MiB */
	size_t unread_max;        /* 0: 1 MiB */
	dur_ns first_timeout;     /* 0: 60 s */
	uint64_t seed;            /* of hash tables */
};

struct rpc_server_counts {
	uint64_t accepted, refused, calls, gone;
	unsigned connections; /* now */
};

/* NULL when out of memory. The settings are copied. */
struct rpc_server *rpc_server_new(struct loop *l, const struct rpc_server_settings *set);
/* Serves a listening socket (net/socket.h) and owns it. False when out of memory or descriptors; then the socket is
 * still the caller's. */
bool rpc_server_listen(struct rpc_server *s, int fd);
/* Other certificates for connections from now on. */
void rpc_server_tls(
        struct rpc_server *s, const struct tls_identity *identity, const struct tls_trust *clients, bool tls_only);
/* Closes everything; `gone` is called for each call under way. */
void rpc_server_free(struct rpc_server *s);
const struct rpc_server_counts *rpc_server_counts(const struct rpc_server *s);

/* Answers and frees the call. `error` empty: `body` is the reply, whole msgpack (empty: an empty map). Both are copied.
 */
void rpc_answer(struct rpc_call *c, struct slice error, struct slice body);

/* Answers a call that nobody can serve ("rpc: can't find service X"): with this error, then the stream (or the plain
 * connection) ends, as net/rpc does; `trouble` is told. */
void rpc_refuse(struct rpc_call *c, struct slice error);

/* What the host keeps with a call; NULL at first. */
void rpc_call_keep(struct rpc_call *c, void *user);
void *rpc_call_kept(const struct rpc_call *c);
const struct address *rpc_call_client(const struct rpc_call *c);

#endif
