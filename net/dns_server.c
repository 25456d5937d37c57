#include "net/dns_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/chain.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net/udp.h"

enum {
	LATER_MAX = 1024,
	CONNECTIONS_MAX = 1024,
	FIRST_S = 2, /* for the first message of a connection */
	NEXT_S = 8,  /* for each further one */
	MESSAGE_MAX = 2 + 65535,
	UNREAD_MAX = 256 << 10, /* answers waiting for a client that does not read: then no more is asked */
};

struct later {
	uint32_t serial; /* of its use: the upper half of the ticket */
	bool used;
	struct udp_part *udp; /* where to answer: a packet … */
	struct address client, local;
	struct dns_conn *conn; /* … or a connection; both NULL when that is gone */
	uint32_t next_free;
};

struct udp_part {
	struct udp udp;
	struct dns_server *server;
	struct udp_part *next;
};

struct dns_conn {
	struct stream s; /* first: the watch's owner */
	struct dns_server *server;
	struct timer timer;
	struct address client;
	struct dns_conn *prev, *next;
	uint64_t waits; /* ticket of the late answer; 0: none */
	bool ended;     /* the client has finished sending */
	bool asked;     /* the first message was there */
};

struct dns_server {
	struct loop *loop;
	struct dns_server_settings set;
	struct dns_server_counts counts;
	struct udp_part *udps;
	struct listeners listeners;
	struct dns_conn *conns;
	struct later *later;
	uint32_t first_free;                       /* place + 1; 0: none */
	uint8_t answer[2 + DNS_SERVER_ANSWER_MAX]; /* behind room for its length */
};

/* ---- late answers ---- */

static bool later_init(struct dns_server *s)
{
	s->later = calloc(s->set.later_max, sizeof(*s->later));
	if (!s->later)
		return false;
	for (uint32_t i = 0; i < s->set.later_max; i++)
		s->later[i].next_free = i + 1 < s->set.later_max ? i + 2 : 0;
	s->first_free = 1;
	return true;
}

/* The ticket that the next late answer would get. Its place is taken only when it is needed. */
static uint64_t later_ticket(const struct dns_server *s)
{
	if (!s->first_free)
		return 0;
	return (uint64_t)s->later[s->first_free - 1].serial << 32 | s->first_free;
}

static struct later *later_take(struct dns_server *s)
{
	struct later *l = &s->later[s->first_free - 1];
	s->first_free = l->next_free;
	l->used = true;
	l->udp = NULL;
	l->conn = NULL;
	s->counts.later++;
	return l;
}

static struct later *later_find(struct dns_server *s, uint64_t ticket)
{
	uint32_t place = (uint32_t)ticket;
	if (!place || place > s->set.later_max)
		return NULL;
	struct later *l = &s->later[place - 1];
	return l->used && l->serial == (uint32_t)(ticket >> 32) ? l : NULL;
}

static void later_give_back(struct dns_server *s, struct later *l)
{
	l->used = false;
	l->serial++;
	l->next_free = s->first_free;
	s->first_free = (uint32_t)(l - s->later) + 1;
	s->counts.later--;
}

/* ---- UDP ---- */

static void udp_packets(struct udp *u, const struct udp_packet *p, unsigned n)
{
	struct udp_part *part = u->owner;
	struct dns_server *s = part->server;
	s->counts.udp += n;
	for (unsigned i = 0; i < n; i++) {
		struct dns_server_question q = {p[i].data, p[i].peer, false, later_ticket(s)};
		size_t len = s->set.answer(s->set.host, &q, s->answer + 2, DNS_SERVER_ANSWER_MAX);
		if (len == DNS_SERVER_LATER) {
			MUST(q.ticket != 0);
			struct later *l = later_take(s);
			l->udp = part;
			l->client = q.client;
			l->local = p[i].local;
		} else if (len == DNS_SERVER_SILENT) {
			s->counts.silent++;
		} else {
			udp_send_from(u, &q.client, &p[i].local, slice_at(s->answer + 2, len));
		}
	}
}

bool dns_server_udp(struct dns_server *s, int fd)
{
	struct udp_part *part = calloc(1, sizeof(*part));
	if (!part)
		return false;
	part->server = s;
	part->udp.owner = part;
	part->udp.packets = udp_packets;
	if (!udp_open(&part->udp, s->loop, fd, DNS_SERVER_PACKET)) {
		free(part);
		return false;
	}
	part->next = s->udps;
	s->udps = part;
	return true;
}

/* ---- TCP connections ---- */

static void conn_free(struct dns_conn *c)
{
	struct dns_server *s = c->server;
	struct later *l = later_find(s, c->waits);
	if (l)
		l->conn = NULL;
	loop_timer_stop(s->loop, &c->timer);
	stream_close(&c->s);
	CHAIN_DROP(s->conns, c);
	s->counts.connections--;
	free(c);
}

static void conn_timer(struct timer *t)
{
	struct dns_conn *c = (struct dns_conn *)(void *)((char *)t - offsetof(struct dns_conn, timer));
	c->server->counts.timed_out++;
	conn_free(c);
}

static bool conn_deadline(struct dns_conn *c, int seconds)
{
	return loop_timer(c->server->loop, &c->timer, c->server->loop->now + seconds * NS_PER_S);
}

/* Sends the message that stands in s->answer. False: the connection is broken. */
static bool conn_send(struct dns_conn *c, size_t len)
{
	uint8_t *p = c->server->answer;
	p[0] = (uint8_t)(len >> 8);
	p[1] = (uint8_t)len;
	return stream_send(&c->s, &(struct iovec){p, 2 + len}, 1);
}

