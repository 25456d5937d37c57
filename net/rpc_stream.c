#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/rpc_conn.h"

enum { HEAD_KEEP = 4096, QUEUED_MAX = 1 << 30 };

static struct rpc_call *call_of(struct mux_stream *s)
{
	return (struct rpc_call *)(void *)s;
}

/* ---- calls, on streams and plain connections alike ---- */

static void method_forget(struct rpc_call *c)
{
	free(c->method_copy);
	c->method_copy = NULL;
	c->method = S_NONE;
}

static void again_leave(struct rpc_call *c)
{
	if (!c->again_at)
		return;
	*c->again_at = c->next_again;
	if (c->next_again)
		c->next_again->again_at = c->again_at;
	c->again_at = NULL;
}

static void again_join(struct rpc_call *c)
{
	struct rpc_server *s = c->conn->server;
	if (c->again_at)
		return;
	c->next_again = s->again;
	if (c->next_again)
		c->next_again->again_at = &c->next_again;
	c->again_at = &s->again;
	s->again = c;
	mux_links_later(&s->links);
}

void rpc_call_over(struct rpc_call *c)
{
	struct rpc_server *s = c->conn->server;
	if (c->busy) {
		c->busy = false;
		s->counts.gone++;
		s->set.gone(s->set.host, c);
	}
	again_leave(c);
	method_forget(c);
	c->conn->held -= c->held.n;
	buf_free(&c->held);
}

static void ill_formed(struct rpc_call *c, struct slice method)
{
	struct buf text = {0};
	BUF_LIT(&text, "rpc: service/method request ill-formed: ");
	buf_slice(&text, method);
	rpc_refuse(c, buf_view(&text));
	buf_free(&text);
}

void rpc_dispatch(struct rpc_call *c, const struct rpc_message *m)
{
	struct rpc_server *s = c->conn->server;
	s->counts.calls++;
	c->seq = m->head.seq;
	c->method = m->head.method;
	c->user = NULL;
	c->busy = c->inside = true;
	if (slice_find(c->method, '.') < 0)
		ill_formed(c, c->method);
	else
		s->set.call(s->set.host, c, c->method, m->body);
	c->inside = false;
	if (!c->busy || !c->method.n)
		return;
	c->method_copy = malloc(c->method.n);
	if (!c->method_copy) {
		c->method = S_NONE;
		rpc_conn_break(c->conn); /* without the name there is no answer */
		return;
	}
	memcpy(c->method_copy, c->method.p, c->method.n);
	c->method.p = c->method_copy;
}

static void write_answer(struct rpc_call *c, struct slice head, struct slice body)
{
	struct rpc_conn *conn = c->conn;
	const struct slice parts[] = {head, body};
	if (conn->state == RPC_CONN_PLAIN) {
		buf_slice(&conn->link.mux.out, head);
		buf_slice(&conn->link.mux.out, body);
		if (!c->inside)
			rpc_plain_later(conn);
		return;
	}
	if (!mux_write(&conn->link.mux, &c->ms, parts, 2) || conn->link.mux.queued > QUEUED_MAX)
		rpc_conn_break(conn);
	mux_link_later(&conn->link);
}

void rpc_answer(struct rpc_call *c, struct slice error, struct slice body)
{
	struct rpc_server *s = c->conn->server;
	struct buf *head = &s->head;
	MUST(c->busy);
	rpc_put_answer(head, error, c->seq, c->method);
	c->busy = false;
	method_forget(c);
	if (head->failed)
		rpc_conn_break(c->conn);
	else
		write_answer(c, buf_view(head), error.n || !body.n ? S("\x80") : body);
	buf_reset(head, HEAD_KEEP);
	if (!c->inside && (c->held.n || c->uncounted) && c->conn->state == RPC_CONN_MUX)
		again_join(c);
}

static void close_stream(struct rpc_call *c)
{
	struct rpc_conn *conn = c->conn;
	rpc_call_over(c);
	mux_close(&conn->link.mux, &c->ms);
}

void rpc_refuse(struct rpc_call *c, struct slice error)
{
	struct rpc_conn *conn = c->conn;
	char why[256];
	c->last = true;
	rpc_answer(c, error, S_NONE);
	rpc_trouble(conn, RPC_TROUBLE_REQUEST, slice_cstr(error, why, sizeof why));
	if (conn->state == RPC_CONN_PLAIN)
		conn->ended = true;
	else if (!c->inside)
		close_stream(c);
}

void rpc_call_keep(struct rpc_call *c, void *user)
{
	c->user = user;
}

void *rpc_call_kept(const struct rpc_call *c)
{
	return c->user;
}

const struct address *rpc_call_client(const struct rpc_call *c)
{
	return &c->conn->client;
}

