#include "net/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/must.h"
#include "net/tls.h"

static void give_back(struct loop *l, struct stream_buf *b)
{
	if (l && b->p && b->cap == POOL_BLOCK)
		pool_return(&l->pool, b->p);
	else
		free(b->p);
	*b = (struct stream_buf){0};
}

/* Room for `more` bytes at the end: move to the front if that is enough, else a larger piece. */
static bool make_room(struct loop *l, struct stream_buf *b, size_t more)
{
	size_t held = b->end - b->at;
	if (b->cap - b->end >= more)
		return true;
	if (b->p && b->cap - held >= more && b->at >= b->cap / 2) {
		memmove(b->p, b->p + b->at, held);
		b->at = 0;
		b->end = held;
		return true;
	}
	size_t cap = POOL_BLOCK;
	while (cap < held + more)
		cap *= 2;
	char *p = cap == POOL_BLOCK ? pool_lend(&l->pool) : malloc(cap);
	if (!p) {
		errno = ENOMEM;
		return false;
	}
	if (held)
		memcpy(p, b->p + b->at, held);
	give_back(l, b);
	*b = (struct stream_buf){.p = p, .end = held, .cap = cap};
	return true;
}

static void drop_front(struct loop *l, struct stream_buf *b, size_t n)
{
	MUST(n <= b->end - b->at);
	b->at += n;
	if (b->at == b->end && b->p)
		give_back(l, b);
}

bool stream_open(struct stream *s, struct loop *l, int fd, void (*ready)(struct watch *w, uint32_t events))
{
	MUST(offsetof(struct stream, watch) == 0);
	*s = (struct stream){.loop = l, .watch.ready = ready};
	return loop_add(l, fd, EPOLLIN | EPOLLRDHUP, &s->watch);
}

void stream_close(struct stream *s)
{
	if (!s->loop && !s->left)
		return;
	if (s->loop)
		loop_del(s->loop, &s->watch);
	if (s->tls)
		tls_goodbye(s);
	close(s->watch.fd);
	if (s->tls)
		tls_free(s);
	give_back(s->loop, &s->in);
	give_back(s->loop, &s->out);
	s->loop = NULL;
	s->left = false;
}

static void lend_count(struct loop *l, const struct stream *s, int by)
{
	unsigned blocks = (unsigned)(s->in.cap == POOL_BLOCK) + (unsigned)(s->out.cap == POOL_BLOCK);
	l->pool.lent += by < 0 ? -(size_t)blocks : blocks;
}

void stream_leave(struct stream *s)
{
	loop_del(s->loop, &s->watch);
	lend_count(s->loop, s, -1); /* its blocks go with it */
	s->loop = NULL;
	s->left = true;
}

bool stream_join(struct stream *s, struct loop *l, void (*ready)(struct watch *w, uint32_t events))
{
	MUST(s->left);
	s->left = false;
	s->loop = l;
	s->watch.ready = ready;
	lend_count(l, s, 1);
	uint32_t out = stream_waiting(s) ? EPOLLOUT : 0;
	return loop_add(l, s->watch.fd, EPOLLIN | EPOLLRDHUP | out, &s->watch);
}

enum { READ_MIN = 2048 };

enum stream_got stream_read(struct stream *s, size_t limit, bool *drained)
{
	struct stream_buf *b = &s->in;
	if (s->tls)
		return tls_read(s, limit, drained);
	if (drained)
		*drained = false;
	size_t held = b->end - b->at;
	if (held >= limit)
		return STREAM_FULL;
	size_t more = limit - held < READ_MIN ? limit - held : READ_MIN;
	if (!make_room(s->loop, b, more))
		return STREAM_FAIL;
	size_t room = b->cap - b->end;
	if (room > limit - held)
		room = limit - held;
	ssize_t n;
	do
		n = recv(s->watch.fd, b->p + b->end, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		b->end += (size_t)n;
		if (drained)
			*drained = (size_t)n < room;
		return STREAM_GOT;
	}
	int error = errno;
	if (!held)
		give_back(s->loop, b);
	errno = error;
	if (n == 0)
		return STREAM_END;
	return error == EAGAIN || error == EWOULDBLOCK ? STREAM_LATER : STREAM_FAIL;
}

bool stream_in_add(struct stream *s, const void *p, size_t n)
{
	if (!make_room(s->loop, &s->in, n))
		return false;
	memcpy(s->in.p + s->in.end, p, n);
	s->in.end += n;
	return true;
}

void stream_out_drop(struct stream *s, size_t n)
{
	drop_front(s->loop, &s->out, n);
}

void stream_take(struct stream *s, size_t n)
{
	drop_front(s->loop, &s->in, n);
}

void stream_chop(struct stream *s, size_t n)
{
	MUST(n <= s->in.end - s->in.at);
	s->in.end -= n;
}

/* How much the kernel took; -1 when the connection is broken. */
static ssize_t send_now(struct stream *s, const struct iovec *parts, unsigned n)
{
	struct msghdr m = {.msg_iovlen = n};
	memcpy(&m.msg_iov, &parts, sizeof parts); /* sendmsg does not write to it, but POSIX forgot the const */
	ssize_t sent;
	do
		sent = n == 1 ? send(s->watch.fd, parts->iov_base, parts->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL)
		              : sendmsg(s->watch.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return sent;
}

static bool keep_rest(struct stream *s, const struct iovec *parts, unsigned n, size_t skip)
{
	for (unsigned i = 0; i < n; i++) {
		size_t here = skip < parts[i].iov_len ? skip : parts[i].iov_len;
		size_t rest = parts[i].iov_len - here;
		skip -= here;
		if (!rest)
			continue;
		if (!make_room(s->loop, &s->out, rest))
			return false;
		memcpy(s->out.p + s->out.end, (const char *)parts[i].iov_base + here, rest);
		s->out.end += rest;
	}
	if (!s->tls && stream_waiting(s))
		loop_mod(s->loop, &s->watch, s->watch.events | EPOLLOUT);
	return true;
}

bool stream_send(struct stream *s, const struct iovec *parts, unsigned n)
{
	if (s->tls)
		return keep_rest(s, parts, n, 0) && tls_flush(s);
	ssize_t sent = stream_waiting(s) ? 0 : send_now(s, parts, n);
	return sent >= 0 && keep_rest(s, parts, n, (size_t)sent);
}

bool stream_flush(struct stream *s)
{
	if (s->tls)
		return tls_flush(s);
	if (stream_waiting(s)) {
		struct iovec rest = {s->out.p + s->out.at, stream_waiting(s)};
		ssize_t sent = send_now(s, &rest, 1);
		if (sent < 0)
			return false;
		drop_front(s->loop, &s->out, (size_t)sent);
	}
	if (!stream_waiting(s))
		loop_mod(s->loop, &s->watch, s->watch.events & ~(uint32_t)EPOLLOUT);
	return true;
}

void stream_shut_under(struct stream *s)
{
	s->shut = true;
	shutdown(s->watch.fd, SHUT_WR);
}

void stream_shut(struct stream *s)
{
	if (s->tls)
		tls_goodbye(s);
	stream_shut_under(s);
}
