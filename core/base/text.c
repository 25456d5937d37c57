#include "core/base/text.h"

#include <stdio.h>

static bool is_tail(struct slice s, size_t at, unsigned char low, unsigned char high)
{
	return at < s.n && (unsigned char)s.p[at] >= low && (unsigned char)s.p[at] <= high;
}

/* The table of well-formed sequences: Unicode 15, table 3-7. */
uint32_t utf8_next(struct slice s, size_t *at)
{
	size_t i = *at;
	const unsigned char *p = (const unsigned char *)s.p + i;
	unsigned char c = p[0];
	*at = i + 1;
	if (c < 0x80)
		return c;
	if (c < 0xC2 || c > 0xF4)
		return RUNE_ERROR;
	if (c < 0xE0) {
		if (!is_tail(s, i + 1, 0x80, 0xBF))
			return RUNE_ERROR;
		*at = i + 2;
		return (c & 0x1Fu) << 6 | (p[1] & 0x3Fu);
	}
	if (c < 0xF0) {
		if (!is_tail(s, i + 1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF) ||
		        !is_tail(s, i + 2, 0x80, 0xBF))
			return RUNE_ERROR;
		*at = i + 3;
		return (c & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
	}
	if (!is_tail(s, i + 1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF) || !is_tail(s, i + 2, 0x80, 0xBF) ||
	        !is_tail(s, i + 3, 0x80, 0xBF))
		return RUNE_ERROR;
	*at = i + 4;
	return (c & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

size_t utf8_put(char out[static 4], uint32_t rune)
{
	if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF))
		rune = RUNE_ERROR;
	if (rune < 0x80) {
		out[0] = (char)rune;
		return 1;
	}
	if (rune < 0x800) {
		out[0] = (char)(0xC0 | rune >> 6);
		out[1] = (char)(0x80 | (rune & 0x3F));
		return 2;
	}
	if (rune < 0x10000) {
		out[0] = (char)(0xE0 | rune >> 12);
		out[1] = (char)(0x80 | (rune >> 6 & 0x3F));
		out[2] = (char)(0x80 | (rune & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | rune >> 18);
	out[1] = (char)(0x80 | (rune >> 12 & 0x3F));
	out[2] = (char)(0x80 | (rune >> 6 & 0x3F));
	out[3] = (char)(0x80 | (rune & 0x3F));
	return 4;
}

bool rune_printable(uint32_t r)
{
	if (r >= ' ' && r <= '~')
		return true;
	static const struct {
		uint32_t first, last;
	} hidden[] = {
	        {0x00, 0x1F},
	        {0x7F, 0xA0},
	        {0xAD, 0xAD},
	        {0x1680, 0x1680},
	        {0x2000, 0x200F},
	        {0x2028, 0x202F},
	        {0x205F, 0x206F},
	        {0x3000, 0x3000},
	        {0xD800, 0xF8FF},
	        {0xFEFF, 0xFEFF},
	        {0xFFF0, 0xFFFB},
	        {0xFFFE, 0xFFFF},
	        {0xE0000, 0xE00FF},
	        {0xE01F0, 0x10FFFF},
	};
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (r >= hidden[i].first && r <= hidden[i].last)
			return false;
	return true;
}

/* One rune, escaped, into out; returns its length. */
static size_t quote_rune(char out[static 16], struct slice s, size_t *at)
{
	static const char named[] = "\a\b\f\n\r\t\v\"\\", names[] = "abfnrtv\"\\";
	size_t from = *at;
	uint32_t r = utf8_next(s, at);
	const char *special = r && r < 0x80 ? strchr(named, (int)r) : NULL;
	if (special)
		return (size_t)snprintf(out, 16, "\\%c", names[special - named]);
	if (r == RUNE_ERROR && *at - from == 1)
		return (size_t)snprintf(out, 16, "\\x%02x", (unsigned char)s.p[from]);
	if (rune_printable(r)) {
		memcpy(out, s.p + from, *at - from);
		return *at - from;
	}
	if (r < ' ' || r == 0x7F)
		return (size_t)snprintf(out, 16, "\\x%02x", (unsigned)r);
	return (size_t)snprintf(out, 16, r < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)r);
}

void quote_put(struct buf *b, struct slice s)
{
	char piece[16];
	buf_char(b, '"');
	for (size_t at = 0; at < s.n;)
		buf_bytes(b, piece, quote_rune(piece, s, &at));
	buf_char(b, '"');
}

const char *quote_cstr(struct slice s, char *out, size_t size)
{
	char piece[16];
	size_t n = 0;
	if (size < 3)
		return "";
	out[n++] = '"';
	for (size_t at = 0; at < s.n;) {
		size_t add = quote_rune(piece, s, &at);
		if (n + add + 2 > size)
			break;
		memcpy(out + n, piece, add);
		n += add;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}
