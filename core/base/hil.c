#include "core/base/hil.h"

#include <math.h>

#include "core/base/num.h"
#include "core/base/slice.h"

enum { NEST_MAX = 100 };

enum type { TEXT, INTEGER, FLOATING };

struct value {
	enum type type;
	struct slice text;
	int64_t i;
	double d;
};

enum kind { LITERAL, NAME, CALL, INDEX, MATH, JOIN };

struct hil_node {
	enum kind kind;
	char op; /* MATH */
	unsigned line, column;
	struct value value;            /* LITERAL */
	struct slice name;             /* NAME, CALL, INDEX */
	struct hil_node *first, *next; /* what it is made of; the next of the same parent */
};

/* ---- words ---- */

/* An operator or a bracket is its own letter. */
enum token { T_END = 0, T_NAME = 256, T_TEXT, T_INTEGER, T_FLOAT, T_OPEN, T_BAD };

struct parser {
	struct slice text;
	size_t at;
	unsigned line, column; /* of the letter before `at` */
	unsigned open;         /* so many ${ are open */
	bool inside;           /* in ${…}, not in a text */
	char *texts;           /* room for all texts together: they are never longer than what they came from */
	unsigned nest;
	struct arena *a;

	/* the word at hand */
	int token;
	struct value value;
	unsigned token_line, token_column;
	enum err err;
};

static int peek(const struct parser *p, size_t ahead)
{
	return p->at + ahead < p->text.n ? (unsigned char)p->text.p[p->at + ahead] : T_END;
}

static int next(struct parser *p)
{
	int c = peek(p, 0);
	if (!c)
		return T_END;
	p->at++;
	if ((c & 0xc0) != 0x80)
		p->column++;
	if (c == '\n') {
		p->line++;
		p->column = 1;
	}
	return c;
}

static int escaped(struct parser *p)
{
	int c = peek(p, 0);
	if (c != '\\' && c != '"' && c != 'n')
		return '\\';
	next(p);
	return c == 'n' ? '\n' : c;
}

/* A text up to a ${ or, within one, its quote. */
static int text_token(struct parser *p)
{
	struct value *v = &p->value;
	*v = (struct value){.text.p = p->texts};
	if (peek(p, 0) == '$' && !peek(p, 1)) /* the original loses a dollar that stands alone at the end */
		next(p);
	while (peek(p, 0)) {
		if (peek(p, 0) == '$' && peek(p, 1) == '{') {
			p->inside = false;
			break;
		}
		int c = next(p);
		if (p->open && c == '"') {
			p->inside = true;
			break;
		}
		if (p->open && c == '\\')
			c = escaped(p);
		if (c == '$' && peek(p, 0) == '$')
			next(p);
		*p->texts++ = (char)c;
		v->text.n++;
	}
	return T_TEXT;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(int c)
{
	return c >= 0x80 || is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("_-.", c));
}

static int number_token(struct parser *p)
{
	size_t from = p->at;
	bool point = false;
	while (is_digit(peek(p, 0)) || (peek(p, 0) == '.' && !point))
		point |= next(p) == '.';
	struct slice s = slice_cut(p->text, from, p->at);
	p->value = (struct value){.type = point ? FLOATING : INTEGER};
	if (point && slice_ends(s, S(".")))
		s.n--;
	if (point)
		return num_float(s, &p->value.d, NULL) ? T_BAD : T_FLOAT;
	for (size_t i = 0; i < s.n; i++) { /* a zero in front makes it octal */
		int64_t base = s.p[0] == '0' ? 8 : 10, digit = s.p[i] - '0';
		if (digit >= base || __builtin_mul_overflow(p->value.i, base, &p->value.i) ||
		        __builtin_add_overflow(p->value.i, digit, &p->value.i))
			return T_BAD;
	}
	return T_INTEGER;
}

static int name_token(struct parser *p)
{
	size_t from = p->at;
	while (is_name(peek(p, 0)) || (peek(p, 0) == '*' && p->at > from && p->text.p[p->at - 1] == '.'))
		next(p);
	p->value = (struct value){.text = slice_cut(p->text, from, p->at)};
	return p->value.text.n ? T_NAME : T_BAD;
}

static int token_inside(struct parser *p);

