#include "core/api/dns_run.h"

/* ---- records ---- */

struct dns_record *dns_record_add(
        struct dns_reply *r, struct dns_records *to, struct dns_name owner, uint16_t type, dur_ns ttl)
{
	if (to->n == to->cap) {
		uint32_t cap = to->cap ? to->cap * 4 : 8;
		struct dns_record *bigger = arena_alloc(r->run->a, cap * sizeof(*bigger));
		if (!bigger)
			return NULL;
		if (to->n)
			memcpy(bigger, to->at, to->n * sizeof(*bigger));
		to->at = bigger;
		to->cap = cap;
	}
	struct dns_record *rr = &to->at[to->n++];
	rr->owner = owner;
	rr->type = type;
	rr->klass = DNS_CLASS_IN;
	rr->ttl = (uint32_t)(ttl / NS_PER_S);
	return rr;
}

static const char bad_name[] = "dns: bad rdata";

struct dns_name dns_name_build(struct dns_run *run, struct slice a, struct slice b, struct slice c)
{
	const struct slice parts[] = {a, b, c};
	struct dns_name tail = run->v->set->domain;
	uint8_t *wire = arena_alloc(run->a, a.n + b.n + c.n + tail.n + 8);
	size_t n = 0, cap = a.n + b.n + c.n + tail.n + 8, text_n = 0;
	for (size_t i = 0; wire && i < ARRAY_LEN(parts); i++) {
		if (i == 1 && !parts[i].n)
			continue;
		if (!dns_wire_add(wire, cap, &n, parts[i]) || parts[i].p[parts[i].n - 1] == '.') {
			run->bad = bad_name;
			return tail;
		}
		text_n += parts[i].n + 1;
	}
	if (!wire || n + tail.n > DNS_BUILT_MAX || !dns_wire_end(wire, cap, &n, tail)) {
		run->bad = bad_name;
		return tail;
	}
	return (struct dns_name){wire, (uint16_t)n, (uint16_t)(text_n + tail.text_n)};
}

struct dns_name dns_name_from(struct dns_run *run, struct slice text)
{
	static const struct dns_name root = {(const uint8_t *)"", 1, 1};
	size_t n = 0, cap = text.n + 3;
	uint8_t *wire = arena_alloc(run->a, cap);
	bool dotted = text.n && text.p[text.n - 1] == '.';
	if (!text.n || (dotted && text.n == 1))
		return root;
	if (!wire || !dns_wire_add(wire, cap, &n, text) || n + 1 > DNS_BUILT_MAX ||
	        !dns_wire_end(wire, cap, &n, root)) {
		run->bad = bad_name;
		return root;
	}
	return (struct dns_name){wire, (uint16_t)n, (uint16_t)(text.n + !dotted)};
}

void dns_add_soa(struct dns_reply *r, struct dns_records *to)
{
	const struct dns_settings *set = r->run->v->set;
	struct dns_soa *soa = ARENA_NEW(r->run->a, struct dns_soa);
	struct dns_record *rr = soa ? dns_record_add(r, to, set->domain, DNS_SOA, 0) : NULL;
	if (!rr)
		return;
	*soa = set->soa;
	soa->serial = (uint32_t)(r->run->v->now / NS_PER_S);
	rr->soa = soa;
	dns_record_done(to);
}

/* ---- how much ---- */

enum {
	UDP_SIZE = 512, /* without EDNS */
	UDP_ANSWERS_MAX = 8,
	TCP_SIZE = 65533,
	TCP_ANSWERS_MAX = 2048,
	TCP_SRV_MAX = 640,
};

static size_t size_limit(const struct dns_reply *r)
{
	if (r->tcp)
		return TCP_SIZE;
	return r->edns && r->udp_size > UDP_SIZE ? r->udp_size : UDP_SIZE;
}

/* The number is limited only where the size is that of old. */
static size_t count_limit(const struct dns_reply *r)
{
	if (r->tcp)
		return r->type == DNS_SRV ? TCP_SRV_MAX : TCP_ANSWERS_MAX;
	int64_t wanted = r->run->v->set->udp_answer_limit;
	if (size_limit(r) > UDP_SIZE)
		return SIZE_MAX;
	return wanted < UDP_ANSWERS_MAX ? (size_t)wanted : UDP_ANSWERS_MAX;
}

static size_t base_size(const struct dns_reply *r)
{
	return DNS_HEADER + dns_question_measure(r->name);
}

static size_t reply_size(const struct dns_reply *r)
{
	return base_size(r) + r->answer.size + r->authority.size + r->extra.size;
}

/* Over TCP everything is looked for: what was left out is counted in the log. */
bool dns_reply_enough(const struct dns_reply *r)
{
	return !r->tcp && (r->answer.n > count_limit(r) || reply_size(r) > size_limit(r));
}

/* ---- additional records for fewer answers ----
 *
 * When answers are cut, each target that is left keeps its first additional record, and the chain of CNAMEs behind
 * that. Names are compared without regard to case. */

struct extra_index {
	const struct dns_records *all;
	uint32_t mask;
	uint32_t *slots; /* place in `all` + 1 */
	bool *taken;
};

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static uint32_t name_hash(struct dns_name n)
{
	uint32_t h = 2166136261u;
	for (unsigned i = 0; i < n.n; i++)
		h = (h ^ fold(n.wire[i])) * 16777619u;
	return h ^ h >> 15;
}

