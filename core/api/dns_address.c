#include "core/api/dns_run.h"

enum {
	FOLLOWED_MAX = 5,    /* records behind a CNAME, when the asker has no EDNS */
	TXT_TEXT_MAX = 1025, /* the library's buffer for one string */
	TXT_STRING_MAX = 255,
};

/* ---- TXT: metadata ---- */

/* A text on the stack; `n` counts on when it is full. */
struct text {
	size_t n;
	char p[TXT_TEXT_MAX];
};

static void put(struct text *t, char c)
{
	if (t->n < sizeof(t->p))
		t->p[t->n] = c;
	t->n++;
}

/* Adds `s` with each character of `special` behind a backquote. */
static void put_quoted(struct text *t, struct slice s, const char *special)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] && strchr(special, s.p[i]))
			put(t, '`');
		put(t, s.p[i]);
	}
}

static size_t blanks_before(struct slice s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] == ' ')
		n++;
	return n;
}

static size_t blanks_behind(struct slice s)
{
	size_t n = 0;
	while (n < s.n && s.p[s.n - 1 - n] == ' ')
		n++;
	return n;
}

/* RFC 1464: key=value, where blanks around the key, = in it and ` anywhere are quoted. */
static void put_attribute(struct text *t, const struct pair *p)
{
	struct slice key = p->key;
	size_t before = blanks_before(key), behind = blanks_behind(slice_from(key, before));
	put_quoted(t, slice_cut(key, 0, before), " ");
	if (before && before == key.n) { /* nothing but blanks: the last one is quoted from behind, too */
		t->n--;
		put_quoted(t, S(" "), " ");
	}
	put_quoted(t, slice_cut(key, before, key.n - behind), "`=");
	put_quoted(t, slice_cut(key, key.n - behind, key.n), " ");
	put(t, '=');
	put_quoted(t, p->val, "`");
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A text as one string of a TXT record, backslashes undone; its length, or -1 when it is too long. */
static int string_of(struct slice text, uint8_t out[static TXT_STRING_MAX])
{
	int n = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned c = (uint8_t)text.p[i];
		if (c == '\\') {
			if (++i == text.n)
				break;
			const char *d = text.p + i;
			c = (uint8_t)*d;
			if (i + 2 < text.n && is_digit(d[0]) && is_digit(d[1]) && is_digit(d[2])) {
				c = (unsigned)((d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0')) & 0xff;
				i += 2;
			}
		}
		if (n == TXT_STRING_MAX)
			return -1;
		out[n++] = (uint8_t)c;
	}
	return n;
}

static void add_txt(struct dns_reply *r, struct dns_records *to, struct slice text, struct dns_name owner, dur_ns ttl)
{
	uint8_t bytes[TXT_STRING_MAX];
	int n = text.n <= TXT_TEXT_MAX ? string_of(text, bytes) : -1;
	uint8_t *string = n >= 0 ? arena_alloc(r->run->a, (size_t)n + 1) : NULL;
	struct dns_record *rr = string ? dns_record_add(r, to, owner, DNS_TXT, ttl) : NULL;
	if (n < 0)
		r->run->bad =
		        text.n > TXT_TEXT_MAX ? "dns: buffer size too small" : "dns: string exceeded 255 bytes in txt";
	if (!rr)
		return;
	string[0] = (uint8_t)n;
	memcpy(string + 1, bytes, (size_t)n);
	rr->txt.strings = slice_at(string, (size_t)n + 1);
	rr->txt.text_n = (uint32_t)text.n + 1;
	dns_record_done(to);
}

static void add_metadata(
        struct dns_reply *r, struct dns_records *to, const struct node *node, struct dns_name owner, dur_ns ttl)
{
	static const struct slice bare = S("rfc1035-");
	const struct pair *p = node->meta.items;
	for (uint32_t i = 0; i < node->meta.n; i++) {
		if (slice_eq_fold(slice_cut(p[i].key, 0, bare.n), bare)) {
			add_txt(r, to, p[i].val, owner, ttl);
			continue;
		}
		struct text text;
		text.n = 0;
		put_attribute(&text, &p[i]);
		add_txt(r, to, slice_at(text.p, text.n), owner, ttl);
	}
}

/* ---- CNAME: names in place of addresses ---- */

static bool is_followed(uint16_t type)
{
	return type == DNS_CNAME || type == DNS_A || type == DNS_AAAA || type == DNS_TXT;
}

static struct dns_name keep_name(struct dns_run *run, struct dns_name name)
{
	struct slice copy = arena_copy(run->a, slice_at(name.wire, name.n));
	name.wire = (const uint8_t *)copy.p;
	return name;
}

/* How many bytes the strings of a TXT record measure as text. */
static uint32_t measure_strings(struct slice s)
{
	uint32_t n = 0;
	for (size_t at = 0; at < s.n; at += 1 + (size_t)(uint8_t)s.p[at]) {
		n++;
		for (size_t i = 1; i <= (uint8_t)s.p[at]; i++) {
			uint8_t c = (uint8_t)s.p[at + i];
			n += c == '"' || c == '\\' ? 2 : c < 32 || c > 127 ? 4 : 1;
		}
	}
	return n;
}

/* The name in the data of a CNAME, which have been looked through. */
static struct dns_name target_of(struct dns_run *run, struct slice msg, struct slice data)
{
	uint8_t wire[DNS_WIRE_MAX + 1];
	size_t at = (size_t)(data.p - msg.p);
	struct dns_name target;
	if (dns_read_name(slice_cut(msg, 0, at + data.n), &at, wire, &target))
		return (struct dns_name){(const uint8_t *)"", 1, 1};
	return keep_name(run, target);
}

/* Copies a record of a recursor's message. */
static void add_copy(struct dns_reply *r, struct dns_records *to, struct slice msg, const struct dns_record_view *from)
{
	struct dns_run *run = r->run;
	struct dns_record *rr = dns_record_add(r, to, keep_name(run, from->owner), from->type, 0);
	if (!rr)
		return;
	rr->klass = from->klass;
	rr->ttl = from->ttl;
	if (from->type == DNS_CNAME) {
		rr->target = target_of(run, msg, from->data);
	} else if (from->type == DNS_TXT) {
		rr->txt.strings = arena_copy(run->a, from->data);
		rr->txt.text_n = measure_strings(from->data);
	} else {
		memcpy(rr->ip, from->data.p, from->data.n);
	}
	dns_record_done(to);
}

/* The answers of a recursor. */
static void follow_outside(struct dns_reply *r, struct dns_records *to, struct dns_name target)
{
	if (!r->run->v->set->recursors)
		return;
	struct dns_need need = {.kind = DNS_NEED_NAME, .name = slice_at(target.wire, target.n)};
	const struct dns_fact *fact = dns_fact_for(r->run, &need);
	struct dns_reader reader;
	if (!fact || fact->got != DNS_GOT || !dns_read(&reader, fact->reply))
		return;
	uint8_t wire[DNS_WIRE_MAX + 1];
	struct dns_name name;
	uint16_t type, klass;
	while (dns_read_asked(&reader, &name, wire, &type, &klass))
		;
	struct dns_record_view rr;
	for (unsigned n = 0; (n < FOLLOWED_MAX || r->edns) && dns_read_record(&reader, &rr) && rr.section == 1;) {
		if (!is_followed(rr.type) || (!rr.data.n && rr.type != DNS_TXT))
			continue;
		add_copy(r, to, fact->reply, &rr);
		n++;
	}
}

/* The answers that the same name, asked for ANY, would get from us without EDNS. */
static void follow_inside(struct dns_reply *r, struct dns_records *to, struct dns_name target, const char *lower,
        size_t lower_n, const struct dns_labels *labels)
{
	/* a name that leads to itself ends here; the reference would never end */
	if (r->depth == DNS_DEPTH_MAX)
		return;
	struct dns_reply inner = {.run = r->run, .name = target, .type = DNS_ANY, .depth = (uint8_t)(r->depth + 1)};
	dns_dispatch(&inner, lower, lower_n, labels);
	for (uint32_t i = 0, n = 0; i < inner.answer.n && (n < FOLLOWED_MAX || r->edns); i++) {
		const struct dns_record *from = &inner.answer.at[i];
		if (!is_followed(from->type))
			continue;
		struct dns_record *rr = dns_record_add(r, to, from->owner, from->type, 0);
		if (!rr)
			return;
		*rr = *from;
		dns_record_done(to);
		n++;
	}
}

static void add_cname(
        struct dns_reply *r, struct dns_records *to, struct slice address, struct dns_name owner, dur_ns ttl)
{
	struct dns_name target = dns_name_from(r->run, address);
	struct dns_record *rr = dns_record_add(r, to, owner, DNS_CNAME, ttl);
	if (!rr || r->run->bad)
		return;
	rr->target = target;
	dns_record_done(to);

	if (target.n > DNS_WIRE_MAX)
		return;
	char lower[DNS_TEXT_MAX];
	struct dns_labels labels;
	struct slice text = {lower, dns_name_lower(target, lower, &labels)};
	struct slice domain = slice_of(r->run->v->set->domain_text);
	bool inside = text.n > domain.n && slice_ends(text, domain) && text.p[text.n - domain.n - 1] == '.';
	if (inside)
		follow_inside(r, to, target, lower, text.n, &labels);
	else
		follow_outside(r, to, target);
}

/* ---- all ---- */

struct slice dns_node_address(const struct dns_run *run, struct slice datacenter, const struct node *node)
{
	const struct dns_settings *set = run->v->set;
	if (!set->translate_wan || slice_eq(datacenter, set->datacenter))
		return node->address;
	const struct pair *tagged = node->tagged_addresses.items;
	for (uint32_t i = 0; i < node->tagged_addresses.n; i++)
		if (slice_is(tagged[i].key, "wan") && tagged[i].val.n)
			return tagged[i].val;
	return node->address;
}

static void add_ip(
        struct dns_reply *r, struct dns_records *to, const struct ip *ip, bool v4, struct dns_name owner, dur_ns ttl)
{
	struct dns_record *rr = dns_record_add(r, to, owner, v4 ? DNS_A : DNS_AAAA, ttl);
	if (!rr)
		return;
	if (v4)
		memcpy(rr->ip, ip_v4(ip), 4);
	else
		memcpy(rr->ip, ip->b, IP_BYTES);
	dns_record_done(to);
}

unsigned dns_add_address(struct dns_reply *r, struct dns_records *to, const struct node *node, struct slice address,
        struct dns_name owner, uint16_t type, dur_ns ttl)
{
	uint32_t before = to->n;
	bool any = type == DNS_ANY;
	struct ip ip;
	if (ip_parse(address, &ip)) {
		bool v4 = ip_is_v4(&ip);
		if (any || type == (v4 ? DNS_A : DNS_AAAA))
			add_ip(r, to, &ip, v4, owner, ttl);
	} else if (any || is_followed(type)) {
		add_cname(r, to, address, owner, ttl);
	}
	if (node && (any || type == DNS_TXT))
		add_metadata(r, to, node, owner, ttl);
	return to->n - before;
}
