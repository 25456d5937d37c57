#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/must.h"

/* What one recvmmsg fills, and what one sendmmsg sends. */
struct udp_slots {
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_part[UDP_BATCH], out_part[UDP_BATCH];
	struct sockaddr_in6 in_peer[UDP_BATCH], out_peer[UDP_BATCH];
	struct udp_packet packets[UDP_BATCH];
	char bytes[];
};

static void slots_reset(struct udp_slots *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		s->in[i].msg_hdr.msg_namelen = sizeof s->in_peer[i];
}

static struct udp_slots *slots_new(size_t packet_max)
{
	struct udp_slots *s = calloc(1, sizeof *s + UDP_BATCH * packet_max);
	if (!s)
		return NULL;
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		s->in_part[i] = (struct iovec){s->bytes + i * packet_max, packet_max};
		s->in[i].msg_hdr =
		        (struct msghdr){.msg_name = &s->in_peer[i], .msg_iov = &s->in_part[i], .msg_iovlen = 1};
		s->out[i].msg_hdr =
		        (struct msghdr){.msg_name = &s->out_peer[i], .msg_iov = &s->out_part[i], .msg_iovlen = 1};
	}
	slots_reset(s, UDP_BATCH);
	return s;
}

static unsigned packets_of(struct udp_slots *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		s->packets[i] = (struct udp_packet){
		        .data = {s->in_part[i].iov_base, s->in[i].msg_len},
		        .peer = address_of_sock((const struct sockaddr *)(const void *)&s->in_peer[i]),
		        .cut = s->in[i].msg_hdr.msg_flags & MSG_TRUNC,
		};
	return n;
}

static void udp_ready(struct watch *w, uint32_t events)
{
	(void)events;
	struct udp *u = (struct udp *)(void *)w;
	int n = recvmmsg(w->fd, u->slots->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return; /* an ICMP error of an earlier packet, or nothing: UDP does not care */
	u->received += (unsigned)n;
	u->packets(u, u->slots->packets, packets_of(u->slots, (unsigned)n));
	if (!u->slots)
		return; /* closed by the callback */
	slots_reset(u->slots, (unsigned)n);
	udp_flush(u);
}

bool udp_open(struct udp *u, struct loop *l, int fd, size_t packet_max)
{
	MUST(offsetof(struct udp, watch) == 0 && packet_max <= UDP_PACKET_MAX);
	u->loop = l;
	u->packet_max = packet_max;
	u->out = (struct buf){0};
	u->out_n = 0;
	u->slots = slots_new(packet_max);
	u->watch.ready = udp_ready;
	if (!u->slots)
		return false;
	if (loop_add(l, fd, EPOLLIN, &u->watch))
		return true;
	free(u->slots);
	u->slots = NULL;
	return false;
}

void udp_close(struct udp *u)
{
	if (!u->slots)
		return;
	loop_del(u->loop, &u->watch);
	close(u->watch.fd);
	free(u->slots);
	u->slots = NULL;
	buf_free(&u->out);
	u->out_n = 0;
}

void udp_send(struct udp *u, const struct address *to, struct slice data)
{
	if (u->out_n == UDP_BATCH)
		udp_flush(u);
	size_t before = u->out.n;
	buf_slice(&u->out, data);
	if (u->out.failed) {
		buf_reset(&u->out, 0);
		u->dropped += u->out_n + 1;
		u->out_n = 0;
		return;
	}
	MUST(u->out.n == before + data.n);
	u->out_to[u->out_n] = *to;
	u->out_end[u->out_n++] = (uint32_t)u->out.n;
}

static void fill_out(struct udp *u)
{
	struct udp_slots *s = u->slots;
	size_t at = 0;
	for (unsigned i = 0; i < u->out_n; i++) {
		union address_sock sock;
		s->out[i].msg_hdr.msg_namelen = address_to_sock(&u->out_to[i], &sock);
		memcpy(&s->out_peer[i], &sock, sizeof s->out_peer[i]);
		s->out_part[i] = (struct iovec){u->out.p + at, u->out_end[i] - at};
		at = u->out_end[i];
	}
}

void udp_flush(struct udp *u)
{
	if (!u->out_n)
		return;
	fill_out(u);
	for (unsigned at = 0; at < u->out_n;) {
		int n = sendmmsg(u->watch.fd, u->slots->out + at, u->out_n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			at += (unsigned)n;
			u->sent += (unsigned)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else { /* the first of the rest was refused: on with the others */
			at++;
			u->dropped++;
		}
	}
	u->out_n = 0;
	buf_reset(&u->out, 64 << 10);
}
