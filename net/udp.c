#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/must.h"

/* Room for the local address of a packet, IPv6 being the longer. */
union udp_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* What one recvmmsg fills, and what one sendmmsg sends. */
struct udp_slots {
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_part[UDP_BATCH], out_part[UDP_BATCH];
	struct sockaddr_in6 in_peer[UDP_BATCH], out_peer[UDP_BATCH];
	union udp_control in_control[UDP_BATCH], out_control[UDP_BATCH];
	struct udp_packet packets[UDP_BATCH];
	bool any; /* bound to all addresses */
	char bytes[];
};

static void slots_reset(struct udp_slots *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		s->in[i].msg_hdr.msg_namelen = sizeof s->in_peer[i];
		s->in[i].msg_hdr.msg_controllen = s->any ? sizeof s->in_control[i] : 0;
	}
}

/* ---- local addresses: a server on 0.0.0.0 must answer from the address it was asked at ---- */

static bool listen_to_all(int fd)
{
	struct address a = socket_local(fd);
	int on = 1;
	if (!address_is_any(&a))
		return false;
	if (a.kind == ADDRESS_IP6)
		return !setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
	return !setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

static struct address local_of(struct msghdr *m)
{
	struct address a = {0};
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	for (struct cmsghdr *c = m->msg_controllen ? CMSG_FIRSTHDR(m) : NULL; c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(c), sizeof v4);
			a.kind = ADDRESS_IP4;
			memcpy(a.ip, &v4.ipi_spec_dst, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(c), sizeof v6);
			a.kind = ADDRESS_IP6;
			memcpy(a.ip, &v6.ipi6_addr, 16);
			if (IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
				a.scope = v6.ipi6_ifindex;
		}
	}
	return a;
}

static void set_local(struct msghdr *m, union udp_control *room, const struct address *from)
{
	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (from->kind == ADDRESS_NONE)
		return;
	bool six = from->kind == ADDRESS_IP6;
	struct in_pktinfo v4 = {0};
	struct in6_pktinfo v6 = {.ipi6_ifindex = from->scope};
	memcpy(&v4.ipi_spec_dst, from->ip, 4);
	memcpy(&v6.ipi6_addr, from->ip, 16);
	m->msg_control = room;
	m->msg_controllen = six ? CMSG_SPACE(sizeof v6) : CMSG_SPACE(sizeof v4);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = six ? CMSG_LEN(sizeof v6) : CMSG_LEN(sizeof v4);
	if (six)
		memcpy(CMSG_DATA(c), &v6, sizeof v6);
	else
		memcpy(CMSG_DATA(c), &v4, sizeof v4);
}

static struct udp_slots *slots_new(int fd, size_t packet_max)
{
	struct udp_slots *s = calloc(1, sizeof *s + UDP_BATCH * packet_max);
	if (!s)
		return NULL;
	s->any = listen_to_all(fd);
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		s->in_part[i] = (struct iovec){s->bytes + i * packet_max, packet_max};
		s->in[i].msg_hdr =
		        (struct msghdr){.msg_name = &s->in_peer[i], .msg_iov = &s->in_part[i], .msg_iovlen = 1};
		if (s->any)
			s->in[i].msg_hdr.msg_control = &s->in_control[i];
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
		        .local = s->any ? local_of(&s->in[i].msg_hdr) : (struct address){0},
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
	u->slots = slots_new(fd, packet_max);
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
	udp_send_from(u, to, &(struct address){0}, data);
}

void udp_send_from(struct udp *u, const struct address *to, const struct address *from, struct slice data)
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
	u->out_from[u->out_n] = *from;
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
		set_local(&s->out[i].msg_hdr, &s->out_control[i], &u->out_from[i]);
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
