#include "core/api/dns_name.h"

#include "core/base/slice.h"
#include "tests/test.h"

/* What the text before "consul." means, as "kind name tag datacenter". */
static const char *meaning(const char *text, uint16_t type)
{
	static char out[256];
	static const char *const kinds[] = {"nothing", "node", "service", "query", "address"};
	struct dns_labels l = {0};
	for (const char *p = text; *p; p = strchr(p, '.') + 1)
		l.at[l.n++] = (uint16_t)(p - text);
	l.at[l.n] = (uint16_t)strlen(text);
	struct dns_meaning m = dns_meaning_of(text, &l, l.n, type);
	if (m.kind == DNS_MEANS_NOTHING)
		return kinds[0];
	snprintf(out, sizeof(out), "%s %.*s [%.*s] %.*s", kinds[m.kind], PS(m.name), PS(m.tag), PS(m.datacenter));
	return out;
}

TEST(dns_name, labels_say_what_is_meant)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *meaning;
	} cases[] = {
	        {"a.node.", DNS_A, "node a [] "},
	        {"a.b.node.dc2.", DNS_A, "node a.b [] dc2"},
	        {"node.", DNS_A, "nothing"},
	        {"", DNS_A, "nothing"},
	        {"a.", DNS_A, "nothing"},
	        {"a.node.dc2.more.", DNS_A, "nothing"},
	        {"web.service.", DNS_A, "service web [] "},
	        {"v1.2.3.web.service.east.", DNS_SRV, "service web [v1.2.3] east"},
	        {"service.", DNS_A, "nothing"},
	        {"service.dc1.", DNS_A, "nothing"},
	        {"_web._tcp.service.", DNS_A, "service web [] "},
	        {"_web._udp.service.", DNS_SRV, "service web [udp] "},
	        {"_web._tcp.", DNS_SRV, "service web [] "},
	        {"_web._tcp.", DNS_A, "nothing"},
	        {"_web._master.dc1.", DNS_SRV, "service web [master] dc1"},
	        {"_web.service.", DNS_SRV, "service _web [] "},
	        {"_tcp.", DNS_SRV, "service _tcp [] "},
	        {"web._tcp.service.", DNS_SRV, "service _tcp [web] "},
	        {"_a._web._tcp.service.", DNS_SRV, "service _tcp [_a._web] "},
	        {"my.query.", DNS_A, "query my [] "},
	        {"my.long.query.dc1.", DNS_A, "query my.long [] dc1"},
	        {"query.", DNS_A, "nothing"},
	        {"c0000201.addr.", DNS_A, "address c0000201 [] "},
	        {"c0000201.addr.dc1.", DNS_A, "address c0000201 [] dc1"},
	        {"x.c0000201.addr.", DNS_A, "nothing"},
	        {"addr.", DNS_A, "nothing"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_STR(slice_of(meaning(cases[i].name, cases[i].type)), cases[i].meaning);
}
