/* What a name in the domain means: labels → node, service with tag, query, address, in which datacenter.
 *
 * Works on the name's text in lower case without the domain ("web.service."), whose parts the results point into. */
#ifndef CORE_API_DNS_NAME_H
#define CORE_API_DNS_NAME_H

#include "core/base/dns_message.h"

enum dns_meaning_kind {
	DNS_MEANS_NOTHING, /* invalid: NXDOMAIN */
	DNS_MEANS_NODE,
	DNS_MEANS_SERVICE,
	DNS_MEANS_QUERY,
	DNS_MEANS_ADDRESS, /* hex digits in the label `name` */
};

struct dns_meaning {
	enum dns_meaning_kind kind;
	struct slice name;
	struct slice tag;        /* empty: any */
	struct slice datacenter; /* empty: our own */
};

/* `labels`: those of the whole name, of which the first `n` stand before the domain. */
struct dns_meaning dns_meaning_of(const char *text, const struct dns_labels *labels, unsigned n, uint16_t type);

#endif
