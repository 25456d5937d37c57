#include "cmd/troubleshoot_probe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/msgpack.h"
#include "core/base/slice.h"
#include "core/gossip/gossip.h"
#include "core/gossip/message.h"
#include "core/gossip/packet.h"
#include "net/socket.h"

enum { AT_ONCE = 128, PINGS = 3 };

/* One probe under way. */
struct attempt {
	struct probe *probe;
	int fd; /* TCP; -1: UDP, or over */
	bool connected, over, stranger;
	unsigned pings;
	mono_ns begun, sent, deadline;
	struct buf in; /* TCP: the answer so far */
};

struct prober {
	struct attempt at[AT_ONCE];
	size_t n;
	int udp[2]; /* IPv4, IPv6; -1: there is none */
	const struct probing *how;
	struct keyring keys;
	struct rand random;
	struct envelope envelope;
	struct arena arena;
	uint32_t base; /* of the sequence numbers: two a slot, the second for the ping that names nobody */
};

static mono_ns clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void attempt_end(struct attempt *t, enum probe_result result)
{
	if (t->over)
		return;
	t->over = true;
	t->probe->result = result;
	t->probe->rtt = clock_now() - t->sent;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void attempts_free(struct prober *r)
{
	for (size_t i = 0; i < r->n; i++)
		buf_free(&r->at[i].in);
}

/* ---- what is asked ---- */

static struct slice ping_make(struct buf *out, uint32_t seq, struct slice name)
{
	struct msg_ping m = {seq, name};
	buf_reset(out, GOSSIP_PACKET_MAX);
	message_put(out, SWIM_PING, &msg_ping_schema, &m);
	return buf_view(out);
}

static void ping_udp(struct prober *r, struct attempt *t)
{
	union address_sock to;
	socklen_t n = address_to_sock(&t->probe->at, &to);
	int fd = r->udp[t->probe->at.kind == ADDRESS_IP6];
	uint32_t seq = r->base + 2 * (uint32_t)(t - r->at);
	struct buf b = {0};
	for (uint32_t i = 0; i < 2; i++) {
		struct slice packet = packet_wrap(&r->envelope, ping_make(&b, seq + i, i ? S_NONE : t->probe->name));
		if (sendto(fd, packet.p, packet.n, 0, &to.any, n) < 0 && errno != EAGAIN && errno != ECONNREFUSED) {
			attempt_end(t, PROBE_UNROUTED);
			break;
		}
	}
	if (!t->pings++)
		t->sent = clock_now();
	buf_free(&b);
}

/* First byte 0: Consul's RPC; then a header and no arguments. */
static void question_server(struct buf *out)
{
	buf_char(out, 0);
	mp_put_map(out, 2);
	mp_put_str(out, S("ServiceMethod"));
	mp_put_str(out, S("Status.Ping"));
	mp_put_str(out, S("Seq"));
	mp_put_u64(out, 1);
	mp_put_map(out, 0);
}

static void question_send(struct prober *r, struct attempt *t)
{
	struct buf b = {0}, ping = {0};
	if (t->probe->kind == PROBE_SERVER)
		question_server(&b);
	else
		buf_slice(&b, stream_wrap(&r->envelope, ping_make(&ping, 1, t->probe->name)));
	if (send(t->fd, b.p, b.n, MSG_NOSIGNAL) != (ssize_t)b.n)
		attempt_end(t, PROBE_HUNG_UP);
	buf_free(&b);
	buf_free(&ping);
}

/* ---- TCP ---- */

static void tcp_failed(struct attempt *t, const struct fail *f)
{
	struct slice text = slice_of(f->text);
	if (slice_ends(text, slice_of(socket_error_text(ECONNREFUSED))))
		attempt_end(t, PROBE_REFUSED);
	else
		attempt_end(
		        t, slice_ends(text, slice_of(socket_error_text(ETIMEDOUT))) ? PROBE_SILENT : PROBE_UNROUTED);
}

static void tcp_connected(struct prober *r, struct attempt *t)
{
	struct fail f;
	if (socket_connected(t->fd, &t->probe->at, &f)) {
		tcp_failed(t, &f);
		return;
	}
	t->connected = true;
	t->probe->rtt = clock_now() - t->sent;
	if (t->probe->kind == PROBE_GOSSIP_TCP && r->how->encrypted && !r->how->key.n) {
		attempt_end(t, PROBE_OK); /* more can't be asked without the key */
		return;
	}
	question_send(r, t);
}

/* What a member answers to a ping on a stream: an ack, or that it does not understand. Sealed it may be, either way. */
static enum probe_result gossip_answer(struct prober *r, struct buf *in)
{
	struct slice message = buf_view(in);
	if (message.p[0] == SWIM_ENCRYPT &&
	        (!keyring_on(&r->keys) || seal_open(&r->keys, in->p + SEAL_FRAME, in->n - SEAL_FRAME,
	                                          slice_at(in->p, SEAL_FRAME), &message, NULL) != OK))
		return PROBE_OTHER_KEY;
	return message.n && message.p[0] == SWIM_ERR ? PROBE_OTHER_KEY : PROBE_OK;
}

static void tcp_answered(struct prober *r, struct attempt *t)
{
	char bytes[4096];
	ssize_t n = recv(t->fd, bytes, sizeof bytes, 0);
	dur_ns rtt = t->probe->rtt;
	struct stream_scan scan = {0};
	if (n < 0 && errno == EAGAIN)
		return;
	buf_bytes(&t->in, bytes, n > 0 ? (size_t)n : 0);
	bool server = t->probe->kind == PROBE_SERVER, ended = n <= 0;
	if (server && (t->in.n || t->probe->tls))
		attempt_end(t, PROBE_OK);
	else if (ended && !t->in.n)
		attempt_end(t, PROBE_HUNG_UP);
	else if (ended || stream_whole(&scan, buf_view(&t->in)))
		attempt_end(t, gossip_answer(r, &t->in));
	t->probe->rtt = rtt; /* of connecting: what follows is the other program's time */
}

static void tcp_begin(struct prober *r, struct attempt *t)
{
	struct fail f;
	bool done = false;
	t->sent = clock_now();
	t->fd = socket_connect(&t->probe->at, &done, &f);
	if (t->fd >= 0 && done)
		tcp_connected(r, t);
	else if (t->fd < 0)
		tcp_failed(t, &f);
}

/* ---- UDP ---- */

static void acked(struct prober *r, uint64_t seq)
{
	uint64_t slot = (seq - r->base) / 2;
	if (seq < r->base || slot >= r->n)
		return;
	struct attempt *t = &r->at[slot];
	if (t->probe->kind != PROBE_GOSSIP_UDP)
		return;
	if ((seq - r->base) % 2)
		t->stranger = true; /* unless its name is answered to, too */
	else
		attempt_end(t, PROBE_OK);
}

static void take(struct prober *r, struct slice message, unsigned depth);

static void take_all(struct prober *r, struct slice body, unsigned depth)
{
	struct compound c;
	const char *why;
	struct slice part;
	if (compound_begin(&c, body, &why))
		while (compound_next(&c, &part))
			take(r, part, depth + 1);
}

static void take(struct prober *r, struct slice message, unsigned depth)
{
	struct msg_ack m;
	struct buf b = {0};
	if (!message.n || depth > PACKET_DEPTH_MAX)
		return;
	struct slice body = slice_from(message, 1);
	switch (message.p[0]) {
	case SWIM_COMPOUND: take_all(r, body, depth); break;
	case SWIM_COMPRESS:
		if (packet_unpack(&b, body, PACKET_UNPACKED_MAX, &r->arena, NULL) == OK)
			take(r, buf_view(&b), depth + 1);
		buf_free(&b);
		break;
	case SWIM_ACK:
		if (message_get(body, &msg_ack_schema, &m, &r->arena, NULL))
			acked(r, m.seq);
		break;
	default: break; /* news for members */
	}
}

static void udp_read(struct prober *r, int fd)
{
	static char packet[GOSSIP_PACKET_MAX];
	ssize_t n;
	while ((n = recv(fd, packet, sizeof packet, MSG_DONTWAIT)) >= 0 || errno == ECONNREFUSED) {
		struct slice message = slice_at(packet, n > 0 ? (size_t)n : 0);
		uint32_t got, expected;
		if (keyring_on(&r->keys) && seal_open(&r->keys, packet, message.n, S_NONE, &message, NULL) != OK)
			continue;
		if (packet_crc_off(&message, &got, &expected))
			take(r, message, 0);
		arena_reset(&r->arena, 64 << 10);
	}
}

/* ---- all at once ---- */

static void attempt_begin(struct prober *r, struct attempt *t, struct probe *p)
{
	*t = (struct attempt){.probe = p, .fd = -1, .begun = clock_now()};
	t->sent = t->begun;
	t->deadline = t->begun + r->how->timeout;
	bool sealed = r->how->encrypted && !r->how->key.n;
	if (p->kind == PROBE_GOSSIP_UDP && sealed)
		attempt_end(t, PROBE_NOT_ASKED);
	else if (p->kind != PROBE_GOSSIP_UDP)
		tcp_begin(r, t);
	else if (r->udp[p->at.kind == ADDRESS_IP6] < 0)
		attempt_end(t, PROBE_UNROUTED);
	else
		ping_udp(r, t);
}

static void attempt_tick(struct prober *r, struct attempt *t, mono_ns now)
{
	if (t->over)
		return;
	if (now >= t->deadline)
		attempt_end(t, t->stranger ? PROBE_STRANGER : PROBE_SILENT);
	else if (t->probe->kind == PROBE_GOSSIP_UDP && t->pings < PINGS &&
	         now - t->begun >= t->pings * r->how->timeout / PINGS)
		ping_udp(r, t);
}

static size_t poll_fill(const struct prober *r, struct pollfd *fds, size_t of[])
{
	size_t n = 0;
	for (int i = 0; i < 2; i++)
		if (r->udp[i] >= 0) {
			of[n] = SIZE_MAX;
			fds[n++] = (struct pollfd){r->udp[i], POLLIN, 0};
		}
	for (size_t i = 0; i < r->n; i++)
		if (r->at[i].fd >= 0) {
			of[n] = i;
			fds[n++] = (struct pollfd){r->at[i].fd, r->at[i].connected ? POLLIN : POLLOUT, 0};
		}
	return n;
}

static void turn(struct prober *r)
{
	struct pollfd fds[AT_ONCE + 2];
	size_t of[AT_ONCE + 2], n = poll_fill(r, fds, of);
	poll(fds, n, 20);
	for (size_t i = 0; i < n; i++) {
		if (!fds[i].revents)
			continue;
		if (of[i] == SIZE_MAX)
			udp_read(r, fds[i].fd);
		else if (!r->at[of[i]].connected)
			tcp_connected(r, &r->at[of[i]]);
		else
			tcp_answered(r, &r->at[of[i]]);
	}
	for (size_t i = 0; i < r->n; i++)
		attempt_tick(r, &r->at[i], clock_now());
}

static bool busy(const struct prober *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->at[i].over)
			return true;
	return false;
}

