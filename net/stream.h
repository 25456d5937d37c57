/* Buffered bytes over TCP or a Unix socket, plain or under TLS (net/tls.h): one face.
 *
 * The bytes that came in lie in one piece, so that parsers need no copies; what could not be sent at once waits in
 * `out`. Both buffers are lent from the loop's pool while they hold something: an idle stream has none. Buffers longer
 * than a block of the pool are malloc'ed and freed when empty.
 *
 * A stream lies inside its owner, who handles readiness (watch.ready) himself: stream_read on EPOLLIN, stream_flush on
 * EPOLLOUT. Nothing here calls back. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <sys/uio.h>

#include "net/loop.h"

/* A window of bytes [at, end) in memory of `cap` bytes. */
struct stream_buf {
	char *p; /* NULL: nothing lent */
	size_t at, end, cap;
};

struct stream {
	struct watch watch; /* first: WATCH → stream is a cast */
	struct loop *loop;
	struct stream_buf in, out;
	struct tls *tls; /* NULL: plain */
	uint32_t held;   /* bytes of TLS records that wait for the kernel */
	bool left;       /* off its loop, not closed */
	bool shut;       /* we have said TCP's end */
};

enum stream_got {
	STREAM_GOT,   /* some bytes came */
	STREAM_LATER, /* nothing there now */
	STREAM_END,   /* the other side has finished sending */
	STREAM_FULL,  /* `limit` bytes wait in `in`: take some first */
	STREAM_FAIL,  /* broken, or no memory; errno says what */
};

/* Takes over a connected, non-blocking descriptor; watches EPOLLIN | EPOLLRDHUP. False, with errno, if epoll refuses
 * (the descriptor is then still the caller's). */
bool stream_open(struct stream *s, struct loop *l, int fd, void (*ready)(struct watch *w, uint32_t events));
/* Closes and gives everything back. May be called twice, and on a stream that is off its loop. */
void stream_close(struct stream *s);

/* One recv of as much as the buffer can take; the buffer grows up to `limit` bytes unconsumed. `*drained` (may be NULL)
 * says that the kernel had no more: there is no need to read again. */
enum stream_got stream_read(struct stream *s, size_t limit, bool *drained);
static inline struct slice stream_in(const struct stream *s)
{
	return (struct slice){s->in.p ? s->in.p + s->in.at : NULL, s->in.end - s->in.at};
}
/* Drops the first n bytes of what came in; the buffer goes back when it is empty. */
void stream_take(struct stream *s, size_t n);
/* Drops the last n bytes of what came in. */
void stream_chop(struct stream *s, size_t n);

/* Sends now what the kernel takes; the rest waits in `out` and EPOLLOUT is wanted. False when the connection is broken
 * or memory is out: close it. */
bool stream_send(struct stream *s, const struct iovec *parts, unsigned n);
bool stream_flush(struct stream *s);
/* Says that nothing more will be sent (the other side reads its end). */
void stream_shut(struct stream *s);
/* The same below TLS: what comes can still be read, which after TLS's own goodbye it can't. */
void stream_shut_under(struct stream *s);
static inline size_t stream_waiting(const struct stream *s)
{
	return s->out.end - s->out.at + s->held;
}

/* Takes the stream off its loop, unclosed: the struct may then be copied to another place or handed to another thread,
 * where stream_join puts it on a loop again. What TLS has decrypted already no event will announce: read once after
 * joining. False when epoll refuses; the stream can only be closed then. */
void stream_leave(struct stream *s);
bool stream_join(struct stream *s, struct loop *l, void (*ready)(struct watch *w, uint32_t events));

/* For net/tls.c: bytes into `in`, bytes out of `out`. */
bool stream_in_add(struct stream *s, const void *p, size_t n);
void stream_out_drop(struct stream *s, size_t n);

#endif
