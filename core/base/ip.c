#include "core/base/ip.h"

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip ip_of_v4(const uint8_t four[static 4])
{
	struct ip ip;
	memcpy(ip.b, v4_prefix, 12);
	memcpy(ip.b + 12, four, 4);
	return ip;
}

bool ip_is_v4(const struct ip *ip)
{
	return !memcmp(ip->b, v4_prefix, 12);
}

/* Exactly four decimal parts of at most 255 that end the text. */
static bool parse_v4(const char *p, const char *end, uint8_t out[static 4])
{
	for (int i = 0; i < 4; i++) {
		if (i && (p == end || *p++ != '.'))
			return false;
		unsigned n = 0;
		const char *from = p;
		for (; p < end && *p >= '0' && *p <= '9'; p++) {
			n = n * 10 + (unsigned)(*p - '0');
			if (n > 255)
				return false;
		}
		if (p == from)
			return false;
		out[i] = (uint8_t)n;
	}
	return p == end;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One group of up to four hex digits; returns how many digits, 0 for none or too large. */
static size_t parse_group(const char *p, const char *end, unsigned *out)
{
	unsigned n = 0;
	const char *from = p;
	for (; p < end && hex_digit(*p) >= 0; p++) {
		n = n * 16 + (unsigned)hex_digit(*p);
		if (n > 0xffff)
			return 0;
	}
	*out = n;
	return (size_t)(p - from);
}

/* Moves what stands behind the "::" to the end and clears the gap. */
static bool expand(struct ip *ip, int used, int gap)
{
	if (used == IP_BYTES)
		return gap < 0;
	if (gap < 0)
		return false;
	int tail = used - gap;
	memmove(ip->b + IP_BYTES - tail, ip->b + gap, (size_t)tail);
	memset(ip->b + gap, 0, (size_t)(IP_BYTES - used));
	return true;
}

static bool parse_v6(const char *p, const char *end, struct ip *out)
{
	int gap = -1, used = 0;
	if (end - p >= 2 && p[0] == ':' && p[1] == ':') {
		gap = 0;
		p += 2;
	}
	while (used < IP_BYTES && p < end) {
		unsigned group;
		size_t digits = parse_group(p, end, &group);
		if (!digits)
			return false;
		if (p + digits < end && p[digits] == '.') {
			/* an IPv4 address may stand for the last two groups */
			if ((gap < 0 && used != 12) || used > 12 || !parse_v4(p, end, out->b + used))
				return false;
			return expand(out, used + 4, gap);
		}
		out->b[used] = (uint8_t)(group >> 8);
		out->b[used + 1] = (uint8_t)group;
		used += 2;
		p += digits;
		if (p == end)
			break;
		if (*p != ':' || p + 1 == end)
			return false;
		p++;
		if (*p == ':') {
			if (gap >= 0)
				return false;
			gap = used;
			p++;
		}
	}
	return p == end && expand(out, used, gap);
}

bool ip_parse(struct slice text, struct ip *out)
{
	const char *p = text.p, *end = text.p + text.n;
	for (const char *c = p; c < end; c++) {
		if (*c == '.') {
			memcpy(out->b, v4_prefix, 12);
			return parse_v4(p, end, out->b + 12);
		}
		if (*c == ':')
			return parse_v6(p, end, out);
	}
	return false;
}

static char *print_number(char *out, unsigned n)
{
	if (n >= 100)
		*out++ = (char)('0' + n / 100);
	if (n >= 10)
		*out++ = (char)('0' + n / 10 % 10);
	*out++ = (char)('0' + n % 10);
	return out;
}

static char *print_group(char *out, unsigned n)
{
	bool any = false;
	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned digit = n >> shift & 15;
		if (digit || any || !shift) {
			*out++ = "0123456789abcdef"[digit];
			any = true;
		}
	}
	return out;
}

static char *print_v6(const uint8_t *b, char *out)
{
	int from = -1, to = -1;
	for (int i = 0; i < IP_BYTES; i += 2) {
		int j = i;
		while (j < IP_BYTES && !b[j] && !b[j + 1])
			j += 2;
		if (j > i + 2 && j - i > to - from) {
			from = i;
			to = j;
		}
		if (j > i)
			i = j;
	}
	for (int i = 0; i < IP_BYTES; i += 2) {
		if (i == from) {
			*out++ = ':';
			*out++ = ':';
			i = to;
			if (i >= IP_BYTES)
				break;
		} else if (i > 0) {
			*out++ = ':';
		}
		out = print_group(out, (unsigned)b[i] << 8 | b[i + 1]);
	}
	return out;
}

size_t ip_print(const struct ip *ip, char out[static IP_TEXT])
{
	char *p = out;
	if (!ip_is_v4(ip)) {
		p = print_v6(ip->b, p);
	} else {
		for (int i = 12; i < IP_BYTES; i++) {
			p = print_number(p, ip->b[i]);
			if (i < IP_BYTES - 1)
				*p++ = '.';
		}
	}
	*p = 0;
	return (size_t)(p - out);
}
