#include "core/base/hcl_scan.h"

#include "core/base/slice.h"
#include "core/base/text.h"

/* What reading at the end gives, and a NUL byte, too: for the reference both are the end. */
enum { END = 0 };

static void wrong(struct hcl_scanner *s, const char *what)
{
	s->error = what;
	s->error_pos = s->pos;
	if (!s->pos.column)
		s->error_pos = s->last_line_length ? (struct hcl_pos){s->pos.line - 1, s->last_line_length}
		                                   : (struct hcl_pos){1, 1};
}

static uint32_t next(struct hcl_scanner *s)
{
	if (s->at >= s->text.n) {
		s->pos.column++;
		s->last_size = 0;
		return END;
	}
	size_t from = s->at;
	uint32_t rune = utf8_next(s->text, &s->at);
	s->last_size = (uint32_t)(s->at - from);
	if (rune == RUNE_ERROR && s->last_size == 1) {
		/* Leaves `before` as it is, as the reference does: columns behind a broken byte that is taken back are
		 * low. */
		s->pos.column++;
		wrong(s, "illegal UTF-8 encoding");
		return rune;
	}
	s->before = s->pos;
	s->pos.column++;
	if (rune == '\n') {
		s->pos.line++;
		s->last_line_length = s->pos.column;
		s->pos.column = 0;
	}
	return rune;
}

/* Takes back the rune read last; at the end there is none. */
static void back(struct hcl_scanner *s)
{
	if (!s->last_size)
		return;
	s->at -= s->last_size;
	s->pos = s->before;
	s->last_size = 0;
}

static uint32_t peek(const struct hcl_scanner *s)
{
	size_t at = s->at;
	return at < s->text.n ? utf8_next(s->text, &at) : END;
}

