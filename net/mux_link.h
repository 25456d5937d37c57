/* A yamux session (net/mux.h) on a stream of a loop: reads, sends, pings every 30 s and gives up 10 s after a ping that
 * is not answered while nothing leaves either.
 *
 * Links of one kind share a `struct mux_links`: what to do with events, and the list of those that have something to
 * send. What is written inside `event` leaves when the bytes that came in are worked off; what is written at any other
 * time (then say mux_link_later) at the end of the loop's turn: all in one piece.
 *
 * While `unread_max` bytes wait for the other side to read them nothing is read from it. Thread: the loop's. */
#ifndef NET_MUX_LINK_H
#define NET_MUX_LINK_H

#include "net/mux.h"
#include "net/stream.h"

struct mux_link;

struct mux_links {
	struct loop *loop;
	void *owner;
	size_t unread_max;
	/* Anything of mux_step but IDLE, PONG and BROKEN. May write, close and reset streams of this link. */
	void (*event)(struct mux_link *l, const struct mux_event *ev);
	/* Optional: before what waits is sent at the end of a turn. */
	void (*turn)(struct mux_links *all);
	/* The session is over; why: "EOF", "keepalive timeout", "read: connection reset by peer" … The streams are
	 * still there to be looked at; close the link. It is the last call for it. */
	void (*ended)(struct mux_link *l, const char *why);

	/* Private. */
	struct timer flush;
	struct mux_link *dirty; /* a ring-less list through next_dirty */
};

struct mux_link {
	struct stream s; /* first */
	struct mux mux;
	struct mux_links *all;
	struct timer clock;
	struct mux_link *next_dirty, **dirty_at; /* NULL: clean */
	size_t waited;                           /* bytes that waited when the clock last looked */
	bool reading, finished;                  /* inside the events of a piece; no more will be sent after `out` */
};

/* Zero but for what the owner sets (loop to ended). */
void mux_links_init(struct mux_links *all);
void mux_links_free(struct mux_links *all); /* its links are closed already */
/* `turn` is called at the end of this turn, whether or not a link has something to send. */
void mux_links_later(struct mux_links *all);

/* l->s is open and watched; l->mux is set up. Takes over the watch. */
void mux_link_start(struct mux_link *l, struct mux_links *all);
/* What the watch calls. The owner calls it once himself when TLS may have decrypted something already. */
void mux_link_ready(struct watch *w, uint32_t events);
/* Something was written outside of `event`: it leaves at the end of the turn. */
void mux_link_later(struct mux_link *l);
/* Ends the session when what was written has been handed to the kernel once; `ended` comes in this turn or the next
 * one, never inside this function. */
void mux_link_end(struct mux_link *l);
/* Frees the mux and closes the stream. */
void mux_link_close(struct mux_link *l);

#endif
