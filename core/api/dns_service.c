#include "core/api/dns_run.h"

#include "core/base/num.h"

/* ---- what has been answered already ----
 *
 * One address (or node and port) is answered once, however many instances there are. A list while it is short, a hash
 * table afterwards. */

enum { SEEN_LIST_MAX = 16 };

struct seen_key {
	struct slice a, b;
	int64_t port;
};

struct seen {
	struct arena *a;
	struct seen_key *keys;
	uint32_t n, cap;
	uint32_t *slots; /* place in keys + 1 */
	uint32_t mask;
};

static uint32_t hash_slice(uint32_t h, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 16777619u;
	return (h ^ 0xff) * 16777619u;
}

static bool same_key(const struct seen_key *x, const struct seen_key *y)
{
	return x->port == y->port && slice_eq(x->a, y->a) && slice_eq(x->b, y->b);
}

static uint32_t *seen_slot(struct seen *s, const struct seen_key *k)
{
	uint32_t i = (hash_slice(hash_slice(2166136261u, k->a), k->b) ^ (uint32_t)k->port * 2654435761u) & s->mask;
	while (s->slots[i] && !same_key(&s->keys[s->slots[i] - 1], k))
		i = (i + 1) & s->mask;
	return &s->slots[i];
}

static bool seen_grow(struct seen *s)
{
	uint32_t cap = s->cap ? s->cap * 4 : SEEN_LIST_MAX;
	struct seen_key *keys = arena_alloc(s->a, cap * sizeof(*keys));
	uint32_t *slots = cap > SEEN_LIST_MAX ? ARENA_ARRAY(s->a, uint32_t, cap * 2) : NULL;
	if (!keys || (cap > SEEN_LIST_MAX && !slots))
		return false;
	if (s->n)
		memcpy(keys, s->keys, s->n * sizeof(*keys));
	s->keys = keys;
	s->cap = cap;
	s->slots = slots;
	s->mask = cap * 2 - 1;
	for (uint32_t i = 0; slots && i < s->n; i++)
		*seen_slot(s, &keys[i]) = i + 1;
	return true;
}

/* True when it is new; then it is noted. */
static bool seen_note(struct seen *s, struct seen_key k)
{
	uint32_t *slot = NULL;
	if (s->slots && *(slot = seen_slot(s, &k)))
		return false;
	for (uint32_t i = 0; !s->slots && i < s->n; i++)
		if (same_key(&s->keys[i], &k))
			return false;
	if (s->n == s->cap) {
		if (!seen_grow(s))
			return false;
		slot = s->slots ? seen_slot(s, &k) : NULL;
	}
	s->keys[s->n++] = k;
	if (slot)
		*slot = s->n;
	return true;
}

/* ---- records ---- */

/* Is this address the name that was asked for, as it was asked? */
static bool is_asked_name(const struct dns_reply *r, struct slice address)
{
	char text[DNS_TEXT_MAX];
	if (address.n + 1 < r->name.text_n || address.n > r->name.text_n)
		return false;
	size_t n = dns_name_text(r->name, text);
	return slice_starts(slice_at(text, n), address) && (address.n == n || address.n + 1 == n);
}

static void add_hosts(
        struct dns_reply *r, struct dns_pool *pool, struct dns_instance *in, struct slice datacenter, dur_ns ttl)
{
	struct seen seen = {.a = r->run->a};
	int64_t hosts = 0;
	do {
		struct slice address = in->address.n ? in->address : dns_node_address(r->run, datacenter, in->node);
		if (is_asked_name(r, address))
			address = in->node->address;
		if (!seen_note(&seen, (struct seen_key){.a = address}))
			continue;
		if (dns_add_address(r, &r->answer, in->node, address, r->name, r->type, ttl) &&
		        ++hosts == r->run->v->set->a_record_limit)
			return;
	} while (!dns_stopped(r->run) && !dns_reply_enough(r) && dns_pool_next(pool, in));
}

/* An SRV record needs a name: an address of the service's own becomes one in the domain, in hex. */
static struct dns_name address_name(struct dns_run *run, const struct dns_record *rr, struct slice datacenter)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * IP_BYTES];
	size_t n = rr->type == DNS_A ? 4 : IP_BYTES;
	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[rr->ip[i] >> 4];
		hex[2 * i + 1] = digits[rr->ip[i] & 15];
	}
	return dns_name_build(run, slice_at(hex, 2 * n), S("addr"), datacenter);
}