/* An empty text between a quote and a ${, or a } and a quote, is none. */
static int token_in_text(struct parser *p)
{
	if (peek(p, 0) == '$' && peek(p, 1) == '{') {
		next(p);
		next(p);
		p->open++;
		p->inside = true;
		return T_OPEN;
	}
	if (!peek(p, 0))
		return T_END;
	text_token(p);
	return p->inside && !p->value.text.n ? token_inside(p) : T_TEXT;
}

static int token_inside(struct parser *p)
{
	while (peek(p, 0) == ' ' || (peek(p, 0) >= '\t' && peek(p, 0) <= '\r'))
		next(p);
	int c = peek(p, 0);
	if (is_digit(c))
		return number_token(p);
	if (!c || !strchr("}()[],+-*/%\"", c))
		return c ? name_token(p) : T_END;
	next(p);
	if (c == '}') {
		p->open--;
		p->inside = false;
	}
	if (c != '"')
		return c;
	text_token(p);
	return !p->inside && !p->value.text.n ? token_in_text(p) : T_TEXT;
}

static void advance(struct parser *p)
{
	p->token_line = p->line;
	p->token_column = p->column + 1;
	p->token = p->inside ? token_inside(p) : token_in_text(p);
}

/* ---- reading ---- */

static struct hil_node *bad(struct parser *p, enum err e)
{
	p->err = p->err ? p->err : e;
	return NULL;
}

static struct hil_node *node_new(struct parser *p, enum kind kind)
{
	struct hil_node *n = ARENA_NEW(p->a, struct hil_node);
	if (!n)
		return bad(p, ERR_NO_MEMORY);
	n->kind = kind;
	n->line = p->token_line;
	n->column = p->token_column;
	n->value = p->value;
	n->name = p->value.text;
	return n;
}

static bool take(struct parser *p, int token)
{
	if (p->token != token)
		return false;
	advance(p);
	return true;
}

static struct hil_node *read_expression(struct parser *p);

/* Texts and ${…} one after another. One alone is what it is, more are a text. */
static struct hil_node *read_join(struct parser *p)
{
	struct hil_node *join = node_new(p, JOIN), **end = join ? &join->first : NULL;
	while (!p->err && (p->token == T_TEXT || p->token == T_OPEN)) {
		if (p->token == T_TEXT) {
			*end = node_new(p, LITERAL);
			advance(p);
		} else {
			advance(p);
			*end = read_expression(p);
			if (!p->err && !take(p, '}'))
				bad(p, ERR_INVALID);
		}
		if (*end)
			end = &(*end)->next;
	}
	if (p->err)
		return NULL;
	return join->first && !join->first->next ? join->first : join;
}

/* Empty, (a), (a, b), and even (, a), as the original's grammar has it. */
static void read_arguments(struct parser *p, struct hil_node *call)
{
	struct hil_node **end = &call->first;
	if (take(p, ')'))
		return;
	bool more = p->token == ',' || (*end = read_expression(p));
	while (more && !p->err && p->token == ',') {
		advance(p);
		end = *end ? &(*end)->next : end;
		*end = read_expression(p);
	}
	if (!p->err && !take(p, ')'))
		bad(p, ERR_INVALID);
}

static struct hil_node *read_name(struct parser *p)
{
	struct hil_node *n = node_new(p, NAME);
	advance(p);
	if (!n)
		return NULL;
	if (take(p, '(')) {
		n->kind = CALL;
		read_arguments(p, n);
	} else if (take(p, '[')) {
		n->kind = INDEX;
		n->first = read_expression(p);
		if (!p->err && !take(p, ']'))
			bad(p, ERR_INVALID);
	}
	return n;
}

static struct hil_node *math(struct parser *p, char op, struct hil_node *left, struct hil_node *right)
{
	struct hil_node *n = left && right ? node_new(p, MATH) : NULL;
	if (!n)
		return NULL;
	n->op = op;
	n->line = left->line;
	n->column = left->column;
	n->first = left;
	left->next = right;
	return n;
}

static struct hil_node *read_minus(struct parser *p, struct hil_node *(*operand)(struct parser *))
{
	struct hil_node *zero = node_new(p, LITERAL);
	advance(p);
	struct hil_node *n = operand(p);
	if (!zero || !n)
		return NULL;
	zero->value = (struct value){.type = INTEGER};
	zero->line = n->line;
	zero->column = n->column;
	return math(p, '-', zero, n);
}

