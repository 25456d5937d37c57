#include "net/gossip_link.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/must.h"
#include "core/base/slice.h"

enum state { CONNECTING, OPEN, LINGERING };

struct link_stream {
	struct stream stream; /* first: WATCH → stream → this is a cast */
	struct timer timer;   /* connecting that fails later, or the end of lingering */
	struct gossip_link *link;
	struct link_stream *next;
	uint32_t id;
	enum state state;
	struct address peer;
	struct fail fail; /* CONNECTING: why it could not even begin */
};

/* ---- the list ---- */

static struct link_stream *find(struct gossip_link *l, uint32_t id)
{
	struct link_stream *s = l->streams;
	while (s && (s->id != id || s->state == LINGERING))
		s = s->next;
	return s;
}

static struct link_stream *add(struct gossip_link *l, uint32_t id, const struct address *peer, enum state state)
{
	struct link_stream *s = l->streams_n < LINK_STREAMS_MAX ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return NULL;
	s->link = l;
	s->id = id;
	s->peer = *peer;
	s->state = state;
	s->next = l->streams;
	l->streams = s;
	l->streams_n++;
	return s;
}

static void drop(struct link_stream *s)
{
	struct gossip_link *l = s->link;
	struct link_stream **at = &l->streams;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	l->streams_n--;
	loop_timer_stop(l->loop, &s->timer);
	stream_close(&s->stream);
	free(s);
}

/* The end, not asked for by the owner: he is told, last of all. */
static void end(struct link_stream *s, struct slice why)
{
	struct gossip_link *l = s->link;
	uint32_t id = s->id;
	bool tell = s->state != LINGERING;
	drop(s);
	if (tell)
		l->calls->closed(l, id, why);
}

static void end_errno(struct link_stream *s, const char *call, int error)
{
	struct fail f;
	socket_fail(&f, ERR_IO, call, &s->peer, "", error);
	end(s, slice_of(f.text));
}

/* ---- readiness ---- */

static void take_input(struct link_stream *s)
{
	struct gossip_link *l = s->link;
	uint32_t id = s->id;
	bool drained = false;
	while (!drained) {
		switch (stream_read(&s->stream, LINK_PIECE, &drained)) {
		case STREAM_GOT: break;
		case STREAM_END: end(s, S_NONE); return;
		case STREAM_FAIL: end_errno(s, "read", errno); return;
		default: return;
		}
		struct slice in = stream_in(&s->stream);
		if (s->state == OPEN)
			l->calls->data(l, id, in);
		if (find(l, id) != s)
			return; /* closed by the owner; lingering bytes are nobody's */
		stream_take(&s->stream, in.n);
	}
}

static void connected(struct link_stream *s)
{
	struct fail f;
	struct gossip_link *l = s->link;
	if (socket_connected(s->stream.watch.fd, &s->peer, &f)) {
		end(s, slice_of(f.text));
		return;
	}
	s->state = OPEN;
	loop_mod(l->loop, &s->stream.watch, EPOLLIN | EPOLLRDHUP);
	l->calls->opened(l, s->id, &s->peer);
}

/* Lingering: nobody reads any more; the end of sending is the end. */
static void linger(struct link_stream *s, uint32_t events)
{
	if (!stream_flush(&s->stream) || !stream_waiting(&s->stream) || events & (EPOLLHUP | EPOLLERR))
		drop(s);
}

static void stream_ready(struct watch *w, uint32_t events)
{
	struct link_stream *s = (struct link_stream *)(void *)w;
	if (s->state == LINGERING) {
		linger(s, events);
		return;
	}
	if (s->state == CONNECTING) {
		connected(s);
		return;
	}
	if (events & EPOLLOUT && !stream_flush(&s->stream)) {
		end_errno(s, "write", errno);
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		take_input(s);
}

static void accept_ready(struct watch *w, uint32_t events)
{
	struct gossip_link *l = (struct gossip_link *)(void *)w;
	(void)events;
	for (;;) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		struct address peer = socket_peer(fd);
		l->number = (l->number + 1) & ~LINK_THEIRS;
		struct link_stream *s = add(l, l->number | LINK_THEIRS, &peer, OPEN);
		if (!s) {
			close(fd);
		} else if (!stream_open(&s->stream, l->loop, fd, stream_ready)) {
			close(fd);
			drop(s);
		} else {
			l->calls->opened(l, s->id, &peer);
		}
	}
}

