/* Streams: the full state with another member (push/pull), TCP pings, user messages; and joining.
 *
 * A stream carries one message each way. Ours: we write, then wait for the answer. Theirs: we wait for a message,
 * answer it, close. Each has a deadline; what comes in is bounded before it is read (GOSSIP_STATE_MAX). */
#ifndef GOSSIP_EXCHANGE_H
#define GOSSIP_EXCHANGE_H

#include "core/gossip/gossip.h"
#include "core/gossip/packet.h"
#include "core/gossip/timer.h"

enum { STREAMS_MAX = 256, JOINS_MAX = 64 };

enum stream_kind { STREAM_SERVE, STREAM_PUSH_PULL, STREAM_JOIN, STREAM_PING };
enum join_kind { JOIN_COMMAND, JOIN_RECONNECT, JOIN_REJOIN };

/* A list of addresses to push/pull with, one after the other. */
struct join {
	struct gossip_timer timer; /* of another try */
	struct join *next;
	enum join_kind kind;
	uint64_t tag;
	bool ignore_old; /* events from before the join */
	uint32_t n, at, joined, errors;
	struct buf why; /* what went wrong, as a list */
	struct gossip_addr *addrs;
	struct slice *names; /* JOIN_REJOIN: whose, names_n of them; else NULL */
	uint32_t names_n;    /* n goes down with the first that works */
};

struct stream {
	struct gossip_timer timer;
	struct stream *next;
	enum stream_kind kind;
	uint32_t id;
	struct gossip_addr peer;
	struct buf in;
	struct stream_scan scan;
	struct join *join; /* STREAM_JOIN */
	struct slice name; /* STREAM_PUSH_PULL: of whom, malloc'ed, for the log */
	uint32_t seq;      /* STREAM_PING */
	bool open, sent;
};

struct streams {
	struct stream *first;
	struct join *joins;
	uint32_t n, number, joins_n;
};

struct gossip;
struct peer;

void exchange_tick(struct gossip *g); /* a push/pull with a random member */
void exchange_ping(struct gossip *g, const struct peer *p, uint32_t seq, mono_ns deadline, uint32_t *stream);
void exchange_join(struct gossip *g, const struct gossip_event *ev);
/* Joins that the pool makes by itself. `names` (JOIN_REJOIN) and `addrs` are copied. */
void exchange_join_own(
        struct gossip *g, enum join_kind kind, const struct gossip_addr *addrs, const struct slice *names, uint32_t n);

void exchange_opened(struct gossip *g, const struct gossip_event *ev);
void exchange_data(struct gossip *g, const struct gossip_event *ev);
void exchange_closed(struct gossip *g, const struct gossip_event *ev);
void exchange_join_again(struct gossip *g, struct join *j);
void exchange_timeout(struct gossip *g, struct stream *s);
void exchange_free(struct gossip *g);

/* Our state as it goes over the stream, plain: for the file's own use and for tests. */
void exchange_put_state(struct gossip *g, struct buf *out, bool join);

#endif
