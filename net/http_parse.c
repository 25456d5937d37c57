#include "net/http_parse.h"

#include "core/base/slice.h"

/* ---- classes of bytes ------------------------------------------------------------------------------------------ */

enum {
	TOKEN = 1,     /* RFC 7230 tchar: methods and header names */
	VALUE = 2,     /* may stand in a header value: no control character but the tab */
	HOST = 4,      /* may stand in a Host header */
	AUTHORITY = 8, /* may stand unescaped in the host of an absolute target */
	HEX = 16,
};

#define T TOKEN
#define H HOST
#define A AUTHORITY
/* clang-format off */
static const uint8_t byte_class[256] = {
	['\t'] = VALUE, [' '] = VALUE, ['!'] = T|VALUE|H|A, ['"'] = VALUE|A, ['#'] = T|VALUE, ['$'] = T|VALUE|H|A,
	['%'] = T|VALUE|H, ['&'] = T|VALUE|H|A, ['\''] = T|VALUE|H|A, ['('] = VALUE|H|A, [')'] = VALUE|H|A,
	['*'] = T|VALUE|H|A, ['+'] = T|VALUE|H|A, [','] = VALUE|H|A, ['-'] = T|VALUE|H|A, ['.'] = T|VALUE|H|A,
	['/'] = VALUE, ['0' ... '9'] = T|VALUE|H|A|HEX, [':'] = VALUE|H|A, [';'] = VALUE|H|A, ['<'] = VALUE|A,
	['='] = VALUE|H|A, ['>'] = VALUE|A, ['?'] = VALUE, ['@'] = VALUE, ['A' ... 'F'] = T|VALUE|H|A|HEX,
	['G' ... 'Z'] = T|VALUE|H|A, ['['] = VALUE|H|A, ['\\'] = VALUE, [']'] = VALUE|H|A, ['^'] = T|VALUE,
	['_'] = T|VALUE|H|A, ['`'] = T|VALUE, ['a' ... 'f'] = T|VALUE|H|A|HEX, ['g' ... 'z'] = T|VALUE|H|A,
	['{'] = VALUE, ['|'] = T|VALUE, ['}'] = VALUE, ['~'] = T|VALUE|H|A, [0x80 ... 0xff] = VALUE|A,
};
/* clang-format on */
#undef T
#undef H
#undef A

