#include "core/base/hcl_tree.h"

#include <stdio.h>

#include "core/base/hcl_grow.h"
#include "core/base/hcl_json.h"
#include "core/base/hcl_string.h"
#include "core/base/slice.h"

/* A recursive descent that follows hashicorp/hcl/hcl/parser step by step, oddities included: the end of the text may
 * stand in for a value, an error whose word is '}' only ends the object, booleans and lists in lists are passed over.
 */
struct parser {
	struct hcl_scanner scan;
	struct hcl_token tok; /* the word read last */
	bool again;           /* it was given back: read it once more */
	bool ended;           /* the text ended instead of a key or value: the list is complete */
	bool hopeless;        /* too deep, too much: nothing may hide this error */
	unsigned depth;
	struct arena *arena;
	struct fail *fail;
};

static enum err parse_object(struct parser *p, struct hcl_node *out);

static enum hcl_token_type read(struct parser *p)
{
	if (p->again) {
		p->again = false;
		return p->tok.type;
	}
	do
		p->tok = hcl_scan(&p->scan);
	while (p->tok.type == HCL_COMMENT);
	return p->tok.type;
}

static enum err wrong_at(struct parser *p, struct hcl_pos pos, const char *what, const char *detail)
{
	return fail_set(p->fail, ERR_INVALID, "At %u:%u: %s%s", pos.line, pos.column, what, detail);
}

static enum err wrong_token(struct parser *p, const char *what)
{
	return wrong_at(p, p->tok.pos, what, hcl_token_name(p->tok.type));
}

static enum err hopeless(struct parser *p, enum err e, const char *what)
{
	p->hopeless = true;
	return fail_set(p->fail, e, "%s", what);
}

static enum err out_of_memory(struct parser *p)
{
	return hopeless(p, ERR_NO_MEMORY, "out of memory");
}

/* ---- scalars ---- */

static enum err parse_string(struct parser *p, struct slice *out)
{
	bool heredoc = p->tok.type == HCL_HEREDOC;
	if (heredoc ? hcl_heredoc(p->tok.text, p->arena, out) : hcl_unquote(p->tok.text, p->arena, out))
		return OK;
	if (p->arena->failed)
		return out_of_memory(p);
	*out = S("");
	/* The scanner has said why; it reads on, and what it says last is told. */
	return p->scan.error ? OK : wrong_at(p, p->tok.pos, "invalid syntax", "");
}

static enum err parse_literal(struct parser *p, struct hcl_node *out)
{
	enum hcl_token_type t = p->tok.type;
	*out = (struct hcl_node){.pos = p->tok.pos};
	if (t == HCL_STRING || t == HCL_HEREDOC) {
		out->kind = HCL_IS_STRING;
		out->heredoc = t == HCL_HEREDOC;
		return parse_string(p, &out->text);
	}
	out->kind = t == HCL_BOOL ? HCL_IS_BOOL : t == HCL_NUMBER ? HCL_IS_INT : HCL_IS_FLOAT;
	out->text = arena_copy(p->arena, p->tok.text);
	return out->text.p ? OK : out_of_memory(p);
}

/* ---- lists ---- */

static enum err list_add(struct parser *p, struct hcl_node *list, const struct hcl_node *node)
{
	if (list->n >= HCL_ITEMS_MAX)
		return hopeless(p, ERR_INVALID, "too many items in one list");
	list->nodes = hcl_grow(p->arena, list->nodes, list->n, sizeof *node);
	if (!list->nodes)
		return out_of_memory(p);
	list->nodes[list->n++] = *node;
	return OK;
}

static enum err parse_object_in_list(struct parser *p, struct hcl_node *out)
{
	struct hcl_pos begin = p->tok.pos;
	enum err e = parse_object(p, out);
	if (!e || p->hopeless || !p->fail)
		return e;
	char inner[FAIL_TEXT_MAX];
	memcpy(inner, p->fail->text, sizeof inner);
	return wrong_at(p, begin, "error while trying to parse object within list: ", inner);
}

static enum err parse_list(struct parser *p, struct hcl_node *out)
{
	bool need_comma = false;
	*out = (struct hcl_node){.kind = HCL_IS_LIST, .pos = p->tok.pos};
	for (;;) {
		struct hcl_node node;
		enum err e = OK;
		enum hcl_token_type t = read(p);
		if (need_comma && t != HCL_COMMA && t != HCL_RBRACK)
			return wrong_token(p, "error parsing list, expected comma or list end, got: ");
		switch (t) {
		case HCL_RBRACK: return OK;
		case HCL_COMMA: need_comma = false; continue;
		case HCL_BOOL:
		case HCL_LBRACK: continue;
		case HCL_NUMBER:
		case HCL_FLOAT:
		case HCL_STRING:
		case HCL_HEREDOC: e = parse_literal(p, &node); break;
		case HCL_LBRACE: e = parse_object_in_list(p, &node); break;
		default: return wrong_token(p, "unexpected token while parsing list: ");
		}
		e = e ? e : list_add(p, out, &node);
		if (e)
			return e;
		need_comma = true;
	}
}

static enum err parse_value(struct parser *p, struct hcl_node *out)
{
	char where[64];
	switch (read(p)) {
	case HCL_NUMBER:
	case HCL_FLOAT:
	case HCL_BOOL:
	case HCL_STRING:
	case HCL_HEREDOC: return parse_literal(p, out);
	case HCL_LBRACE: return parse_object(p, out);
	case HCL_LBRACK: return parse_list(p, out);
	case HCL_EOF: p->ended = true; return OK;
	default: break;
	}
	snprintf(where, sizeof where, "%u:%u %s ", p->tok.pos.line, p->tok.pos.column, hcl_token_name(p->tok.type));
	wrong_at(p, p->tok.pos, "Unknown token: ", where);
	if (p->fail) {
		size_t n = strlen(p->fail->text);
		slice_cstr(p->tok.text, p->fail->text + n, sizeof p->fail->text - n);
	}
	return ERR_INVALID;
}

