#include "core/agent/config_template.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/num.h"
#include "core/base/pattern.h"
#include "core/base/slice.h"

bool config_network_parse(struct slice text, struct ip *network, unsigned *bits)
{
	ptrdiff_t slash = slice_find(text, '/');
	int64_t n;
	if (slash < 0 || !ip_parse(slice_cut(text, 0, (size_t)slash), network) ||
	        num_i64(slice_from(text, (size_t)slash + 1), &n, NULL) || n < 0)
		return false;
	unsigned most = ip_is_v4(network) ? 32 : 128;
	*bits = (unsigned)n + (128 - most); /* IPv4 lies in the last 32 bits */
	return n <= most;
}

bool config_network_has(const struct ip *network, unsigned bits, const struct ip *ip)
{
	if (ip_is_v4(network) != ip_is_v4(ip) || memcmp(network->b, ip->b, bits / 8) != 0)
		return false;
	unsigned left = bits % 8;
	return !left || ((network->b[bits / 8] ^ ip->b[bits / 8]) >> (8 - left)) == 0;
}

/* ---- what a template computes with: a text, or a choice of the machine's addresses ---- */

enum { CHOICE_MAX = 256, ARGS_MAX = 4, NESTING_MAX = 16 };

struct choice {
	const struct config_interface *at[CHOICE_MAX];
	size_t n;
};

struct result {
	bool is_text;
	struct slice text;
	struct choice choice;
};

struct template
{
	struct slice in; /* what is still to be read */
	const struct config_facts *facts;
	struct arena *arena;
	struct fail *fail;
	unsigned nesting;
};

static enum err trouble(struct template *t, const char *what, struct slice word)
{
	return fail_set(t->fail, ERR_INVALID, "unable to parse template: %s \"%.*s\"", what, PS(word));
}

/* ---- properties of addresses ---- */

static const char *const rfc_1918[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", NULL};
static const char *const rfc_6598[] = {"100.64.0.0/10", NULL};
/* RFC 6890: special-purpose registries; "not to be forwarded" are the first few. */
static const char *const rfc_6890[] = {
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "::1/128",
        "::/128",
        "64:ff9b::/96",
        "100::/64",
        "2001::/16",
        "2002::/16",
        "fc00::/7",
        "fe80::/10",
        NULL,
};
static const char *const not_forwarded[] = {
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/29",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "255.255.255.255/32",
        "::1/128",
        "::/128",
        "2001:db8::/32",
        "fe80::/10",
        "ff00::/8",
        "224.0.0.0/4",
        NULL,
};

static bool address_within(const struct config_interface *in, const char *const *networks)
{
	struct ip ip, network;
	unsigned bits;
	if (!ip_parse(in->ip, &ip))
		return false;
	for (; *networks; networks++)
		if (config_network_parse(slice_of(*networks), &network, &bits) &&
		        config_network_has(&network, bits, &ip))
			return true;
	return false;
}

static bool address_is_v4(const struct config_interface *in)
{
	struct ip ip;
	return ip_parse(in->ip, &ip) && ip_is_v4(&ip);
}

static bool has_rfc(const struct config_interface *in, struct slice number)
{
	return (slice_is(number, "1918") && address_within(in, rfc_1918)) ||
	       (slice_is(number, "6598") && address_within(in, rfc_6598)) ||
	       (slice_is(number, "6890") && address_within(in, rfc_6890));
}

static bool has_flag(const struct config_interface *in, struct slice flag)
{
	return (slice_eq_fold(flag, S("forwardable")) && !address_within(in, not_forwarded)) ||
	       (slice_eq_fold(flag, S("up")) && in->up) || (slice_eq_fold(flag, S("down")) && !in->up) ||
	       (slice_eq_fold(flag, S("loopback")) && in->loopback);
}

static bool has_type(const struct config_interface *in, struct slice type)
{
	return slice_eq_fold(type, S("ip")) || slice_eq_fold(type, address_is_v4(in) ? S("ipv4") : S("ipv6"));
}

static bool has_network(const struct config_interface *in, struct slice text)
{
	struct ip ip, network;
	unsigned bits;
	return config_network_parse(text, &network, &bits) && ip_parse(in->ip, &ip) &&
	       config_network_has(&network, bits, &ip);
}

static bool has_size(const struct config_interface *in, struct slice text)
{
	int64_t bits;
	return !num_i64(slice_starts(text, S("/")) ? slice_from(text, 1) : text, &bits, NULL) &&
	       bits == (int64_t)in->prefix_len;
}

static bool matches(struct slice expression, struct slice text)
{
	struct pattern *p;
	if (pattern_compile(expression, &p, NULL))
		return false;
	bool found = pattern_match(p, text);
	pattern_free(p);
	return found;
}

static bool has_name(const struct config_interface *in, struct slice expression)
{
	return matches(expression, in->name);
}

static bool has_address(const struct config_interface *in, struct slice expression)
{
	return matches(expression, in->ip);
}

static const struct selector {
	const char *name;
	bool (*has)(const struct config_interface *, struct slice);
	bool alternatives; /* "a|b" means either */
} selectors[] = {
        {"address", has_address, false},
        {"flag", has_flag, true},
        {"flags", has_flag, true},
        {"name", has_name, false},
        {"network", has_network, false},
        {"rfc", has_rfc, true},
        {"rfcs", has_rfc, true},
        {"size", has_size, false},
        {"type", has_type, true},
};

static bool selected(const struct selector *s, const struct config_interface *in, struct slice param)
{
	if (!s->alternatives)
		return s->has(in, param);
	while (param.n)
		if (s->has(in, slice_next(&param, '|')))
			return true;
	return false;
}

static void choice_filter(struct choice *c, const struct selector *s, struct slice param, bool keep)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++)
		if (selected(s, c->at[i], param) == keep)
			c->at[n++] = c->at[i];
	c->n = n;
}

