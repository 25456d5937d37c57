#include "core/base/hcl_read.h"

#include <stdio.h>

#include "core/base/hcl_grow.h"
#include "core/base/hcl_tree.h"
#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/base/text.h"

/* The way from the root, for error texts: "root.service[1].port". */
struct path {
	const struct path *up;
	struct slice key;
	uint32_t index; /* when key.p is NULL */
};

struct reader {
	struct arena *arena;
	struct fail *fail;
};

/* What stands behind a key: one node, or (filtered) the items of that name, their first key taken off. */
struct source {
	const struct hcl_node *node;
	struct hcl_item *items;
	uint32_t n;
};

static enum err read_any(
        struct reader *r, const struct source *s, bool in_list, struct value *out, bool old, const struct path *path);
static enum err read_map(
        struct reader *r, struct hcl_item *items, uint32_t n, struct value *out, const struct path *path);

/* ---- errors ---- */

static void path_text(const struct path *path, char *out, size_t size)
{
	if (!path) {
		snprintf(out, size, "root");
		return;
	}
	path_text(path->up, out, size);
	size_t n = strlen(out);
	if (path->key.p)
		snprintf(out + n, size - n, ".%.*s", PS(path->key));
	else
		snprintf(out + n, size - n, "[%u]", path->index);
}

static const char *node_type(const struct source *s)
{
	if (!s->node)
		return "*ast.ObjectList";
	return s->node->kind == HCL_IS_OBJECT ? "*ast.ObjectType"
	       : s->node->kind == HCL_IS_LIST ? "*ast.ListType"
	                                      : "*ast.LiteralType";
}

static enum err wrong(struct reader *r, struct hcl_pos pos, const struct path *path, const char *what, const char *end)
{
	char where[FAIL_TEXT_MAX / 2], place[32] = "-";
	path_text(path, where, sizeof where);
	if (pos.line)
		snprintf(place, sizeof place, "%u:%u", pos.line, pos.column);
	return fail_set(r->fail, ERR_INVALID, "At %s: %s: %s%s", place, where, what, end);
}

static enum err out_of_memory(struct reader *r)
{
	return fail_set(r->fail, ERR_NO_MEMORY, "out of memory");
}

static struct hcl_pos source_pos(const struct source *s)
{
	return s->node ? s->node->pos : s->n ? s->items[0].pos : (struct hcl_pos){0};
}

static enum err wrong_kind(struct reader *r, const struct source *s, const struct path *path, const char *what)
{
	return wrong(r, source_pos(s), path, what, node_type(s));
}

/* ---- scalars ---- */

/* strconv.ParseInt with base 0: 0x…, 0… in eights, else decimal. */
static enum err parse_int(struct reader *r, struct slice text, struct slice *out)
{
	char quoted[256];
	struct slice digits = text;
	bool minus = digits.n && digits.p[0] == '-', good = true;
	if (digits.n && (minus || digits.p[0] == '+'))
		digits = slice_from(digits, 1);
	unsigned base = 10;
	if (digits.n > 2 && digits.p[0] == '0' && (digits.p[1] | 0x20) == 'x') {
		base = 16;
		digits = slice_from(digits, 2);
	} else if (digits.n > 1 && digits.p[0] == '0') {
		base = 8;
		digits = slice_from(digits, 1);
	}
	uint64_t v = 0, limit = (uint64_t)INT64_MAX + minus;
	bool fits = true;
	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[i];
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
		good = good && digit < base;
		fits = fits && !__builtin_mul_overflow(v, base, &v) && !__builtin_add_overflow(v, digit, &v) &&
		       v <= limit;
	}
	if (!good || !digits.n || !fits)
		return fail_set(r->fail, ERR_INVALID, "strconv.ParseInt: parsing %s: %s",
		        quote_cstr(text, quoted, sizeof quoted),
		        good && digits.n ? "value out of range" : "invalid syntax");
	*out = arena_str(r->arena, "%s%llu", minus && v ? "-" : "", (unsigned long long)v);
	return out->p ? OK : out_of_memory(r);
}

