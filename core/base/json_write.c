#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/text.h"

/* Sixteen bytes at a time; the compiler makes of it what the machine has. */
typedef unsigned char wide __attribute__((vector_size(16)));

enum { WIDE = 16 };

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static bool any_special(wide v)
{
	/* '<' and '>' differ in one bit, which no other byte that stands as it is shares with them. */
	wide bad = (wide)((v < 0x20) | (v >= 0x80) | (v == '"') | (v == '\\') | ((v & 0xFD) == '<') | (v == '&'));
	uint64_t half[2];
	memcpy(half, &bad, sizeof half);
	return (half[0] | half[1]) != 0;
}

/* How many bytes from the front stand as they are. */
static size_t plain_run(struct slice s)
{
	size_t i = 0;
	for (wide v; i + WIDE <= s.n; i += WIDE) {
		memcpy(&v, s.p + i, WIDE);
		if (any_special(v))
			break;
	}
	while (i < s.n && is_plain((unsigned char)s.p[i]))
		i++;
	return i;
}

/* The rune at *at as it stands in a JSON string. */
static void put_rune(struct buf *out, struct slice s, size_t *at)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = *at;
	uint32_t r = utf8_next(s, at);
	if (r == '"' || r == '\\') {
		char pair[2] = {'\\', (char)r};
		buf_bytes(out, pair, 2);
	} else if (r == '\n' || r == '\r' || r == '\t') {
		buf_bytes(out, r == '\n' ? "\\n" : r == '\r' ? "\\r" : "\\t", 2);
	} else if (r < 0x80) {
		char text[6] = {'\\', 'u', '0', '0', hex[r >> 4], hex[r & 15]};
		buf_bytes(out, text, sizeof text);
	} else if (r == 0x2028 || r == 0x2029) {
		buf_bytes(out, r == 0x2028 ? "\\u2028" : "\\u2029", 6);
	} else if (r == RUNE_ERROR && *at - from == 1) {
		BUF_LIT(out, "\\ufffd");
	} else {
		buf_bytes(out, s.p + from, *at - from);
	}
}

void json_string(struct buf *out, struct slice s)
{
	size_t run = plain_run(s);
	char *to = buf_room(out, run + 2);
	if (!to)
		return;
	*to++ = '"';
	if (run)
		memcpy(to, s.p, run);
	if (run == s.n) {
		to[run] = '"';
		buf_add(out, run + 2);
		return;
	}
	buf_add(out, run + 1);
	for (size_t at = run; at < s.n;) {
		put_rune(out, s, &at);
		struct slice rest = {s.p + at, s.n - at};
		run = plain_run(rest);
		buf_bytes(out, rest.p, run);
		at += run;
	}
	buf_char(out, '"');
}

void json_base64(struct buf *out, struct slice s)
{
	if (!s.p) {
		BUF_LIT(out, "null");
		return;
	}
	buf_char(out, '"');
	base64_put(out, s);
	buf_char(out, '"');
}

void json_float(struct buf *out, double v)
{
	float_print(out, v);
}

void json_newline(struct buf *out, unsigned indent, unsigned depth)
{
	if (!indent)
		return;
	size_t n = (size_t)indent * depth;
	char *to = buf_room(out, n + 1);
	if (!to)
		return;
	*to = '\n';
	memset(to + 1, ' ', n);
	buf_add(out, n + 1);
}

static void put_leaf(struct buf *out, const struct value *v)
{
	switch (v->type) {
	case V_NULL: BUF_LIT(out, "null"); break;
	case V_BOOL: buf_cstr(out, v->boolean ? "true" : "false"); break;
	case V_NUMBER: buf_slice(out, v->text); break;
	default: json_string(out, v->text); break;
	}
}

/* What stands before a member: comma, line, key. */
static void put_front(struct buf *out, const struct value_walk *w, unsigned indent, unsigned depth)
{
	if (!w->first)
		buf_char(out, ',');
	json_newline(out, indent, depth);
	if (!w->key)
		return;
	json_string(out, *w->key);
	buf_bytes(out, ": ", indent ? 2 : 1);
}

void json_value(struct buf *out, const struct value *v, unsigned indent, unsigned depth)
{
	struct value_walk w;
	enum walk_step step;
	for (value_walk_begin(&w, v); (step = value_walk_next(&w)) != WALK_END;) {
		bool object = w.v->type == V_OBJECT;
		if (step == WALK_CLOSE) {
			if (w.v->n)
				json_newline(out, indent, depth + w.depth);
			buf_char(out, object ? '}' : ']');
			continue;
		}
		unsigned around = w.depth - (step == WALK_OPEN);
		if (around)
			put_front(out, &w, indent, depth + around);
		if (step == WALK_OPEN)
			buf_char(out, object ? '{' : '[');
		else
			put_leaf(out, w.v);
	}
	out->failed = out->failed || w.failed;
	value_walk_end(&w);
}
