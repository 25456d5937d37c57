/* IP addresses as text, as Go's net.ParseIP reads and net.IP.String prints them.
 *
 * A value is 16 bytes, IPv4 mapped into IPv6 (::ffff:a.b.c.d), as in Go: an IPv4 address and its mapped form are the
 * same. No zones, no ports, no allocation. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include "core/base/types.h"

enum { IP_BYTES = 16, IP_TEXT = 48 };

struct ip {
	uint8_t b[IP_BYTES];
};

/* False when the text is none. Leading zeros in IPv4 are read as decimal ("010.0.0.1" is 10.0.0.1), as Go did then. */
bool ip_parse(struct slice text, struct ip *out);
struct ip ip_of_v4(const uint8_t four[static 4]);
bool ip_is_v4(const struct ip *ip);
static inline const uint8_t *ip_v4(const struct ip *ip)
{
	return ip->b + 12;
}

/* Text into out, NUL-terminated; returns its length. The longest run of zero groups (two at least) becomes "::". */
size_t ip_print(const struct ip *ip, char out[static IP_TEXT]);

#endif