/* A literal where there was nothing before. */
static enum err read_literal(struct reader *r, const struct hcl_node *n, struct value *out)
{
	double v;
	switch (n->kind) {
	case HCL_IS_BOOL: *out = (struct value){.type = V_BOOL, .boolean = slice_eq(n->text, S("true"))}; return OK;
	case HCL_IS_INT: *out = (struct value){.type = V_NUMBER}; return parse_int(r, n->text, &out->text);
	case HCL_IS_FLOAT:
		*out = (struct value){.type = V_NUMBER, .boolean = true, .text = n->text};
		return num_float(n->text, &v, r->fail);
	default: *out = (struct value){.type = V_STRING, .text = n->text}; return OK;
	}
}

/* A literal over an older one keeps its type, as decoding into an interface{} that holds something does. */
static enum err read_over(struct reader *r, const struct source *s, struct value *out, const struct path *path)
{
	enum hcl_kind kind = s->node ? s->node->kind : HCL_IS_OBJECT;
	switch (out->type) {
	case V_BOOL:
		if (kind == HCL_IS_BOOL)
			return read_literal(r, s->node, out);
		break;
	case V_STRING:
		if (kind != HCL_IS_INT && kind != HCL_IS_STRING)
			return wrong_kind(r, s, path, "unknown type for string ");
		out->text = s->node->text;
		return OK;
	default:
		if (!out->boolean && (kind == HCL_IS_INT || (kind == HCL_IS_STRING && !s->node->heredoc)))
			return parse_int(r, s->node->text, &out->text);
		if (out->boolean && (kind == HCL_IS_INT || kind == HCL_IS_FLOAT)) {
			double v;
			out->text = s->node->text;
			return num_float(s->node->text, &v, r->fail);
		}
		break;
	}
	return wrong_kind(r, s, path, "unknown type ");
}

/* ---- lists ---- */

static struct value *list_add(struct reader *r, struct value *list)
{
	list->items = hcl_grow(r->arena, list->items, list->n, sizeof *list->items);
	if (!list->items)
		return NULL;
	list->items[list->n] = (struct value){.type = V_NULL};
	return &list->items[list->n++];
}

/* `boolean` of a list that is being built: its items are maps, which came from blocks. */
static enum err add_block(struct reader *r, struct hcl_item *items, uint32_t n, uint32_t index, struct value *list,
        const struct path *path)
{
	struct value *to = list_add(r, list);
	struct path here = {path, S_NONE, index};
	return to ? read_map(r, items, n, to, &here) : out_of_memory(r);
}

static enum err add_node(
        struct reader *r, const struct hcl_node *node, uint32_t index, struct value *list, const struct path *path)
{
	struct path here = {path, S_NONE, index};
	struct source s = {.node = node};
	if (list->boolean && node->kind != HCL_IS_OBJECT)
		return wrong(r, node->pos, &here, "not an object type for map (",
		        node->kind == HCL_IS_LIST ? "*ast.ListType)" : "*ast.LiteralType)");
	struct value *to = list_add(r, list);
	return to ? read_any(r, &s, true, to, false, &here) : out_of_memory(r);
}

static enum err read_list(struct reader *r, const struct source *s, struct value *list, const struct path *path)
{
	enum err e = OK;
	if (!s->node && s->n && !list->boolean) {
		char where[FAIL_TEXT_MAX / 2];
		path_text(path, where, sizeof where);
		return fail_set(r->fail, ERR_INVALID, "%s[0]: cannot decode into interface: *ast.ObjectItem", where);
	}
	if (!s->node) {
		for (uint32_t i = 0; i < s->n && !e; i++)
			e = add_block(r, &s->items[i], 1, i, list, path);
		return e;
	}
	switch (s->node->kind) {
	case HCL_IS_OBJECT: return add_block(r, s->node->items, s->node->n, 0, list, path);
	case HCL_IS_LIST:
		for (uint32_t i = 0; i < s->node->n && !e; i++)
			e = add_node(r, &s->node->nodes[i], i, list, path);
		return e;
	default:
		return fail_set(r->fail, ERR_INVALID, "At %u:%u: unknown slice type: %s", s->node->pos.line,
		        s->node->pos.column, node_type(s));
	}
}

