#include "core/state/key.h"

#include <stdarg.h>

#include "core/base/slice.h"
#include "core/base/text.h"

/* unicode.ToLower for the alphabets that names are written in: Latin, Greek, Cyrillic, Armenian, Georgian, full width.
 * In many ranges capital and small letter take turns. */
enum { EVEN_IS_CAPITAL = 1 << 20, ODD_IS_CAPITAL };

static const struct {
	uint32_t first, last;
	int32_t add;
} capitals[] = {
        {0xC0, 0xD6, 32},
        {0xD8, 0xDE, 32},
        {0x100, 0x12F, EVEN_IS_CAPITAL},
        {0x130, 0x130, 'i' - 0x130},
        {0x132, 0x137, EVEN_IS_CAPITAL},
        {0x139, 0x148, ODD_IS_CAPITAL},
        {0x14A, 0x177, EVEN_IS_CAPITAL},
        {0x178, 0x178, 0xFF - 0x178},
        {0x179, 0x17E, ODD_IS_CAPITAL},
        {0x1CD, 0x1DC, ODD_IS_CAPITAL},
        {0x1DE, 0x1EF, EVEN_IS_CAPITAL},
        {0x1F8, 0x21F, EVEN_IS_CAPITAL},
        {0x222, 0x233, EVEN_IS_CAPITAL},
        {0x386, 0x386, 38},
        {0x388, 0x38A, 37},
        {0x38C, 0x38C, 64},
        {0x38E, 0x38F, 63},
        {0x391, 0x3A1, 32},
        {0x3A3, 0x3AB, 32},
        {0x400, 0x40F, 80},
        {0x410, 0x42F, 32},
        {0x460, 0x481, EVEN_IS_CAPITAL},
        {0x48A, 0x4BF, EVEN_IS_CAPITAL},
        {0x4C1, 0x4CE, ODD_IS_CAPITAL},
        {0x4D0, 0x52F, EVEN_IS_CAPITAL},
        {0x531, 0x556, 48},
        {0x10A0, 0x10C5, 7264},
        {0x1E00, 0x1E95, EVEN_IS_CAPITAL},
        {0x1EA0, 0x1EFF, EVEN_IS_CAPITAL},
        {0xFF21, 0xFF3A, 32},
};

static uint32_t rune_lower(uint32_t r)
{
	if (r < 0x80)
		return r >= 'A' && r <= 'Z' ? r + 32 : r;
	size_t i = 0;
	while (i < ARRAY_LEN(capitals) && r > capitals[i].last)
		i++;
	if (i == ARRAY_LEN(capitals) || r < capitals[i].first)
		return r;
	if (capitals[i].add == EVEN_IS_CAPITAL)
		return r | 1;
	return capitals[i].add == ODD_IS_CAPITAL ? r + (r & 1) : r + (uint32_t)capitals[i].add;
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
