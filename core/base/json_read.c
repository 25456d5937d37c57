#include "core/base/json.h"

#include <stdio.h>

#include "core/base/slice.h"
#include "core/base/text.h"

/* One pass without recursion. `done` is a stack of members: each open container lies below its members so far; when
 * it closes they move into the arena and it becomes a plain member itself.
 *
 * The text is copied into the arena once and ends in a NUL; strings and numbers point into that copy, decoded in
 * place, because no escape is longer decoded than written. Only broken UTF-8 grows and takes memory of its own. */
struct reader {
	char *at, *begin, *end;
	struct buf done; /* of struct value_entry */
	struct buf open; /* of uint32_t: which members of `done` are the open containers */
	struct arena *arena;
	struct fail *fail;
	bool first_only; /* as json.Decoder: one value, and its words for a text cut short */
};

static enum err out_of_memory(struct reader *r)
{
	return fail_set(r->fail, ERR_NO_MEMORY, "out of memory");
}

static enum err bad_char(struct reader *r, char c, const char *context)
{
	char rune[4], quoted[24];
	size_t n = utf8_put(rune, (unsigned char)c);
	quote_cstr((struct slice){rune, n}, quoted, sizeof quoted);
	const char *inside = c == '"' ? "\"" : c == '\'' ? "\\'" : quoted + 1;
	int length = c == '"' ? 1 : c == '\'' ? 2 : (int)strlen(quoted) - 2;
	return fail_set(r->fail, ERR_INVALID, "invalid character '%.*s' %s", length, inside, context);
}

static enum err cut_short(struct reader *r)
{
	return fail_set(r->fail, ERR_INVALID, r->first_only ? "unexpected EOF" : "unexpected end of JSON input");
}

/* Where blanks may stand, so that the end of the text is no wrong character. */
static enum err unexpected(struct reader *r, const char *context)
{
	return r->at == r->end ? cut_short(r) : bad_char(r, *r->at, context);
}

/* Inside a word, where json.Unmarshal tries a blank at the end of the text and complains about that. */
static enum err unexpected_inside(struct reader *r, const char *context)
{
	if (r->at == r->end && r->first_only)
		return cut_short(r);
	return bad_char(r, r->at == r->end ? ' ' : *r->at, context);
}

static void skip_blanks(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')
		r->at++;
}

static struct value_entry *member_at(struct reader *r, size_t i)
{
	return (struct value_entry *)(void *)r->done.p + i;
}

static size_t member_count(const struct reader *r)
{
	return r->done.n / sizeof(struct value_entry);
}

static bool member_push(struct reader *r)
{
	struct value_entry *e = (struct value_entry *)(void *)buf_room(&r->done, sizeof *e);
	if (!e)
		return false;
	*e = (struct value_entry){0};
	buf_add(&r->done, sizeof *e);
	return true;
}

static struct value *newest(struct reader *r)
{
	return &member_at(r, member_count(r) - 1)->val;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex4(const char *p)
{
	int v = 0;
	for (int i = 0; i < 4; i++)
		v = v << 4 | hex_digit(p[i]);
	return v;
}

/* Checks the escape at r->at, which stands on the backslash, and steps over it. */
static enum err escape_check(struct reader *r)
{
	r->at++;
	if (*r->at != 'u') {
		if (r->at == r->end || !strchr("bfnrt\\/\"", *r->at) || !*r->at)
			return unexpected_inside(r, "in string escape code");
		r->at++;
		return OK;
	}
	r->at++;
	for (int i = 0; i < 4; i++, r->at++)
		if (r->at == r->end || hex_digit(*r->at) < 0)
			return unexpected_inside(r, "in \\u hexadecimal character escape");
	return OK;
}

/* The rune of the checked escape at *p; halves of a pair that stand alone are U+FFFD. */
static uint32_t escape_decode(const char **p)
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
	char c = (*p)[1];
	*p += 2;
	if (c != 'u') {
		const char *letter = strchr(letters, c);
		return letter ? (uint32_t)meant[letter - letters] : (uint32_t)(unsigned char)c;
	}
	uint32_t rune = (uint32_t)hex4(*p);
	*p += 4;
	if (rune < 0xD800 || rune > 0xDFFF)
		return rune;
	if (rune > 0xDBFF || (*p)[0] != '\\' || (*p)[1] != 'u')
		return RUNE_ERROR;
	uint32_t low = (uint32_t)hex4(*p + 2);
	if (low < 0xDC00 || low > 0xDFFF)
		return RUNE_ERROR;
	*p += 6;
	return 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
}