static bool all_of(struct slice s, uint8_t class)
{
	uint8_t all = class;
	for (size_t i = 0; i < s.n; i++)
		all &= byte_class[(uint8_t)s.p[i]];
	return all != 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trim_blanks(struct slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = (struct slice){s.p + 1, s.n - 1};
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* ---- lines ----------------------------------------------------------------------------------------------------- */

struct lines {
	char *at, *end;
};

/* The next line without its end; false when it is not whole yet. */
static bool next_line(struct lines *l, struct slice *line)
{
	char *nl = l->at < l->end ? memchr(l->at, '\n', (size_t)(l->end - l->at)) : NULL;
	if (!nl)
		return false;
	size_t n = (size_t)(nl - l->at);
	*line = (struct slice){l->at, n && nl[-1] == '\r' ? n - 1 : n};
	l->at = nl + 1;
	return true;
}

/* ---- headers, the same for both directions --------------------------------------------------------------------- */

struct headers {
	struct http_header *list;
	unsigned n;
	unsigned hosts, encodings, lengths;
	struct slice host, encoding, length, expect;
	bool lengths_differ, close, keep_alive, bad_name, bad_value;
};

bool http_has_token(struct slice value, const char *token)
{
	struct slice want = slice_of(token);
	while (value.n) {
		size_t n = 0;
		while (n < value.n && value.p[n] != ',' && !is_blank(value.p[n]))
			n++;
		if (slice_eq_fold((struct slice){value.p, n}, want))
			return true;
		value = slice_from(value, n + 1);
	}
	return false;
}

/* The few that rule the framing. */
static void note_header(struct headers *h, struct slice name, struct slice value)
{
	switch (name.n) {
	case 4:
		if (slice_eq_fold(name, S("Host")) && !h->hosts++)
			h->host = value;
		break;
	case 6:
		if (slice_eq_fold(name, S("Expect")) && !h->expect.p)
			h->expect = value;
		break;
	case 10:
		if (slice_eq_fold(name, S("Connection"))) {
			h->close |= http_has_token(value, "close");
			h->keep_alive |= http_has_token(value, "keep-alive");
		}
		break;
	case 14:
		if (!slice_eq_fold(name, S("Content-Length")))
			break;
		if (!h->lengths++)
			h->length = slice_trim(value);
		else
			h->lengths_differ |= !slice_eq(h->length, slice_trim(value));
		break;
	case 17:
		if (slice_eq_fold(name, S("Transfer-Encoding")) && !h->encodings++)
			h->encoding = value;
		break;
	}
}

/* Joins lines in place: each line end, with the blanks around it, becomes one blank. Works from the right, so that the
 * joined text ends where the last line ended, and fills what is left over in front with blanks: a head that is read
 * again reads the same. */
static void join_lines(char *start, char *end)
{
	char *from = end, *to = end;
	while (from > start) {
		if (from[-1] != '\n') {
			*--to = *--from;
			continue;
		}
		from -= from - 1 > start && from[-2] == '\r' ? 2 : 1;
		while (from > start && is_blank(from[-1]))
			from--;
		while (to < end && is_blank(*to))
			to++;
		*--to = ' ';
	}
	memset(start, ' ', (size_t)(to - start));
}

/* Takes in the lines that continue this one. False when more bytes are needed to tell. */
static bool unfold(struct lines *l, struct slice *line, size_t colon)
{
	struct slice more = S_NONE;
	while (l->at < l->end && is_blank(*l->at))
		if (!next_line(l, &more))
			return false;
	if (l->at == l->end)
		return false;
	if (more.p) {
		line->n = (size_t)(more.p + more.n - line->p);
		char *value;
		memcpy(&value, &line->p, sizeof value); /* ours to change: it came in as char * */
		join_lines(value + colon + 1, value + line->n);
	}
	return true;
}

static void parse_header(struct headers *h, struct slice line, size_t colon)
{
	struct slice name = {line.p, colon};
	while (name.n && is_blank(name.p[0]))
		name = slice_from(name, 1);
	struct slice value = trim_blanks(slice_from(line, colon + 1));
	if (!name.n)
		return;
	h->bad_name |= !all_of(name, TOKEN);
	h->bad_value |= !all_of(value, VALUE);
	note_header(h, name, value);
	if (h->n < HTTP_HEADERS_MAX)
		h->list[h->n++] = (struct http_header){name, value};
}

static enum http_parse_result parse_headers(struct lines *l, struct headers *h)
{
	struct slice line;
	if (l->at < l->end && is_blank(*l->at))
		return HTTP_PARSE_BAD;
	while (next_line(l, &line)) {
		if (!line.n)
			return HTTP_PARSED;
		ptrdiff_t colon = slice_find(line, ':');
		if (colon < 0)
			return HTTP_PARSE_BAD;
		if (!unfold(l, &line, (size_t)colon))
			return HTTP_PARSE_MORE;
		parse_header(h, line, (size_t)colon);
	}
	return HTTP_PARSE_MORE;
}

static bool parse_length(struct slice s, int64_t *out)
{
	int64_t v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]) || v > (INT64_MAX - (s.p[i] - '0')) / 10)
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*out = s.n ? v : -1;
	return true;
}

static enum http_parse_result bad(struct http_framing *f, int status, const char *reason)
{
	f->status = status;
	f->reason = reason;
	return HTTP_PARSE_BAD;
}

static enum http_parse_result bad_about(struct http_framing *f, const char *reason, struct slice about)
{
	f->about = about;
	return bad(f, 400, reason);
}

/* Transfer-Encoding and Content-Length, by RFC 7230 3.3.3. HTTP/1.0 has no encodings: they are ignored there. */
static enum http_parse_result frame(const struct headers *h, unsigned minor, struct http_framing *f)
{
	f->content_length = -1;
	if (h->encodings && minor > 0) {
		if (h->encodings > 1)
			return bad(f, 501, "too many transfer encodings");
		if (!slice_eq_fold(h->encoding, S("chunked"))) {
			f->about = h->encoding;
			return bad(f, 501, "unsupported transfer encoding");
		}
		f->chunked = true;
		return HTTP_PARSED;
	}
	if (h->lengths_differ)
		return bad(f, 400, "http: message cannot contain multiple Content-Length headers");
	if (h->lengths && !parse_length(h->length, &f->content_length))
		return bad_about(f, "bad Content-Length", h->length);
	return HTTP_PARSED;
}

static bool parse_version(struct slice s, unsigned *major, unsigned *minor)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/", 5) || !is_digit(s.p[5]) || s.p[6] != '.' || !is_digit(s.p[7]))
		return false;
	*major = (unsigned)(s.p[5] - '0');
	*minor = (unsigned)(s.p[7] - '0');
	return true;
}

/* ---- the request line ------------------------------------------------------------------------------------------ */