static bool is_decimal(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static unsigned digit_value(uint32_t c)
{
	if (is_decimal(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Letters beyond ASCII by their blocks, in place of Unicode's tables: Latin to Greek Extended, then scripts of Asia. */
static bool is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c | 0x20) - 'a' < 26 || c == '_';
	return (c >= 0xC0 && c < 0x2000 && c != 0xD7 && c != 0xF7) || (c >= 0x2C00 && c < 0x2E00) ||
	       (c >= 0x3041 && c < 0xD7A4) || (c >= 0xF900 && c < 0xFE00) || (c >= 0x10000 && c < 0x1F000) ||
	       (c >= 0x20000 && c < 0x30000);
}

static enum hcl_token_type scan_word(struct hcl_scanner *s, size_t from)
{
	uint32_t c;
	do
		c = next(s);
	while (is_letter(c) || is_decimal(c) || c == '-' || c == '.');
	if (c != END)
		back(s);
	struct slice word = slice_cut(s->text, from, s->at);
	return slice_eq(word, S("true")) || slice_eq(word, S("false")) ? HCL_BOOL : HCL_IDENT;
}

/* ---- numbers ---- */

/* Decimals from `c` on; gives back the first rune that is none, if any was read, and returns it. */
static uint32_t scan_decimals(struct hcl_scanner *s, uint32_t c)
{
	bool any = false;
	for (; is_decimal(c); any = true)
		c = next(s);
	if (any && c != END)
		back(s);
	return c;
}

static void scan_exponent(struct hcl_scanner *s, uint32_t c)
{
	if (c != 'e' && c != 'E')
		return;
	c = next(s);
	if (c == '-' || c == '+')
		c = next(s);
	scan_decimals(s, c);
}

/* Behind a point. */
static void scan_fraction(struct hcl_scanner *s)
{
	uint32_t c = scan_decimals(s, peek(s));
	if (c == 'e' || c == 'E')
		scan_exponent(s, next(s));
}

static enum hcl_token_type scan_number_end(struct hcl_scanner *s, uint32_t c)
{
	if (c == 'e' || c == 'E') {
		scan_exponent(s, c);
		return HCL_FLOAT;
	}
	if (c == '.') {
		scan_fraction(s);
		return HCL_FLOAT;
	}
	if (c != END)
		back(s);
	return HCL_NUMBER;
}

static void scan_hexadecimal(struct hcl_scanner *s)
{
	uint32_t c = next(s);
	bool any = false;
	for (; digit_value(c) < 16; any = true)
		c = next(s);
	if (!any)
		wrong(s, "illegal hexadecimal number");
	if (c != END)
		back(s);
}

/* Begins with a zero: hexadecimal, octal, or a float. */
static enum hcl_token_type scan_zero(struct hcl_scanner *s)
{
	uint32_t c = next(s);
	if (c == 'x' || c == 'X') {
		scan_hexadecimal(s);
		return HCL_NUMBER;
	}
	bool octal = true;
	while (is_decimal(c)) {
		c = next(s);
		octal = octal && c != '8' && c != '9';
	}
	if (!octal && c != '.' && c != 'e' && c != 'E')
		wrong(s, "illegal octal number");
	return scan_number_end(s, c);
}

static enum hcl_token_type scan_number(struct hcl_scanner *s, uint32_t c)
{
	if (c == '0')
		return scan_zero(s);
	scan_decimals(s, c);
	return scan_number_end(s, next(s));
}

/* ---- strings ---- */

static void scan_digits(struct hcl_scanner *s, uint32_t c, unsigned base, int n)
{
	int left = n;
	while (left > 0 && digit_value(c) < base) {
		c = next(s);
		if (c == END)
			break;
		left--;
	}
	if (left > 0)
		wrong(s, "illegal char escape");
	if (left != n)
		back(s);
}

static void scan_escape(struct hcl_scanner *s)
{
	uint32_t c = next(s);
	if (c >= '0' && c <= '7')
		scan_digits(s, c, 8, 3);
	else if (c == 'x')
		scan_digits(s, next(s), 16, 2);
	else if (c == 'u')
		scan_digits(s, next(s), 16, 4);
	else if (c == 'U')
		scan_digits(s, next(s), 16, 8);
	else if (!c || c >= 0x80 || !strchr("abfnrtv\\\"", (int)c))
		wrong(s, "illegal char escape");
}

/* Behind the opening quote. Within ${ … } quotes mean nothing. */
static void scan_string(struct hcl_scanner *s)
{
	for (unsigned braces = 0;;) {
		uint32_t c = next(s);
		if (c == END) {
			wrong(s, "literal not terminated");
			return;
		}
		if (c == '"' && !braces)
			return;
		if (!braces && c == '$' && peek(s) == '{') {
			braces++;
			next(s);
		} else if (braces && c == '{') {
			braces++;
		}
		if (braces && c == '}')
			braces--;
		if (c == '\\')
			scan_escape(s);
	}
}

/* The word behind "<<", with its '-'; empty when it is wrong. */
static struct slice scan_anchor(struct hcl_scanner *s)
{
	size_t from = s->at;
	uint32_t c = next(s);
	if (c == '-')
		c = next(s);
	while (is_letter(c) || is_decimal(c))
		c = next(s);
	if (c == '\r' && peek(s) == '\n')
		c = next(s);
	struct slice anchor = slice_cut(s->text, from, s->at - s->last_size);
	if (c == END)
		wrong(s, "heredoc not terminated");
	else if (c != '\n')
		wrong(s, "invalid characters in heredoc anchor");
	else if (!anchor.n)
		wrong(s, "zero-length heredoc anchor");
	else
		return anchor;
	return S_NONE;
}

/* A line ends it that is at least as long as the anchor and ends with its name, whatever stands before that. */
static void scan_heredoc(struct hcl_scanner *s)
{
	if (next(s) != '<') {
		wrong(s, "heredoc expected second '<', didn't see it");
		return;
	}
	struct slice anchor = scan_anchor(s);
	struct slice name = anchor.n && anchor.p[0] == '-' ? slice_from(anchor, 1) : anchor;
	for (size_t line = s->at; anchor.n;) {
		uint32_t c = next(s);
		if (c == END) {
			wrong(s, "heredoc not terminated");
			return;
		}
		if (c != '\n')
			continue;
		struct slice whole = slice_cut(s->text, line, s->at - 1);
		if (whole.n >= anchor.n && slice_ends(whole, name))
			return;
		line = s->at;
	}
}

static void scan_comment(struct hcl_scanner *s, uint32_t c)
{
	if (c == '#' || peek(s) != '*') {
		do
			c = next(s);
		while (c != '\n' && c != END);
		if (c != END)
			back(s);
		return;
	}
	next(s);
	uint32_t last = next(s);
	while (last != END) {
		c = next(s);
		if (last == '*' && c == '/')
			return;
		last = c;
	}
	wrong(s, "comment not terminated");
}

/* ---- words ---- */

static enum hcl_token_type scan_sign(struct hcl_scanner *s, uint32_t c)
{
	switch (c) {
	case END: return HCL_EOF;
	case '[': return HCL_LBRACK;
	case ']': return HCL_RBRACK;
	case '{': return HCL_LBRACE;
	case '}': return HCL_RBRACE;
	case ',': return HCL_COMMA;
	case '=': return HCL_ASSIGN;
	case '+': return HCL_ADD;
	case '-': return is_decimal(peek(s)) ? scan_number(s, next(s)) : HCL_SUB;
	case '"': scan_string(s); return HCL_STRING;
	case '<': scan_heredoc(s); return HCL_HEREDOC;
	case '#':
	case '/': scan_comment(s, c); return HCL_COMMENT;
	case '.':
		if (!is_decimal(peek(s)))
			return HCL_PERIOD;
		/* The reference looks for the exponent one letter too late here: ".5e7" is ".5e" and "7". */
		scan_exponent(s, scan_decimals(s, peek(s)));
		return HCL_FLOAT;
	default: wrong(s, "illegal char"); return HCL_ILLEGAL;
	}
}

struct hcl_scanner hcl_scan_begin(struct slice text)
{
	return (struct hcl_scanner){.text = text, .pos = {1, 0}};
}

struct hcl_token hcl_scan(struct hcl_scanner *s)
{
	uint32_t c;
	do
		c = next(s);
	while (c == ' ' || c == '\t' || c == '\n' || c == '\r');
	size_t from = s->at - s->last_size;
	struct hcl_token t = {.pos = s->pos};
	if (is_letter(c))
		t.type = scan_word(s, from);
	else if (is_decimal(c))
		t.type = scan_number(s, c);
	else
		t.type = scan_sign(s, c);
	t.text = slice_cut(s->text, from, s->at);
	return t;
}

const char *hcl_token_name(enum hcl_token_type t)
{
	static const char *const names[] = {"ILLEGAL", "EOF", "COMMENT", "IDENT", "NUMBER", "FLOAT", "BOOL", "STRING",
	        "HEREDOC", "LBRACK", "LBRACE", "COMMA", "PERIOD", "RBRACK", "RBRACE", "ASSIGN", "ADD", "SUB"};
	return names[t];
}
