#include "core/gossip/address.h"

#include <stdio.h>

#include "core/base/num.h"
#include "core/base/slice.h"

bool gossip_addr_read(struct slice bytes, uint64_t port, struct gossip_addr *out)
{
	if ((bytes.n != 4 && bytes.n != IP_BYTES) || port > UINT16_MAX)
		return false;
	*out = (struct gossip_addr){.port = (uint16_t)port};
	if (bytes.n == 4) {
		out->ip = ip_of_v4((const uint8_t *)bytes.p);
	} else {
		memcpy(out->ip.b, bytes.p, IP_BYTES);
		out->wide = ip_is_v4(&out->ip);
	}
	return true;
}

struct slice gossip_addr_bytes(const struct gossip_addr *a)
{
	if (ip_is_v4(&a->ip) && !a->wide)
		return (struct slice){(const char *)ip_v4(&a->ip), 4};
	return (struct slice){(const char *)a->ip.b, IP_BYTES};
}

size_t gossip_addr_print(const struct gossip_addr *a, char out[static GOSSIP_ADDR_TEXT])
{
	char ip[IP_TEXT];
	ip_print(&a->ip, ip);
	int n = snprintf(out, GOSSIP_ADDR_TEXT, ip_is_v4(&a->ip) ? "%s:%u" : "[%s]:%u", ip, a->port);
	return (size_t)n;
}

bool gossip_addr_parse(struct slice text, uint16_t default_port, struct gossip_addr *out)
{
	*out = (struct gossip_addr){.port = default_port};
	if (ip_parse(text, &out->ip))
		return true;
	ptrdiff_t colon = slice_find_last(text, ':');
	struct slice host = slice_cut(text, 0, colon < 0 ? text.n : (size_t)colon);
	uint64_t port = default_port;
	if (host.n > 2 && host.p[0] == '[' && slice_ends(host, S("]")))
		host = slice_cut(host, 1, host.n - 1);
	else if (slice_find(host, ':') >= 0)
		return false;
	if (colon >= 0 && num_u64(slice_from(text, (size_t)colon + 1), &port, NULL))
		return false;
	out->port = (uint16_t)port;
	return port <= UINT16_MAX && ip_parse(host, &out->ip);
}