static bool same_name(struct dns_name a, struct dns_name b)
{
	return a.n == b.n && (a.wire == b.wire || slice_eq_fold(slice_at(a.wire, a.n), slice_at(b.wire, b.n)));
}

/* The slot of a name: its first record's, or a free one. */
static uint32_t *extra_slot(const struct extra_index *x, struct dns_name name)
{
	uint32_t i = name_hash(name) & x->mask;
	while (x->slots[i] && !same_name(x->all->at[x->slots[i] - 1].owner, name))
		i = (i + 1) & x->mask;
	return &x->slots[i];
}

static bool extra_index(struct dns_reply *r, const struct dns_records *all, struct extra_index *x)
{
	uint32_t slots = 16;
	while (slots < all->n * 2)
		slots *= 2;
	*x = (struct extra_index){.all = all, .mask = slots - 1};
	x->slots = ARENA_ARRAY(r->run->a, uint32_t, slots);
	x->taken = ARENA_ARRAY(r->run->a, bool, all->n + 1);
	if (!x->slots || !x->taken)
		return false;
	for (uint32_t i = 0; i < all->n; i++) {
		uint32_t *slot = extra_slot(x, all->at[i].owner);
		if (!*slot)
			*slot = i + 1;
	}
	return true;
}

/* What one more answer brings along; adds it to `to`. */
static void extra_follow(
        struct dns_reply *r, struct extra_index *x, const struct dns_record *answer, struct dns_records *to)
{
	if (answer->type != DNS_SRV)
		return;
	for (struct dns_name name = answer->srv.target;;) {
		uint32_t place = *extra_slot(x, name);
		if (!place || x->taken[place - 1])
			return;
		x->taken[place - 1] = true;
		const struct dns_record *rr = &x->all->at[place - 1];
		struct dns_record *copy = dns_record_add(r, to, rr->owner, rr->type, 0);
		if (!copy)
			return;
		*copy = *rr;
		dns_record_done(to);
		if (rr->type != DNS_CNAME)
			return;
		name = rr->target;
	}
}

/* ---- cutting ---- */

/* Keeps the first answers, `most` at most, that together with what they bring along fit into `limit` bytes. A message
 * that is too large before its additional records are looked at loses one answer at least: the caller says so. */
static void cut(struct dns_reply *r, size_t most, size_t limit)
{
	struct dns_records all = r->extra, kept = {0};
	struct extra_index x;
	size_t size = 0, fixed = base_size(r) + r->authority.size;
	uint32_t n = 0, kept_n = 0;
	size_t kept_size = 0;
	if (all.n && !extra_index(r, &all, &x))
		return;
	for (; n < r->answer.n && n < most; n++) {
		size_t one = dns_record_measure(&r->answer.at[n]);
		if (all.n)
			extra_follow(r, &x, &r->answer.at[n], &kept);
		if (fixed + size + one + kept.size > limit)
			break;
		size += one;
		kept_n = kept.n;
		kept_size = kept.size;
	}
	r->answer.n = n;
	r->answer.size = size;
	if (!all.n)
		return;
	r->extra = kept;
	r->extra.n = kept_n;
	r->extra.size = kept_size;
}

static void log_tcp_cut(const struct dns_reply *r, uint32_t n, size_t size)
{
	struct logbuf *log = r->run->v->log;
	if (!dns_log_wanted(log))
		return;
	char text[DNS_TEXT_MAX];
	size_t text_n = dns_name_text(r->name, text);
	log_debug(log, "dns: TCP answer to [{%.*s %d %d}] too large truncated recs:=%d/%d, size:=%d/%d", (int)text_n,
	        text, r->type, r->run->q->klass, (int)r->answer.n, (int)n, (int)reply_size(r), (int)size);
}

/* Answers beyond the number go silently, those beyond the size are told. */
static bool trim_tcp(struct dns_reply *r)
{
	uint32_t n = r->answer.n;
	size_t size = reply_size(r), most = count_limit(r);
	if (r->answer.n > most) {
		r->answer.n = (uint32_t)most;
		r->answer.size = 0;
		for (uint32_t i = 0; i < r->answer.n; i++)
			r->answer.size += dns_record_measure(&r->answer.at[i]);
	}
	if (!r->answer.n || reply_size(r) <= TCP_SIZE)
		return false;
	uint32_t before = r->answer.n;
	cut(r, before - 1, TCP_SIZE);
	if (r->answer.n < before)
		log_tcp_cut(r, n, size);
	return r->answer.n < before;
}

static bool trim_udp(struct dns_reply *r)
{
	size_t most = count_limit(r), limit = size_limit(r);
	uint32_t n = r->answer.n;
	if (n > most)
		cut(r, most, limit);
	else if (n && reply_size(r) > limit)
		cut(r, n - 1, limit);
	return r->answer.n < n;
}

void dns_reply_trim(struct dns_reply *r)
{
	bool trimmed = r->tcp ? trim_tcp(r) : trim_udp(r);
	if (trimmed && r->run->v->set->enable_truncate)
		r->truncated = true;
}
