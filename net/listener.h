/* Listening sockets of one server on a loop: whoever knocks is taken in and handed to the server, many a turn.
 *
 * Clients must not eat the descriptors that the process needs for itself: files, and connections to its own kind. The
 * kernel gives the lowest free number, so the number of a new connection says by itself how many are left, whoever took
 * the others and on which thread. LISTENER_SPARE below the limit (an eighth of it, if that is less) a caller is turned
 * away at once, with a word where the protocol has one, instead of being left to wait for an answer that never comes.
 * Listeners of `peers` go on until a quarter of that is left.
 *
 * When there is none at all, accepting rests for a moment and begins again by itself; callers wait in the kernel. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/address.h"
#include "net/loop.h"

enum { LISTENER_SPARE = 64 };

struct listener {
	struct watch watch; /* first */
	struct timer rest;  /* accepting pauses until it fires */
	struct listeners *all;
	struct listener *next;
};

/* Lies inside the server, who fills in the upper part. */
struct listeners {
	struct loop *loop;
	void *owner;
	bool peers;
	/* The descriptor (non-blocking, close-on-exec) is the server's now. False: it did not want it, see turn_away.
	 */
	bool (*welcome)(struct listener *l, int fd, const struct address *peer);
	/* There is no room: says so if it can, and closes the descriptor. NULL: it is closed. */
	void (*turn_away)(struct listener *l, int fd);
	uint64_t *refused; /* counts those turned away; may be NULL */

	struct listener *first;
};

/* Accepts on a listening socket (net/socket.h) from the next turn on and owns it. `size` is that of the server's own
 * structure with the listener as its first member, or of the listener; it comes back zeroed behind that. NULL when out
 * of memory or epoll refuses: the socket is still the caller's. */
void *listener_add(struct listeners *s, int fd, size_t size);
/* Closes all of them. */
void listener_close_all(struct listeners *s);

#endif
