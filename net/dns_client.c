#include "net/dns_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/dns_message.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "net/socket.h"
#include "net/stream.h"

enum { REPLY_MAX = 65535 };

/*        begin                    connected (TCP)            reply
 *  REST ------> CONNECTING ------------------> WAITING ----------------> end: answered
 *    ^  UDP: straight to WAITING                  |
 *    |        timeout, refused, nonsense          v
 *    +------------------------------------- next recursor ---- none left: end: given up            */
struct asking {
	struct stream s; /* first: the watch's owner. UDP uses the watch alone */
	struct dns_client *client;
	struct timer timer;
	struct asking *prev, *next;
	uint64_t owner;
	unsigned at; /* which recursor */
	mono_ns sent;
	int error; /* why it could not begin */
	uint16_t id, asker_id;
	bool tcp, whole, connecting, open;
	uint16_t question_n;
	uint8_t question[]; /* with two bytes in front for its length */
};

struct dns_client {
	struct loop *loop;
	struct dns_client_settings set;
	struct address recursors[DNS_CLIENT_RECURSORS_MAX];
	struct asking *asking;
	unsigned n;
	uint8_t reply[REPLY_MAX];
};

static void begin(struct asking *q);

/* ---- an end ---- */

static void close_socket(struct asking *q)
{
	if (q->open && q->tcp) {
		stream_close(&q->s);
	} else if (q->open) {
		loop_del(q->client->loop, &q->s.watch);
		close(q->s.watch.fd);
	}
	q->open = false;
	loop_timer_stop(q->client->loop, &q->timer);
}

static void asking_free(struct asking *q)
{
	struct dns_client *c = q->client;
	close_socket(q);
	*(q->prev ? &q->prev->next : &c->asking) = q->next;
	if (q->next)
		q->next->prev = q->prev;
	c->n--;
	free(q);
}

static void tell(const struct asking *q, enum dns_client_event e, struct slice bytes, dur_ns rtt)
{
	q->client->set.event(q->client->set.host, q->owner, e, bytes, rtt);
}

static void give_up(struct asking *q)
{
	struct asking copy = *q;
	asking_free(q);
	tell(&copy, DNS_CLIENT_GAVE_UP, S_NONE, 0);
}

static void next_recursor(struct asking *q, const char *why)
{
	close_socket(q);
	q->at++;
	tell(q, DNS_CLIENT_FAILED, slice_of(why), 0);
	if (q->at < q->client->set.recursor_n)
		begin(q);
	else
		give_up(q);
}

/* The library's words: "read udp 127.0.0.1:40000->127.0.0.1:53: i/o timeout". */
static void fail_with(struct asking *q, const char *what, const char *why)
{
	char text[2 * ADDRESS_TEXT + 128], from[ADDRESS_TEXT], to[ADDRESS_TEXT];
	struct address local = q->open ? socket_local(q->s.watch.fd) : (struct address){0};
	address_print(&local, from);
	address_print(&q->client->recursors[q->at], to);
	if (q->connecting)
		snprintf(text, sizeof(text), "dial tcp %s: %s", to, why);
	else
		snprintf(text, sizeof(text), "%s %s %s->%s: %s", what, q->tcp ? "tcp" : "udp", from, to, why);
	next_recursor(q, text);
}

static void timed_out(struct timer *t)
{
	fail_with((struct asking *)(void *)((char *)t - offsetof(struct asking, timer)), "read", "i/o timeout");
}

static void fail_errno(struct asking *q, const char *what, int error)
{
	char why[128];
	snprintf(why, sizeof(why), "%s: %s", what, socket_error_text(error));
	fail_with(q, what, why);
}

/* ---- an answer ---- */

