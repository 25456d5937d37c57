/* Regular expressions: the text becomes a program. */
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/must.h"
#include "core/base/pattern_program.h"
#include "core/base/slice.h"
#include "core/base/text.h"

enum { NEST_MAX = 1000, REPEAT_MAX = 1000, OPS_MAX = 100000, RUNE_MAX = 0x10ffff };

enum { FOLD = 1, LINES = 2, DOT_ALL = 4, SWAP_GREED = 8 };

struct parser {
	struct slice whole, rest; /* rest is the end of whole */
	struct buf ops, ranges, classes;
	unsigned flags, depth, groups;
	struct fail *fail;
	enum err wrong;
};

static size_t op_count(const struct parser *p)
{
	return p->ops.n / sizeof(struct op);
}

static struct op *op_at(struct parser *p, size_t i)
{
	return (struct op *)(void *)p->ops.p + i;
}

static void refuse(struct parser *p, enum err code, const char *what, struct slice where)
{
	if (!p->wrong)
		p->wrong = fail_set(p->fail, code, "error parsing regexp: %s: `%.*s`", what, PS(where));
}

static void wrong(struct parser *p, const char *what, struct slice where)
{
	refuse(p, ERR_INVALID, what, where);
}

/* What lies between `from`, an earlier rest, and the rest of now. */
static struct slice since(const struct parser *p, struct slice from)
{
	return slice_cut(from, 0, from.n - p->rest.n);
}

static void emit(struct parser *p, struct op op)
{
	if (op_count(p) >= OPS_MAX)
		refuse(p, ERR_FULL, "expression too large", p->whole);
	if (!p->wrong)
		buf_bytes(&p->ops, &op, sizeof(op));
	if (p->ops.failed)
		refuse(p, ERR_NO_MEMORY, "out of memory", p->whole);
}

/* Puts `op` before what was made from `at` on. */
static void emit_before(struct parser *p, size_t at, struct op op)
{
	emit(p, op);
	if (p->wrong)
		return;
	memmove(op_at(p, at + 1), op_at(p, at), (op_count(p) - at - 1) * sizeof(struct op));
	*op_at(p, at) = op;
}

static bool take(struct parser *p, const char *text)
{
	if (!slice_starts(p->rest, slice_of(text)))
		return false;
	p->rest = slice_from(p->rest, strlen(text));
	return true;
}

static uint32_t take_rune(struct parser *p)
{
	size_t at = 0;
	uint32_t rune = utf8_next(p->rest, &at);
	if (rune == RUNE_ERROR && at == 1)
		wrong(p, "invalid UTF-8", p->rest);
	p->rest = slice_from(p->rest, at);
	return rune;
}

/* ---- escapes ---- */

