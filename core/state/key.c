#include "core/state/key.h"

#include <stdarg.h>

#include "core/base/slice.h"
#include "core/base/text.h"

/* unicode.ToLower for the alphabets that names are written in: Latin, Greek, Cyrillic, Armenian. */
static uint32_t rune_lower(uint32_t r)
{
	if (r < 0x80)
		return r >= 'A' && r <= 'Z' ? r + 32 : r;
	if (r >= 0xC0 && r <= 0xDE)
		return r == 0xD7 ? r : r + 32;
	if (r == 0x130)
		return 'i';
	if (r == 0x178)
		return 0xFF;
	if ((r >= 0x100 && r <= 0x137) || (r >= 0x14A && r <= 0x177) || (r >= 0x1E00 && r <= 0x1E95) ||
	        (r >= 0x1EA0 && r <= 0x1EFF) || (r >= 0x460 && r <= 0x481) || (r >= 0x48A && r <= 0x4BF))
		return r | 1;
	if ((r >= 0x139 && r <= 0x148) || (r >= 0x179 && r <= 0x17E))
		return r + (r & 1);
	if (r >= 0x391 && r <= 0x3AB)
		return r == 0x3A2 ? r : r + 32;
	if (r >= 0x400 && r <= 0x42F)
		return r < 0x410 ? r + 80 : r + 32;
	if (r >= 0x531 && r <= 0x556)
		return r + 48;
	return r;
}

/* Writes the lower case of `s` to `out`, which has room for s.n bytes: no rune above gets longer. */
static size_t lower_to(char *out, struct slice s)
{
	size_t n = 0;
	for (size_t at = 0; at < s.n;) {
		unsigned char c = (unsigned char)s.p[at];
		if (c < 0x80) {
			out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
			at++;
			continue;
		}
		size_t from = at;
		uint32_t r = utf8_next(s, &at), l = rune_lower(r);
		if (l != r) {
			char utf8[4];
			size_t w = utf8_put(utf8, l);
			memcpy(out + n, utf8, w);
			n += w;
		} else {
			memcpy(out + n, s.p + from, at - from);
			n += at - from;
		}
	}
	return n;
}

struct slice key_make(struct arena *a, const char *shape, ...)
{
	size_t room = 0;
	va_list ap, again;
	va_start(ap, shape);
	va_copy(again, ap);
	for (const char *c = shape; *c; c++)
		room += *c == '0' ? 1 : va_arg(ap, struct slice).n;
	va_end(ap);
	char *p = arena_alloc(a, room);
	size_t n = 0;
	for (const char *c = shape; p && *c; c++) {
		if (*c == '0') {
			p[n++] = '\0';
			continue;
		}
		struct slice s = va_arg(again, struct slice);
		if (*c == 'l') {
			n += lower_to(p + n, s);
		} else if (s.n) {
			memcpy(p + n, s.p, s.n);
			n += s.n;
		}
	}
	va_end(again);
	return p ? (struct slice){p, n} : S_NONE;
}

bool key_same_name(struct slice a, struct slice b)
{
	size_t i = 0, j = 0;
	while (i < a.n && j < b.n)
		if (rune_lower(utf8_next(a, &i)) != rune_lower(utf8_next(b, &j)))
			return false;
	return i == a.n && j == b.n;
}

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* encoding/hex's sentence about a byte that is no digit, with fmt's %#U. */
static enum err bad_digit(unsigned char c, struct fail *f)
{
	if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD)
		return fail_set(f, ERR_FAILED, "Invalid UUID: encoding/hex: invalid byte: U+%04X", c);
	char utf8[4];
	size_t n = utf8_put(utf8, c);
	return fail_set(f, ERR_FAILED, "Invalid UUID: encoding/hex: invalid byte: U+%04X '%.*s'", c, (int)n, utf8);
}

enum err uuid_parse_prefix(struct slice text, struct uuid_bytes *out, struct fail *f)
{
	out->n = 0;
	if (text.n > 36)
		return fail_set(f, ERR_FAILED, "Invalid UUID length. UUID have 36 characters; got %zu", text.n);
	size_t hyphens = 0;
	for (size_t i = 0; i < text.n; i++)
		hyphens += text.p[i] == '-';
	if (hyphens > 4)
		return fail_set(f, ERR_FAILED, "UUID should have maximum of 4 \"-\"; got %zu", hyphens);
	if ((text.n - hyphens) % 2)
		return fail_set(f, ERR_FAILED, "Input (without hyphens) must be even length");
	int high = -1;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '-')
			continue;
		int d = hex_digit(c);
		if (d < 0)
			return bad_digit(c, f);
		if (high < 0) {
			high = d;
		} else {
			out->p[out->n++] = (char)(high << 4 | d);
			high = -1;
		}
	}
	return OK;
}

enum err uuid_parse(struct slice text, struct uuid_bytes *out, struct fail *f)
{
	if (text.n != 36)
		return fail_set(f, ERR_FAILED, "UUID must be 36 characters");
	return uuid_parse_prefix(text, out, f);
}