/* Does it answer our question? The case of letters does not matter. */
static bool is_ours(const struct asking *q, struct slice reply)
{
	struct dns_reader asked, got;
	struct dns_name a, b;
	uint8_t wa[DNS_WIRE_MAX + 1], wb[DNS_WIRE_MAX + 1];
	uint16_t type_a, type_b, class_a, class_b;
	if (!dns_read(&got, reply) || got.id != q->id || !(got.flags & DNS_QR))
		return false;
	if (!got.left[0])
		return true;
	return dns_read(&asked, slice_at(q->question + 2, q->question_n)) &&
	       dns_read_asked(&asked, &a, wa, &type_a, &class_a) && dns_read_asked(&got, &b, wb, &type_b, &class_b) &&
	       type_a == type_b && class_a == class_b && slice_eq_fold(slice_at(wa, a.n), slice_at(wb, b.n));
}

static void answered(struct asking *q, uint8_t *reply, size_t n)
{
	const char *why = dns_check(slice_at(reply, n));
	if (why && (why != dns_truncated || q->whole)) {
		next_recursor(q, why);
		return;
	}
	reply[0] = (uint8_t)(q->asker_id >> 8);
	reply[1] = (uint8_t)q->asker_id;
	struct asking copy = *q;
	asking_free(q);
	tell(&copy, DNS_CLIENT_ANSWERED, slice_at(reply, n), copy.client->loop->now - copy.sent);
}

/* ---- UDP ---- */

