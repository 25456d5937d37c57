/* UDP, many packets a system call, both ways.
 *
 * One struct udp a socket, on one loop. Reading calls `packets` with up to UDP_BATCH packets that lie in the reader's
 * memory until it returns. Sending copies into a batch that leaves when it is full or with udp_flush (at the end of the
 * callback at the latest: reading flushes by itself). A packet that the kernel cannot take is dropped and counted, as
 * UDP does.
 *
 * Memory: UDP_BATCH packets of `packet_max` for reading, lent only while reading; what is to be sent. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "core/base/buf.h"
#include "net/loop.h"
#include "net/socket.h"

enum { UDP_BATCH = 64, UDP_PACKET_MAX = 65507 };

struct udp_packet {
	struct slice data;
	struct address peer;
	struct address local; /* a socket bound to all addresses: the one it was sent to, no port; else ADDRESS_NONE */
	bool cut;             /* it was longer than packet_max */
};

struct udp_slots;

struct udp {
	struct watch watch;
	struct loop *loop;
	size_t packet_max;
	void *owner;
	void (*packets)(struct udp *u, const struct udp_packet *p, unsigned n);
	struct udp_slots *slots;
	struct buf out; /* bytes of the packets that wait */
	struct address out_to[UDP_BATCH], out_from[UDP_BATCH];
	uint32_t out_end[UDP_BATCH];
	unsigned out_n;
	uint64_t received, sent, dropped;
};

/* Takes over the descriptor (from socket_udp). u->owner and u->packets are set before. False when out of memory or
 * descriptors. */
bool udp_open(struct udp *u, struct loop *l, int fd, size_t packet_max);
void udp_close(struct udp *u);

/* Queues one packet; sends the batch when it is full. */
void udp_send(struct udp *u, const struct address *to, struct slice data);
/* … from that local address; ADDRESS_NONE leaves it to the system. Answers go back from where they were asked. */
void udp_send_from(struct udp *u, const struct address *to, const struct address *from, struct slice data);
void udp_flush(struct udp *u);

#endif