static enum err prober_init(struct prober *r, const struct probing *how, struct fail *f)
{
	static const struct address any[2] = {{.kind = ADDRESS_IP4}, {.kind = ADDRESS_IP6}};
	*r = (struct prober){.how = how, .udp = {-1, -1}};
	rand_seed(&r->random, (uint64_t)clock_now() ^ (uint64_t)getpid());
	r->base = (uint32_t)rand_below(&r->random, 1 << 30) + 1;
	r->envelope.random = &r->random;
	if (how->key.n) {
		enum err e = keyring_add(&r->keys, how->key, f);
		if (e)
			return e;
		r->envelope.keys = &r->keys;
	}
	r->udp[0] = socket_udp(&any[0], false, f);
	r->udp[1] = socket_udp(&any[1], false, NULL); /* many machines have no IPv6 */
	return r->udp[0] < 0 && r->udp[1] < 0 ? f->code : OK;
}

static void prober_free(struct prober *r)
{
	for (int i = 0; i < 2; i++)
		if (r->udp[i] >= 0)
			close(r->udp[i]);
	keyring_free(&r->keys);
	buf_free(&r->envelope.scratch[0]);
	buf_free(&r->envelope.scratch[1]);
	arena_free(&r->arena);
}

enum err probes_run(struct probes *p, const struct probing *how, struct fail *f)
{
	struct prober r;
	enum err e = prober_init(&r, how, f);
	for (size_t at = 0; !e && at < p->n; at += r.n) {
		r.base += 2 * AT_ONCE; /* late answers to the batch before are nobody's */
		r.n = p->n - at < AT_ONCE ? p->n - at : AT_ONCE;
		for (size_t i = 0; i < r.n; i++)
			attempt_begin(&r, &r.at[i], &p->items[at + i]);
		while (busy(&r))
			turn(&r);
		attempts_free(&r);
	}
	prober_free(&r);
	return e;
}
