#include "cmd/agent/raft_incoming.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "cmd/agent/raft_spool.h"
#include "core/base/buf.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_wire.h"

enum {
	PEERS_MAX = 256,
	OPEN_MAX = 512, /* requests without an answer */
	REQUEST_MAX = 256 << 20,
	READS_A_TURN = 16,
};

enum peer_state { PEER_READING, PEER_RECEIVING, PEER_LENT };

struct peer {
	struct stream stream; /* first: WATCH → peer is a cast */
	struct raft_incoming *all;
	uint64_t id;
	enum peer_state state;
	bool closed;        /* by us: no event */
	bool dead;          /* the connection is gone, but its spool is still lent */
	unsigned open;      /* requests without an answer */
	struct buf install; /* an InstallSnapshot whose bytes come */
	struct raft_spool spool;
	uint64_t due; /* bytes that are still to come */
};

struct raft_incoming {
	struct raft_incoming_host host;
	struct peer *peers[PEERS_MAX];
	uint64_t born;
};

/* ---- the end ---- */

static void peer_free(struct peer *p)
{
	p->all->peers[p->id % PEERS_MAX] = NULL;
	stream_close(&p->stream);
	raft_spool_close(&p->spool);
	buf_free(&p->install);
	free(p);
}

static void gone(struct peer *p)
{
	const struct raft_incoming_host *h = &p->all->host;
	struct event ev = {.kind = EV_RAFT_CLOSED, .raft.conn = p->id};
	bool told = p->closed;
	p->dead = p->state == PEER_LENT;
	if (p->dead)
		stream_close(&p->stream);
	else
		peer_free(p);
	if (!told)
		h->event(h->owner, &ev);
}

/* ---- requests ---- */

/* A request may come only while there is room for its answer; meanwhile nothing is read. */
static void look_at_room(struct peer *p)
{
	uint32_t wanted = EPOLLRDHUP | (p->stream.watch.events & EPOLLOUT);
	if (p->open < OPEN_MAX && p->state != PEER_LENT)
		wanted |= EPOLLIN;
	loop_mod(p->all->host.loop, &p->stream.watch, wanted);
}

static void deliver(struct peer *p, struct slice bytes, struct slice state)
{
	const struct raft_incoming_host *h = &p->all->host;
	struct event ev = {.kind = EV_RAFT_REQUEST, .raft = {.conn = p->id, .bytes = bytes, .state = state}};
	p->open++;
	h->event(h->owner, &ev);
}

static bool begin_install(struct peer *p, struct slice request, uint64_t size)
{
	struct fail f = {0};
	buf_reset(&p->install, 0);
	buf_slice(&p->install, request);
	if (p->install.failed)
		return false;
	if (raft_spool_open(&p->spool, p->all->host.spool_dir, &f)) {
		log_err(p->all->host.log, "raft: Failed to create snapshot to install: %s", f.text);
		return false;
	}
	p->due = size;
	p->state = PEER_RECEIVING;
	return true;
}

static bool receive(struct peer *p)
{
	struct fail f = {0};
	struct slice in = stream_in(&p->stream), all;
	size_t n = in.n < p->due ? in.n : (size_t)p->due;
	enum err e = raft_spool_write(&p->spool, slice_cut(in, 0, n), &f);
	stream_take(&p->stream, n);
	p->due -= n;
	if (p->due && !e)
		return true;
	e = e ? e : raft_spool_view(&p->spool, &all, &f);
	if (e) {
		log_err(p->all->host.log, "raft: Failed to copy snapshot: %s", f.text);
		return false;
	}
	p->state = PEER_LENT;
	deliver(p, buf_view(&p->install), all);
	return true;
}