/* ---- bytes of a stream ---- */

static void hold(struct rpc_call *c, struct slice bytes)
{
	struct rpc_conn *conn = c->conn;
	if (!bytes.n)
		return;
	buf_slice(&c->held, bytes);
	if (!c->held.failed)
		conn->held += bytes.n;
}

/* The first n bytes held are done with; an empty stream holds no memory. */
static void let_go(struct rpc_call *c, size_t n)
{
	if (!n)
		return;
	c->conn->held -= n;
	buf_consume(&c->held, n);
	if (!c->held.n)
		buf_free(&c->held);
}

static bool may_serve(const struct rpc_call *c)
{
	return !c->busy && !c->last && !mux_waiting(&c->ms) && !c->conn->broken;
}

/* Serves messages out of `bytes` until one waits or they end. Returns how many bytes are done with; SIZE_MAX: they are
 * no message. */
static size_t serve(struct rpc_call *c, struct slice bytes)
{
	struct rpc_message m;
	size_t done = 0;
	while (may_serve(c) && bytes.n) {
		enum rpc_cut_got got = rpc_cut(&c->cut, bytes, c->conn->server->set.argument_max, &m);
		if (got == RPC_CUT_BAD)
			return SIZE_MAX;
		if (got == RPC_CUT_MORE)
			break;
		rpc_dispatch(c, &m);
		bytes = slice_from(bytes, m.n);
		done += m.n;
	}
	return done;
}

static void spoilt(struct rpc_call *c, const char *why)
{
	rpc_trouble(c->conn, RPC_TROUBLE_REQUEST, why);
	close_stream(c);
}

/* `bytes` are what came last; what is held comes before them. */
static void feed(struct rpc_call *c, struct slice bytes)
{
	bool straight = !c->held.n;
	if (!straight)
		hold(c, bytes);
	size_t done = c->held.failed ? 0 : serve(c, straight ? bytes : buf_view(&c->held));
	if (done == SIZE_MAX) {
		spoilt(c, "no msgpack, or too long");
		return;
	}
	if (c->last) {
		close_stream(c);
		return;
	}
	if (straight)
		hold(c, slice_from(bytes, done));
	else
		let_go(c, done);
	if (c->held.failed || c->conn->held > c->conn->server->set.held_max)
		spoilt(c, "out of memory");
}

static void data(struct rpc_call *c, struct slice bytes)
{
	if (may_serve(c)) {
		mux_taken(&c->conn->link.mux, &c->ms, bytes.n);
		feed(c, bytes);
		return;
	}
	hold(c, bytes); /* no credit: the window is the bound */
	c->uncounted += (uint32_t)bytes.n;
	if (c->held.failed || c->conn->held > c->conn->server->set.held_max)
		spoilt(c, "out of memory");
}

static void resume(struct rpc_call *c)
{
	if (!may_serve(c))
		return;
	uint32_t n = c->uncounted;
	c->uncounted = 0;
	mux_taken(&c->conn->link.mux, &c->ms, n);
	if (c->held.n)
		feed(c, S_NONE);
}

/* ---- events of a session ---- */

static void event(struct mux_link *l, const struct mux_event *ev)
{
	struct rpc_call *c = call_of(ev->stream);
	switch (ev->kind) {
	case MUX_OPENED:
		c->conn = (struct rpc_conn *)(void *)l;
		c->cut = RPC_CUT;
		break;
	case MUX_DATA: data(c, ev->data); break;
	case MUX_ENDED:
		close_stream(c);
		break; /* nobody is there to read an answer: yamux knows no half-closed reader */
	case MUX_RESET: rpc_call_over(c); break;
	case MUX_DRAINED: resume(c); break;
	default: break;
	}
}

/* Those whose call was answered since, and who have sent the next one already. */
static void turn(struct mux_links *all)
{
	struct rpc_server *s = all->owner;
	struct rpc_call *c;
	while ((c = s->again) != NULL) {
		again_leave(c);
		struct mux_link *l = &c->conn->link;
		resume(c);
		mux_link_later(l);
	}
}

static void ended(struct mux_link *l, const char *why)
{
	struct rpc_conn *c = (struct rpc_conn *)(void *)l;
	if (!slice_is(slice_of(why), "EOF"))
		rpc_trouble(c, RPC_TROUBLE_SESSION, why);
	rpc_conn_gone(c);
}

void rpc_links_init(struct rpc_server *s)
{
	MUST(offsetof(struct rpc_call, ms) == 0 && offsetof(struct rpc_conn, link) == 0);
	s->links = (struct mux_links){.loop = s->loop,
	        .owner = s,
	        .unread_max = s->set.unread_max,
	        .event = event,
	        .turn = turn,
	        .ended = ended};
	mux_links_init(&s->links);
}
