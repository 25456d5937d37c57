#include "net/http_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/chain.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/address.h"
#include "net/http_conn.h"
#include "net/tls.h"

enum {
	LEAVING_MAX = 64,        /* connections above the limit that may linger with their 503 */
	CONNECTIONS_MAX = 65536, /* when the host names no limit */
	TIMEOUT_S = 60,
};

/* ---- connections ----------------------------------------------------------------------------------------------- */

static struct http_conn *conn_new(const struct http_listener *l, int fd, const struct address *peer)
{
	struct http_server *s = l->listener.all->owner;
	struct http_conn *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	if (!stream_open(&c->s, s->loop, fd, http_conn_ready)) {
		free(c);
		return NULL;
	}
	if (l->tls && !tls_accept_known(&c->s, l->who, l->clients)) {
		loop_del(s->loop, &c->s.watch); /* the descriptor stays the caller's */
		tls_free(&c->s);
		free(c);
		return NULL;
	}
	char text[ADDRESS_TEXT];
	size_t n = address_print(peer, text);
	c->remote_n = (uint8_t)(n < CONN_REMOTE ? n : CONN_REMOTE);
	memcpy(c->remote, text, c->remote_n);
	c->server = s;
	c->timer.fire = http_conn_timer;
	c->active = s->loop->now;
	c->minor = 1;
	CHAIN_ADD(s->conns, c);
	s->counts.connections++;
	return c;
}

void http_conn_free(struct http_conn *c)
{
	struct http_server *s = c->server;
	MUST(s->corked != c);
	loop_timer_stop(s->loop, &c->timer);
	stream_close(&c->s);
	http_kept_free(c);
	CHAIN_DROP(s->conns, c);
	s->counts.connections--;
	free(c);
}

/* ---- accepting ------------------------------------------------------------------------------------------------- */

/* No room: says so (where it can be said plainly) and hangs up, without a connection of our own. */
static void turn_away(struct listener *l, int fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
	                             "Connection: close\r\n\r\n503 Service Unavailable: too many connections";
	char dropped[POOL_BLOCK];
	if (((struct http_listener *)l)->tls) {
		close(fd);
		return;
	}
	send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	/* Unread bytes would reset the connection under the answer. */
	recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);
	close(fd);
}

static bool welcome(struct listener *l, int fd, const struct address *peer)
{
	struct http_server *s = l->all->owner;
	const struct http_listener *how = (struct http_listener *)l;
	bool full = s->counts.connections >= s->set.connections_max;
	struct http_conn *c = NULL;
	if (s->counts.connections < s->set.connections_max + LEAVING_MAX && (!how->tls || how->who))
		c = conn_new(how, fd, peer);
	if (!c)
		return false;
	s->counts.accepted++;
	if (!full)
		return true;
	http_conn_refuse(c, 503, "too many connections");
	if (http_conn_flush(c))
		http_conn_settle(c);
	else
		http_conn_free(c);
	return true;
}

/* ---- the server ------------------------------------------------------------------------------------------------ */

struct http_server *http_server_new(struct loop *l, const struct http_settings *set)
{
	MUST(set->request != NULL && set->closed != NULL && set->park_header_count <= UINT8_MAX);
	struct http_server *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->loop = l;
	s->set = *set;
	if (!s->set.connections_max)
		s->set.connections_max = CONNECTIONS_MAX;
	dur_ns *timeouts[] = {&s->set.head_timeout, &s->set.body_timeout, &s->set.write_timeout};
	for (size_t i = 0; i < ARRAY_LEN(timeouts); i++)
		if (!*timeouts[i])
			*timeouts[i] = TIMEOUT_S * NS_PER_S;
	s->listeners = (struct listeners){
	        .loop = l, .owner = s, .welcome = welcome, .turn_away = turn_away, .refused = &s->counts.refused};
	s->date_second = -1;
	return s;
}

bool http_server_listen(struct http_server *s, int fd)
{
	return listener_add(&s->listeners, fd, sizeof(struct http_listener)) != NULL;
}

bool http_server_listen_tls(
        struct http_server *s, int fd, const struct tls_identity *who, const struct tls_trust *clients)
{
	struct http_listener *l = listener_add(&s->listeners, fd, sizeof *l);
	if (!l)
		return false;
	l->tls = true;
	l->who = who;
	l->clients = clients;
	return true;
}

void http_server_stop(struct http_server *s)
{
	s->stopping = true;
	listener_close_all(&s->listeners);
	for (struct http_conn *c = s->conns, *next; c; c = next) {
		next = c->next;
		c->close = true;
		if (c->state == CONN_HEAD && !stream_in(&c->s).n && !stream_waiting(&c->s))
			http_conn_free(c);
	}
}

void http_server_free(struct http_server *s)
{
	http_server_stop(s);
	while (s->conns)
		http_conn_gone(s->conns);
	buf_free(&s->out);
	free(s);
}

const struct http_counts *http_server_counts(const struct http_server *s)
{
	return &s->counts;
}

/* ---- what the host does with a connection ---------------------------------------------------------------------- */

void http_wait(struct http_conn *c)
{
	MUST(c->state == CONN_ASKED && !c->early);
	c->state = CONN_WAIT;
}

void http_park(struct http_conn *c)
{
	MUST(c->state == CONN_ASKED && !c->early);
	if (http_kept_make(c, &c->server->request))
		c->state = CONN_PARKED;
	else
		http_conn_plain(c, 503);
}

void http_abort(struct http_conn *c)
{
	c->state = CONN_DEAD;
	if (c->server->corked != c)
		http_conn_settle(c);
}

void http_set_user(struct http_conn *c, void *user)
{
	c->user = user;
}

void *http_user(const struct http_conn *c)
{
	return c->user;
}

void *http_host(const struct http_conn *c)
{
	return c->server->set.host;
}

uint64_t http_serial(const struct http_conn *c)
{
	return c->serial;
}
