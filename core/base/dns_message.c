#include "core/base/dns_message.h"

enum { POINTERS_MAX = 10, LABEL_MAX = 63 };

static const char too_short[] = "dns: buffer size too small";
static const char bad_data[] = "dns: bad rdata";
static const char bad_length[] = "dns: bad rdlength";
const char dns_truncated[] = "dns: failed to unpack truncated message";

/* ---- names ---- */

/* How many bytes more than itself a byte takes in the text of a name. */
static unsigned escape_extra(uint8_t c)
{
	switch (c) {
	case '.':
	case '(':
	case ')':
	case ';':
	case ' ':
	case '@':
	case '"':
	case '\\': return 1;
	default: return c < 32 || c >= 127 ? 3 : 0;
	}
}

const char *dns_read_name(struct slice msg, size_t *at, uint8_t wire[static DNS_WIRE_MAX + 1], struct dns_name *out)
{
	const uint8_t *p = (const uint8_t *)msg.p;
	size_t off = *at, n = 0, extra = 0, behind = 0;
	unsigned pointers = 0;
	for (;;) {
		if (off >= msg.n)
			return too_short;
		unsigned c = p[off++];
		if (!c)
			break;
		if (c <= LABEL_MAX) {
			if (off + c > msg.n)
				return too_short;
			if (n + c + 2 > DNS_WIRE_MAX)
				return "dns: domain name exceeded 255 wire-format octets";
			wire[n++] = (uint8_t)c;
			for (unsigned i = 0; i < c; i++) {
				wire[n++] = p[off + i];
				extra += escape_extra(p[off + i]);
			}
			off += c;
			continue;
		}
		if (c < 0xc0)
			return bad_data;
		if (off >= msg.n)
			return too_short;
		if (!pointers)
			behind = off + 1;
		if (++pointers > POINTERS_MAX)
			return "dns: too many compression pointers";
		off = (c & 0x3f) << 8 | p[off];
	}
	wire[n++] = 0;
	*at = pointers ? behind : off;
	*out = (struct dns_name){wire, (uint16_t)n, (uint16_t)(n > 1 ? n - 1 + extra : 1)};
	return NULL;
}

static char *put_escaped(char *o, uint8_t c)
{
	unsigned extra = escape_extra(c);
	if (extra)
		*o++ = '\\';
	if (extra < 3) {
		*o++ = (char)c;
		return o;
	}
	*o++ = (char)('0' + c / 100);
	*o++ = (char)('0' + c / 10 % 10);
	*o++ = (char)('0' + c % 10);
	return o;
}

size_t dns_name_text(struct dns_name name, char *out)
{
	char *o = out;
	for (const uint8_t *p = name.wire; *p; p += *p + 1) {
		for (unsigned i = 1; i <= *p; i++)
			o = put_escaped(o, p[i]);
		*o++ = '.';
	}
	if (o == out)
		*o++ = '.';
	return (size_t)(o - out);
}

static inline uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

