#include "net/ipc_server.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/chain.h"
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/listener.h"
#include "net/stream.h"

enum {
	UNREAD_MAX = 256 << 10,
	CONNECTIONS_MAX = 1024,
	STALL_S = 60,
	FAREWELL_MS = 100,
	LINGER_S = 1,
	READ_MIN = 16 << 10, /* several short values are read at once, however short they have to be */
	VALUES_A_TURN = 256, /* of one connection, then the others have their turn */
	GATHER_MAX = 64 << 10,
};

/*          value: NEXT                HOLD, PARK
 *   READ -------------> READ   READ --------------> HELD, PARKED -- resume --> READ
 *     `- END, end, spoilt --> FLUSH (what was sent leaves) --> LINGER (our side is shut, what comes is dropped) -->
 * gone
 *
 * Invariants: (1) values are cut only in READ; (2) a connection is freed only by conn_gone, which is called only from
 * the loop (its watch, its timer) and when the server is freed; (3) server->out holds bytes only while `working` is
 * set. */
enum conn_state { READ, HELD, PARKED, FLUSH, LINGER };

enum conn_clock { CLOCK_NONE, CLOCK_STALL, CLOCK_AGAIN, CLOCK_LINGER };

struct ipc_conn {
	struct stream s; /* first: the watch's owner */
	struct ipc_server *server;
	struct ipc_conn *prev, *next;
	struct timer timer;
	struct address client;
	void *user;
	size_t value_max;
	struct mp_scan scan;
	uint8_t state, clock;
	bool broken; /* sending failed: to be closed */
	bool ended;  /* the client has finished sending */
};

struct ipc_server {
	struct loop *loop;
	struct ipc_settings set;
	struct ipc_counts counts;
	struct listeners listeners;
	struct ipc_conn *conns;
	struct ipc_conn *working; /* its answers gather in `out` */
	struct buf out;
};

/* ---- sending ---- */

static void set_clock(struct ipc_conn *c, enum conn_clock clock, dur_ns after)
{
	c->clock = (uint8_t)clock;
	if (clock == CLOCK_NONE)
		loop_timer_stop(c->server->loop, &c->timer);
	else if (!loop_timer(c->server->loop, &c->timer, c->server->loop->now + after))
		c->clock = CLOCK_NONE; /* no memory for a deadline: better without than closed */
}

/* Whatever is to be done with the connection is done from the loop. */
static void later(struct ipc_conn *c)
{
	set_clock(c, CLOCK_AGAIN, 0);
}

static void send_now(struct ipc_conn *c, struct slice bytes)
{
	struct iovec part = {.iov_len = bytes.n};
	memcpy(&part.iov_base, &bytes.p, sizeof part.iov_base); /* it is only read, but iovec has no const */
	if (!bytes.n || c->broken)
		return;
	if (!stream_send(&c->s, &part, 1)) {
		c->broken = true;
		later(c);
	} else if (stream_waiting(&c->s) && c->clock == CLOCK_NONE) {
		set_clock(c, CLOCK_STALL, c->server->set.stall_timeout);
	}
}

static void send_gathered(struct ipc_server *s)
{
	if (s->out.failed)
		s->working->broken = true;
	else
		send_now(s->working, buf_view(&s->out));
	s->out.failed = false;
	buf_reset(&s->out, GATHER_MAX);
}

static size_t ipc_conn_waiting(const struct ipc_conn *c)
{
	return stream_waiting(&c->s) + (c->server->working == c ? c->server->out.n : 0);
}

size_t ipc_conn_send(struct ipc_conn *c, struct slice bytes)
{
	struct ipc_server *s = c->server;
	if (c->state >= LINGER)
		return 0;
	if (s->working != c) {
		send_now(c, bytes);
	} else {
		buf_slice(&s->out, bytes);
		if (s->out.failed || s->out.n > GATHER_MAX)
			send_gathered(s);
	}
	return ipc_conn_waiting(c);
}

/* ---- the end of a connection ---- */

static void conn_gone(struct ipc_conn *c)
{
	struct ipc_server *s = c->server;
	loop_timer_stop(s->loop, &c->timer);
	if (c->user)
		s->set.closed(s->set.host, c);
	stream_close(&c->s);
	CHAIN_DROP(s->conns, c);
	s->counts.connections--;
	free(c);
}