/* The next whole message; its length 0: not there yet; false: it announces nothing. */
static bool conn_message(const struct dns_conn *c, struct slice *out)
{
	struct slice in = stream_in(&c->s);
	*out = S_NONE;
	if (in.n < 2)
		return true;
	size_t len = (size_t)(uint8_t)in.p[0] << 8 | (uint8_t)in.p[1];
	if (in.n >= 2 + len)
		*out = slice_at(in.p + 2, len);
	return len > 0;
}

/* False: the connection is to be closed. */
static bool conn_ask(struct dns_conn *c, struct slice message)
{
	struct dns_server *s = c->server;
	struct dns_server_question q = {message, c->client, true, later_ticket(s)};
	s->counts.tcp++;
	c->asked = true;
	size_t len = s->set.answer(s->set.host, &q, s->answer + 2, DNS_SERVER_ANSWER_MAX);
	stream_take(&c->s, 2 + message.n);
	if (len == DNS_SERVER_LATER) {
		MUST(q.ticket != 0);
		later_take(s)->conn = c;
		c->waits = q.ticket;
		loop_timer_stop(s->loop, &c->timer);
		return true;
	}
	if (len == DNS_SERVER_SILENT)
		s->counts.silent++;
	else if (!conn_send(c, len))
		return false;
	return conn_deadline(c, NEXT_S);
}

/* Answers what is there, as far as the client reads. False: the connection is to be closed. */
static bool conn_work(struct dns_conn *c)
{
	while (!c->waits && stream_waiting(&c->s) < UNREAD_MAX) {
		struct slice message;
		if (!conn_message(c, &message))
			return false;
		if (!message.n)
			break;
		if (!conn_ask(c, message))
			return false;
	}
	if (c->ended && !c->waits && !stream_waiting(&c->s))
		return false;
	/* what is not to be read must not be waited for either: the loop would turn for nothing */
	bool hungry = !c->waits && !c->ended && stream_waiting(&c->s) < UNREAD_MAX;
	uint32_t out = stream_waiting(&c->s) ? EPOLLOUT : 0;
	loop_mod(c->server->loop, &c->s.watch, out | (hungry ? EPOLLIN | EPOLLRDHUP : 0));
	return true;
}

static bool conn_read(struct dns_conn *c)
{
	switch (stream_read(&c->s, MESSAGE_MAX, NULL)) {
	case STREAM_END: c->ended = true; return true;
	case STREAM_FAIL: return false;
	default: return true;
	}
}

static void conn_ready(struct watch *w, uint32_t events)
{
	struct dns_conn *c = (struct dns_conn *)(void *)w;
	bool good = true;
	if (events & (EPOLLERR | EPOLLHUP) && !(w->events & EPOLLIN))
		good = false;
	if (good && events & EPOLLOUT)
		good = stream_flush(&c->s);
	if (good && w->events & EPOLLIN && events & ~(uint32_t)EPOLLOUT)
		good = conn_read(c);
	if (!good || !conn_work(c))
		conn_free(c);
}

/* False: the descriptor is still the listener's. */
static bool conn_new(struct listener *l, int fd, const struct address *client)
{
	struct dns_server *s = l->all->owner;
	struct dns_conn *c = s->counts.connections < s->set.connections_max ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return false;
	c->server = s;
	c->client = *client;
	c->timer.fire = conn_timer;
	if (!stream_open(&c->s, s->loop, fd, conn_ready)) {
		free(c);
		return false;
	}
	CHAIN_ADD(s->conns, c);
	s->counts.connections++;
	if (!conn_deadline(c, FIRST_S))
		conn_free(c);
	return true;
}

bool dns_server_tcp(struct dns_server *s, int fd)
{
	return listener_add(&s->listeners, fd, sizeof(struct listener)) != NULL;
}

/* ---- the server ---- */

struct dns_server *dns_server_new(struct loop *l, const struct dns_server_settings *set)
{
	MUST(offsetof(struct dns_conn, s) == 0);
	MUST(set->answer != NULL);
	struct dns_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->loop = l;
	s->set = *set;
	if (!s->set.later_max)
		s->set.later_max = LATER_MAX;
	if (!s->set.connections_max)
		s->set.connections_max = CONNECTIONS_MAX;
	s->listeners = (struct listeners){.loop = l, .owner = s, .welcome = conn_new, .refused = &s->counts.refused};
	if (!later_init(s)) {
		free(s);
		return NULL;
	}
	return s;
}

void dns_server_reply(struct dns_server *s, uint64_t ticket, struct slice answer)
{
	struct later *l = later_find(s, ticket);
	if (!l)
		return;
	struct dns_conn *c = l->conn;
	size_t len = answer.n <= DNS_SERVER_ANSWER_MAX ? answer.n : 0;
	if (!len) {
		s->counts.silent++;
	} else if (l->udp) {
		udp_send_from(&l->udp->udp, &l->client, &l->local, answer);
		udp_flush(&l->udp->udp);
	}
	later_give_back(s, l);
	if (!c)
		return;
	c->waits = 0;
	if (len)
		memcpy(s->answer + 2, answer.p, len);
	if ((len && !conn_send(c, len)) || !conn_deadline(c, NEXT_S) || !conn_work(c))
		conn_free(c);
}

void dns_server_free(struct dns_server *s)
{
	if (!s)
		return;
	listener_close_all(&s->listeners);
	while (s->conns)
		conn_free(s->conns);
	for (struct udp_part *p = s->udps, *next; p; p = next) {
		next = p->next;
		udp_close(&p->udp);
		free(p);
	}
	free(s->later);
	free(s);
}

const struct dns_server_counts *dns_server_counts(const struct dns_server *s)
{
	return &s->counts;
}