size_t dns_name_lower(struct dns_name name, char *out, struct dns_labels *labels)
{
	bool odd = dns_name_odd(name);
	char *o = out;
	unsigned n = 0;
	for (const uint8_t *p = name.wire; *p; p += *p + 1) {
		labels->at[n++] = (uint16_t)(o - out);
		if (odd) {
			for (unsigned i = 1; i <= *p; i++)
				o = put_escaped(o, lower(p[i]));
		} else {
			for (unsigned i = 1; i <= *p; i++)
				*o++ = (char)lower(p[i]);
		}
		*o++ = '.';
	}
	labels->n = n;
	labels->at[n] = (uint16_t)(o - out);
	if (o == out)
		*o++ = '.';
	return (size_t)(o - out);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One byte of a text, the escape undone; returns how many bytes of the text it took. */
static size_t unescape(struct slice t, size_t i, uint8_t *out)
{
	if (t.p[i] != '\\' || i + 1 >= t.n) {
		*out = (uint8_t)t.p[i];
		return 1;
	}
	const char *d = t.p + i + 1;
	if (i + 3 < t.n && is_digit(d[0]) && is_digit(d[1]) && is_digit(d[2])) {
		*out = (uint8_t)((d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0'));
		return 4;
	}
	*out = (uint8_t)d[0];
	return 2;
}

bool dns_wire_add(uint8_t *wire, size_t cap, size_t *n, struct slice text)
{
	size_t length_at = *n, at = *n + 1;
	for (size_t i = 0; i < text.n;) {
		if (at + 1 >= cap)
			return false;
		if (text.p[i] == '.') {
			size_t len = at - length_at - 1;
			if (!len || len > LABEL_MAX)
				return false;
			wire[length_at] = (uint8_t)len;
			length_at = at++;
			i++;
		} else {
			i += unescape(text, i, &wire[at++]);
		}
	}
	size_t len = at - length_at - 1;
	if (len > LABEL_MAX || (!len && (!text.n || text.p[text.n - 1] != '.')))
		return false;
	if (len)
		wire[length_at] = (uint8_t)len;
	*n = len ? at : length_at;
	return true;
}

bool dns_wire_end(uint8_t *wire, size_t cap, size_t *n, struct dns_name tail)
{
	if (*n + tail.n > cap)
		return false;
	memcpy(wire + *n, tail.wire, tail.n);
	*n += tail.n;
	return true;
}

/* ---- the data of records ---- */

/* What the data of a type consist of: digits are integers of so many bytes, q 16 bytes, n a name, s a string, t strings
 * to the end, l and L a length of 8 or 16 bits and so many bytes, b a bitmap of types (RFC 4034 4.1.2), o options,
 * * anything. Types that are not listed: anything. */
static const struct {
	uint16_t type;
	const char *shape;
} shapes[] = {
        /* clang-format off */
	{1, "4"}, {2, "n"}, {3, "n"}, {4, "n"}, {5, "n"}, {6, "nn44444"}, {7, "n"}, {8, "n"}, {9, "n"}, {12, "n"},
	{13, "ss"}, {14, "nn"}, {15, "2n"}, {16, "t"}, {17, "nn"}, {18, "2n"}, {19, "s"}, {21, "2n"}, {23, "n"},
	{24, "2114442n*"}, {25, "211*"}, {26, "2nn"}, {27, "sss"}, {28, "q"}, {29, "1111444"}, {33, "222n"},
	{35, "22sssn"}, {36, "2n"}, {37, "221*"}, {39, "n"}, {41, "o"}, {43, "211*"}, {44, "11*"},
	{46, "2114442n*"}, {47, "nb"}, {48, "211*"}, {50, "112llb"}, {51, "112l"}, {52, "111*"}, {53, "111*"},
	{56, "t"}, {57, "211*"}, {58, "nn"}, {59, "211*"}, {60, "211*"}, {62, "42b"}, {99, "t"}, {100, "s"},
	{101, "4"}, {102, "4"}, {104, "28"}, {105, "24"}, {106, "28"}, {107, "2n"}, {108, "6"}, {109, "8"},
	{249, "n4422LL"}, {250, "n62L22L"}, {256, "22*"}, {257, "1s*"}, {258, "t"}, {32768, "211*"}, {32769, "211*"},
        /* clang-format on */
};

static const char *shape_of(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (shapes[i].type == type)
			return shapes[i].shape;
	return "*";
}

static bool netmask_is_bad(unsigned family, const uint8_t *d)
{
	unsigned most = family == 1 ? 32 : 128;
	return family == 0 ? d[2] != 0 : family > 2 || d[2] > most || d[3] > most;
}

/* One EDNS option whose form the library checks. */
static const char *check_option(unsigned code, const uint8_t *d, size_t n)
{
	enum { LLQ = 1, UL = 2, SUBNET = 8 };
	size_t least = code == SUBNET || code == UL ? 4 : code == LLQ ? 18 : 0;
	if (n < least)
		return too_short;
	if (code == SUBNET && netmask_is_bad(dns_u16(d), d))
		return dns_u16(d) > 2 || !dns_u16(d) ? "dns: bad address family" : "dns: bad netmask";
	return NULL;
}

static const char *check_options(const uint8_t *d, size_t n)
{
	for (size_t at = 0; at < n;) {
		if (at + 4 > n)
			return "dns: overflow unpacking opt";
		size_t len = dns_u16(d + at + 2);
		if (at + 4 + len > n)
			return "dns: overflow unpacking opt";
		const char *why = check_option(dns_u16(d + at), d + at + 4, len);
		if (why)
			return why;
		at += 4 + len;
	}
	return NULL;
}

/* Skips one string of a length byte; false when it does not fit. */
static bool skip_string(struct slice msg, size_t *at)
{
	if (*at >= msg.n || *at + 1 + (uint8_t)msg.p[*at] > msg.n)
		return false;
	*at += 1 + (size_t)(uint8_t)msg.p[*at];
	return true;
}

/* Windows in rising order, each with 1 to 32 bytes. */
static const char *check_bitmap(const uint8_t *d, size_t n)
{
	int last = -1;
	for (size_t at = 0; at < n; at += 2 + (size_t)d[at + 1]) {
		if (at + 2 > n)
			return "dns: overflow unpacking nsecx";
		if (d[at] <= last)
			return "dns: out of order NSEC block";
		if (!d[at + 1] || d[at + 1] > 32)
			return d[at + 1] ? "dns: NSEC block too long" : "dns: empty NSEC block";
		if (at + 2 + d[at + 1] > n)
			return "dns: overflowing NSEC block";
		last = d[at];
	}
	return NULL;
}

/* Looks through the data of a record, which end where `msg` ends. They may end early between two fields. */
static const char *check_data(struct slice msg, size_t at, uint16_t type)
{
	if (at == msg.n)
		return NULL;
	for (const char *s = shape_of(type); *s; s++) {
		struct dns_name name;
		uint8_t wire[DNS_WIRE_MAX + 1];
		const char *why = NULL;
		switch (*s) {
		case 'n': why = dns_read_name(msg, &at, wire, &name); break;
		case 's': why = skip_string(msg, &at) ? NULL : "dns: overflow unpacking txt"; break;
		case 't':
			while (at < msg.n && !why)
				why = skip_string(msg, &at) ? NULL : "dns: overflow unpacking txt";
			break;
		case 'o':
			why = check_options((const uint8_t *)msg.p + at, msg.n - at);
			at = msg.n;
			break;
		case 'b':
			why = check_bitmap((const uint8_t *)msg.p + at, msg.n - at);
			at = msg.n;
			break;
		case 'l':
			if (at + 1 < msg.n)
				at += (uint8_t)msg.p[at];
			at += 1;
			break;
		case 'L':
			if (at + 2 < msg.n)
				at += dns_u16((const uint8_t *)msg.p + at);
			at += 2;
			break;
		case 'q': at += IP_BYTES; break;
		case '*': at = msg.n; break;
		default: at += (size_t)(*s - '0'); break;
		}
		if (why)
			return why;
		if (at > msg.n)
			return "dns: overflow unpacking data";
		if (at == msg.n)
			return NULL;
	}
	return bad_length;
}

/* ---- messages ---- */

bool dns_read(struct dns_reader *r, struct slice msg)
{
	*r = (struct dns_reader){.msg = msg, .at = DNS_HEADER};
	const uint8_t *p = (const uint8_t *)msg.p;
	if (msg.n < DNS_HEADER) {
		r->why = "dns: overflow unpacking uint16";
		return false;
	}
	r->id = dns_u16(p);
	r->flags = dns_u16(p + 2);
	/* a header alone, whatever it counts, is an empty message */
	for (int i = 0; i < 4 && msg.n > DNS_HEADER; i++)
		r->left[i] = dns_u16(p + 4 + 2 * i);
	return true;
}

bool dns_read_asked(struct dns_reader *r, struct dns_name *name, uint8_t wire[static DNS_WIRE_MAX + 1], uint16_t *type,
        uint16_t *klass)
{
	if (r->why || !r->left[0])
		return false;
	r->left[0]--;
	*type = *klass = 0;
	r->why = dns_read_name(r->msg, &r->at, wire, name);
	if (r->why)
		return false;
	/* the message may end behind the name or the type */
	const uint8_t *p = (const uint8_t *)r->msg.p;
	uint16_t *fields[] = {type, klass};
	for (int i = 0; i < 2 && r->at != r->msg.n; i++) {
		if (r->at + 2 > r->msg.n) {
			if (i == 0)
				r->why = "dns: overflow unpacking uint16";
			r->at = r->msg.n;
			return !r->why;
		}
		*fields[i] = dns_u16(p + r->at);
		r->at += 2;
	}
	return true;
}

/* An error in a record makes the rest of the message unread. */
static bool record_fails(struct dns_reader *r, const char *why)
{
	r->at = r->msg.n;
	r->why = why;
	return false;
}

static bool message_end(struct dns_reader *r)
{
	if (r->at == r->msg.n && r->flags & DNS_TC && r->msg.n > DNS_HEADER)
		r->why = dns_truncated;
	return false;
}

bool dns_read_record(struct dns_reader *r, struct dns_record_view *out)
{
	if (r->why)
		return false;
	int section = 1;
	while (section < 4 && (!r->left[section] || r->at == r->msg.n))
		section++;
	if (section == 4)
		return message_end(r);
	r->left[section]--;
	out->section = (uint8_t)section;
	const char *why = dns_read_name(r->msg, &r->at, out->wire, &out->owner);
	if (why)
		return record_fails(r, why);
	if (r->at + 10 > r->msg.n)
		return record_fails(r, "dns: overflow unpacking uint16");
	const uint8_t *p = (const uint8_t *)r->msg.p + r->at;
	out->type = dns_u16(p);
	out->klass = dns_u16(p + 2);
	out->ttl = dns_u32(p + 4);
	size_t len = dns_u16(p + 8);
	r->at += 10;
	if (r->at + len > r->msg.n)
		return record_fails(r, "dns: overflowing header size");
	out->data = (struct slice){r->msg.p + r->at, len};
	why = check_data((struct slice){r->msg.p, r->at + len}, r->at, out->type);
	if (why)
		return record_fails(r, why);
	r->at += len;
	return true;
}

const char *dns_check(struct slice msg)
{
	struct dns_reader r;
	struct dns_record_view rr;
	struct dns_name name;
	uint8_t wire[DNS_WIRE_MAX + 1];
	uint16_t type, klass;
	if (!dns_read(&r, msg))
		return "dns: short read";
	while (dns_read_asked(&r, &name, wire, &type, &klass))
		;
	while (dns_read_record(&r, &rr))
		;
	return r.why;
}

/* The first client subnet among the options, which check_options has seen. */
static void note_subnet(struct dns_question *q, struct slice options)
{
	q->subnet = false;
	const uint8_t *d = (const uint8_t *)options.p;
	for (size_t at = 0; at + 4 <= options.n;) {
		size_t len = dns_u16(d + at + 2);
		if (dns_u16(d + at) != 8) {
			at += 4 + len;
			continue;
		}
		unsigned family = dns_u16(d + at + 4);
		uint8_t ip[IP_BYTES] = {0};
		memcpy(ip, d + at + 8, len - 4 < IP_BYTES ? len - 4 : IP_BYTES);
		q->subnet = true;
		if (family == 2)
			memcpy(q->subnet_ip.b, ip, IP_BYTES);
		else
			q->subnet_ip = ip_of_v4(family ? ip : (const uint8_t[4]){0});
		return;
	}
}

bool dns_read_question(struct slice packet, struct dns_question *q)
{
	struct dns_reader r;
	q->headed = dns_read(&r, packet);
	q->asked = q->edns = q->subnet = false;
	q->id = r.id;
	q->flags = r.flags;
	if (!q->headed)
		return false;
	q->asked = dns_read_asked(&r, &q->name, q->wire, &q->type, &q->klass);
	uint8_t wire[DNS_WIRE_MAX + 1];
	struct dns_name name;
	uint16_t type, klass;
	while (r.left[0] && dns_read_asked(&r, &name, wire, &type, &klass))
		;
	struct dns_record_view rr;
	while (dns_read_record(&r, &rr)) {
		if (rr.section != 3 || rr.type != DNS_OPT)
			continue;
		q->edns = true; /* the last one counts */
		q->udp_size = rr.klass;
		note_subnet(q, rr.data);
	}
	q->packet = (struct slice){packet.p, r.at};
	return !r.why;
}