static bool is_octal(const struct parser *p)
{
	return p->rest.n && p->rest.p[0] >= '0' && p->rest.p[0] <= '7';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int next_hex(struct parser *p)
{
	uint32_t c = p->rest.n ? take_rune(p) : 0;
	return c < 0x80 ? hex_value((char)c) : -1;
}

/* Behind \x: two digits, or any number in braces. -1 when wrong; what was read up to there belongs to the error. */
static int64_t hex_escape(struct parser *p)
{
	if (!take(p, "{")) {
		int high = p->rest.n ? next_hex(p) : -1, low = p->rest.n ? next_hex(p) : -1;
		return high < 0 || low < 0 ? -1 : high * 16 + low;
	}
	int64_t v = 0;
	for (unsigned n = 0;; n++) {
		if (n && take(p, "}"))
			return v;
		int digit = next_hex(p);
		v = v * 16 + digit;
		if (digit < 0 || v > RUNE_MAX)
			return -1;
	}
}

static int64_t octal_escape(struct parser *p, uint32_t first)
{
	if (first != '0' && !is_octal(p))
		return -1; /* a reference back: not of this kind of expression */
	int64_t v = first - '0';
	for (unsigned n = 1; n < 3 && is_octal(p); n++) {
		v = v * 8 + p->rest.p[0] - '0';
		p->rest = slice_from(p->rest, 1);
	}
	return v;
}

/* A backslash and what it makes of the next letters, as one rune. */
static uint32_t take_escape(struct parser *p)
{
	static const char letters[] = "afnrtv", meanings[] = "\a\f\n\r\t\v";
	struct slice from = p->rest;
	p->rest = slice_from(p->rest, 1);
	if (!p->rest.n) {
		wrong(p, "trailing backslash at end of expression", S(""));
		return 0;
	}
	uint32_t c = take_rune(p);
	int64_t v = -1;
	const char *known = c && c < 0x80 ? strchr(letters, (int)c) : NULL;
	if (c >= '0' && c <= '7')
		v = octal_escape(p, c);
	else if (c == 'x')
		v = hex_escape(p);
	else if (known)
		v = meanings[known - letters];
	else if (c < 0x80 && !pattern_alnum(c))
		v = c;
	if (v < 0)
		wrong(p, "invalid escape sequence", since(p, from));
	return (uint32_t)v;
}

/* ---- classes ---- */

static void range_add(struct parser *p, uint32_t from, uint32_t to)
{
	struct range r = {from, to};
	buf_bytes(&p->ranges, &r, sizeof(r));
}

static size_t range_count(const struct parser *p)
{
	return p->ranges.n / sizeof(struct range);
}

static struct range *range_at(struct parser *p, size_t i)
{
	return (struct range *)(void *)p->ranges.p + i;
}

/* The other case of letters in the ranges from `first` on. */
static void ranges_fold(struct parser *p, size_t first)
{
	for (size_t i = first, n = range_count(p); i < n && !p->ranges.failed; i++) {
		for (uint32_t low = 'a'; low <= 'z'; low++) {
			struct range r = *range_at(p, i);
			uint32_t up = low - 0x20;
			if (r.from <= low && low <= r.to)
				range_add(p, up, up);
			if (r.from <= up && up <= r.to)
				range_add(p, low, low);
		}
	}
}

/* Turns the ranges from `first` on (sorted, apart) into what they leave out. */
static void ranges_negate(struct parser *p, size_t first)
{
	size_t n = range_count(p) - first;
	struct range kept[8];
	MUST(n < ARRAY_LEN(kept));
	memcpy(kept, range_at(p, first), n * sizeof(*kept));
	p->ranges.n = first * sizeof(struct range);
	uint32_t next = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept[i].from > next)
			range_add(p, next, kept[i].from - 1);
		next = kept[i].to + 1;
	}
	range_add(p, next, RUNE_MAX);
}

struct named_class {
	const char *name;
	const char *ranges; /* pairs of letters, sorted */
};

static bool named_add(struct parser *p, const struct named_class *table, size_t n, struct slice name, bool negated)
{
	for (size_t i = 0; i < n; i++) {
		if (!slice_is(name, table[i].name))
			continue;
		size_t first = range_count(p);
		for (const char *r = table[i].ranges; *r; r += 2)
			range_add(p, r[0] == 1 ? 0 : (unsigned char)r[0], (unsigned char)r[1]);
		if (negated)
			ranges_negate(p, first);
		return true;
	}
	return false;
}

/* \d and its like, if they are next. */
static bool perl_class(struct parser *p)
{
	static const struct named_class table[] = {{"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZ__az"}};
	if (p->rest.n < 2 || p->rest.p[0] != '\\')
		return false;
	char lower = (char)(p->rest.p[1] | 0x20);
	bool letter = pattern_alnum((unsigned char)p->rest.p[1]);
	if (!letter || !named_add(p, table, ARRAY_LEN(table), slice_at(&lower, 1), lower != p->rest.p[1]))
		return false;
	p->rest = slice_from(p->rest, 2);
	return true;
}