/* The client may still be sending: bytes that nobody takes would make the kernel throw away our last answer. */
static void linger(struct ipc_conn *c)
{
	stream_take(&c->s, stream_in(&c->s).n);
	stream_shut(&c->s);
	c->state = LINGER;
	set_clock(c, CLOCK_LINGER, LINGER_S * NS_PER_S);
}

/* ---- what to wait for ---- */

static bool full(const struct ipc_conn *c)
{
	return ipc_conn_waiting(c) >= c->server->set.unread_max;
}

static uint32_t wanted(const struct ipc_conn *c)
{
	uint32_t out = stream_waiting(&c->s) ? EPOLLOUT : 0;
	switch (c->state) {
	case READ: return out | (c->ended || full(c) ? 0 : EPOLLIN | EPOLLRDHUP);
	case PARKED: return out | EPOLLRDHUP;
	case LINGER: return EPOLLIN | EPOLLRDHUP;
	default: return out;
	}
}

/* At the end of every way into a connection from the loop: sets what to wait for, or frees it. */
static void settle(struct ipc_conn *c)
{
	size_t waiting = stream_waiting(&c->s);
	if (c->state == FLUSH && !waiting && !c->broken) {
		if (c->ended)
			c->broken = true;
		else
			linger(c);
	}
	if (c->broken || (c->state == READ && c->ended && !waiting && c->clock != CLOCK_AGAIN)) {
		conn_gone(c);
		return;
	}
	loop_mod(c->server->loop, &c->s.watch, wanted(c));
	if (c->clock == CLOCK_AGAIN || c->clock == CLOCK_LINGER)
		return;
	if (waiting || (c->state == READ && stream_in(&c->s).n))
		set_clock(c, CLOCK_STALL, c->server->set.stall_timeout);
	else
		set_clock(c, CLOCK_NONE, 0);
}

/* ---- values ---- */

static void spoilt(struct ipc_conn *c)
{
	const struct ipc_settings *set = &c->server->set;
	if (set->spoilt)
		set->spoilt(set->host, c);
	c->state = FLUSH;
}

static void take_value(struct ipc_conn *c, size_t n)
{
	static const uint8_t next[] = {
	        [IPC_CONN_NEXT] = READ, [IPC_CONN_HOLD] = HELD, [IPC_CONN_PARK] = PARKED, [IPC_CONN_END] = FLUSH};
	struct ipc_server *s = c->server;
	s->counts.values++;
	enum ipc_conn_then then = s->set.value(s->set.host, c, slice_cut(stream_in(&c->s), 0, n));
	c->scan = MP_SCAN;
	stream_take(&c->s, n);
	if (c->state == READ)
		c->state = next[then];
}

static void work(struct ipc_conn *c)
{
	struct ipc_server *s = c->server;
	unsigned taken = 0;
	s->working = c;
	while (c->state == READ && !full(c) && !c->broken && taken++ < VALUES_A_TURN) {
		struct slice in = stream_in(&c->s);
		size_t n = in.n ? mp_scan(&c->scan, in, c->value_max) : 0;
		if (!n)
			break;
		if (n == SIZE_MAX)
			spoilt(c);
		else
			take_value(c, n);
	}
	send_gathered(s);
	s->working = NULL;
	if (taken > VALUES_A_TURN)
		later(c);
}

static void take_input(struct ipc_conn *c)
{
	size_t limit = c->value_max < READ_MIN ? READ_MIN : c->value_max;
	switch (stream_read(&c->s, limit, NULL)) {
	case STREAM_END: c->ended = true; break;
	case STREAM_FAIL: c->broken = true; break;
	default: break;
	}
	if (c->state == LINGER) {
		stream_take(&c->s, stream_in(&c->s).n);
		c->broken |= c->ended;
	}
}

