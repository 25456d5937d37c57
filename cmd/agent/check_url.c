#include "cmd/agent/check_url.h"

#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"
#include "net/address.h"

enum { PORT_MAX = 65535, QUOTED = 512 };

static bool is_scheme_char(char c, bool first)
{
	bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
	return letter || (!first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
}

/* "http://…" → "http"; moves *rest behind the colon. Empty when there is none. */
static struct slice scheme_of(struct slice *rest)
{
	size_t n = 0;
	while (n < rest->n && is_scheme_char(rest->p[n], n == 0))
		n++;
	if (!n || n == rest->n || rest->p[n] != ':')
		return S_NONE;
	struct slice scheme = slice_cut(*rest, 0, n);
	*rest = slice_from(*rest, n + 1);
	return scheme;
}

static enum err bad(struct slice text, struct fail *f, const char *why)
{
	char q[QUOTED];
	return fail_set(f, ERR_INVALID, "parse %s: %s", quote_cstr(text, q, sizeof q), why);
}

static enum err check_characters(struct slice text, struct fail *f)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return bad(text, f, "net/url: invalid control character in URL");
	return OK;
}

/* host, [host], with or without ":port". */
static enum err read_host(struct slice text, struct check_url *u, uint16_t port_default, struct fail *f)
{
	char q[QUOTED], why[QUOTED];
	struct slice host = u->authority, port = S_NONE;
	uint64_t number = port_default;
	if (host.n && host.p[0] == '[') {
		ptrdiff_t end = slice_find(host, ']');
		if (end < 0)
			return bad(text, f, "missing ']' in host");
		port = slice_from(host, (size_t)end + 1);
		host = slice_cut(host, 1, (size_t)end);
	} else {
		ptrdiff_t colon = slice_find_last(host, ':');
		if (colon >= 0) {
			port = slice_from(host, (size_t)colon);
			host = slice_cut(host, 0, (size_t)colon);
		}
	}
	if (port.n && (port.p[0] != ':' || (port.n > 1 && num_u64(slice_from(port, 1), &number, NULL)))) {
		fail_set(f, ERR_INVALID, "invalid port %s after host", quote_cstr(port, q, sizeof q));
		return bad(text, f, slice_cstr(slice_of(f->text), why, sizeof why));
	}
	u->bad_port = number > PORT_MAX;
	u->host = host;
	u->port = (uint16_t)number;
	return OK;
}

/* What may not stand in a request line is escaped; escapes that are there stay. */
static struct slice escaped(struct slice s, struct arena *a)
{
	static const char digits[] = "0123456789ABCDEF";
	char *to = arena_alloc(a, 3 * s.n + 1), *at = to;
	for (size_t i = 0; to && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c > ' ' && c < 0x7f && !strchr("\"<>\\^`{|}", c)) {
			*at++ = (char)c;
			continue;
		}
		*at++ = '%';
		*at++ = digits[c >> 4];
		*at++ = digits[c & 15];
	}
	return to ? slice_at(to, (size_t)(at - to)) : S_NONE;
}

static struct slice target_of(struct slice rest, struct arena *a)
{
	rest = slice_next(&rest, '#');
	bool rooted = rest.n && rest.p[0] == '/';
	return escaped(rooted ? rest : arena_str(a, "/%.*s", PS(rest)), a);
}

struct slice check_url_verb(struct slice method, struct arena *a)
{
	struct slice name = arena_str(a, "%.*s", PS(method));
	for (size_t i = 1; i < name.n; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			((char *)(uintptr_t)name.p)[i] |= 0x20;
	return name;
}

enum err check_url_read(struct slice text, struct slice method, struct arena *a, struct check_url *out, struct fail *f)
{
	struct slice rest = text;
	char q[QUOTED];
	*out = (struct check_url){0};
	if (check_characters(text, f))
		return f->code;
	if (rest.n && rest.p[0] == ':')
		return bad(text, f, "missing protocol scheme");
	out->scheme = scheme_of(&rest);
	if (slice_starts(rest, S("//"))) {
		rest = slice_from(rest, 2);
		size_t end = 0;
		while (end < rest.n && !strchr("/?#", rest.p[end]))
			end++;
		out->authority = slice_cut(rest, 0, end);
		ptrdiff_t at = slice_find_last(out->authority, '@');
		if (at >= 0)
			out->authority = slice_from(out->authority, (size_t)at + 1);
		rest = slice_from(rest, end);
	}
	if (read_host(text, out, slice_eq_fold(out->scheme, S("https")) ? 443 : 80, f))
		return f->code;
	quote_cstr(text, q, sizeof q);
	if (!slice_eq_fold(out->scheme, S("http")) && !slice_eq_fold(out->scheme, S("https")))
		return fail_set(f, ERR_INVALID, "%.*s %s: unsupported protocol scheme \"%.*s\"",
		        PS(check_url_verb(method, a)), q, PS(out->scheme));
	if (!out->host.n)
		return fail_set(f, ERR_INVALID, "%.*s \"%.*s:%.*s\": http: no Host in request URL",
		        PS(check_url_verb(method, a)), PS(out->scheme), PS(rest));
	if (out->bad_port)
		return fail_set(f, ERR_INVALID, "%.*s %s: dial tcp: address %.*s: invalid port",
		        PS(check_url_verb(method, a)), q,
		        PS(slice_from(out->authority, (size_t)slice_find_last(out->authority, ':') + 1)));
	out->target = target_of(rest, a);
	return OK;
}

struct slice check_url_follow(const struct check_url *from, struct slice location, struct arena *a)
{
	struct slice rest = location;
	if (scheme_of(&rest).n)
		return location;
	if (slice_starts(location, S("//")))
		return arena_str(a, "%.*s:%.*s", PS(from->scheme), PS(location));
	if (slice_starts(location, S("/")))
		return arena_str(a, "%.*s://%.*s%.*s", PS(from->scheme), PS(from->authority), PS(location));
	struct slice path = from->target;
	path = slice_next(&path, '?');
	ptrdiff_t slash = slice_find_last(path, '/');
	return arena_str(a, "%.*s://%.*s%.*s%.*s", PS(from->scheme), PS(from->authority),
	        PS(slice_cut(path, 0, (size_t)(slash + 1))), PS(location));
}
