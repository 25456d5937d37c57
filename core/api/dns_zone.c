#include "core/api/dns_run.h"

#include "core/base/text.h"

enum { SERVERS_MAX = 3 };

/* Letters, digits, hyphens and, as the reference has it, backslashes. */
static bool is_host_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
		            c == '\\'))
			return false;
	}
	return true;
}

static void warn_skipped(struct dns_run *run, struct slice name)
{
	char quoted[256];
	log_warn(run->v->log, "dns: Skipping invalid node %s for NS records", quote_cstr(name, quoted, sizeof(quoted)));
}

static struct slice lower(struct dns_run *run, struct slice s)
{
	char *p = arena_alloc(run->a, s.n);
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
	return slice_at(p, p ? s.n : 0);
}

static void add_server(struct dns_reply *r, struct dns_records *to, const struct node *node)
{
	dur_ns ttl = r->run->v->set->node_ttl;
	struct dns_name name =
	        dns_name_build(r->run, lower(r->run, node->name), S("node"), lower(r->run, node->datacenter));
	struct dns_record *rr = dns_record_add(r, to, r->run->v->set->domain, DNS_NS, ttl);
	if (!rr)
		return;
	rr->target = name;
	dns_record_done(to);
	dns_add_address(r, &r->extra, NULL, node->address, name, DNS_ANY, ttl);
}

/* Up to three healthy servers, any of them. */
static void add_servers(struct dns_reply *r, struct dns_records *to)
{
	struct dns_run *run = r->run;
	struct dns_pool pool;
	enum dns_found found = dns_find_service(r, run->v->set->datacenter, S("consul"), S_NONE, &pool);
	if (found == DNS_FOUND_LATER)
		return;
	if (found == DNS_FOUND_FAILED) {
		log_warn(run->v->log, "dns: Unable to get list of servers: %.*s", PS(run->why));
		return;
	}
	struct dns_instance in;
	bool any = false;
	for (unsigned n = 0; found == DNS_FOUND && n < SERVERS_MAX && dns_pool_next(&pool, &in);) {
		any = true;
		if (!is_host_name(in.node->name)) {
			warn_skipped(run, in.node->name);
			continue;
		}
		add_server(r, to, in.node);
		n++;
	}
	if (!any)
		log_warn(run->v->log, "dns: no servers found");
}

void dns_answer_soa(struct dns_reply *r)
{
	dns_add_soa(r, &r->answer);
	add_servers(r, &r->authority);
}

void dns_answer_ns(struct dns_reply *r)
{
	add_servers(r, &r->answer);
}
