/* Layouts around messages: compound, compress, crc and the envelope of encryption; for packets and for streams.
 *
 * A packet is compound (optional) → compress (when shorter) → crc (optional) → sealed. A stream message is compress
 * (always) → sealed with five bytes in front. Pure functions over bytes. */
#ifndef GOSSIP_PACKET_H
#define GOSSIP_PACKET_H

#include "core/base/msgpack.h"
#include "core/gossip/seal.h"

enum { PACKET_BUDGET = 1400, PACKET_PARTS_MAX = 127, PACKET_COMPOUND = 2, PACKET_CRC = 5, PACKET_PART = 2 };
enum { PACKET_UNPACKED_MAX = 1 << 20, STREAM_SEALED_MAX = 10 << 20, PACKET_DEPTH_MAX = 4 };

/* ---- writing ---- */

/* Messages on their way into one packet. */
struct parts {
	struct buf body;
	uint16_t length[PACKET_PARTS_MAX];
	unsigned n;
};

void parts_clear(struct parts *p);
/* `user` puts the type byte of a user message before it. False when the packet has all parts it may have. */
bool parts_add(struct parts *p, bool user, struct slice message);
/* A single message stands bare unless `compound`. */
void parts_put(struct buf *out, const struct parts *p, bool compound);

struct envelope {
	const struct keyring *keys; /* NULL or empty: plain */
	struct rand *random;
	bool compress, crc;
	struct buf scratch[2];
};

/* The whole packet; the slice lives in the envelope's scratch (or is `message` itself). */
struct slice packet_wrap(struct envelope *e, struct slice message);
struct slice stream_wrap(struct envelope *e, struct slice message);

/* ---- reading ---- */

struct compound {
	const uint8_t *lengths;
	struct slice rest;
	unsigned n, at;
};

/* `body` is what follows the type byte. False: "missing compound length byte", "truncated len slice" in *why. */
bool compound_begin(struct compound *c, struct slice body, const char **why);
/* False at the end or where the next part is cut; then c->n - c->at parts are lost. */
bool compound_next(struct compound *c, struct slice *part);

/* Unpacks what follows the type byte of a compress message, appended to `out`. */
enum err packet_unpack(struct buf *out, struct slice body, size_t limit, struct arena *a, struct fail *f);

/* Takes the crc envelope off, if there is one. False when it is wrong. */
bool packet_crc_off(struct slice *packet, uint32_t *got, uint32_t *expected);

/* ---- streams come in pieces ---- */

struct stream_scan {
	uint8_t stage;
	size_t at; /* the value being looked for begins here */
	uint64_t nodes, user;
	struct mp_scan value;
};

/* How long the whole first message in `bytes` is: 0 when more must come, SIZE_MAX when it can't be one. Remembers what
 * it has seen: give all bytes from the first each time. */
size_t stream_whole(struct stream_scan *s, struct slice bytes);

#endif