/* Length of "scheme:" at the start, 0 for none; -1 when there is a colon without a scheme before it. */
static ptrdiff_t scheme_of(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (is_letter(c))
			continue;
		if (c == ':')
			return i ? (ptrdiff_t)i + 1 : -1;
		if (i == 0 || (!is_digit(c) && c != '+' && c != '-' && c != '.'))
			return 0;
	}
	return 0;
}

static bool escapes_are_valid(struct slice s)
{
	for (ptrdiff_t at; (at = slice_find(s, '%')) >= 0; s = slice_from(s, (size_t)at + 3))
		if (s.n - (size_t)at < 3 || !all_of((struct slice){s.p + at + 1, 2}, HEX))
			return false;
	return true;
}

static bool user_is_valid(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '[' || s.p[i] == ']' || (s.p[i] != '@' && !(byte_class[(uint8_t)s.p[i]] & HOST)))
			return false;
	return escapes_are_valid(s);
}

/* "host", "host:port", "user@host", "[ip6]:port". */
static bool authority_is_valid(struct slice s)
{
	ptrdiff_t at = slice_find_last(s, '@');
	if (at > 0 && !user_is_valid(slice_cut(s, 0, (size_t)at)))
		return false;
	s = slice_from(s, (size_t)(at + 1));
	ptrdiff_t from = 0;
	if (s.n && s.p[0] == '[' && (from = slice_find_last(s, ']')) < 0)
		return false;
	struct slice behind = slice_from(s, (size_t)from + (from > 0));
	ptrdiff_t colon = from > 0 ? (behind.n ? 0 : -1) : slice_find_last(behind, ':');
	if (colon >= 0) {
		if (behind.p[colon] != ':')
			return false;
		for (size_t i = (size_t)colon + 1; i < behind.n; i++)
			if (!is_digit(behind.p[i]))
				return false;
	}
	return all_of(s, AUTHORITY);
}

/* Cuts the target into path and query as url.ParseRequestURI does. */
bool http_parse_target(struct http_request *r)
{
	struct slice s = r->target;
	r->query = S("");
	r->has_query = false;
	if (slice_eq(s, S("*"))) {
		r->path = s;
		return true;
	}
	bool authority_only = slice_is(r->method, "CONNECT") && s.n && s.p[0] != '/';
	ptrdiff_t scheme = authority_only || (s.n && s.p[0] == '/') ? 0 : scheme_of(s);
	if (!s.n || scheme < 0)
		return false;
	s = slice_from(s, (size_t)scheme);
	ptrdiff_t mark = slice_find(s, '?');
	r->has_query = mark >= 0;
	if (r->has_query) {
		r->query = slice_from(s, (size_t)mark + 1);
		s = slice_cut(s, 0, (size_t)mark);
	}
	bool slashes = scheme && slice_starts(s, S("//"));
	if (slashes || authority_only) {
		s = slice_from(s, slashes ? 2 : 0);
		ptrdiff_t slash = slice_find(s, '/');
		size_t end = slash < 0 ? s.n : (size_t)slash;
		if (!authority_is_valid(slice_cut(s, 0, end)))
			return false;
		s = slice_from(s, end);
	} else if (!s.n || s.p[0] != '/') {
		if (!scheme)
			return false;
		s = S(""); /* opaque, "mailto:x": no path at all */
	}
	r->path = s;
	return escapes_are_valid(s);
}

