#include "core/base/slice.h"

char list_empty[1];

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool slice_eq_fold(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq((struct slice){s.p, prefix.n}, prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

struct slice slice_from(struct slice s, size_t from)
{
	return slice_cut(s, from, s.n);
}

struct slice slice_cut(struct slice s, size_t from, size_t to)
{
	to = to > s.n ? s.n : to;
	from = from > to ? to : from;
	return (struct slice){s.p ? s.p + from : NULL, to - from};
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = slice_from(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

ptrdiff_t slice_find(struct slice s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	return at ? at - s.p : -1;
}

ptrdiff_t slice_find_last(struct slice s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;
	return at ? at - s.p : -1;
}

ptrdiff_t slice_search(struct slice s, struct slice needle)
{
	if (!needle.n)
		return 0;
	const char *at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return at ? at - s.p : -1;
}

struct slice slice_next(struct slice *s, char sep)
{
	ptrdiff_t at = slice_find(*s, sep);
	struct slice part = at < 0 ? *s : slice_cut(*s, 0, (size_t)at);
	*s = at < 0 ? S_NONE : slice_from(*s, (size_t)at + 1);
	return part;
}

char *slice_cstr(struct slice s, char *out, size_t size)
{
	size_t n = s.n < size ? s.n : size - 1;
	if (n)
		memcpy(out, s.p, n);
	out[n] = '\0';
	return out;
}
