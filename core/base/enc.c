#include "core/base/enc.h"

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *b, struct slice bytes)
{
	char *to = buf_room(b, (bytes.n + 2) / 3 * 4);
	if (!to)
		return;
	const unsigned char *at = (const unsigned char *)bytes.p;
	size_t left = bytes.n;
	for (; left >= 3; left -= 3, at += 3, to += 4) {
		uint32_t v = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
		to[0] = base64_digits[v >> 18];
		to[1] = base64_digits[v >> 12 & 63];
		to[2] = base64_digits[v >> 6 & 63];
		to[3] = base64_digits[v & 63];
	}
	if (left) {
		uint32_t v = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
		to[0] = base64_digits[v >> 18];
		to[1] = base64_digits[v >> 12 & 63];
		to[2] = left == 2 ? base64_digits[v >> 6 & 63] : '=';
		to[3] = '=';
	}
	buf_add(b, (bytes.n + 2) / 3 * 4);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t skip_newlines(struct slice text, size_t at)
{
	while (at < text.n && (text.p[at] == '\n' || text.p[at] == '\r'))
		at++;
	return at;
}

/* After the first '=' at `at` - 1, behind `have` digits of a group. Returns the position of what is wrong, or -1. */
static ptrdiff_t base64_padding(struct slice text, size_t at, unsigned have)
{
	if (have < 2)
		return (ptrdiff_t)at - 1;
	if (have == 2) {
		at = skip_newlines(text, at);
		if (at == text.n)
			return (ptrdiff_t)at;
		if (text.p[at] != '=')
			return (ptrdiff_t)at - 1;
		at++;
	}
	at = skip_newlines(text, at);
	return at < text.n ? (ptrdiff_t)at : -1;
}

enum err base64_get(struct slice text, struct arena *a, struct slice *out, struct fail *f)
{
	char *to = arena_alloc(a, text.n / 4 * 3 + 3), *begin = to;
	if (!to)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	uint32_t group = 0;
	unsigned have = 0;
	ptrdiff_t bad = -1;
	size_t i = 0;
	for (; i < text.n && bad < 0; i++) {
		int digit = base64_digit(text.p[i]);
		if (digit >= 0) {
			group = group << 6 | (uint32_t)digit;
			if (++have == 4) {
				*to++ = (char)(group >> 16);
				*to++ = (char)(group >> 8);
				*to++ = (char)group;
				have = 0;
			}
		} else if (text.p[i] == '=') {
			bad = base64_padding(text, i + 1, have);
			break;
		} else if (text.p[i] != '\n' && text.p[i] != '\r') {
			bad = (ptrdiff_t)i;
		}
	}
	if (bad < 0 && i == text.n && have)
		bad = (ptrdiff_t)(text.n - have);
	if (bad >= 0)
		return fail_set(f, ERR_INVALID, "illegal base64 data at input byte %td", bad);
	if (have >= 2)
		*to++ = (char)(group >> (have == 3 ? 10 : 4));
	if (have == 3)
		*to++ = (char)(group >> 2);
	*out = (struct slice){begin, (size_t)(to - begin)};
	return OK;
}

static const char hex_digits[] = "0123456789abcdef";

void hex_put(struct buf *b, struct slice bytes)
{
	char *to = buf_room(b, 2 * bytes.n);
	if (!to)
		return;
	for (size_t i = 0; i < bytes.n; i++) {
		to[2 * i] = hex_digits[(unsigned char)bytes.p[i] >> 4];
		to[2 * i + 1] = hex_digits[(unsigned char)bytes.p[i] & 15];
	}
	buf_add(b, 2 * bytes.n);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_get(struct slice text, struct arena *a, struct slice *out)
{
	char *to = text.n % 2 ? NULL : arena_alloc(a, text.n / 2);
	if (!to)
		return false;
	for (size_t i = 0; i < text.n; i += 2) {
		int high = hex_digit(text.p[i]), low = hex_digit(text.p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		to[i / 2] = (char)(high << 4 | low);
	}
	*out = (struct slice){to, text.n / 2};
	return true;
}

static bool percent_get(struct slice text, bool plus_is_blank, struct arena *a, struct slice *out)
{
	if (!memchr(text.p ? text.p : "", '%', text.n) &&
	        !(plus_is_blank && memchr(text.p ? text.p : "", '+', text.n))) {
		*out = text;
		return true;
	}
	char *to = arena_alloc(a, text.n);
	if (!to)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '%') {
			int high = i + 2 < text.n ? hex_digit(text.p[i + 1]) : -1;
			int low = i + 2 < text.n ? hex_digit(text.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		to[n++] = c;
	}
	*out = (struct slice){to, n};
	return true;
}

bool percent_get_path(struct slice text, struct arena *a, struct slice *out)
{
	return percent_get(text, false, a, out);
}

bool percent_get_query(struct slice text, struct arena *a, struct slice *out)
{
	return percent_get(text, true, a, out);
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.' || c == '~';
}

static void percent_put(struct buf *b, char c)
{
	char text[3] = {'%', "0123456789ABCDEF"[(unsigned char)c >> 4], "0123456789ABCDEF"[(unsigned char)c & 15]};
	buf_bytes(b, text, sizeof text);
}

void percent_put_path(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_unreserved(s.p[i]) || (s.p[i] && strchr("$&+,/:;=@", s.p[i])))
			buf_char(b, s.p[i]);
		else
			percent_put(b, s.p[i]);
}

void percent_put_query(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_unreserved(s.p[i]))
			buf_char(b, s.p[i]);
		else if (s.p[i] == ' ')
			buf_char(b, '+');
		else
			percent_put(b, s.p[i]);
}