/* [:name:] inside of brackets, if it is next. A first letter of 1 stands for 0. */
static bool posix_class(struct parser *p)
{
	static const struct named_class table[] = {{"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"ascii", "\1\x7f"},
	        {"blank", "\t\t  "}, {"cntrl", "\1\x1f\x7f\x7f"}, {"digit", "09"}, {"graph", "!~"}, {"lower", "az"},
	        {"print", " ~"}, {"punct", "!/:@[`{~"}, {"space", "\t\r  "}, {"upper", "AZ"}, {"word", "09AZ__az"},
	        {"xdigit", "09AFaf"}};
	if (!slice_starts(p->rest, S("[:")))
		return false;
	ptrdiff_t end = slice_search(slice_from(p->rest, 2), S(":]"));
	if (end < 0)
		return false;
	struct slice name = slice_cut(p->rest, 2, 2 + (size_t)end), all = slice_cut(p->rest, 0, 4 + (size_t)end);
	bool negated = name.n && name.p[0] == '^';
	if (!named_add(p, table, ARRAY_LEN(table), slice_from(name, negated), negated))
		wrong(p, "invalid character class range", all);
	p->rest = slice_from(p->rest, all.n);
	return true;
}

/* \p and \P need tables that we do not have. */
static void refuse_unicode_class(struct parser *p)
{
	if (p->rest.n >= 2 && p->rest.p[0] == '\\' && (p->rest.p[1] | 0x20) == 'p')
		refuse(p, ERR_FULL, "classes of Unicode are not supported", slice_cut(p->rest, 0, 3));
}

/* One letter within brackets that begin at `from`. */
static uint32_t class_rune(struct parser *p, struct slice from)
{
	if (!p->rest.n) {
		wrong(p, "missing closing ]", from);
		return 0;
	}
	return p->rest.p[0] == '\\' ? take_escape(p) : take_rune(p);
}

static void class_range(struct parser *p, struct slice brackets)
{
	struct slice from = p->rest;
	uint32_t low = class_rune(p, brackets), high = low;
	if (p->rest.n >= 2 && p->rest.p[0] == '-' && p->rest.p[1] != ']') {
		take(p, "-");
		high = class_rune(p, brackets);
		if (high < low)
			wrong(p, "invalid character class range", since(p, from));
	}
	range_add(p, low, high);
}

static void class_emit(struct parser *p, size_t first, bool negated)
{
	if (p->flags & FOLD)
		ranges_fold(p, first);
	struct class c = {(uint32_t)first, (uint32_t)(range_count(p) - first), negated};
	buf_bytes(&p->classes, &c, sizeof(c));
	if (p->ranges.failed || p->classes.failed)
		refuse(p, ERR_NO_MEMORY, "out of memory", p->whole);
	emit(p, (struct op){OP_CLASS, .x = (int32_t)(p->classes.n / sizeof(c)) - 1});
}

static void brackets_parse(struct parser *p)
{
	struct slice from = p->rest;
	size_t first = range_count(p);
	take(p, "[");
	bool negated = take(p, "^");
	for (bool begin = true; !p->wrong && (begin || !take(p, "]")); begin = false) {
		refuse_unicode_class(p);
		if (!p->wrong && !posix_class(p) && !perl_class(p))
			class_range(p, from);
	}
	class_emit(p, first, negated);
}

static void dot_emit(struct parser *p)
{
	size_t first = range_count(p);
	if (!(p->flags & DOT_ALL))
		range_add(p, '\n', '\n');
	struct class c = {(uint32_t)first, (uint32_t)(range_count(p) - first), true};
	buf_bytes(&p->classes, &c, sizeof(c));
	emit(p, (struct op){OP_CLASS, .x = (int32_t)(p->classes.n / sizeof(c)) - 1});
}

/* ---- pieces ---- */

static void rune_emit(struct parser *p, uint32_t rune)
{
	emit(p, (struct op){OP_RUNE, .fold = p->flags & FOLD, .x = (int32_t)rune});
}

static void assert_emit(struct parser *p, enum assertion a)
{
	emit(p, (struct op){OP_ASSERT, .x = (int32_t)a});
}

static void alternatives_parse(struct parser *p);

static void group_body(struct parser *p, unsigned flags_outside)
{
	if (++p->depth > NEST_MAX)
		wrong(p, "expression nests too deeply", p->whole);
	if (!p->wrong)
		alternatives_parse(p);
	if (!p->wrong && !take(p, ")"))
		wrong(p, "missing closing )", p->whole);
	p->depth--;
	p->flags = flags_outside;
}

/* A group that notes where it begins and ends. */
static void group_counted(struct parser *p)
{
	int32_t slot = 2 * (int32_t)++p->groups;
	emit(p, (struct op){OP_SAVE, .x = slot});
	group_body(p, p->flags);
	emit(p, (struct op){OP_SAVE, .x = slot + 1});
}

static void group_named(struct parser *p)
{
	struct slice from = p->rest;
	ptrdiff_t end = slice_find(from, '>');
	if (end < 0) {
		wrong(p, "invalid named capture", from);
		return;
	}
	struct slice name = slice_cut(from, 4, (size_t)end);
	bool fine = name.n;
	for (size_t i = 0; i < name.n; i++)
		fine &= name.p[i] == '_' || pattern_alnum((unsigned char)name.p[i]);
	if (!fine)
		wrong(p, "invalid named capture", slice_cut(from, 0, (size_t)end + 1));
	p->rest = slice_from(from, (size_t)end + 1);
	group_counted(p);
}

/* (?flags) or (?flags:group). True if it made a piece. */
static bool group_flags(struct parser *p)
{
	static const char letters[] = "imsU";
	static const unsigned bits[] = {FOLD, LINES, DOT_ALL, SWAP_GREED};
	struct slice from = p->rest;
	unsigned flags = p->flags;
	bool minus = false, some = false;
	p->rest = slice_from(p->rest, 2);
	while (p->rest.n && !p->wrong) {
		uint32_t c = take_rune(p);
		const char *letter = c && c < 0x80 ? strchr(letters, (int)c) : NULL;
		if (letter) {
			unsigned bit = bits[letter - letters];
			flags = minus ? flags & ~bit : flags | bit;
			some = true;
		} else if (c == '-' && !minus) {
			minus = true;
			some = false;
		} else if ((c == ':' || c == ')') && !(minus && !some)) {
			unsigned outside = p->flags;
			p->flags = flags;
			if (c == ':')
				group_body(p, outside);
			return c == ':';
		} else {
			break;
		}
	}
	wrong(p, "invalid or unsupported Perl syntax", since(p, from));
	return false;
}

/* A group, or flags for what follows (false: no piece was made). */
static bool group_parse(struct parser *p)
{
	if (slice_starts(p->rest, S("(?P<"))) {
		group_named(p);
		return true;
	}
	if (slice_starts(p->rest, S("(?")))
		return group_flags(p);
	take(p, "(");
	group_counted(p);
	return true;
}

/* \Q…\E: letters as they are; repetition behind it counts for the last one. */
static bool quoted_parse(struct parser *p, size_t *piece)
{
	bool some = false;
	while (p->rest.n && !p->wrong && !take(p, "\\E")) {
		*piece = op_count(p);
		rune_emit(p, take_rune(p));
		some = true;
	}
	return some;
}

/* A backslash outside of brackets. */
static bool backslash_parse(struct parser *p, size_t *piece)
{
	size_t first = range_count(p);
	refuse_unicode_class(p);
	if (p->wrong)
		return false;
	if (take(p, "\\Q"))
		return quoted_parse(p, piece);
	if (take(p, "\\A"))
		assert_emit(p, AT_TEXT_BEGIN);
	else if (take(p, "\\z"))
		assert_emit(p, AT_TEXT_END);
	else if (take(p, "\\b"))
		assert_emit(p, AT_WORD_EDGE);
	else if (take(p, "\\B"))
		assert_emit(p, AT_NO_WORD_EDGE);
	else if (perl_class(p))
		class_emit(p, first, false);
	else
		rune_emit(p, take_escape(p));
	return true;
}

/* The next thing that a repetition can follow; *piece is where its program begins. False if there was none. */
static bool piece_parse(struct parser *p, size_t *piece)
{
	size_t begin = op_count(p), last = begin;
	bool made = true;
	switch (p->rest.p[0]) {
	case '(': made = group_parse(p); break;
	case '[': brackets_parse(p); break;
	case '\\': made = backslash_parse(p, &last); break;
	case '.':
		dot_emit(p);
		take(p, ".");
		break;
	case '^':
		assert_emit(p, p->flags & LINES ? AT_LINE_BEGIN : AT_TEXT_BEGIN);
		take(p, "^");
		break;
	case '$':
		assert_emit(p, p->flags & LINES ? AT_LINE_END : AT_TEXT_END);
		take(p, "$");
		break;
	default: rune_emit(p, take_rune(p)); break;
	}
	if (made)
		*piece = last;
	return made;
}

/* ---- repetition ---- */

struct repeat {
	int min, max; /* max -1: no end */
	bool lazy;    /* rather less often */
};

/* A number of a repetition: -1 none, REPEAT_MAX + 1 if too large. */
static int repeat_number(struct slice *s)
{
	size_t n = 0;
	int v = 0;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') {
		v = v > REPEAT_MAX ? v : v * 10 + s->p[n] - '0';
		n++;
	}
	if (!n || (n > 1 && s->p[0] == '0'))
		return -1;
	*s = slice_from(*s, n);
	return v > REPEAT_MAX ? REPEAT_MAX + 1 : v;
}