/* ---- items ---- */

static enum err key_add(struct parser *p, struct hcl_item *item)
{
	struct slice key;
	if (item->key_count >= HCL_DEPTH_MAX)
		return hopeless(p, ERR_INVALID, "too many labels");
	if (p->tok.type == HCL_STRING) {
		enum err e = parse_string(p, &key);
		if (e)
			return e;
	} else {
		key = arena_copy(p->arena, p->tok.text);
	}
	item->keys = key.p ? hcl_grow(p->arena, item->keys, item->key_count, sizeof key) : NULL;
	if (!item->keys)
		return out_of_memory(p);
	if (!item->key_count)
		item->pos = p->tok.pos;
	item->keys[item->key_count++] = key;
	return OK;
}

/* Keys that lead nowhere: `a b` before the end of an object or of the text. `from` is where they begin. */
static enum err keys_alone(struct parser *p, size_t from)
{
	char keys[FAIL_TEXT_MAX / 2];
	size_t n = 0;
	struct hcl_scanner s = hcl_scan_begin(slice_cut(p->scan.text, from, p->scan.at));
	for (struct hcl_token t = hcl_scan(&s); t.type == HCL_IDENT || t.type == HCL_STRING || t.type == HCL_COMMENT;
	        t = hcl_scan(&s))
		if (t.type != HCL_COMMENT && n + t.text.n + 2 < sizeof keys)
			n += (size_t)snprintf(keys + n, sizeof keys - n, "%s%.*s", n ? " " : "", PS(t.text));
	keys[n] = '\0';
	return fail_set(p->fail, ERR_INVALID, "key '%s' expected start of object ('{') or assignment ('=')", keys);
}

/* Up to the '=' or '{' behind the keys, which is then p->tok. Sets p->ended when there is no further item. */
static enum err parse_keys(struct parser *p, struct hcl_item *item)
{
	size_t from = p->scan.at;
	*item = (struct hcl_item){0};
	if (p->again)
		from -= p->tok.text.n;
	for (;;) {
		enum err e;
		switch (read(p)) {
		case HCL_EOF:
			if (item->key_count)
				return keys_alone(p, from);
			p->ended = true;
			return OK;
		case HCL_ASSIGN:
			if (item->key_count > 1)
				return wrong_token(p, "nested object expected: LBRACE got: ");
			return item->key_count ? OK : wrong_at(p, p->tok.pos, "no object keys found!", "");
		case HCL_LBRACE: return item->key_count ? OK : wrong_token(p, "expected: IDENT | STRING got: ");
		case HCL_IDENT:
		case HCL_STRING:
			e = key_add(p, item);
			if (e)
				return e;
			break;
		case HCL_ILLEGAL: break;
		case HCL_RBRACE:
			if (item->key_count) {
				p->tok.type = HCL_EOF; /* or else it would end the object in peace */
				return keys_alone(p, from);
			}
			return wrong_token(p, "expected: IDENT | STRING | ASSIGN | LBRACE got: ");
		default: return wrong_token(p, "expected: IDENT | STRING | ASSIGN | LBRACE got: ");
		}
	}
}

static enum err item_add(struct parser *p, struct hcl_node *object, const struct hcl_item *item)
{
	if (object->n >= HCL_ITEMS_MAX)
		return hopeless(p, ERR_INVALID, "too many items in one object");
	object->items = hcl_grow(p->arena, object->items, object->n, sizeof *item);
	if (!object->items)
		return out_of_memory(p);
	object->items[object->n++] = *item;
	return OK;
}

static enum err parse_items(struct parser *p, struct hcl_node *out)
{
	for (;;) {
		struct hcl_item item;
		enum err e = parse_keys(p, &item);
		if (!e && !p->ended)
			e = p->tok.type == HCL_ASSIGN ? parse_value(p, &item.val) : parse_object(p, &item.val);
		if (e || p->ended)
			return e;
		e = item_add(p, out, &item);
		if (e)
			return e;
		p->again = read(p) != HCL_COMMA;
	}
}

/* Behind the opening brace. */
static enum err parse_object(struct parser *p, struct hcl_node *out)
{
	*out = (struct hcl_node){.kind = HCL_IS_OBJECT, .pos = p->tok.pos};
	if (p->depth >= HCL_DEPTH_MAX)
		return hopeless(p, ERR_INVALID, "exceeded max depth");
	p->depth++;
	enum err e = parse_items(p, out);
	p->depth--;
	if (p->hopeless || (e && p->tok.type != HCL_RBRACE))
		return e;
	if (p->tok.type != HCL_RBRACE)
		return fail_set(
		        p->fail, ERR_INVALID, "object expected closing RBRACE got: %s", hcl_token_name(p->tok.type));
	return OK;
}

static bool is_json(struct slice text)
{
	text = slice_trim(text);
	return text.n && text.p[0] == '{';
}

enum err hcl_parse(struct slice text, struct arena *a, struct hcl_node *root, struct fail *f)
{
	if (is_json(text))
		return hcl_json_parse(text, a, root, f);
	struct parser p = {.scan = hcl_scan_begin(text), .arena = a, .fail = f};
	*root = (struct hcl_node){.kind = HCL_IS_OBJECT, .pos = {1, 1}};
	enum err e = parse_items(&p, root);
	if (p.scan.error && !p.hopeless)
		return wrong_at(&p, p.scan.error_pos, p.scan.error, "");
	return e;
}
