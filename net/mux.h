/* yamux: many streams over one connection, as a machine over bytes. No socket, no clock: whoever moves the bytes
 * (net/mux_link.h, a test, a simulator) gives what came in to mux_step and sends what stands in `out`.
 *
 * A frame is 12 bytes, big endian: version 0 | type | flags (16) | stream (32) | length (32); only data has a body.
 *   type 0 data (length: bytes), 1 window (length: credit), 2 ping (length: a number that comes back), 3 go away (why)
 *   flags 1 SYN, 2 ACK, 4 FIN, 8 RST; clients open odd streams, servers even ones
 *
 * A stream lies at the front of its owner's struct: the mux allocates `stream_size` bytes for it, cleared, and frees
 * them. It is the owner's from mux_open or MUX_OPENED until he closes or resets it, or got MUX_RESET. Whatever mux_step
 * hands out lives until the next call of mux_step.
 *
 * Flow control: each direction of a stream has a window of 256 KiB. What came in counts against it until the owner says
 * mux_taken; credit goes back when half a window is owed. What is written beyond the other side's window waits in the
 * stream; MUX_DRAINED says that it is gone. To send beyond our window ends the session. */
#ifndef NET_MUX_H
#define NET_MUX_H

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/types.h"

enum {
	MUX_HEAD = 12,
	MUX_WINDOW = 256 << 10,
	MUX_BACKLOG = 256, /* streams that we opened and the other side has not accepted yet */
};

enum mux_side { MUX_CLIENT, MUX_SERVER };

struct mux_stream { /* first in the owner's struct; everything in it is private */
	uint32_t id;
	uint32_t may_send, may_receive; /* what is left of the windows */
	uint32_t owed;                  /* taken by the owner, not given back to the other side yet */
	uint8_t flags;
	struct buf queue; /* waits for window: [queue_at, queue.n) */
	size_t queue_at;
};

enum mux_kind {
	MUX_IDLE,     /* nothing more in these bytes */
	MUX_OPENED,   /* the other side opened `stream`; it is accepted unless reset at once */
	MUX_DATA,     /* `data` came on `stream` */
	MUX_ENDED,    /* the other side will send no more on `stream` */
	MUX_RESET,    /* `stream` is gone */
	MUX_DRAINED,  /* all that was written to `stream` has left it */
	MUX_ACCEPTED, /* a stream that we opened was accepted: mux_may_open may say yes now */
	MUX_AWAY,     /* the other side takes no new streams */
	MUX_PONG,     /* the answer to the last mux_ping */
	MUX_BROKEN,   /* the session is over: send `out` (it says go away), then close; m->why says what was wrong */
};

struct mux_event {
	enum mux_kind kind;
	struct mux_stream *stream;
	struct slice data;
};

struct mux {
	struct buf out;  /* frames to be sent; the host empties it; `failed`: out of memory, close */
	const char *why; /* of MUX_BROKEN: "recv window exceeded" … */
	size_t queued;   /* bytes of all streams that wait for window */

	/* Private. */
	size_t stream_size;
	unsigned streams_max, streams, unaccepted, closed;
	struct map by_id;
	uint32_t next_id, ping;
	uint32_t left;              /* of the body of the frame that is being read */
	uint16_t todo;              /* its flags that are not seen to yet */
	struct mux_stream *reading; /* whose frame it is; NULL: nobody's */
	struct mux_stream *doomed;  /* freed with the next step */
	bool pinging, away, closing, broken;
};

/* `streams_max`: streams at a time that the other side may have opened; more are reset. `seed` is for the table. */
void mux_init(struct mux *m, enum mux_side side, size_t stream_size, unsigned streams_max, uint64_t seed);
/* Frees all streams: look at them with mux_next first. */
void mux_free(struct mux *m);

/* The next event in *in, which is moved behind it. The rest stays for the next time, with more behind it. */
enum mux_kind mux_step(struct mux *m, struct slice *in, struct mux_event *ev);

static inline bool mux_may_open(const struct mux *m)
{
	return m->unaccepted < MUX_BACKLOG && !m->away && !m->broken && m->next_id < UINT32_MAX - 1;
}
/* NULL when out of memory, or not mux_may_open. */
struct mux_stream *mux_open(struct mux *m);
/* The parts become one frame, as far as the window goes. False when the stream is out of memory: reset it. */
bool mux_write(struct mux *m, struct mux_stream *s, const struct slice *parts, unsigned n);
/* Bytes that wait for window. */
static inline size_t mux_waiting(const struct mux_stream *s)
{
	return s->queue.n - s->queue_at;
}
void mux_taken(struct mux *m, struct mux_stream *s, size_t n);
/* Nothing more will be written, and whatever still comes is dropped: the stream is no longer the owner's. What waits is
 * still sent. */
void mux_close(struct mux *m, struct mux_stream *s);
/* Streams closed by us that the other side has not closed yet. */
static inline unsigned mux_closed(const struct mux *m)
{
	return m->closed;
}
/* Closes it at once, for both sides: what waits is lost. */
void mux_reset(struct mux *m, struct mux_stream *s);

void mux_ping(struct mux *m); /* answered by MUX_PONG */
/* We take no new streams: they are reset. */
void mux_go_away(struct mux *m);

/* Walks the streams that are the owner's: *at starts at 0; NULL at the end. Closing the one just returned is allowed.
 */
struct mux_stream *mux_next(const struct mux *m, size_t *at);

/* 1. A stream never holds back bytes that its window lets out. 2. Windows never exceed MUX_WINDOW on our side. 3. What
 * is counted is there. */
bool mux_invariants(const struct mux *m);

#endif