/* {n}, {n,} or {n,m}; anything else is no repetition. */
static bool repeat_counted(struct parser *p, struct repeat *r)
{
	struct slice s = slice_from(p->rest, 1);
	r->min = r->max = repeat_number(&s);
	if (r->min < 0)
		return false;
	if (s.n && s.p[0] == ',') {
		s = slice_from(s, 1);
		r->max = s.n && s.p[0] == '}' ? -1 : repeat_number(&s);
		if (r->max < 0 && !(s.n && s.p[0] == '}'))
			return false;
	}
	if (!s.n || s.p[0] != '}')
		return false;
	struct slice from = p->rest;
	p->rest = slice_from(s, 1);
	if (r->min > REPEAT_MAX || r->max > REPEAT_MAX || (r->max >= 0 && r->min > r->max))
		wrong(p, "invalid repeat count", since(p, from));
	return true;
}

static bool repeat_read(struct parser *p, struct repeat *r)
{
	char c = p->rest.n ? p->rest.p[0] : 0;
	if (c == '{')
		return repeat_counted(p, r);
	if (c != '*' && c != '+' && c != '?')
		return false;
	*r = (struct repeat){c == '+', c == '?' ? 1 : -1, false};
	p->rest = slice_from(p->rest, 1);
	return true;
}

