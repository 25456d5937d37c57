#include "net/mux_link.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/socket.h"
#include "net/tls.h"

enum {
	PING_S = 30,
	PONG_S = 10,
	READ_PIECE = 64 << 10,
	READS_MAX = 8, /* of one link, then the others have their turn */
	OUT_KEEP = 16 << 10,
};

static void clock_set(struct mux_link *l, dur_ns after)
{
	loop_timer(l->all->loop, &l->clock, l->all->loop->now + after);
}

static void dirty_leave(struct mux_link *l)
{
	if (!l->dirty_at)
		return;
	*l->dirty_at = l->next_dirty;
	if (l->next_dirty)
		l->next_dirty->dirty_at = l->dirty_at;
	l->dirty_at = NULL;
}

/* False: the link has ended and is gone. */
static bool end(struct mux_link *l, const char *why)
{
	l->all->ended(l, why);
	return false;
}

static bool end_errno(struct mux_link *l, const char *call)
{
	char text[256];
	int error = errno;
	const char *tls = tls_error(&l->s);
	if (tls)
		return end(l, tls);
	snprintf(text, sizeof text, "%s: %s", call, socket_error_text(error));
	return end(l, text);
}

static void watch_what(struct mux_link *l)
{
	bool full = stream_waiting(&l->s) >= l->all->unread_max;
	uint32_t in = full ? 0 : EPOLLIN | EPOLLRDHUP;
	loop_mod(l->all->loop, &l->s.watch, (l->s.watch.events & EPOLLOUT) | in);
}

/* False: the link is gone. */
static bool flush(struct mux_link *l)
{
	struct buf *out = &l->mux.out;
	if (out->failed)
		return end(l, "out of memory");
	if (out->n) {
		struct iovec part = {out->p, out->n};
		if (!stream_send(&l->s, &part, 1))
			return end_errno(l, "write");
		buf_reset(out, stream_waiting(&l->s) ? 0 : OUT_KEEP);
	}
	if (l->finished)
		return end(l, "session shutdown");
	watch_what(l);
	return true;
}

/* ---- reading ---- */

/* All events of what stands in the stream's buffer. False: the link is gone. */
static bool work(struct mux_link *l)
{
	struct slice all = stream_in(&l->s), in = all;
	struct mux_event ev;
	enum mux_kind kind;
	l->reading = true;
	while ((kind = mux_step(&l->mux, &in, &ev)) != MUX_IDLE && kind != MUX_BROKEN)
		if (kind == MUX_PONG)
			clock_set(l, PING_S * NS_PER_S);
		else
			l->all->event(l, &ev);
	l->reading = false;
	stream_take(&l->s, all.n - in.n);
	if (kind != MUX_BROKEN)
		return true;
	const char *why = l->mux.why;
	return flush(l) && end(l, why);
}

static bool take_input(struct mux_link *l)
{
	bool drained = false;
	/* what TLS has decrypted no event will announce: it is taken to the end */
	for (int i = 0; (i < READS_MAX || l->s.tls) && !drained; i++) {
		switch (stream_read(&l->s, READ_PIECE, &drained)) {
		case STREAM_GOT: break;
		case STREAM_END: return end(l, "EOF");
		case STREAM_FAIL: return end_errno(l, "read");
		default: return true;
		}
		if (!work(l))
			return false;
	}
	return true;
}

void mux_link_ready(struct watch *w, uint32_t events)
{
	struct mux_link *l = (struct mux_link *)(void *)w;
	if (events & EPOLLOUT && !stream_flush(&l->s)) {
		end_errno(l, "write");
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && !take_input(l))
		return;
	flush(l);
}

/* ---- the clock ---- */

/* A long answer on a slow line delays the ping behind it: as long as bytes leave, the other side is alive. */
static void clock_fires(struct timer *t)
{
	struct mux_link *l = HEAP_OWNER(t, struct mux_link, clock);
	size_t waits = stream_waiting(&l->s);
	if (l->mux.pinging && !(waits < l->waited)) {
		end(l, "keepalive timeout");
		return;
	}
	l->waited = waits;
	if (!l->mux.pinging)
		mux_ping(&l->mux);
	clock_set(l, PONG_S * NS_PER_S);
	mux_link_later(l);
}

/* ---- the end of a turn ---- */

static void flush_all(struct timer *t)
{
	struct mux_links *all = HEAP_OWNER(t, struct mux_links, flush);
	if (all->turn)
		all->turn(all);
	struct mux_link *l;
	while ((l = all->dirty) != NULL) {
		dirty_leave(l);
		flush(l);
	}
	loop_timer_stop(all->loop, &all->flush);
}

void mux_links_later(struct mux_links *all)
{
	if (!timer_is_set(&all->flush))
		loop_timer(all->loop, &all->flush, all->loop->now);
}

void mux_link_later(struct mux_link *l)
{
	struct mux_links *all = l->all;
	if (l->reading || l->dirty_at)
		return;
	l->next_dirty = all->dirty;
	if (l->next_dirty)
		l->next_dirty->dirty_at = &l->next_dirty;
	l->dirty_at = &all->dirty;
	all->dirty = l;
	mux_links_later(all);
}

/* ---- for the owner ---- */

void mux_links_init(struct mux_links *all)
{
	MUST(offsetof(struct mux_link, s) == 0 && all->event && all->ended && all->unread_max);
	all->flush = (struct timer){.fire = flush_all};
	all->dirty = NULL;
}

void mux_links_free(struct mux_links *all)
{
	MUST(!all->dirty);
	loop_timer_stop(all->loop, &all->flush);
}

void mux_link_start(struct mux_link *l, struct mux_links *all)
{
	l->all = all;
	l->s.watch.ready = mux_link_ready;
	l->clock = (struct timer){.fire = clock_fires};
	clock_set(l, PING_S * NS_PER_S);
	mux_link_later(l);
}

void mux_link_end(struct mux_link *l)
{
	l->finished = true;
	mux_link_later(l);
}

void mux_link_close(struct mux_link *l)
{
	dirty_leave(l);
	loop_timer_stop(l->all->loop, &l->clock);
	mux_free(&l->mux);
	stream_close(&l->s);
}