static const struct selector *selector_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(selectors); i++)
		if (slice_eq_fold(name, slice_of(selectors[i].name)))
			return &selectors[i];
	return NULL;
}

static void choice_with(struct choice *c, const char *selector, struct slice param, bool keep)
{
	choice_filter(c, selector_find(slice_of(selector)), param, keep);
}

/* ---- order ---- */

static int order_by(const struct config_interface *x, const struct config_interface *y, struct slice what)
{
	if (slice_is(what, "default"))
		return (int)y->is_default - (int)x->is_default;
	if (slice_is(what, "private"))
		return (int)address_within(y, rfc_6890) - (int)address_within(x, rfc_6890);
	if (slice_is(what, "size"))
		return (int)x->prefix_len - (int)y->prefix_len;
	if (slice_is(what, "type"))
		return (int)address_is_v4(y) - (int)address_is_v4(x);
	if (slice_is(what, "name"))
		return slice_cmp(x->name, y->name);
	struct ip a = {0}, b = {0};
	ip_parse(x->ip, &a);
	ip_parse(y->ip, &b);
	return memcmp(a.b, b.b, IP_BYTES);
}

/* Stable insertion: clauses "+type,-size" from the most important on. */
static void choice_sort(struct choice *c, struct slice clauses)
{
	for (size_t i = 1; i < c->n; i++) {
		const struct config_interface *x = c->at[i];
		size_t j = i;
		for (; j > 0; j--) {
			struct slice rest = clauses;
			int order = 0;
			while (!order && rest.n) {
				struct slice clause = slice_trim(slice_next(&rest, ','));
				bool down = slice_starts(clause, S("-"));
				if (down || slice_starts(clause, S("+")))
					clause = slice_from(clause, 1);
				order = order_by(c->at[j - 1], x, clause) * (down ? -1 : 1);
			}
			if (order <= 0)
				break;
			c->at[j] = c->at[j - 1];
		}
		c->at[j] = x;
	}
}