static struct hil_node *read_operand(struct parser *p)
{
	struct hil_node *n = NULL;
	if (++p->nest > NEST_MAX)
		return bad(p, ERR_FULL);
	switch (p->token) {
	case '(':
		advance(p);
		n = read_expression(p);
		if (!p->err && !take(p, ')'))
			bad(p, ERR_INVALID);
		break;
	case '-': n = read_minus(p, read_operand); break;
	case T_NAME: n = read_name(p); break;
	case T_TEXT:
	case T_OPEN: n = read_join(p); break;
	case T_INTEGER:
	case T_FLOAT:
		n = node_new(p, LITERAL);
		advance(p);
		break;
	default: bad(p, ERR_INVALID);
	}
	p->nest--;
	return p->err ? NULL : n;
}

static struct hil_node *read_expression(struct parser *p)
{
	struct hil_node *left = read_operand(p);
	unsigned count = 0;
	while (left && p->token > 0 && p->token < 256 && strchr("+-*/%", p->token)) {
		char op = (char)p->token;
		if (++count > NEST_MAX)
			return bad(p, ERR_FULL);
		advance(p);
		left = math(p, op, left, read_operand(p));
	}
	return left;
}

enum err hil_parse(struct slice text, struct arena *a, const struct hil_node **out, struct fail *f)
{
	struct parser p = {.text = text, .line = 1, .a = a, .texts = arena_alloc(a, text.n)};
	if (!p.texts)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	advance(&p);
	*out = read_join(&p);
	if (!p.err && p.token != T_END)
		bad(&p, ERR_INVALID);
	if (p.err == ERR_FULL)
		return fail_set(f, ERR_FULL, "parse error: nested more than %d deep", NEST_MAX);
	return p.err ? fail_set(f, p.err, "parse error: syntax error") : OK;
}

/* ---- what it comes to ---- */

/* The original goes through everything thrice: do the names exist, do the types fit, what is the value? So do we: each
 * time all is worked out, but only the faults of the pass count. */
enum pass { NAMES, TYPES, VALUES };

struct run {
	const struct hil_scope *scope;
	enum pass pass;
	struct arena *a;
	struct fail *f;
	enum err err;
};

static struct value text_value(struct slice s)
{
	return (struct value){.text = s};
}

static void fault(struct run *r, enum pass pass, const struct hil_node *n, const char *what, struct slice name)
{
	if (r->err || r->pass != pass)
		return;
	if (pass == NAMES)
		r->err = fail_set(r->f, ERR_FAILED, "%u:%u: %s%.*s", n->line, n->column, what, PS(name));
	else if (pass == TYPES)
		r->err = fail_set(r->f, ERR_FAILED, "At column %u, line %u: %s", n->column, n->line, what);
	else
		r->err = fail_set(r->f, ERR_FAILED, "%s", what);
}

static int64_t to_integer(struct run *r, const struct hil_node *n, struct value v)
{
	struct fail f;
	int64_t i = v.i;
	if (v.type == FLOATING)
		return v.d > -0x1p63 && v.d < 0x1p63 ? (int64_t)v.d : INT64_MIN;
	if (v.type == TEXT && num_i64(v.text, &i, &f)) {
		fail_wrap(&f, "__builtin_StringToInt");
		fault(r, VALUES, n, f.text, S_NONE);
		return 0;
	}
	return i;
}

static double to_float(struct run *r, const struct hil_node *n, struct value v)
{
	struct fail f;
	double d = v.d;
	if (v.type == TEXT && num_float(v.text, &d, &f)) {
		fail_wrap(&f, "__builtin_StringToFloat");
		fault(r, VALUES, n, f.text, S_NONE);
		return 0;
	}
	return v.type == INTEGER ? (double)v.i : d;
}

static struct slice to_text(struct run *r, struct value v)
{
	if (v.type == TEXT)
		return v.text;
	if (v.type == INTEGER)
		return arena_str(r->a, "%lld", (long long)v.i);
	if (!isfinite(v.d))
		return isnan(v.d) ? S("NaN") : v.d < 0 ? S("-Inf") : S("+Inf");
	struct buf b = {0};
	float_print(&b, v.d);
	struct slice s = arena_copy(r->a, buf_view(&b));
	buf_free(&b);
	return s;
}