/* On at +x rather than at +y, the other way round when lazy. */
static void split_emit(struct parser *p, const struct repeat *r, int32_t x, int32_t y)
{
	emit(p, (struct op){OP_SPLIT, .x = r->lazy ? y : x, .y = r->lazy ? x : y});
}

static void copy_emit(struct parser *p, const struct op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		emit(p, ops[i]);
}

/* The piece from `at` on, `r` times. */
static void repeat_emit(struct parser *p, size_t at, struct repeat r)
{
	size_t n = op_count(p) - at;
	struct op *piece = malloc((n + 1) * sizeof(*piece));
	if (!piece) {
		refuse(p, ERR_NO_MEMORY, "out of memory", p->whole);
		return;
	}
	if (n)
		memcpy(piece, op_at(p, at), n * sizeof(*piece));
	p->ops.n = at * sizeof(struct op);
	int32_t len = (int32_t)n;
	for (int i = 0; i < r.min && !p->wrong; i++)
		copy_emit(p, piece, n);
	if (r.max < 0 && r.min) {
		split_emit(p, &r, -len, 1);
	} else if (r.max < 0) {
		/* (x+)?, not a loop back to the choice: the order of ways differs where x may be empty
		 * (golang.org/issue/46123) */
		split_emit(p, &r, 1, len + 2);
		copy_emit(p, piece, n);
		split_emit(p, &r, -len, 1);
	}
	for (int left = r.max - r.min; left > 0 && !p->wrong; left--) {
		split_emit(p, &r, 1, left * (len + 1));
		copy_emit(p, piece, n);
	}
	free(piece);
}

