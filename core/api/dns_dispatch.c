#include "core/api/dns_name.h"
#include "core/api/dns_run.h"

static void invalid(struct dns_reply *r, struct slice before_domain)
{
	log_warn(r->run->v->log, "dns: QName invalid: %.*s", PS(before_domain));
	dns_add_soa(r, &r->authority);
	r->rcode = DNS_NXDOMAIN;
}

static void answer_node(struct dns_reply *r, struct slice datacenter, struct slice name)
{
	if (r->type != DNS_ANY && r->type != DNS_A && r->type != DNS_AAAA && r->type != DNS_TXT)
		return;
	const struct dns_settings *set = r->run->v->set;
	const struct node *node;
	switch (dns_find_node(r, datacenter, name, &node)) {
	case DNS_FOUND:
		dns_add_address(r, &r->answer, node, dns_node_address(r->run, datacenter, node), r->name, r->type,
		        set->node_ttl);
		break;
	case DNS_FOUND_NOTHING:
		dns_add_soa(r, &r->authority);
		r->rcode = DNS_NXDOMAIN;
		break;
	case DNS_FOUND_FAILED: dns_rpc_failed(r); break;
	case DNS_FOUND_LATER: break;
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when it should be hex and is not. */
static bool hex_address(struct slice hex, uint8_t out[static IP_BYTES])
{
	if (hex.n % 2)
		return false;
	for (size_t i = 0; i < hex.n; i += 2) {
		int high = hex_digit(hex.p[i]), low = hex_digit(hex.p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The address in the name, whatever type was asked for. Any other number of digits: nothing, without an error. The
 * owner is in lower case, unlike everywhere else. */
static bool answer_address(struct dns_reply *r, struct slice hex, struct slice whole)
{
	uint8_t ip[IP_BYTES] = {0};
	size_t bytes = hex.n / 2;
	if (bytes != 4 && bytes != IP_BYTES)
		return true;
	if (!hex_address(hex, ip))
		return false;
	struct dns_record *rr = dns_record_add(
	        r, &r->answer, dns_name_from(r->run, whole), bytes == 4 ? DNS_A : DNS_AAAA, r->run->v->set->node_ttl);
	if (rr) {
		memcpy(rr->ip, ip, IP_BYTES);
		dns_record_done(&r->answer);
	}
	return true;
}

/* How many of the labels stand before the domain. */
static unsigned labels_before(const struct dns_labels *labels, size_t end)
{
	unsigned n = 0;
	while (n < labels->n && labels->at[n] < end)
		n++;
	return n;
}

void dns_dispatch(struct dns_reply *r, const char *lower, size_t n, const struct dns_labels *labels)
{
	const struct dns_settings *set = r->run->v->set;
	size_t domain_n = set->domain.text_n;
	size_t end = n >= domain_n ? n - domain_n : 0;
	struct dns_meaning m = dns_meaning_of(lower, labels, labels_before(labels, end), r->type);
	struct slice datacenter = m.datacenter.n ? m.datacenter : set->datacenter;
	switch (m.kind) {
	case DNS_MEANS_NODE: answer_node(r, datacenter, m.name); return;
	case DNS_MEANS_SERVICE: dns_answer_service(r, datacenter, m.name, m.tag); return;
	case DNS_MEANS_QUERY: dns_answer_query(r, datacenter, m.name); return;
	case DNS_MEANS_ADDRESS:
		if (answer_address(r, m.name, slice_at(lower, n)))
			return;
		break;
	case DNS_MEANS_NOTHING: break;
	}
	invalid(r, slice_at(lower, end));
}