/* ---- functions ---- */

static struct choice all_addresses(const struct template *t)
{
	struct choice c = {.n = 0};
	for (size_t i = 0; i < t->facts->interface_count && c.n < CHOICE_MAX; i++)
		c.at[c.n++] = &t->facts->interfaces[i];
	return c;
}

static struct choice by_kind(const struct template *t, bool private)
{
	struct choice c = all_addresses(t);
	choice_with(&c, "flag", S("forwardable"), true);
	choice_with(&c, "flag", S("up"), true);
	choice_sort(&c, S("default,type,size"));
	choice_with(&c, "rfc", S("6890"), private);
	return c;
}

static struct slice attribute(struct template *t, const struct config_interface *in, struct slice name)
{
	if (slice_eq_fold(name, S("name")))
		return in->name;
	if (slice_eq_fold(name, S("type")))
		return address_is_v4(in) ? S("IPv4") : S("IPv6");
	if (slice_eq_fold(name, S("size")))
		return arena_str(t->arena, "%u", in->prefix_len);
	if (slice_eq_fold(name, S("string")))
		return arena_str(t->arena, "%.*s/%u", PS(in->ip), in->prefix_len);
	return in->ip;
}

static struct slice joined(struct template *t, const struct choice *c, struct slice attr, struct slice between)
{
	struct buf b = {0};
	for (size_t i = 0; i < c->n; i++) {
		if (i)
			buf_slice(&b, between);
		buf_slice(&b, attribute(t, c->at[i], attr));
	}
	struct slice s = arena_copy(t->arena, buf_view(&b));
	buf_free(&b);
	return s;
}

static void text_result(struct result *r, struct slice text)
{
	r->is_text = true;
	r->text = text;
}

static void first_or_all(struct template *t, struct result *r, bool all)
{
	if (!all && r->choice.n > 1)
		r->choice.n = 1;
	text_result(r, joined(t, &r->choice, S("address"), S(" ")));
}

enum source { GET_ALL, GET_DEFAULT, GET_PRIVATE, GET_PUBLIC };

static void get_interfaces(struct template *t, struct result *r, enum source from)
{
	r->is_text = false;
	if (from == GET_PRIVATE || from == GET_PUBLIC) {
		r->choice = by_kind(t, from == GET_PRIVATE);
		return;
	}
	r->choice = all_addresses(t);
	size_t n = 0;
	for (size_t i = 0; i < r->choice.n; i++)
		if (from == GET_ALL || r->choice.at[i]->is_default)
			r->choice.at[n++] = r->choice.at[i];
	r->choice.n = n;
}

static void get_ips(struct template *t, struct result *r, bool private)
{
	r->choice = all_addresses(t);
	choice_sort(&r->choice, S("type,size"));
	choice_with(&r->choice, "rfc", S("6890"), private);
	if (private)
		choice_with(&r->choice, "flag", S("forwardable"), true);
	first_or_all(t, r, true);
}

static void get_named(struct template *t, struct result *r, struct slice pattern, bool all)
{
	r->choice = all_addresses(t);
	choice_with(&r->choice, "name", pattern, true);
	if (!all)
		choice_with(&r->choice, "flag", S("forwardable"), true);
	choice_sort(&r->choice, S("type,size"));
	first_or_all(t, r, all);
}

/* Functions without arguments. False: it is none of them. */
static bool call_source(struct template *t, struct slice name, struct result *r)
{
	if (slice_is(name, "GetAllInterfaces"))
		get_interfaces(t, r, GET_ALL);
	else if (slice_is(name, "GetDefaultInterfaces"))
		get_interfaces(t, r, GET_DEFAULT);
	else if (slice_is(name, "GetPrivateInterfaces"))
		get_interfaces(t, r, GET_PRIVATE);
	else if (slice_is(name, "GetPublicInterfaces"))
		get_interfaces(t, r, GET_PUBLIC);
	else if (slice_is(name, "GetPrivateIPs") || slice_is(name, "GetPublicIPs"))
		get_ips(t, r, slice_is(name, "GetPrivateIPs"));
	else if (slice_is(name, "GetPrivateIP") || slice_is(name, "GetPublicIP")) {
		r->choice = by_kind(t, slice_is(name, "GetPrivateIP"));
		first_or_all(t, r, false);
	} else
		return false;
	return true;
}

