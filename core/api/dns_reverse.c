#include "core/api/dns_run.h"

/* A decimal number below 256 as Go prints it: no zeros in front. */
static bool decimal(struct slice s, uint8_t *out)
{
	unsigned n = 0;
	if (!s.n || s.n > 3 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (unsigned)(s.p[i] - '0');
	}
	*out = (uint8_t)n;
	return n < 256;
}

static bool nibble(struct slice s, uint8_t *out)
{
	const char *found = s.n == 1 && s.p[0] ? strchr("0123456789abcdef", s.p[0]) : NULL;
	if (found)
		*out = (uint8_t)(found - "0123456789abcdef");
	return found != NULL;
}

/* Takes `tail` off the end. */
static bool without(struct slice *s, struct slice tail)
{
	if (!slice_ends(*s, tail))
		return false;
	s->n -= tail.n;
	return true;
}

/* The address that a reverse name stands for: only as it would be written for an address. */
static bool address_of(struct slice name, struct ip *out)
{
	uint8_t part[2 * IP_BYTES];
	size_t n = 0;
	bool v4 = without(&name, S(".in-addr.arpa."));
	if (!v4 && !without(&name, S(".ip6.arpa.")))
		return false;
	size_t wanted = v4 ? 4 : 2 * IP_BYTES;
	while (name.n && n < wanted) {
		struct slice label = slice_next(&name, '.');
		if (!(v4 ? decimal(label, &part[n]) : nibble(label, &part[n])))
			return false;
		n++;
	}
	if (name.n || n < wanted)
		return false;
	if (v4) {
		*out = ip_of_v4((const uint8_t[]){part[3], part[2], part[1], part[0]});
		return true;
	}
	for (int i = 0; i < IP_BYTES; i++)
		out->b[i] = (uint8_t)(part[31 - 2 * i] << 4 | part[30 - 2 * i]);
	return !ip_is_v4(out); /* those have in-addr names */
}

static bool has_address(const struct node *node, const struct ip *ip)
{
	struct ip own;
	return ip_parse(node->address, &own) && !memcmp(&own, ip, sizeof(own));
}

/* The first node in the order of names. */
static const struct node *find(struct dns_run *run, const struct ip *ip)
{
	struct slice datacenter = run->v->set->datacenter;
	enum dns_found found = dns_reach(run, datacenter);
	if (found == DNS_FOUND) {
		struct cursor c;
		cursor_prefix(&c, run->v->db, TREE_NODES, S_NONE);
		for (const struct item *it; (it = cursor_next(&c));)
			if (has_address(item_payload(it), ip))
				return item_payload(it);
	} else if (found == DNS_FOUND_LATER) {
		struct dns_need need = {.kind = DNS_NEED_NODES, .datacenter = datacenter};
		const struct dns_fact *fact = dns_fact_for(run, &need);
		const struct node *nodes = fact && fact->got == DNS_GOT ? fact->nodes.items : NULL;
		for (uint32_t i = 0; nodes && i < fact->nodes.n; i++)
			if (has_address(&nodes[i], ip))
				return &nodes[i];
	}
	return NULL;
}

bool dns_answer_reverse(struct dns_reply *r, struct slice lower)
{
	struct ip ip;
	if (r->type == DNS_SOA)
		dns_add_soa(r, &r->authority);
	const struct node *node = address_of(lower, &ip) ? find(r->run, &ip) : NULL;
	if (!node)
		return false;
	struct dns_name name = dns_name_build(r->run, node->name, S("node"), r->run->v->set->datacenter);
	struct dns_record *rr = dns_record_add(r, &r->answer, r->name, DNS_PTR, 0);
	if (rr) {
		rr->target = name;
		dns_record_done(&r->answer);
	}
	return true;
}