/* `old`: out holds what an earlier item of the name gave. */
static enum err read_any(
        struct reader *r, const struct source *s, bool in_list, struct value *out, bool old, const struct path *path)
{
	if (old && out->type != V_LIST)
		return read_over(r, s, out, path);
	if (old)
		return read_list(r, s, out, path);
	bool object = !s->node || s->node->kind == HCL_IS_OBJECT;
	if (!object && s->node->kind != HCL_IS_LIST)
		return read_literal(r, s->node, out);
	if (object && in_list)
		return read_map(r, s->node ? s->node->items : s->items, s->node ? s->node->n : s->n, out, path);
	*out = (struct value){.type = V_LIST, .boolean = object};
	return read_list(r, s, out, path);
}

/* ---- maps ---- */

static struct value_entry *find(struct value *map, struct slice key)
{
	for (uint32_t i = 0; i < map->n; i++)
		if (slice_eq(map->entries[i].key, key))
			return &map->entries[i];
	return NULL;
}

static struct value_entry *add(struct reader *r, struct value *map, struct slice key)
{
	map->entries = hcl_grow(r->arena, map->entries, map->n, sizeof *map->entries);
	if (!map->entries)
		return NULL;
	map->entries[map->n] = (struct value_entry){.key = key};
	return &map->entries[map->n++];
}

/* All items whose first key is this one in any case, without it. */
static bool filter(struct reader *r, struct hcl_item *items, uint32_t n, struct slice key, struct source *out)
{
	*out = (struct source){.items = arena_alloc(r->arena, n * sizeof *items)};
	for (uint32_t i = 0; out->items && i < n; i++) {
		if (!slice_eq_fold(items[i].keys[0], key))
			continue;
		struct hcl_item *to = &out->items[out->n++];
		*to = items[i];
		to->keys++;
		if (!--to->key_count)
			to->pos = (struct hcl_pos){0};
	}
	return out->items != NULL;
}

static enum err read_map(
        struct reader *r, struct hcl_item *items, uint32_t n, struct value *out, const struct path *path)
{
	bool *done = arena_zalloc(r->arena, n); /* by entry: all its blocks are read, since one of them has a label */
	*out = (struct value){.type = V_OBJECT, .entries = (void *)list_empty};
	for (uint32_t i = 0; done && i < n; i++) {
		if (!items[i].key_count)
			return wrong(r, items[i].pos, path, "map must have string keys", "");
		struct slice key = items[i].keys[0];
		struct source s = {.node = &items[i].val};
		struct value_entry *e = find(out, key);
		bool old = e != NULL, labels = items[i].key_count > 1;
		if (old && done[e - out->entries])
			continue;
		e = old ? e : add(r, out, key);
		if (!e || (labels && !filter(r, items, n, key, &s)))
			return out_of_memory(r);
		done[e - out->entries] = labels;
		struct path here = {path, key, 0};
		enum err err = read_any(r, &s, false, &e->val, old, &here);
		if (err)
			return err;
	}
	return done ? OK : out_of_memory(r);
}

enum err hcl_read(struct slice text, struct arena *a, struct value *out, struct fail *f)
{
	struct reader r = {.arena = a, .fail = f};
	struct hcl_node root;
	enum err e = hcl_parse(text, a, &root, f);
	return e ? e : read_map(&r, root.items, root.n, out, NULL);
}
