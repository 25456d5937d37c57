#include "core/api/dns.h"

#include "core/api/dns_run.h"

/* ---- settings ---- */

static bool name_before(uint8_t *wire, size_t cap, struct slice label, struct dns_name tail, struct dns_name *out)
{
	size_t n = 0;
	if (!dns_wire_add(wire, cap, &n, label) || !dns_wire_end(wire, cap, &n, tail))
		return false;
	*out = dns_name_plain(wire, n);
	return true;
}

bool dns_settings_domain(struct dns_settings *s, struct slice domain)
{
	static const struct dns_name root = {(const uint8_t *)"", 1, 1};
	struct dns_labels labels;
	size_t n = 0;
	if (!domain.n || !dns_wire_add(s->wire, DNS_WIRE_MAX, &n, domain) ||
	        !dns_wire_end(s->wire, DNS_WIRE_MAX, &n, root))
		return false;
	for (uint8_t *p = s->wire; *p; p += *p + 1)
		for (unsigned i = 1; i <= *p; i++)
			p[i] = (uint8_t)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i]);
	s->domain = dns_name_plain(s->wire, n);
	s->domain_text[dns_name_lower(s->domain, s->domain_text, &labels)] = 0;
	s->soa = (struct dns_soa){.refresh = 3600, .retry = 600, .expire = 86400};
	return name_before(s->server_wire, sizeof(s->server_wire), S("ns"), s->domain, &s->soa.server) &&
	       name_before(s->mailbox_wire, sizeof(s->mailbox_wire), S("hostmaster"), s->domain, &s->soa.mailbox);
}

bool dns_settings_of(struct dns_settings *s, const struct agent_config *c)
{
	*s = (struct dns_settings){
	        .datacenter = c->datacenter,
	        .service_ttl = c->dns_service_ttl,
	        .node_ttl = c->dns_node_ttl,
	        .udp_answer_limit = c->dns_udp_answer_limit,
	        .a_record_limit = c->dns_a_record_limit,
	        .only_passing = c->dns_only_passing,
	        .enable_truncate = c->dns_enable_truncate,
	        .disable_compression = c->dns_disable_compression,
	        .allow_stale = c->dns_allow_stale,
	        .translate_wan = c->translate_wan_addrs,
	        .recursors = c->recursors.n > 0,
	};
	return dns_settings_domain(s, c->domain);
}

/* ---- known ---- */

struct dns_fact *dns_known_add(struct dns_known *k, const struct dns_need *need)
{
	if (k->n == DNS_FACTS_MAX)
		return NULL;
	struct dns_fact *f = &k->facts[k->n];
	*f = (struct dns_fact){.need = *need, .got = DNS_GOT_ABSENT};
	f->need.datacenter = arena_copy(&k->mem, need->datacenter);
	f->need.name = arena_copy(&k->mem, need->name);
	f->need.tag = arena_copy(&k->mem, need->tag);
	if (k->mem.failed)
		return NULL;
	k->n++;
	return f;
}

void dns_known_free(struct dns_known *k)
{
	arena_free(&k->mem);
	k->n = 0;
}

/* ---- who answers ---- */

/* Is the name in the zone, that is equal to it or below it? */
static bool in_zone(struct slice lower, const struct dns_labels *labels, struct slice zone)
{
	if (!slice_ends(lower, zone))
		return false;
	for (unsigned i = 0; i < labels->n; i++)
		if (labels->at[i] == lower.n - zone.n)
			return true;
	return false;
}

/* The zone nearest to the name answers; the recursors, if any, answer the rest. DS records are the parent's, so their
 * questions go as far up as there is somebody to answer. */
static enum dns_handled who_answers(
        const struct dns_settings *set, struct slice lower, const struct dns_labels *labels, uint16_t type)
{
	static const struct slice arpa = S("arpa.");
	struct slice own = slice_of(set->domain_text);
	bool ours = in_zone(lower, labels, own), reverse = in_zone(lower, labels, arpa);
	if (type == DNS_DS && set->recursors)
		return DNS_BY_RECURSOR;
	if (ours && reverse)
		return (own.n > arpa.n) == (type != DNS_DS) ? DNS_BY_DOMAIN : DNS_BY_REVERSE;
	if (ours)
		return DNS_BY_DOMAIN;
	if (reverse)
		return DNS_BY_REVERSE;
	return set->recursors ? DNS_BY_RECURSOR : DNS_BY_NOBODY;
}

static void answer_domain(struct dns_reply *r, struct slice lower, const struct dns_labels *labels)
{
	switch (r->type) {
	case DNS_SOA: dns_answer_soa(r); break;
	case DNS_NS: dns_answer_ns(r); break;
	case DNS_AXFR: r->rcode = DNS_NOTIMP; break;
	default: dns_dispatch(r, lower.p, lower.n, labels);
	}
}

/* ---- writing ---- */

/* What an answer takes over from the question: its opcode, and for a plain query RD and CD. */
static uint16_t echoed(const struct dns_question *q)
{
	uint16_t flags = q->flags & DNS_OPCODE;
	if (!flags)
		flags = q->flags & (DNS_RD | DNS_CD);
	return DNS_QR | flags;
}

static void write_all(struct dns_writer *w, const struct dns_records *records)
{
	for (uint32_t i = 0; i < records->n; i++)
		dns_write_record(w, &records->at[i]);
}

