/* One address for packets and streams: UDP in batches, TCP both ways, streams by number.
 *
 * The owner gives numbers to the streams he opens (below LINK_THEIRS); those that others open get numbers with
 * LINK_THEIRS set. Nothing here looks at the bytes. Everything is called on the loop's thread; a callback may call any
 * function of this file but link_free. Slices and addresses live until the callback returns.
 *
 * Limits: LINK_STREAMS_MAX streams, more are hung up on at once; one that is closed while bytes wait to be sent lingers
 * at most LINK_LINGER. */
#ifndef NET_GOSSIP_LINK_H
#define NET_GOSSIP_LINK_H

#include "net/stream.h"
#include "net/udp.h"

enum { LINK_STREAMS_MAX = 512, LINK_PIECE = 256 << 10 };
#define LINK_THEIRS (UINT32_C(1) << 31)
#define LINK_LINGER (10 * NS_PER_S)

struct gossip_link;

struct link_calls {
	void (*packet)(struct gossip_link *l, const struct address *from, struct slice data);
	/* Theirs is new, or ours is through. */
	void (*opened)(struct gossip_link *l, uint32_t stream, const struct address *peer);
	void (*data)(struct gossip_link *l, uint32_t stream, struct slice data);
	/* The other side has ended (why empty) or the connection is broken or was never made. The number is free again.
	 */
	void (*closed)(struct gossip_link *l, uint32_t stream, struct slice why);
	/* After a batch of packets: effects that wait can go out. */
	void (*idle)(struct gossip_link *l);
};

struct link_stream;

struct gossip_link {
	struct watch listener; /* first */
	struct udp udp;
	struct loop *loop;
	const struct link_calls *calls;
	void *owner;
	struct link_stream *streams;
	unsigned streams_n;
	uint32_t number;
};

/* Binds both sockets, UDP and TCP, to `at`. ERR_IO: "listen tcp 127.0.0.1:8301: bind: address already in use". */
enum err link_open(struct gossip_link *l, struct loop *loop, const struct address *at, const struct link_calls *calls,
        void *owner, struct fail *f);
void link_free(struct gossip_link *l);

void link_send(struct gossip_link *l, const struct address *to, struct slice packet); /* leaves with link_flush */
void link_flush(struct gossip_link *l);

void link_connect(struct gossip_link *l, uint32_t stream, const struct address *to);
void link_write(struct gossip_link *l, uint32_t stream, struct slice bytes);
/* Closes when all is sent; no `closed` follows. */
void link_close(struct gossip_link *l, uint32_t stream);

#endif
