/* One question under way: what the files of DNS share. Private to core/api/dns*.c.
 *
 * A *run* is one call of dns_answer. A *reply* is one message that is put together in it: the one for the client, and
 * one for each CNAME inside the domain that is followed (those keep only their answers). */
#ifndef CORE_API_DNS_RUN_H
#define CORE_API_DNS_RUN_H

#include "core/api/dns.h"
#include "core/base/slice.h"

enum { DNS_DEPTH_MAX = 8, DNS_BUILT_MAX = 512 };

struct dns_records {
	struct dns_record *at;
	uint32_t n, cap;
	size_t size; /* as measured */
};

struct dns_run {
	const struct dns_view *v;
	const struct dns_known *known;
	struct arena *a;
	struct rand rand;
	struct dns_need need; /* the first that was missing; then everybody returns */
	const char *bad;      /* a record that cannot be written: no answer at all; the library's words */
	struct slice why;     /* of the last DNS_FOUND_FAILED */
	struct ip client;
	const struct dns_question *q; /* the client's */
};

struct dns_reply {
	struct dns_run *run;
	struct dns_name name; /* asked for */
	uint16_t type;
	bool edns, tcp, truncated;
	uint16_t udp_size;
	uint8_t depth;
	enum dns_rcode rcode;
	struct dns_records answer, authority, extra;
};

static inline bool dns_stopped(const struct dns_run *run)
{
	return run->need.kind || run->bad || run->a->failed;
}

/* ---- records (dns_answer.c) ---- */

/* A new record at the end, measured as soon as dns_record_done is called; NULL without memory. */
struct dns_record *dns_record_add(
        struct dns_reply *r, struct dns_records *to, struct dns_name owner, uint16_t type, dur_ns ttl);
static inline void dns_record_done(struct dns_records *to)
{
	to->size += dns_record_measure(&to->at[to->n - 1]);
}
/* The name "<a>.<b>.<c>.<domain>" in the arena; what cannot be a name makes the run `bad`. Empty parts are left out. */
struct dns_name dns_name_build(struct dns_run *run, struct slice a, struct slice b, struct slice c);
/* Any text as a name, the final dot added when it lacks. */
struct dns_name dns_name_from(struct dns_run *run, struct slice text);
void dns_add_soa(struct dns_reply *r, struct dns_records *to);

/* What there is room for: more answers than this need not be looked for. */
bool dns_reply_enough(const struct dns_reply *r);
/* Cuts the answers to what the transport allows. */
void dns_reply_trim(struct dns_reply *r);

/* ---- addresses (dns_address.c) ---- */

/* A node's (or service's) address as records of `owner`: A, AAAA, or a CNAME that is followed; TXT of the node's
 * metadata (`node` may be NULL). Returns how many were added to `to`. */
unsigned dns_add_address(struct dns_reply *r, struct dns_records *to, const struct node *node, struct slice address,
        struct dns_name owner, uint16_t type, dur_ns ttl);

/* The address of a node, as seen from our datacenter (translate_wan_addrs). */
struct slice dns_node_address(const struct dns_run *run, struct slice datacenter, const struct node *node);

/* ---- who is asked (dns_lookup.c) ---- */

enum dns_found { DNS_FOUND, DNS_FOUND_NOTHING, DNS_FOUND_FAILED, DNS_FOUND_LATER };

/* Instances of a service in a random order, one at a time; looked at as late as possible. */
struct dns_pool {
	struct dns_run *run;
	struct slice tag;
	uint32_t n;
	const void **items; /* here: links, struct item; else struct check_service_node */
	enum dns_pool_of { DNS_POOL_HERE, DNS_POOL_SERVICE, DNS_POOL_QUERY } of;
};

struct dns_instance {
	const struct node *node;
	struct slice address; /* the service's own, or empty */
	int64_t port;
};

enum dns_found dns_find_node(struct dns_reply *r, struct slice datacenter, struct slice name, const struct node **out);
enum dns_found dns_find_service(
        struct dns_reply *r, struct slice datacenter, struct slice name, struct slice tag, struct dns_pool *out);
/* The next healthy one; false at the end. */
bool dns_pool_next(struct dns_pool *p, struct dns_instance *out);
/* A prepared query; *fact says more about it. */
enum dns_found dns_find_query(struct dns_reply *r, struct slice datacenter, struct slice name, struct dns_pool *out,
        const struct dns_fact **fact);
/* SERVFAIL for a DNS_FOUND_FAILED, and its line in the log. */
void dns_rpc_failed(struct dns_reply *r);
/* Is there a fact for this need? Else it becomes the run's need and NULL comes back. */
const struct dns_fact *dns_fact_for(struct dns_run *run, const struct dns_need *need);
/* May the catalog of `datacenter` be read here? DNS_FOUND: yes; DNS_FOUND_LATER: it has to be asked for. */
enum dns_found dns_reach(struct dns_run *run, struct slice datacenter);

/* ---- the kinds of names ---- */

/* By the name's labels (dns_dispatch.c); also for a CNAME inside the domain. `lower` is the name's text. */
void dns_dispatch(struct dns_reply *r, const char *lower, size_t n, const struct dns_labels *labels);
/* (dns_service.c) */
void dns_answer_service(struct dns_reply *r, struct slice datacenter, struct slice name, struct slice tag);
void dns_answer_query(struct dns_reply *r, struct slice datacenter, struct slice name);
/* The domain's servers: NS and their addresses (dns_zone.c). */
void dns_answer_soa(struct dns_reply *r);
void dns_answer_ns(struct dns_reply *r);
/* in-addr.arpa and ip6.arpa: false when no node has that address (dns_reverse.c). */
bool dns_answer_reverse(struct dns_reply *r, struct slice lower);

/* (dns_log.c) */
void dns_log_given_up(struct logbuf *log, const struct dns_ask *ask, const struct dns_question *q);

#endif