static size_t write_reply(const struct dns_reply *r, const struct dns_question *q, uint8_t *out, size_t cap)
{
	const struct dns_settings *set = r->run->v->set;
	uint16_t flags = echoed(q) | DNS_AA | (r->truncated ? DNS_TC : 0) | (set->recursors ? DNS_RA : 0) | r->rcode;
	struct dns_writer w;
	dns_write_begin(
	        &w, out, cap, q->id, flags, !set->disable_compression, r->answer.n + r->authority.n + r->extra.n);
	dns_write_question(&w, q->name, q->type, q->klass);
	write_all(&w, &r->answer);
	write_all(&w, &r->authority);
	write_all(&w, &r->extra);
	if (q->edns)
		dns_write_opt(&w, q->udp_size);
	return dns_write_end(&w, (const uint16_t[]){1, (uint16_t)r->answer.n, (uint16_t)r->authority.n,
	                                 (uint16_t)(r->extra.n + q->edns)});
}

/* Nothing but an rcode and, when there was one, the question. */
static size_t write_bare(const struct dns_question *q, uint16_t flags, bool asked, bool edns, uint8_t *out, size_t cap)
{
	struct dns_writer w;
	dns_write_begin(&w, out, cap, q->id, flags, false, 0);
	if (asked)
		dns_write_question(&w, q->name, q->type, q->klass);
	if (edns)
		dns_write_opt(&w, q->udp_size);
	return dns_write_end(&w, (const uint16_t[]){asked, 0, 0, edns});
}

static enum dns_verdict written(size_t n, struct dns_result *res)
{
	res->out_n = n;
	return n ? DNS_ANSWER : DNS_SILENCE;
}

static enum dns_verdict finish(
        struct dns_reply *r, const struct dns_question *q, uint8_t *out, size_t cap, struct dns_result *res)
{
	struct dns_run *run = r->run;
	if (run->need.kind) {
		res->need = run->need;
		return DNS_LATER;
	}
	/* without memory it is as if the packet had been lost */
	size_t n = run->bad || run->a->failed ? 0 : write_reply(r, q, out, cap);
	if (!n && !run->a->failed)
		log_warn(run->v->log, "dns: failed to respond: %s", run->bad ? run->bad : "dns: message too large");
	return written(n, res);
}

/* ---- all ---- */

static void run_begin(struct dns_run *run, const struct dns_view *v, const struct dns_known *known, struct arena *a,
        const struct dns_ask *ask, const struct dns_question *q)
{
	*run = (struct dns_run){.v = v, .known = known, .a = a, .client = ask->client, .q = q};
	if (known)
		rand_seed(&run->rand, known->seed);
	else
		run->rand = *v->rand;
}

static void run_end(const struct dns_run *run)
{
	if (!run->known)
		*run->v->rand = run->rand;
}

enum dns_verdict dns_answer(const struct dns_view *v, const struct dns_ask *ask, const struct dns_known *known,
        struct arena *a, uint8_t *out, size_t cap, struct dns_result *res)
{
	struct dns_question q;
	res->out_n = 0;
	res->need.kind = DNS_NEED_NOTHING;
	res->handled = DNS_BY_NOBODY;
	if (!dns_read_question(ask->packet, &q)) {
		if (!ask->tcp && !q.headed)
			return DNS_SILENCE;
		return written(write_bare(&q, DNS_QR | DNS_FORMERR, false, false, out, cap), res);
	}
	if (q.flags & DNS_QR)
		return DNS_SILENCE;
	if (!q.asked)
		return written(write_bare(&q, echoed(&q) | DNS_SERVFAIL, false, false, out, cap), res);

	char text[DNS_TEXT_MAX];
	struct dns_labels labels;
	struct slice lower = {text, dns_name_lower(q.name, text, &labels)};
	res->handled = who_answers(v->set, lower, &labels, q.type);
	if (res->handled == DNS_BY_NOBODY)
		return written(write_bare(&q, echoed(&q) | DNS_SERVFAIL, true, false, out, cap), res);
	if (res->handled == DNS_BY_RECURSOR)
		return DNS_RECURSE;

	struct dns_run run;
	run_begin(&run, v, known, a, ask, &q);
	struct dns_reply r = {.run = &run,
	        .name = q.name,
	        .type = q.type,
	        .edns = q.edns,
	        .tcp = ask->tcp,
	        .udp_size = q.edns ? q.udp_size : 0};
	if (res->handled == DNS_BY_DOMAIN)
		answer_domain(&r, lower, &labels);
	else if (!dns_answer_reverse(&r, lower) && !run.need.kind)
		return DNS_RECURSE;
	run_end(&run);
	return finish(&r, &q, out, cap, res);
}

/* ---- recursors ---- */

struct slice dns_recurse_question(const struct dns_ask *ask)
{
	struct dns_question q;
	return dns_read_question(ask->packet, &q) ? q.packet : ask->packet;
}

size_t dns_recurse_given_up(const struct dns_view *v, const struct dns_ask *ask, uint8_t *out, size_t cap)
{
	struct dns_question q;
	if (!dns_read_question(ask->packet, &q) || !q.asked)
		return 0;
	dns_log_given_up(v->log, ask, &q);
	return write_bare(&q, echoed(&q) | DNS_RA | DNS_SERVFAIL, true, q.edns, out, cap);
}

size_t dns_need_question(const struct dns_need *need, uint16_t id, uint8_t *out, size_t cap)
{
	struct dns_writer w;
	dns_write_begin(&w, out, cap, id, DNS_RD, false, 0);
	dns_write_question(&w, dns_name_plain((const uint8_t *)need->name.p, need->name.n), DNS_A, DNS_CLASS_IN);
	return dns_write_end(&w, (const uint16_t[]){1, 0, 0, 0});
}