static void choice_unique(struct template *t, struct choice *c, struct slice attr)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++)
		if (!n || !slice_eq(attribute(t, c->at[n - 1], attr), attribute(t, c->at[i], attr)))
			c->at[n++] = c->at[i];
	c->n = n;
}

static void choice_part(struct choice *c, size_t from, size_t n)
{
	from = from < c->n ? from : c->n;
	n = n < c->n - from ? n : c->n - from;
	memmove(c->at, c->at + from, n * sizeof(c->at[0]));
	c->n = n;
}

/* Functions with arguments; what stands before the pipe is r already. */
static enum err call(struct template *t, struct slice name, const struct slice *args, size_t n, struct result *r)
{
	int64_t number = 0;
	if (!n)
		return call_source(t, name, r) ? OK : trouble(t, "function not defined:", name);
	if (slice_is(name, "GetInterfaceIP") || slice_is(name, "GetInterfaceIPs")) {
		get_named(t, r, args[0], slice_is(name, "GetInterfaceIPs"));
		return OK;
	}
	if (r->is_text)
		return trouble(t, "no addresses for", name);
	if ((slice_is(name, "include") || slice_is(name, "exclude")) && n == 2 && selector_find(args[0]))
		choice_filter(&r->choice, selector_find(args[0]), args[1], slice_is(name, "include"));
	else if (slice_is(name, "sort"))
		choice_sort(&r->choice, args[0]);
	else if (slice_is(name, "unique"))
		choice_unique(t, &r->choice, args[0]);
	else if (slice_is(name, "attr"))
		text_result(r, r->choice.n ? attribute(t, r->choice.at[0], args[0]) : S(""));
	else if (slice_is(name, "join") && n == 2)
		text_result(r, joined(t, &r->choice, args[0], args[1]));
	else if (slice_is(name, "limit") && !num_i64(args[0], &number, NULL) && number >= 0)
		choice_part(&r->choice, 0, (size_t)number);
	else if (slice_is(name, "offset") && !num_i64(args[0], &number, NULL) && number >= 0)
		choice_part(&r->choice, (size_t)number, CHOICE_MAX);
	else
		return trouble(t, "function not defined:", name);
	return OK;
}

/* ---- reading ---- */

static void skip_blanks(struct template *t)
{
	while (t->in.n && strchr(" \t\r\n", t->in.p[0]))
		t->in = slice_from(t->in, 1);
}

static bool ends_word(char c)
{
	return strchr(" \t\r\n|()}\"`", c) != NULL;
}

static struct slice read_word(struct template *t)
{
	size_t n = 0;
	while (n < t->in.n && !ends_word(t->in.p[n]))
		n++;
	struct slice word = slice_cut(t->in, 0, n);
	t->in = slice_from(t->in, n);
	return word;
}

static enum err read_quoted(struct template *t, struct slice *out)
{
	char quote = t->in.p[0];
	char *text = arena_alloc(t->arena, t->in.n);
	size_t n = 0, i = 1;
	for (; text && i < t->in.n && t->in.p[i] != quote; i++) {
		if (quote == '"' && t->in.p[i] == '\\' && i + 1 < t->in.n)
			i++;
		text[n++] = t->in.p[i];
	}
	if (!text || i >= t->in.n)
		return trouble(t, "unterminated string", t->in);
	t->in = slice_from(t->in, i + 1);
	*out = slice_at(text, n);
	return OK;
}

static enum err read_pipeline(struct template *t, struct result *r);

