#include "core/base/hcl_string.h"

#include "core/base/slice.h"
#include "core/base/text.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `n` digits at *at as a number of the base; false if they are not all there. */
static bool take_digits(struct slice s, size_t *at, size_t n, unsigned base, uint32_t *out)
{
	uint32_t v = 0;
	for (size_t i = 0; i < n; i++, ++*at) {
		int digit = *at < s.n ? hex_digit(s.p[*at]) : -1;
		if (digit < 0 || (unsigned)digit >= base)
			return false;
		v = v * base + (uint32_t)digit;
	}
	*out = v;
	return true;
}

/* The escape at *at, which stands behind the backslash. */
static bool take_escape(struct slice s, size_t *at, char **to)
{
	static const char letters[] = "abfnrtv\\\"", meant[] = "\a\b\f\n\r\t\v\\\"";
	char c = *at < s.n ? s.p[*at] : '\0';
	const char *letter = c ? strchr(letters, c) : NULL;
	uint32_t v;
	if (letter) {
		++*at;
		*(*to)++ = meant[letter - letters];
		return true;
	}
	if (c >= '0' && c <= '7') {
		if (!take_digits(s, at, 3, 8, &v) || v > 0xff)
			return false;
		*(*to)++ = (char)v;
		return true;
	}
	++*at;
	if (c == 'x') {
		if (!take_digits(s, at, 2, 16, &v))
			return false;
		*(*to)++ = (char)v;
		return true;
	}
	if ((c != 'u' && c != 'U') || !take_digits(s, at, c == 'u' ? 4 : 8, 16, &v) || v > 0x10FFFF)
		return false;
	*to += utf8_put(*to, v);
	return true;
}

/* From behind "${" to its closing brace, as it stands, but for a backslash before a backslash. */
static bool take_interpolation(struct slice s, size_t *at, char **to)
{
	*(*to)++ = '$';
	*(*to)++ = '{';
	for (unsigned braces = 1; braces;) {
		if (*at >= s.n)
			return false;
		size_t from = *at;
		uint32_t rune = utf8_next(s, at);
		if (rune == RUNE_ERROR)
			return false;
		if (rune == '\\' && *at < s.n && s.p[*at] == '\\')
			continue;
		memcpy(*to, s.p + from, *at - from);
		*to += *at - from;
		braces += rune == '{';
		braces -= rune == '}';
	}
	return true;
}

bool hcl_unquote(struct slice written, struct arena *a, struct slice *out)
{
	if (written.n < 2 || written.p[0] != '"' || written.p[written.n - 1] != '"')
		return false;
	struct slice s = slice_cut(written, 1, written.n - 1);
	char *begin = arena_alloc(a, 3 * s.n + 4), *to = begin; /* broken UTF-8 grows to three bytes */
	if (!begin)
		return false;
	for (size_t i = 0; i < s.n;) {
		if (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{') {
			i += 2;
			if (!take_interpolation(s, &i, &to))
				return false;
		} else if (s.p[i] == '\\') {
			i++;
			if (!take_escape(s, &i, &to))
				return false;
		} else if (s.p[i] == '"') {
			return false;
		} else {
			to += utf8_put(to, utf8_next(s, &i));
		}
	}
	*out = (struct slice){begin, (size_t)(to - begin)};
	return true;
}

static size_t last_line(struct slice s)
{
	ptrdiff_t at = slice_find_last(s, '\n');
	return at < 0 ? 0 : (size_t)at + 1;
}

static bool all_lines_start(struct slice s, struct slice prefix)
{
	for (;;) {
		ptrdiff_t end = slice_find(s, '\n');
		if (!slice_starts(s, prefix))
			return false;
		if (end < 0)
			return true;
		s = slice_from(s, (size_t)end + 1);
	}
}

/* The lines without the prefix; the last line, which is the prefix, is left empty. */
static bool unindent(struct slice s, struct slice prefix, struct arena *a, struct slice *out)
{
	char *begin = arena_alloc(a, s.n), *to = begin;
	if (!begin)
		return false;
	for (ptrdiff_t end; (end = slice_find(s, '\n')) >= 0;) {
		struct slice line = slice_cut(s, prefix.n, (size_t)end + 1);
		if (line.n)
			memcpy(to, line.p, line.n);
		to += line.n;
		s = slice_from(s, (size_t)end + 1);
	}
	*out = (struct slice){begin, (size_t)(to - begin)};
	return true;
}

bool hcl_heredoc(struct slice written, struct arena *a, struct slice *out)
{
	ptrdiff_t first = slice_find(written, '\n');
	if (first < 3 || written.n < 2 * (size_t)first - 2)
		return false;
	size_t head = (size_t)first;
	/* The marker stands at both ends: "<<EOF\n" … "EOF\n". */
	struct slice plain = slice_cut(written, head + 1, written.n - head + 1);
	if (written.p[2] != '-') {
		*out = arena_copy(a, plain);
		return out->p != NULL;
	}
	struct slice body = slice_cut(written, head + 1, written.n - head + 2);
	struct slice prefix = slice_from(body, last_line(body));
	if (all_lines_start(body, prefix))
		return unindent(body, prefix, a, out);
	while (plain.n && (plain.p[plain.n - 1] == ' ' || plain.p[plain.n - 1] == '\t'))
		plain.n--;
	*out = arena_copy(a, plain);
	return out->p != NULL;
}
