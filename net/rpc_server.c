#include "net/rpc_server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/must.h"
#include "net/rpc_conn.h"
#include "net/socket.h"

enum {
	CONNECTIONS_MAX = 16384,
	STREAMS_MAX = 65536,
	ARGUMENT_MAX = 64 << 20,
	HELD_MAX = 128 << 20,
	UNREAD_MAX = 1 << 20,
	FIRST_S = 60,
};

enum { BYTE_PLAIN = 0, BYTE_TLS = 3, BYTE_MUX = 4 };

/* ---- the end of a connection ---- */

void rpc_trouble(struct rpc_conn *c, enum rpc_trouble what, const char *why)
{
	struct rpc_server *s = c->server;
	if (s->set.trouble)
		s->set.trouble(s->set.host, what, why, &c->client);
}

/* The connection's place in the server; its stream may be somebody else's by now. */
static void forget(struct rpc_conn *c)
{
	struct rpc_server *s = c->server;
	loop_timer_stop(s->loop, &c->timer);
	*(c->prev ? &c->prev->next : &s->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->counts.connections--;
	free(c->plain);
	free(c);
}

void rpc_conn_gone(struct rpc_conn *c)
{
	size_t at = 0;
	struct mux_stream *s;
	if (c->plain)
		rpc_call_over(c->plain);
	if (c->state == RPC_CONN_MUX) {
		while ((s = mux_next(&c->link.mux, &at)) != NULL)
			rpc_call_over((struct rpc_call *)(void *)s);
		mux_link_close(&c->link);
	} else {
		buf_free(&c->link.mux.out);
		stream_close(&c->link.s);
	}
	forget(c);
}

void rpc_conn_break(struct rpc_conn *c)
{
	c->broken = true;
	if (c->state == RPC_CONN_MUX)
		mux_link_end(&c->link);
	else
		rpc_plain_later(c);
}

/* ---- the first byte ---- */

static void turn_down(struct rpc_conn *c, enum rpc_trouble what, const char *why)
{
	rpc_trouble(c, what, why);
	rpc_conn_gone(c);
}

static void start_mux(struct rpc_conn *c)
{
	const struct rpc_server_settings *set = &c->server->set;
	loop_timer_stop(c->server->loop, &c->timer);
	c->state = RPC_CONN_MUX;
	mux_init(&c->link.mux, MUX_SERVER, sizeof(struct rpc_call), set->streams_max, set->seed);
	mux_link_start(&c->link, &c->server->links);
	mux_link_ready(&c->link.s.watch, EPOLLIN);
}

static void start_tls(struct rpc_conn *c)
{
	const struct rpc_server_settings *set = &c->server->set;
	c->secure = true;
	if (!set->identity)
		turn_down(c, RPC_TROUBLE_NO_TLS, "");
	else if (!tls_accept_known(&c->link.s, set->identity, set->clients))
		turn_down(c, RPC_TROUBLE_BYTE, "out of memory");
}

static void hand_over(struct rpc_conn *c, uint8_t byte)
{
	const struct rpc_server_settings *set = &c->server->set;
	stream_leave(&c->link.s);
	if (set->taken && set->taken(set->host, byte, &c->link.s, &c->client))
		forget(c);
	else
		rpc_conn_gone(c);
}

static void first_byte(struct rpc_conn *c, uint8_t byte)
{
	if (c->server->set.tls_only && !c->secure && byte != BYTE_TLS)
		turn_down(c, RPC_TROUBLE_PLAIN, "");
	else if (byte == BYTE_MUX)
		start_mux(c);
	else if (byte == BYTE_TLS && !c->secure)
		start_tls(c);
	else if (byte != BYTE_PLAIN)
		hand_over(c, byte);
	else if (!rpc_plain_start(c))
		rpc_conn_gone(c);
}

static void first_failed(struct rpc_conn *c)
{
	const char *tls = tls_error(&c->link.s);
	turn_down(c, RPC_TROUBLE_BYTE, tls ? tls : socket_error_text(errno));
}

static void first_ready(struct watch *w, uint32_t events)
{
	struct rpc_conn *c = (struct rpc_conn *)(void *)w;
	if (events & EPOLLOUT && !stream_flush(&c->link.s)) {
		first_failed(c);
		return;
	}
	/* One byte and no more: what is behind it may be TLS, or the host's. */
	switch (stream_read(&c->link.s, 1, NULL)) {
	case STREAM_GOT: break;
	case STREAM_END: rpc_conn_gone(c); return;
	case STREAM_FAIL: first_failed(c); return;
	default: return;
	}
	uint8_t byte = (uint8_t)stream_in(&c->link.s).p[0];
	stream_take(&c->link.s, 1);
	first_byte(c, byte);
}

static void first_late(struct timer *t)
{
	turn_down(HEAP_OWNER(t, struct rpc_conn, timer), RPC_TROUBLE_BYTE, "i/o timeout");
}

/* ---- birth ---- */

static bool welcome(struct listener *l, int fd, const struct address *client)
{
	struct rpc_server *s = l->all->owner;
	bool room = s->counts.connections < s->set.connections_max;
	struct rpc_conn *c = room ? calloc(1, sizeof *c) : NULL;
	if (!c)
		return false;
	*c = (struct rpc_conn){.server = s, .client = *client, .state = RPC_CONN_FIRST, .timer.fire = first_late};
	if (!stream_open(&c->link.s, s->loop, fd, first_ready)) {
		free(c);
		return false;
	}
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	s->counts.connections++;
	s->counts.accepted++;
	loop_timer(s->loop, &c->timer, s->loop->now + s->set.first_timeout);
	return true;
}

static void turn_away(struct listener *l, int fd)
{
	struct rpc_server *s = l->all->owner;
	s->counts.refused++;
	close(fd);
}

bool rpc_server_listen(struct rpc_server *s, int fd)
{
	return listener_add(&s->listeners, fd, sizeof(struct listener)) != NULL;
}

static void fill_in(struct rpc_server_settings *set)
{
	set->connections_max = set->connections_max ? set->connections_max : CONNECTIONS_MAX;
	set->streams_max = set->streams_max ? set->streams_max : STREAMS_MAX;
	set->argument_max = set->argument_max ? set->argument_max : ARGUMENT_MAX;
	set->held_max = set->held_max ? set->held_max : HELD_MAX;
	set->unread_max = set->unread_max ? set->unread_max : UNREAD_MAX;
	set->first_timeout = set->first_timeout ? set->first_timeout : FIRST_S * NS_PER_S;
}

struct rpc_server *rpc_server_new(struct loop *l, const struct rpc_server_settings *set)
{
	MUST(set->call && set->gone);
	struct rpc_server *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->loop = l;
	s->set = *set;
	fill_in(&s->set);
	s->listeners =
	        (struct listeners){.loop = l, .owner = s, .peers = true, .welcome = welcome, .turn_away = turn_away};
	rpc_links_init(s);
	return s;
}

void rpc_server_tls(
        struct rpc_server *s, const struct tls_identity *identity, const struct tls_trust *clients, bool tls_only)
{
	s->set.identity = identity;
	s->set.clients = clients;
	s->set.tls_only = tls_only;
}

void rpc_server_free(struct rpc_server *s)
{
	if (!s)
		return;
	listener_close_all(&s->listeners);
	while (s->conns)
		rpc_conn_gone(s->conns);
	mux_links_free(&s->links);
	buf_free(&s->head);
	free(s);
}

const struct rpc_server_counts *rpc_server_counts(const struct rpc_server *s)
{
	return &s->counts;
}