static enum err read_group(struct template *t, struct result *r)
{
	t->in = slice_from(t->in, 1);
	enum err e = read_pipeline(t, r);
	if (e)
		return e;
	if (!t->in.n || t->in.p[0] != ')')
		return trouble(t, "unclosed parenthesis before", t->in);
	t->in = slice_from(t->in, 1);
	return OK;
}

static bool at_end_of_command(const struct template *t)
{
	return !t->in.n || strchr("|)}", t->in.p[0]) || slice_starts(t->in, S("-}}"));
}

/* name arg … : arguments are texts; a parenthesis as the last one takes the place of what stands before the pipe. */
static enum err read_command(struct template *t, struct result *r)
{
	struct slice args[ARGS_MAX], name = S_NONE;
	size_t n = 0;
	enum err e = OK;
	skip_blanks(t);
	if (t->in.n && (t->in.p[0] == '"' || t->in.p[0] == '`')) {
		e = read_quoted(t, &name);
		text_result(r, name);
		return e;
	}
	if (t->in.n && t->in.p[0] == '(')
		return read_group(t, r);
	name = read_word(t);
	if (!name.n)
		return trouble(t, "missing value for command before", t->in);
	if (slice_is(name, ".")) {
		get_interfaces(t, r, GET_ALL);
		return OK;
	}
	for (skip_blanks(t); !e && !at_end_of_command(t); skip_blanks(t)) {
		if (t->in.p[0] == '(')
			e = read_group(t, r);
		else if (n == ARGS_MAX)
			e = trouble(t, "too many arguments of", name);
		else if (t->in.p[0] == '"' || t->in.p[0] == '`')
			e = read_quoted(t, &args[n++]);
		else {
			args[n] = read_word(t);
			e = args[n].n ? OK : trouble(t, "unexpected", t->in);
			n++;
		}
	}
	return e ? e : call(t, name, args, n, r);
}

static enum err read_pipeline(struct template *t, struct result *r)
{
	if (++t->nesting > NESTING_MAX)
		return trouble(t, "nested too deeply before", t->in);
	enum err e = read_command(t, r);
	for (skip_blanks(t); !e && t->in.n && t->in.p[0] == '|'; skip_blanks(t)) {
		t->in = slice_from(t->in, 1);
		e = read_command(t, r);
	}
	t->nesting--;
	return e;
}

/* t->in stands behind "{{"; afterwards behind "}}". */
static enum err read_action(struct template *t, struct buf *out)
{
	struct result *r = ARENA_NEW(t->arena, struct result);
	if (!r)
		return fail_set(t->fail, ERR_NO_MEMORY, "out of memory");
	if (slice_starts(t->in, S("- ")))
		t->in = slice_from(t->in, 2);
	enum err e = read_pipeline(t, r);
	if (e)
		return e;
	if (slice_starts(t->in, S("-}}")))
		t->in = slice_from(t->in, 1);
	if (!slice_starts(t->in, S("}}")))
		return trouble(t, "unclosed action before", t->in);
	t->in = slice_from(t->in, 2);
	buf_slice(out, r->is_text ? r->text : joined(t, &r->choice, S("address"), S(" ")));
	return OK;
}

enum err config_template(
        struct slice text, const struct config_facts *facts, struct arena *a, struct slice *out, struct fail *f)
{
	struct template t = {.in = text, .facts = facts, .arena = a, .fail = f};
	struct buf b = {0};
	enum err e = OK;
	while (!e && t.in.n) {
		ptrdiff_t open = slice_search(t.in, S("{{"));
		struct slice plain = open < 0 ? t.in : slice_cut(t.in, 0, (size_t)open);
		buf_slice(&b, plain);
		t.in = slice_from(t.in, open < 0 ? t.in.n : (size_t)open + 2);
		if (open >= 0)
			e = read_action(&t, &b);
	}
	*out = arena_copy(a, buf_view(&b));
	buf_free(&b);
	return e;
}