static bool utf8_valid(struct slice s)
{
	for (size_t at = 0; at < s.n;) {
		size_t from = at;
		if (utf8_next(s, &at) == RUNE_ERROR && at - from == 1)
			return false;
	}
	return true;
}

/* Decodes `raw` (checked) to `to`: in place, or where each byte has room for three. */
static size_t string_decode(struct slice raw, char *to)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	char *begin = to;
	while (p < end) {
		char rune[4];
		if (*p == '\\') {
			size_t n = utf8_put(rune, escape_decode(&p));
			memcpy(to, rune, n);
			to += n;
		} else if ((unsigned char)*p < 0x80) {
			*to++ = *p++;
		} else {
			size_t at = 0;
			size_t n = utf8_put(rune, utf8_next((struct slice){p, (size_t)(end - p)}, &at));
			memcpy(to, rune, n);
			to += n;
			p += at;
		}
	}
	return (size_t)(to - begin);
}

/* The string at r->at, which stands on the opening quote. */
static enum err read_string(struct reader *r, struct slice *out)
{
	char *begin = ++r->at;
	bool plain = true, ascii = true;
	for (unsigned char c; (c = (unsigned char)*r->at) != '"';) {
		if (c == '\\') {
			enum err e = escape_check(r);
			if (e)
				return e;
			plain = false;
			continue;
		}
		if (c < 0x20)
			return unexpected(r, "in string literal");
		ascii = ascii && c < 0x80;
		r->at++;
	}
	struct slice raw = {begin, (size_t)(r->at - begin)};
	r->at++;
	if (!ascii && !utf8_valid(raw)) {
		char *room = arena_alloc(r->arena, 3 * raw.n);
		if (!room)
			return out_of_memory(r);
		*out = (struct slice){room, string_decode(raw, room)};
	} else {
		*out = (struct slice){begin, plain ? raw.n : string_decode(raw, begin)};
	}
	return OK;
}

/* ---- other scalars ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_digits(struct reader *r)
{
	while (is_digit(*r->at))
		r->at++;
}

static enum err read_number(struct reader *r, struct value *v)
{
	char *begin = r->at;
	if (*r->at == '-')
		r->at++;
	if (!is_digit(*r->at))
		return unexpected_inside(r, "in numeric literal");
	if (*r->at == '0')
		r->at++;
	else
		skip_digits(r);
	if (*r->at == '.') {
		r->at++;
		if (!is_digit(*r->at))
			return unexpected_inside(r, "after decimal point in numeric literal");
		skip_digits(r);
	}
	if (*r->at == 'e' || *r->at == 'E') {
		r->at++;
		if (*r->at == '+' || *r->at == '-')
			r->at++;
		if (!is_digit(*r->at))
			return unexpected_inside(r, "in exponent of numeric literal");
		skip_digits(r);
	}
	*v = (struct value){.type = V_NUMBER, .text = {begin, (size_t)(r->at - begin)}};
	return OK;
}

static enum err read_word(struct reader *r, const char *word)
{
	char context[64];
	for (const char *p = word; *p; p++, r->at++)
		if (r->at == r->end || *r->at != *p) {
			snprintf(context, sizeof context, "in literal %s (expecting '%c')", word, *p);
			return unexpected_inside(r, context);
		}
	return OK;
}

static enum err read_scalar(struct reader *r, struct value *v)
{
	char c = *r->at;
	switch (c) {
	case '"': *v = (struct value){.type = V_STRING}; return read_string(r, &v->text);
	case 't':
	case 'f':
		*v = (struct value){.type = V_BOOL, .boolean = c == 't'};
		return read_word(r, c == 't' ? "true" : "false");
	case 'n': *v = (struct value){.type = V_NULL}; return read_word(r, "null");
	default:
		if (c == '-' || is_digit(c))
			return read_number(r, v);
		return unexpected(r, "looking for beginning of value");
	}
}

/* ---- containers ---- */

static size_t open_count(const struct reader *r)
{
	return r->open.n / sizeof(uint32_t);
}

static uint32_t innermost(const struct reader *r)
{
	return ((const uint32_t *)(const void *)r->open.p)[open_count(r) - 1];
}

/* r->at stands on the bracket. The newest member becomes an open container. */
static enum err open_container(struct reader *r)
{
	if (open_count(r) >= JSON_DEPTH_MAX)
		return bad_char(r, *r->at, "exceeded max depth");
	uint32_t place = (uint32_t)(member_count(r) - 1);
	*newest(r) = (struct value){.type = *r->at == '{' ? V_OBJECT : V_LIST};
	buf_bytes(&r->open, &place, sizeof place);
	r->at++;
	return r->open.failed ? out_of_memory(r) : OK;
}