static void udp_ready(struct watch *w, uint32_t events)
{
	(void)events;
	struct asking *q = (struct asking *)(void *)w;
	struct dns_client *c = q->client;
	ssize_t n = recv(w->fd, c->reply, sizeof(c->reply), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		fail_errno(q, "read", errno);
	else if (is_ours(q, slice_at(c->reply, (size_t)n)))
		answered(q, c->reply, (size_t)n);
}

static bool begin_udp(struct asking *q)
{
	union address_sock sock = {0};
	const struct address *to = &q->client->recursors[q->at];
	socklen_t n = address_to_sock(to, &sock);
	int fd = socket(to->kind == ADDRESS_IP6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	q->s.watch = (struct watch){.ready = udp_ready};
	if (connect(fd, &sock.any, n) || !loop_add(q->client->loop, fd, EPOLLIN, &q->s.watch)) {
		close(fd);
		return false;
	}
	q->open = true;
	return send(fd, q->question + 2, q->question_n, MSG_NOSIGNAL) >= 0;
}

/* ---- TCP ---- */

static bool tcp_send(struct asking *q)
{
	q->sent = q->client->loop->now;
	return stream_send(&q->s, &(struct iovec){q->question, 2 + (size_t)q->question_n}, 1);
}

static void tcp_read(struct asking *q)
{
	struct dns_client *c = q->client;
	switch (stream_read(&q->s, 2 + REPLY_MAX, NULL)) {
	case STREAM_END: fail_with(q, "read", "EOF"); return;
	case STREAM_FAIL: fail_errno(q, "read", errno); return;
	default: break;
	}
	struct slice in = stream_in(&q->s);
	size_t n = in.n >= 2 ? dns_u16((const uint8_t *)in.p) : 0;
	if (in.n >= 2 && !n) {
		next_recursor(q, "dns: short read");
	} else if (n && in.n >= 2 + n) {
		memcpy(c->reply, in.p + 2, n);
		stream_take(&q->s, 2 + n);
		if (is_ours(q, slice_at(c->reply, n)))
			answered(q, c->reply, n);
	}
}

static void tcp_ready(struct watch *w, uint32_t events)
{
	struct asking *q = (struct asking *)(void *)w;
	if (q->connecting) {
		struct fail f;
		if (socket_connected(w->fd, &q->client->recursors[q->at], &f)) {
			next_recursor(q, f.text);
			return;
		}
		q->connecting = false;
		loop_mod(q->client->loop, w, EPOLLIN | EPOLLRDHUP);
		if (!tcp_send(q) || !loop_timer(q->client->loop, &q->timer, q->sent + q->client->set.timeout))
			fail_errno(q, "write", errno);
		return;
	}
	if (events & EPOLLOUT && !stream_flush(&q->s))
		fail_errno(q, "write", errno);
	else if (events & ~(uint32_t)EPOLLOUT)
		tcp_read(q);
}

static bool begin_tcp(struct asking *q)
{
	bool done;
	struct fail f;
	int fd = socket_connect(&q->client->recursors[q->at], &done, &f);
	if (fd < 0)
		return false;
	if (!stream_open(&q->s, q->client->loop, fd, tcp_ready)) {
		close(fd);
		return false;
	}
	q->open = true;
	/* also when it is done already: tcp_ready comes in the next turn */
	q->connecting = true;
	loop_mod(q->client->loop, &q->s.watch, EPOLLOUT);
	return true;
}

/* ---- a question ---- */

/* What cannot begin fails like a silent recursor, but at once: in the timer's next turn, so that nobody is called back
 * from inside dns_client_ask. */
static void cannot_begin(struct timer *t)
{
	struct asking *q = (struct asking *)(void *)((char *)t - offsetof(struct asking, timer));
	const struct address *to = &q->client->recursors[q->at];
	char text[ADDRESS_TEXT], why[ADDRESS_TEXT + 64];
	address_print(to, text);
	snprintf(
	        why, sizeof(why), "dial %s %s: connect: %s", q->tcp ? "tcp" : "udp", text, socket_error_text(q->error));
	next_recursor(q, why);
}

static void begin(struct asking *q)
{
	struct loop *l = q->client->loop;
	if (getrandom(&q->id, sizeof(q->id), 0) != (ssize_t)sizeof(q->id))
		q->id = (uint16_t)(l->now >> 10);
	q->question[2] = (uint8_t)(q->id >> 8);
	q->question[3] = (uint8_t)q->id;
	q->connecting = false;
	q->sent = l->now;
	q->timer.fire = timed_out;
	if (q->tcp ? begin_tcp(q) : begin_udp(q)) {
		loop_timer(l, &q->timer, l->now + q->client->set.timeout);
		return;
	}
	q->error = errno;
	q->timer.fire = cannot_begin;
	loop_timer(l, &q->timer, l->now);
}

bool dns_client_ask(struct dns_client *c, uint64_t owner, struct slice question, bool tcp, enum dns_client_want want)
{
	if (c->n == DNS_CLIENT_MAX || question.n < DNS_HEADER || question.n > UINT16_MAX || !c->set.recursor_n)
		return false;
	struct asking *q = calloc(1, sizeof(*q) + 2 + question.n);
	if (!q)
		return false;
	q->client = c;
	q->owner = owner;
	q->tcp = tcp;
	q->whole = want == DNS_WANT_WHOLE;
	q->question_n = (uint16_t)question.n;
	q->question[0] = (uint8_t)(question.n >> 8);
	q->question[1] = (uint8_t)question.n;
	memcpy(q->question + 2, question.p, question.n);
	q->asker_id = dns_u16(q->question + 2);
	/* the timer is the one thing that must not fail later on: its place in the heap is taken now */
	q->timer.fire = timed_out;
	if (!loop_timer(c->loop, &q->timer, c->loop->now + c->set.timeout)) {
		free(q);
		return false;
	}
	q->next = c->asking;
	if (q->next)
		q->next->prev = q;
	c->asking = q;
	c->n++;
	begin(q);
	return true;
}

struct dns_client *dns_client_new(struct loop *l, const struct dns_client_settings *set)
{
	MUST(offsetof(struct asking, s) == 0 && set->recursor_n <= DNS_CLIENT_RECURSORS_MAX);
	struct dns_client *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->loop = l;
	c->set = *set;
	memcpy(c->recursors, set->recursors, set->recursor_n * sizeof(c->recursors[0]));
	c->set.recursors = c->recursors;
	return c;
}

void dns_client_free(struct dns_client *c)
{
	if (!c)
		return;
	while (c->asking)
		asking_free(c->asking);
	free(c);
}