static void add_srv(struct dns_reply *r, const struct dns_instance *in, struct slice datacenter, dur_ns ttl)
{
	struct dns_run *run = r->run;
	struct slice address = in->address.n ? in->address : dns_node_address(run, datacenter, in->node);
	struct dns_name target = dns_name_build(run, in->node->name, S("node"), datacenter);
	uint32_t before = r->extra.n;
	size_t size = r->extra.size;
	unsigned n = dns_add_address(r, &r->extra, in->node, address, target, DNS_ANY, ttl);
	if (n && !slice_eq(address, in->node->address)) {
		struct dns_record *first = &r->extra.at[before];
		if (first->type == DNS_A || first->type == DNS_AAAA) {
			first->owner = target = address_name(run, first, datacenter);
			r->extra.n = before + 1;
			r->extra.size = size + dns_record_measure(first);
		}
	}
	struct dns_record *rr = dns_record_add(r, &r->answer, r->name, DNS_SRV, ttl);
	if (!rr)
		return;
	rr->srv.priority = rr->srv.weight = 1;
	rr->srv.port = (uint16_t)in->port;
	rr->srv.target = target;
	dns_record_done(&r->answer);
}

static void add_srvs(
        struct dns_reply *r, struct dns_pool *pool, struct dns_instance *in, struct slice datacenter, dur_ns ttl)
{
	struct seen seen = {.a = r->run->a};
	do {
		if (seen_note(&seen, (struct seen_key){in->node->name, in->address, in->port}))
			add_srv(r, in, datacenter, ttl);
	} while (!dns_stopped(r->run) && !dns_reply_enough(r) && dns_pool_next(pool, in));
}

static void answer_pool(struct dns_reply *r, struct dns_pool *pool, struct slice datacenter, dur_ns ttl)
{
	struct dns_instance in;
	if (!dns_pool_next(pool, &in)) {
		dns_add_soa(r, &r->authority);
		r->rcode = DNS_NXDOMAIN;
		return;
	}
	if (r->type == DNS_SRV)
		add_srvs(r, pool, &in, datacenter, ttl);
	else
		add_hosts(r, pool, &in, datacenter, ttl);
	dns_reply_trim(r);
	if (!r->answer.n && !r->truncated)
		dns_add_soa(r, &r->authority);
}

/* ---- names ---- */

static dur_ns service_ttl(const struct dns_settings *set, struct slice service)
{
	const struct config_ttl *t = set->service_ttl.items;
	dur_ns star = 0;
	for (uint32_t i = 0; i < set->service_ttl.n; i++) {
		if (slice_eq(t[i].service, service))
			return t[i].ttl;
		if (slice_is(t[i].service, "*"))
			star = t[i].ttl;
	}
	return star;
}

static void not_found(struct dns_reply *r)
{
	dns_add_soa(r, &r->authority);
	r->rcode = DNS_NXDOMAIN;
}

void dns_answer_service(struct dns_reply *r, struct slice datacenter, struct slice name, struct slice tag)
{
	struct dns_pool pool;
	switch (dns_find_service(r, datacenter, name, tag, &pool)) {
	case DNS_FOUND: answer_pool(r, &pool, datacenter, service_ttl(r->run->v->set, name)); break;
	case DNS_FOUND_NOTHING: not_found(r); break;
	case DNS_FOUND_FAILED: dns_rpc_failed(r); break;
	case DNS_FOUND_LATER: break;
	}
}

static dur_ns query_ttl(struct dns_reply *r, struct slice name, const struct dns_fact *fact)
{
	dur_ns ttl = 0;
	if (!fact->ttl.n)
		return service_ttl(r->run->v->set, fact->service);
	if (dur_parse(fact->ttl, &ttl, NULL))
		log_warn(r->run->v->log, "dns: Failed to parse TTL '%.*s' for prepared query '%.*s', ignoring",
		        PS(fact->ttl), PS(name));
	return ttl;
}

void dns_answer_query(struct dns_reply *r, struct slice datacenter, struct slice name)
{
	struct dns_pool pool;
	const struct dns_fact *fact;
	switch (dns_find_query(r, datacenter, name, &pool, &fact)) {
	case DNS_FOUND: answer_pool(r, &pool, fact->datacenter, query_ttl(r, name, fact)); break;
	case DNS_FOUND_NOTHING: not_found(r); break;
	case DNS_FOUND_FAILED: dns_rpc_failed(r); break;
	case DNS_FOUND_LATER: break;
	}
}