/* Moves the members of the innermost container to the arena. */
static enum err close_container(struct reader *r)
{
	uint32_t place = innermost(r), n = (uint32_t)member_count(r) - place - 1;
	struct value *v = &member_at(r, place)->val;
	const struct value_entry *members = member_at(r, place + 1);
	r->at++;
	v->n = n;
	if (v->type == V_OBJECT) {
		v->entries = arena_alloc(r->arena, n * sizeof *v->entries);
		if (v->entries)
			memcpy(v->entries, members, n * sizeof *members);
	} else {
		v->items = arena_alloc(r->arena, n * sizeof *v->items);
		for (uint32_t i = 0; v->items && i < n; i++)
			v->items[i] = members[i].val;
	}
	r->done.n = (place + 1) * sizeof(struct value_entry);
	r->open.n -= sizeof(uint32_t);
	return v->items ? OK : out_of_memory(r);
}

/* A new member of the innermost container up to its value: for an object key and colon. */
static enum err begin_member(struct reader *r)
{
	bool object = member_at(r, innermost(r))->val.type == V_OBJECT;
	if (!member_push(r))
		return out_of_memory(r);
	if (!object)
		return OK;
	skip_blanks(r);
	if (*r->at != '"')
		return unexpected(r, "looking for beginning of object key string");
	struct slice key;
	enum err e = read_string(r, &key);
	if (e)
		return e;
	member_at(r, member_count(r) - 1)->key = key;
	skip_blanks(r);
	if (*r->at != ':')
		return unexpected(r, "after object key");
	r->at++;
	return OK;
}

/* The newest member's value: a scalar whole, of a container the opening bracket. *whole says which. */
static enum err begin_value(struct reader *r, bool *whole)
{
	skip_blanks(r);
	*whole = true;
	if (*r->at != '{' && *r->at != '[')
		return read_scalar(r, newest(r));
	char close = *r->at == '{' ? '}' : ']';
	enum err e = open_container(r);
	if (e)
		return e;
	skip_blanks(r);
	if (*r->at == close)
		return close_container(r);
	*whole = false;
	return begin_member(r);
}

/* After a whole value inside a container: a comma and the next member (*more), or the closing bracket. */
static enum err after_value(struct reader *r, bool *more)
{
	bool object = member_at(r, innermost(r))->val.type == V_OBJECT;
	skip_blanks(r);
	*more = *r->at == ',';
	if (*more) {
		r->at++;
		return begin_member(r);
	}
	if (*r->at == (object ? '}' : ']'))
		return close_container(r);
	return unexpected(r, object ? "after object key:value pair" : "after array element");
}

static enum err read_whole(struct reader *r)
{
	if (!member_push(r))
		return out_of_memory(r);
	enum err e = OK;
	do {
		bool whole;
		e = begin_value(r, &whole);
		for (bool more = false; !e && whole && !more && open_count(r);)
			e = after_value(r, &more);
	} while (!e && open_count(r));
	return e;
}

static enum err read_text(struct reader *r, struct slice text, struct arena *a, struct value *out)
{
	struct slice copy = arena_copy(a, text.p ? text : S(""));
	if (!copy.p)
		return out_of_memory(r);
	r->arena = a;
	r->begin = r->at = (char *)(uintptr_t)copy.p;
	r->end = r->begin + copy.n;
	r->done.limit = a->limit;
	enum err e = read_whole(r);
	if (!e)
		*out = member_at(r, 0)->val;
	buf_free(&r->done);
	buf_free(&r->open);
	return e;
}

enum err json_read(struct slice text, struct arena *a, struct value *out, struct fail *f)
{
	struct reader r = {.fail = f};
	enum err e = read_text(&r, text, a, out);
	if (e)
		return e;
	skip_blanks(&r);
	return r.at == r.end ? OK : bad_char(&r, *r.at, "after top-level value");
}

enum err json_read_first(struct slice text, struct arena *a, struct value *out, struct slice *rest, struct fail *f)
{
	size_t blanks = 0;
	while (blanks < text.n && memchr(" \t\r\n", text.p[blanks], 4))
		blanks++;
	if (blanks == text.n)
		return fail_set(f, ERR_INVALID, "EOF");
	struct reader r = {.fail = f, .first_only = true};
	enum err e = read_text(&r, text, a, out);
	if (!e && rest)
		*rest = slice_from(text, (size_t)(r.at - r.begin));
	return e;
}
