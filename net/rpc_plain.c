#include <stdlib.h>

#include "core/base/slice.h"
#include "net/rpc_conn.h"

enum { READ_MIN = 16 << 10, CALLS_A_TURN = 64 };

static bool busy(const struct rpc_conn *c)
{
	return c->plain->busy;
}

static bool full(const struct rpc_conn *c)
{
	return stream_waiting(&c->link.s) + c->link.mux.out.n >= c->server->set.unread_max;
}

/* A client that ends its side gets the answer that it waits for; the connection ends behind it. */
static uint32_t wanted(const struct rpc_conn *c)
{
	uint32_t out = stream_waiting(&c->link.s) ? EPOLLOUT : 0;
	return busy(c) || full(c) || c->ended ? out : out | EPOLLIN | EPOLLRDHUP;
}

static void send_out(struct rpc_conn *c)
{
	struct buf *out = &c->link.mux.out;
	struct iovec part = {out->p, out->n};
	if (out->failed || (out->n && !stream_send(&c->link.s, &part, 1)))
		c->broken = true;
	buf_reset(out, 0);
}

/* Every way into a connection from the loop ends here. */
static void settle(struct rpc_conn *c)
{
	send_out(c);
	if (c->broken || (c->ended && !busy(c) && !stream_waiting(&c->link.s) && !timer_is_set(&c->timer)))
		rpc_conn_gone(c);
	else
		loop_mod(c->server->loop, &c->link.s.watch, wanted(c));
}

static void work(struct rpc_conn *c)
{
	struct rpc_message m;
	unsigned taken = 0;
	while (!busy(c) && !full(c) && !c->broken && !c->plain->last && taken++ < CALLS_A_TURN) {
		enum rpc_cut_got got = rpc_cut(&c->plain->cut, stream_in(&c->link.s), c->server->set.argument_max, &m);
		if (got == RPC_CUT_MORE)
			break;
		if (got == RPC_CUT_BAD) {
			rpc_trouble(c, RPC_TROUBLE_REQUEST, "no msgpack, or too long");
			c->broken = true;
			break;
		}
		rpc_dispatch(c->plain, &m);
		stream_take(&c->link.s, m.n);
	}
	if (taken > CALLS_A_TURN)
		rpc_plain_later(c);
}

static void take_input(struct rpc_conn *c)
{
	size_t limit = c->server->set.argument_max;
	switch (stream_read(&c->link.s, limit < READ_MIN ? READ_MIN : limit, NULL)) {
	case STREAM_END: c->ended = true; break;
	case STREAM_FAIL: c->broken = true; break;
	default: break;
	}
}

static void go_on(struct rpc_conn *c)
{
	if (!busy(c) && !c->ended && !c->broken && !full(c))
		take_input(c);
	if (!c->broken)
		work(c);
	settle(c);
}

static void plain_ready(struct watch *w, uint32_t events)
{
	struct rpc_conn *c = (struct rpc_conn *)(void *)w;
	if (events & (EPOLLERR | EPOLLHUP) && busy(c))
		c->broken = true;
	if (!c->broken && events & EPOLLOUT && !stream_flush(&c->link.s))
		c->broken = true;
	go_on(c);
}

static void plain_timer(struct timer *t)
{
	go_on(HEAP_OWNER(t, struct rpc_conn, timer));
}

void rpc_plain_later(struct rpc_conn *c)
{
	if (!timer_is_set(&c->timer))
		loop_timer(c->server->loop, &c->timer, c->server->loop->now);
}

bool rpc_plain_start(struct rpc_conn *c)
{
	c->plain = calloc(1, sizeof *c->plain);
	if (!c->plain)
		return false;
	c->plain->conn = c;
	c->plain->cut = RPC_CUT;
	c->state = RPC_CONN_PLAIN;
	c->link.s.watch.ready = plain_ready;
	loop_timer_stop(c->server->loop, &c->timer);
	c->timer.fire = plain_timer;
	rpc_plain_later(c);
	return true;
}