static void conn_ready(struct watch *w, uint32_t events)
{
	struct ipc_conn *c = (struct ipc_conn *)(void *)w;
	if (events & (EPOLLERR | EPOLLHUP) && c->state != READ)
		c->broken = true;
	if (events & EPOLLRDHUP && c->state == PARKED)
		c->broken = true;
	if (!c->broken && events & EPOLLOUT && !stream_flush(&c->s))
		c->broken = true;
	if (!c->broken && (c->state == LINGER || (c->state == READ && !full(c) && !c->ended)) &&
	        events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		take_input(c);
	if (!c->broken)
		work(c);
	settle(c);
}

static void conn_timer(struct timer *t)
{
	struct ipc_conn *c = (struct ipc_conn *)(void *)((char *)t - offsetof(struct ipc_conn, timer));
	uint8_t clock = c->clock;
	c->clock = CLOCK_NONE;
	if (clock == CLOCK_AGAIN) {
		if (!c->broken)
			work(c);
	} else {
		c->server->counts.timed_out += clock == CLOCK_STALL;
		c->broken = true;
	}
	settle(c);
}

void ipc_conn_resume(struct ipc_conn *c)
{
	MUST(c->state == HELD || c->state == PARKED || c->state == FLUSH);
	if (c->state != FLUSH)
		c->state = READ;
	later(c);
}

void ipc_conn_end(struct ipc_conn *c)
{
	if (c->state < FLUSH)
		c->state = FLUSH;
	later(c);
}

void ipc_conn_limit(struct ipc_conn *c, size_t value_max)
{
	c->value_max = value_max;
}

void *ipc_conn_user(const struct ipc_conn *c)
{
	return c->user;
}

const struct address *ipc_conn_client(const struct ipc_conn *c)
{
	return &c->client;
}

/* ---- birth ---- */

/* False: the descriptor is still the listener's. */
static bool conn_new(struct listener *l, int fd, const struct address *client)
{
	struct ipc_server *s = l->all->owner;
	struct ipc_conn *c = s->counts.connections < s->set.connections_max ? calloc(1, sizeof *c) : NULL;
	if (!c)
		return false;
	*c = (struct ipc_conn){.server = s, .client = *client, .scan = MP_SCAN, .value_max = s->set.value_max};
	c->timer.fire = conn_timer;
	if (!stream_open(&c->s, s->loop, fd, conn_ready)) {
		free(c);
		return false;
	}
	CHAIN_ADD(s->conns, c);
	s->counts.connections++;
	s->counts.accepted++;
	c->user = s->set.opened(s->set.host, c);
	if (!c->user)
		conn_gone(c);
	return true;
}

bool ipc_server_listen(struct ipc_server *s, int fd)
{
	return listener_add(&s->listeners, fd, sizeof(struct listener)) != NULL;
}

struct ipc_server *ipc_server_new(struct loop *l, const struct ipc_settings *set)
{
	MUST(offsetof(struct ipc_conn, s) == 0);
	MUST(set->opened && set->value && set->closed);
	MUST(set->value_max > 0);
	struct ipc_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->loop = l;
	s->set = *set;
	if (!s->set.unread_max)
		s->set.unread_max = UNREAD_MAX;
	if (!s->set.connections_max)
		s->set.connections_max = CONNECTIONS_MAX;
	if (!s->set.stall_timeout)
		s->set.stall_timeout = STALL_S * NS_PER_S;
	s->listeners = (struct listeners){.loop = l, .owner = s, .welcome = conn_new, .refused = &s->counts.refused};
	return s;
}

/* Clients that race between our last answer and the end of the connection (Serf's in Go does) shall see the answer:
 * most hang up by themselves as soon as they have it. */
static void farewell(struct ipc_server *s)
{
	loop_read_clocks(s->loop);
	mono_ns until = s->loop->now + FAREWELL_MS * NS_PER_MS;
	for (struct ipc_conn *c = s->conns; c && s->loop->now < until; c = c->next) {
		struct pollfd end = {.fd = c->s.watch.fd, .events = POLLRDHUP};
		poll(&end, 1, (int)((until - s->loop->now) / NS_PER_MS));
		loop_read_clocks(s->loop);
	}
}

void ipc_server_free(struct ipc_server *s)
{
	if (!s)
		return;
	listener_close_all(&s->listeners);
	farewell(s);
	while (s->conns)
		conn_gone(s->conns);
	buf_free(&s->out);
	free(s);
}

const struct ipc_counts *ipc_server_counts(const struct ipc_server *s)
{
	return &s->counts;
}
