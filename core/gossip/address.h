/* Where a member is: IP and port as gossip has them.
 *
 * On the wire an IP is 4 or 16 bytes; `wide` remembers that an IPv4 address came as 16, so that it is told on as it
 * came (others compare the bytes). Two addresses are the same whatever their width. */
#ifndef GOSSIP_ADDRESS_H
#define GOSSIP_ADDRESS_H

#include "core/base/ip.h"
#include "core/base/types.h"

enum { GOSSIP_ADDR_TEXT = 56 };

struct gossip_addr {
	struct ip ip;
	uint16_t port;
	bool wide;
};

static inline bool gossip_addr_eq(const struct gossip_addr *a, const struct gossip_addr *b)
{
	return a->port == b->port && !memcmp(a->ip.b, b->ip.b, IP_BYTES);
}

/* From the 4 or 16 bytes of the wire; false for any other length. */
bool gossip_addr_read(struct slice bytes, uint64_t port, struct gossip_addr *out);
/* The bytes for the wire; they lie in *a. */
struct slice gossip_addr_bytes(const struct gossip_addr *a);
/* "10.0.0.1:8301", "[::1]:8301": NUL-terminated, returns its length. */
size_t gossip_addr_print(const struct gossip_addr *a, char out[static GOSSIP_ADDR_TEXT]);
/* "10.0.0.1:8301" or, with a default port, "10.0.0.1" and "::1". False when the host is no IP. */
bool gossip_addr_parse(struct slice text, uint16_t default_port, struct gossip_addr *out);

#endif