static bool has_control(struct slice s)
{
	bool found = false;
	for (size_t i = 0; i < s.n; i++)
		found |= (uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f;
	return found;
}

/* Exactly "METHOD target HTTP/x.y"; the target ends at the second blank. */
static bool parse_request_line(struct slice line, struct http_request *r, unsigned *major)
{
	ptrdiff_t one = slice_find(line, ' ');
	if (one <= 0)
		return false;
	struct slice rest = slice_from(line, (size_t)one + 1);
	ptrdiff_t two = slice_find(rest, ' ');
	if (two < 0)
		return false;
	unsigned minor;
	r->method = slice_cut(line, 0, (size_t)one);
	r->target = slice_cut(rest, 0, (size_t)two);
	if (!all_of(r->method, TOKEN) || !parse_version(slice_from(rest, (size_t)two + 1), major, &minor))
		return false;
	r->verb = http_verb_of(r->method);
	r->minor = (uint8_t)minor;
	return !has_control(r->target) && http_parse_target(r);
}

/* ---- a request ------------------------------------------------------------------------------------------------- */

/* What net/http looks at after it has read all lines, in its order. */
static enum http_parse_result judge_request(
        const struct headers *h, const struct http_request *r, unsigned major, struct http_framing *f)
{
	if (h->hosts > 1)
		return bad(f, 400, NULL);
	if (frame(h, major == 1 ? r->minor : 1, f) == HTTP_PARSE_BAD) {
		f->reason = f->status == 501 ? f->reason : NULL;
		return HTTP_PARSE_BAD;
	}
	if (major != 1)
		return bad(f, 505, "unsupported protocol version");
	if (r->minor > 0 && !h->hosts && !slice_is(r->method, "CONNECT"))
		return bad(f, 400, "missing required Host header");
	if (h->hosts && !all_of(h->host, HOST))
		return bad(f, 400, "malformed Host header");
	if (h->bad_name)
		return bad(f, 400, "invalid header name");
	if (h->bad_value)
		return bad(f, 400, "invalid header value");
	return HTTP_PARSED;
}

enum http_parse_result http_parse_request(char *p, size_t n, struct http_request *r, struct http_framing *f)
{
	struct lines l = {p, p + n};
	struct headers h = {.list = r->headers};
	struct slice line;
	unsigned major = 0;
	*f = (struct http_framing){.content_length = -1};
	if (!next_line(&l, &line))
		return HTTP_PARSE_MORE;
	if (!parse_request_line(line, r, &major))
		return bad(f, 400, NULL);
	enum http_parse_result e = parse_headers(&l, &h);
	if (e == HTTP_PARSE_BAD)
		return bad(f, 400, NULL);
	if (e == HTTP_PARSE_MORE || judge_request(&h, r, major, f) == HTTP_PARSE_BAD)
		return e == HTTP_PARSE_MORE ? e : HTTP_PARSE_BAD;
	r->header_count = h.n;
	r->content_length = f->content_length;
	f->head = (size_t)(l.at - p);
	f->keep_alive_10 = r->minor == 0 && h.keep_alive;
	f->close = h.close || (r->minor == 0 && !h.keep_alive);
	f->expect_continue = http_has_token(h.expect, "100-continue");
	f->expect_other = h.expect.n && !f->expect_continue;
	return HTTP_PARSED;
}

/* ---- an answer ------------------------------------------------------------------------------------------------- */

static enum http_parse_result parse_status_line(
        struct slice line, struct http_response *r, unsigned *minor, struct http_framing *f)
{
	ptrdiff_t one = slice_find(line, ' ');
	if (one < 0)
		return bad_about(f, "malformed HTTP response", line);
	struct slice rest = slice_from(line, (size_t)one + 1), words = rest;
	while (words.n && words.p[0] == ' ')
		words = slice_from(words, 1);
	struct slice code = slice_next(&words, ' ');
	unsigned major;
	if (code.n != 3 || !is_digit(code.p[0]) || !is_digit(code.p[1]) || !is_digit(code.p[2]))
		return bad_about(f, "malformed HTTP status code", code);
	if (!parse_version(slice_cut(line, 0, (size_t)one), &major, minor))
		return bad_about(f, "malformed HTTP version", slice_cut(line, 0, (size_t)one));
	r->status = (code.p[0] - '0') * 100 + (code.p[1] - '0') * 10 + (code.p[2] - '0');
	r->minor = (uint8_t)*minor;
	r->reason = words;
	return HTTP_PARSED;
}

static bool body_allowed(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

enum http_parse_result http_parse_response(
        char *p, size_t n, bool head_only, struct http_response *r, struct http_framing *f)
{
	struct lines l = {p, p + n};
	struct headers h = {.list = r->headers};
	struct slice line;
	unsigned minor = 1;
	*f = (struct http_framing){.content_length = -1};
	if (!next_line(&l, &line))
		return HTTP_PARSE_MORE;
	if (parse_status_line(line, r, &minor, f) == HTTP_PARSE_BAD)
		return HTTP_PARSE_BAD;
	enum http_parse_result e = parse_headers(&l, &h);
	if (e == HTTP_PARSE_BAD)
		return bad(f, 400, "malformed MIME header");
	if (e == HTTP_PARSE_MORE || frame(&h, minor, f) == HTTP_PARSE_BAD)
		return e == HTTP_PARSE_MORE ? e : HTTP_PARSE_BAD;
	if (head_only || !body_allowed(r->status)) {
		f->chunked = false;
		f->content_length = 0;
	}
	r->header_count = h.n;
	f->head = (size_t)(l.at - p);
	f->close = h.close || (minor == 0 && !h.keep_alive);
	return HTTP_PARSED;
}

static struct slice find_header(const struct http_header *list, unsigned n, struct slice name)
{
	for (unsigned i = 0; i < n; i++)
		if (slice_eq_fold(list[i].name, name))
			return list[i].value;
	return S_NONE;
}

struct slice http_response_header(const struct http_response *r, struct slice name)
{
	return find_header(r->headers, r->header_count, name);
}