/* ---- the whole ---- */

/* Pieces one after another, up to | or ) or the end. */
static void sequence_parse(struct parser *p)
{
	size_t piece = 0;
	bool have = false;
	struct slice last_repeat = S_NONE;
	while (p->rest.n && p->rest.p[0] != '|' && p->rest.p[0] != ')' && !p->wrong) {
		struct slice from = p->rest;
		struct repeat r;
		if (!repeat_read(p, &r)) {
			have |= piece_parse(p, &piece);
			last_repeat = S_NONE;
			continue;
		}
		r.lazy = take(p, "?") != !!(p->flags & SWAP_GREED);
		if (last_repeat.p)
			wrong(p, "invalid nested repetition operator", since(p, last_repeat));
		else if (!have)
			wrong(p, "missing argument to repetition operator", since(p, from));
		if (!p->wrong)
			repeat_emit(p, piece, r);
		last_repeat = from;
	}
}

static void alternatives_parse(struct parser *p)
{
	int32_t last_jump = -1; /* the jumps to the end, each in its x holding the one before */
	for (;;) {
		size_t begin = op_count(p);
		sequence_parse(p);
		if (p->wrong || !p->rest.n || p->rest.p[0] != '|')
			break;
		take(p, "|");
		emit_before(p, begin, (struct op){OP_SPLIT, .x = 1, .y = (int32_t)(op_count(p) - begin) + 2});
		emit(p, (struct op){OP_JUMP, .x = last_jump});
		last_jump = (int32_t)op_count(p) - 1;
	}
	while (!p->wrong && last_jump >= 0) {
		struct op *jump = op_at(p, (size_t)last_jump);
		int32_t before = jump->x;
		jump->x = (int32_t)op_count(p) - last_jump;
		last_jump = before;
	}
}

enum err pattern_compile(struct slice text, struct pattern **out, struct fail *f)
{
	struct parser p = {.whole = text, .rest = text, .fail = f};
	*out = NULL;
	alternatives_parse(&p);
	if (!p.wrong && p.rest.n)
		wrong(&p, "unexpected )", text);
	emit(&p, (struct op){OP_MATCH});
	struct pattern *pattern = p.wrong ? NULL : malloc(sizeof(*pattern));
	if (!pattern) {
		buf_free(&p.ops);
		buf_free(&p.ranges);
		buf_free(&p.classes);
		return p.wrong ? p.wrong : fail_set(f, ERR_NO_MEMORY, "out of memory");
	}
	*pattern = (struct pattern){
	        .ops = (void *)p.ops.p,
	        .ranges = (void *)p.ranges.p,
	        .classes = (void *)p.classes.p,
	        .op_count = op_count(&p),
	        .range_count = range_count(&p),
	        .class_count = p.classes.n / sizeof(struct class),
	        .group_count = p.groups,
	};
	*out = pattern;
	return OK;
}