static struct value name_value(struct run *r, const struct hil_node *n)
{
	for (size_t i = 0; i < r->scope->name_n; i++)
		if (slice_eq(r->scope->names[i].key, n->name))
			return text_value(r->scope->names[i].val);
	fault(r, NAMES, n, "unknown variable accessed: ", n->name);
	return text_value(S(""));
}

static struct value value_of(struct run *r, const struct hil_node *n);

static struct value call_value(struct run *r, const struct hil_node *n)
{
	unsigned count = 0;
	int64_t which = 0;
	for (const struct hil_node *arg = n->first; arg; arg = arg->next, count++)
		which = to_integer(r, arg, value_of(r, arg));
	if (!slice_is(n->name, "match"))
		fault(r, NAMES, n, "unknown function called: ", n->name);
	else if (count != 1)
		fault(r, NAMES, n, "match: expected 1 arguments, got ", arena_str(r->a, "%u", count));
	if (which < 0 || (uint64_t)which >= r->scope->match_n)
		return text_value(S(""));
	return text_value(r->scope->matches[which]);
}

/* Nothing that a template knows can be indexed. */
static struct value index_value(struct run *r, const struct hil_node *n)
{
	name_value(r, n);
	value_of(r, n->first);
	fault(r, TYPES, n, "invalid index operation into non-indexable type: TypeString", S_NONE);
	return text_value(S(""));
}

static double float_math(char op, double a, double b)
{
	switch (op) {
	case '+': return a + b;
	case '-': return a - b;
	case '*': return a * b;
	default: return a / b;
	}
}

static int64_t integer_math(char op, int64_t a, int64_t b)
{
	uint64_t x = (uint64_t)a, y = (uint64_t)b;
	switch (op) {
	case '+': return (int64_t)(x + y);
	case '-': return (int64_t)(x - y);
	case '*': return (int64_t)(x * y);
	case '/': return b == -1 ? (int64_t)(0 - x) : b ? a / b : 0;
	default: return b == -1 || !b ? 0 : a % b;
	}
}

/* The first operand that is a number says which kind of number it is about. */
static struct value math_value(struct run *r, const struct hil_node *n)
{
	struct value a = value_of(r, n->first), b = value_of(r, n->first->next);
	struct value v = {.type = INTEGER};
	if (a.type == FLOATING || (a.type == TEXT && b.type == FLOATING))
		v.type = FLOATING;
	if (v.type == FLOATING && n->op == '%')
		fault(r, TYPES, n, "modulo cannot be used with floats", S_NONE);
	if (v.type == FLOATING) {
		v.d = float_math(n->op, to_float(r, n, a), to_float(r, n, b));
		return v;
	}
	int64_t x = to_integer(r, n, a), y = to_integer(r, n, b);
	if (!y && (n->op == '/' || n->op == '%'))
		fault(r, VALUES, n, "__builtin_IntMath: division by zero", S_NONE);
	v.i = integer_math(n->op, x, y);
	return v;
}

static struct value join_value(struct run *r, const struct hil_node *n)
{
	struct buf b = {0};
	for (const struct hil_node *part = n->first; part; part = part->next)
		buf_slice(&b, to_text(r, value_of(r, part)));
	struct slice s = b.n ? arena_copy(r->a, buf_view(&b)) : S("");
	if (b.failed)
		r->a->failed = true;
	buf_free(&b);
	return text_value(s);
}

static struct value value_of(struct run *r, const struct hil_node *n)
{
	switch (n->kind) {
	case LITERAL: break;
	case NAME: return name_value(r, n);
	case CALL: return call_value(r, n);
	case INDEX: return index_value(r, n);
	case MATH: return math_value(r, n);
	case JOIN: return join_value(r, n);
	}
	return n->value;
}

enum err hil_eval(
        const struct hil_node *n, const struct hil_scope *scope, struct arena *a, struct slice *out, struct fail *f)
{
	struct run r = {.scope = scope, .a = a, .f = f};
	for (r.pass = NAMES; r.pass <= VALUES && !r.err; r.pass++)
		*out = to_text(&r, value_of(&r, n));
	return !r.err && a->failed ? fail_set(f, ERR_NO_MEMORY, "out of memory") : r.err;
}