/* The first request among what came in, if it is whole. False: it is none. */
static bool take_request(struct peer *p, bool *more)
{
	struct slice in = stream_in(&p->stream);
	uint64_t state;
	size_t n = raft_wire_request_size(in, REQUEST_MAX, &state);
	*more = n;
	if (!n || n == SIZE_MAX)
		return !n;
	bool ok = true;
	if (in.p[0] == RAFT_WIRE_INSTALL)
		ok = begin_install(p, slice_cut(in, 0, n), state);
	else
		deliver(p, slice_cut(in, 0, n), S_NONE);
	stream_take(&p->stream, n);
	return ok;
}

/* False: the connection is to be closed. */
static bool take_all(struct peer *p)
{
	while (p->open < OPEN_MAX) {
		bool more;
		switch (p->state) {
		case PEER_READING:
			if (!take_request(p, &more))
				return false;
			if (!more)
				return true;
			break;
		case PEER_RECEIVING:
			if (p->due && !stream_in(&p->stream).n)
				return true;
			if (!receive(p))
				return false;
			break;
		case PEER_LENT: return true;
		}
	}
	return true;
}

static void ready(struct watch *w, uint32_t events)
{
	struct peer *p = (struct peer *)w;
	bool ok = !(events & EPOLLOUT) || stream_flush(&p->stream);
	ok = ok && take_all(p);
	for (int i = 0; ok && i < READS_A_TURN; i++) {
		bool drained;
		enum stream_got got = stream_read(&p->stream, REQUEST_MAX + 1, &drained);
		ok = got == STREAM_LATER || (got == STREAM_GOT && take_all(p));
		if (got != STREAM_GOT || drained || p->open == OPEN_MAX || p->state == PEER_LENT)
			break;
	}
	if (ok)
		look_at_room(p);
	else
		gone(p);
}

/* ---- the face ---- */

struct raft_incoming *raft_incoming_new(const struct raft_incoming_host *h)
{
	struct raft_incoming *in = calloc(1, sizeof *in);
	if (in)
		in->host = *h;
	return in;
}

void raft_incoming_free(struct raft_incoming *in)
{
	if (!in)
		return;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (in->peers[i])
			peer_free(in->peers[i]);
	free(in);
}

static struct peer *peer_new(struct raft_incoming *in)
{
	uint64_t id = in->born + 1;
	for (unsigned tried = 0; tried < PEERS_MAX && in->peers[id % PEERS_MAX]; tried++)
		id++;
	struct peer *p = in->peers[id % PEERS_MAX] ? NULL : calloc(1, sizeof *p);
	if (!p)
		return NULL;
	in->born = p->id = id;
	in->peers[id % PEERS_MAX] = p;
	p->all = in;
	p->spool.fd = -1;
	return p;
}

bool raft_incoming_take(struct raft_incoming *in, struct stream *s)
{
	struct peer *p = peer_new(in);
	if (!p) {
		stream_close(s);
		return false;
	}
	p->stream = *s;
	if (!stream_join(&p->stream, in->host.loop, ready)) {
		peer_free(p);
		return false;
	}
	ready(&p->stream.watch, EPOLLIN); /* the first request may have come in one TLS record with the first byte */
	return true;
}

void raft_incoming_answer(struct raft_incoming *in, uint64_t conn, struct slice bytes)
{
	struct peer *p = in->peers[conn % PEERS_MAX];
	if (!p || p->id != conn)
		return;
	MUST(p->open);
	p->open--;
	struct iovec part = {(void *)(uintptr_t)bytes.p, bytes.n};
	if (p->state == PEER_LENT && !p->open) {
		raft_spool_close(&p->spool);
		buf_reset(&p->install, 0);
		p->state = PEER_READING;
	}
	if (p->dead) {
		if (!p->open)
			peer_free(p);
		return;
	}
	p->closed |= !bytes.n;
	if (p->closed || !stream_send(&p->stream, &part, 1))
		shutdown(p->stream.watch.fd, SHUT_RDWR);         /* the loop notices; nothing is freed here */
	uint32_t again = stream_in(&p->stream).n ? EPOLLOUT : 0; /* what came in meanwhile is looked at from the loop */
	loop_mod(in->host.loop, &p->stream.watch, p->stream.watch.events | EPOLLIN | again);
}
