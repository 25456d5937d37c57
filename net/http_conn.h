/* Inside the HTTP server: one connection, and what its files share. Nobody else includes this.
 *
 *	http_server.c  listeners, limits, birth and death of connections
 *	http_conn.c    bytes → requests: the states
 *	http_answer.c  answers → bytes
 *	http_park.c    the compact copy of a request that waits
 *
 *	         whole request                 http_answer
 *	HEAD -------------------> ASKED -------------------------> HEAD, or FLUSH when the connection ends
 *	  |  body to come          |  `- http_wait, http_park --> WAIT, PARKED -- answer --> as above
 *	  `-------> BODY --whole --'  `- http_stream_begin -----> STREAM -- end ----------> as above
 *	             `- answered early: DRAIN, which drops the rest --> HEAD
 *	FLUSH (the rest of the output leaves) --> LINGER (our side is shut, what still comes is dropped) --> gone
 *
 * Invariants: (1) bytes of the next request are looked at only in HEAD, BODY and DRAIN; (2) while output waits no
 * request is begun; (3) `server->out` is empty outside of http_conn_work and the answering functions; (4) a connection
 *is freed only by http_conn_settle and http_conn_gone, never below a callback of the host. */
#ifndef NET_HTTP_CONN_H
#define NET_HTTP_CONN_H

#include "net/http_chunk.h"
#include "net/http_parse.h"
#include "net/http_server.h"
#include "net/listener.h"
#include "net/stream.h"

enum conn_state {
	CONN_HEAD,
	CONN_BODY,
	CONN_ASKED,
	CONN_WAIT,
	CONN_PARKED,
	CONN_STREAM,
	CONN_DRAIN,
	CONN_FLUSH,
	CONN_LINGER,
	CONN_DEAD,
};

/* Why the timer is set. */
enum conn_clock {
	CLOCK_NONE,
	CLOCK_HEAD,
	CLOCK_BODY,
	CLOCK_WRITE,
	CLOCK_IDLE,
	CLOCK_LINGER,
	CLOCK_AGAIN,
	CLOCK_BROKEN
};

enum {
	CONN_REMOTE = 47,      /* "[" 39 "]:" 5: IPv6 without an interface name */
	GATHER_MAX = 64 << 10, /* pipelined answers are sent together up to here */
	COPY_MAX = 8 << 10,    /* longer bodies are not copied behind their heads but sent from where they are */
};

struct http_kept;

struct http_conn {
	struct stream s; /* first */
	struct http_server *server;
	struct http_conn *next, *prev; /* all of the server */
	struct timer timer;
	void *user;
	uint64_t serial;
	struct http_kept *kept;
	mono_ns active;    /* when the last request began; for the idle timeout */
	int64_t body_left; /* of the announced length, while it comes in */
	size_t body;       /* bytes of it that are there, behind the head */
	size_t taken;      /* bytes of the request being answered, still at the front of `in`; 0: taken out */
	uint32_t head;     /* bytes of the head at the front of `in` */
	uint32_t scanned;  /* of an unfinished head: looked at already */
	struct http_chunk chunk;
	uint8_t state, clock;
	uint8_t minor;
	bool head_only     : 1; /* HEAD: no body in the answer */
	bool chunked       : 1; /* the request's body */
	bool close         : 1; /* the connection ends after this answer */
	bool keep_alive_10 : 1;
	bool hesitates     : 1; /* waits for 100 Continue, which was not sent */
	bool continued     : 1; /* 100 Continue was sent */
	bool early         : 1; /* the answer overtakes the body */
	bool linger        : 1; /* bytes may still come: do not reset the connection under the answer */
	bool ended         : 1; /* the client has finished sending */
	bool vast          : 1; /* the body may have vast_max bytes */
	uint8_t remote_n;
	char remote[CONN_REMOTE];
};

struct http_listener {
	struct listener listener; /* first */
	bool tls;
	const struct tls_identity *who; /* under TLS */
	const struct tls_trust *clients;
};

struct http_server {
	struct loop *loop;
	struct http_settings set;
	struct http_counts counts;
	struct listeners listeners;
	struct http_conn *conns;
	bool stopping;
	uint64_t serial;
	struct http_conn *corked; /* in http_conn_work: its answers gather in `out` */
	struct buf out;
	int64_t date_second;
	char date[40]; /* "Date: …\r\n" of that second */
	struct http_request request;
};

/* http_conn.c */
void http_conn_ready(struct watch *w, uint32_t events);
void http_conn_timer(struct timer *t);
/* At the end of every way into a connection: sets what to wait for, or frees it. */
void http_conn_settle(struct http_conn *c);
/* The client is gone: tells the host if it was not finished, and frees. */
void http_conn_gone(struct http_conn *c);

/* http_answer.c */
/* Sends what has gathered. False when the connection is broken. */
bool http_conn_flush(struct http_conn *c);
/* An answer of the server itself; the connection ends. `reason` may be NULL. */
void http_conn_refuse(struct http_conn *c, int status, const char *reason);
/* Status and body, through the same way as the host's answers. */
void http_conn_plain(struct http_conn *c, int status);

/* http_park.c */
bool http_kept_make(struct http_conn *c, const struct http_request *r);
void http_kept_free(struct http_conn *c);

/* http_server.c */
void http_conn_free(struct http_conn *c);

#endif