static void packets(struct udp *u, const struct udp_packet *p, unsigned n)
{
	struct gossip_link *l = u->owner;
	for (unsigned i = 0; i < n; i++)
		if (!p[i].cut)
			l->calls->packet(l, &p[i].peer, p[i].data);
	l->calls->idle(l);
}

/* ---- for the owner ---- */

enum err link_open(struct gossip_link *l, struct loop *loop, const struct address *at, const struct link_calls *calls,
        void *owner, struct fail *f)
{
	MUST(offsetof(struct gossip_link, listener) == 0 && offsetof(struct link_stream, stream) == 0);
	*l = (struct gossip_link){.loop = loop, .calls = calls, .owner = owner};
	struct socket_listen how = {0};
	int tcp = socket_listen(at, &how, f);
	if (tcp < 0)
		return f->code;
	int udp = socket_udp(at, false, f);
	if (udp < 0) {
		close(tcp);
		return f->code;
	}
	l->udp.owner = l;
	l->udp.packets = packets;
	l->listener.ready = accept_ready;
	bool reading = udp_open(&l->udp, loop, udp, UDP_PACKET_MAX);
	if (reading && loop_add(loop, tcp, EPOLLIN, &l->listener))
		return OK;
	int error = errno;
	if (reading)
		udp_close(&l->udp);
	else
		close(udp);
	close(tcp);
	return socket_fail(f, ERR_IO, "listen", at, "epoll", error);
}

void link_free(struct gossip_link *l)
{
	if (!l->loop)
		return;
	while (l->streams)
		drop(l->streams);
	loop_del(l->loop, &l->listener);
	close(l->listener.fd);
	udp_close(&l->udp);
	l->loop = NULL;
}

void link_send(struct gossip_link *l, const struct address *to, struct slice packet)
{
	udp_send(&l->udp, to, packet);
}

void link_flush(struct gossip_link *l)
{
	udp_flush(&l->udp);
}

static void connect_failed(struct timer *t)
{
	struct link_stream *s = HEAP_OWNER(t, struct link_stream, timer);
	struct fail f = s->fail;
	end(s, slice_of(f.text));
}

void link_connect(struct gossip_link *l, uint32_t stream, const struct address *to)
{
	bool done;
	struct link_stream *s = add(l, stream, to, CONNECTING);
	if (!s)
		return; /* too many: the owner's own time-out ends it */
	int fd = socket_connect(to, &done, &s->fail);
	if (fd >= 0 && !stream_open(&s->stream, l->loop, fd, stream_ready)) {
		socket_fail(&s->fail, ERR_IO, "dial", to, "epoll", errno);
		close(fd);
		fd = -1;
	}
	if (fd >= 0) {
		loop_mod(l->loop, &s->stream.watch, EPOLLOUT);
		return;
	}
	s->timer.fire = connect_failed; /* told in a later turn, never from within this call */
	loop_timer(l->loop, &s->timer, l->loop->now);
}

void link_write(struct gossip_link *l, uint32_t stream, struct slice bytes)
{
	struct link_stream *s = find(l, stream);
	struct iovec part = {(void *)(uintptr_t)bytes.p, bytes.n};
	if (s && s->state == OPEN && !stream_send(&s->stream, &part, 1))
		stream_shut(&s->stream); /* broken: reading will say so */
}

static void linger_over(struct timer *t)
{
	drop(HEAP_OWNER(t, struct link_stream, timer));
}

void link_close(struct gossip_link *l, uint32_t stream)
{
	struct link_stream *s = find(l, stream);
	if (!s)
		return;
	if (s->state == CONNECTING || !stream_waiting(&s->stream)) {
		drop(s);
		return;
	}
	s->state = LINGERING;
	loop_mod(l->loop, &s->stream.watch, EPOLLOUT);
	s->timer.fire = linger_over;
	loop_timer(l->loop, &s->timer, l->loop->now + LINK_LINGER);
}
