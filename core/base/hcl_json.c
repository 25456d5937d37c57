#include "core/base/hcl_json.h"

#include "core/base/hcl_grow.h"
#include "core/base/json.h"
#include "core/base/slice.h"

struct builder {
	struct arena *arena;
	struct fail *fail;
	enum err err;
	unsigned depth;
	struct slice *keys;                       /* the free part of: */
	struct slice key_room[HCL_DEPTH_MAX + 1]; /* one a level */
};

static void build(struct builder *b, const struct value *v, struct hcl_node *out);

static void stop(struct builder *b, enum err e, const char *what)
{
	if (!b->err)
		b->err = fail_set(b->fail, e, "%s", what);
}

/* Booleans and lists in lists are passed over, as in HCL itself. */
static bool is_passed_over(const struct value *item)
{
	return item->type == V_BOOL || item->type == V_LIST;
}

static bool all_items_are_objects(const struct value *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (v->items[i].type != V_OBJECT && !is_passed_over(&v->items[i]))
			return false;
	return true;
}

static bool all_members_are_objects(const struct value *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		if (v->entries[i].val.type != V_OBJECT)
			return false;
	return v->n > 0;
}

static void *grow(struct builder *b, void *items, uint32_t n, size_t size)
{
	if (n >= HCL_ITEMS_MAX)
		stop(b, ERR_INVALID, "too many items in one object");
	void *room = b->err ? NULL : hcl_grow(b->arena, items, n, size);
	if (!room)
		stop(b, ERR_NO_MEMORY, "out of memory");
	return room;
}

/* The item as it stands, at the end of the object. */
static void put_item(
        struct builder *b, struct hcl_node *to, const struct slice *keys, uint32_t n, const struct value *v)
{
	struct hcl_item *items = grow(b, to->items, to->n, sizeof *items);
	struct slice *own = items ? arena_alloc(b->arena, n * sizeof *own) : NULL;
	if (!own) {
		stop(b, ERR_NO_MEMORY, "out of memory");
		return;
	}
	memcpy(own, keys, n * sizeof *own);
	struct hcl_item *item = &items[to->n++];
	to->items = items;
	*item = (struct hcl_item){.keys = own, .key_count = n};
	b->keys += n;
	build(b, v, &item->val);
	b->keys -= n;
}

/* Takes objects of objects apart into labels, lists of objects into repeated items. The keys so far are the first `n`
 * of b->keys. */
static void flatten(struct builder *b, struct hcl_node *to, uint32_t n, const struct value *v)
{
	if (b->depth + n >= HCL_DEPTH_MAX) {
		stop(b, ERR_INVALID, "exceeded max depth");
	} else if (v->type == V_LIST && all_items_are_objects(v)) {
		for (uint32_t i = 0; i < v->n && !b->err; i++)
			if (v->items[i].type == V_OBJECT)
				flatten(b, to, n, &v->items[i]);
	} else if (v->type == V_OBJECT && all_members_are_objects(v)) {
		for (uint32_t i = 0; i < v->n && !b->err; i++) {
			b->keys[n] = v->entries[i].key;
			flatten(b, to, n + 1, &v->entries[i].val);
		}
	} else {
		b->depth += n;
		put_item(b, to, b->keys, n, v);
		b->depth -= n;
	}
}

static void build_object(struct builder *b, const struct value *v, struct hcl_node *out)
{
	out->kind = HCL_IS_OBJECT;
	for (uint32_t i = 0; i < v->n && !b->err; i++) {
		b->keys[0] = v->entries[i].key;
		flatten(b, out, 1, &v->entries[i].val);
	}
}

static void build_list(struct builder *b, const struct value *v, struct hcl_node *out)
{
	out->kind = HCL_IS_LIST;
	for (uint32_t i = 0; i < v->n && !b->err; i++) {
		const struct value *item = &v->items[i];
		if (item->type == V_NULL)
			stop(b, ERR_INVALID, "unexpected token while parsing list: NULL");
		if (is_passed_over(item) || b->err)
			continue;
		struct hcl_node *nodes = grow(b, out->nodes, out->n, sizeof *nodes);
		if (!nodes)
			return;
		out->nodes = nodes;
		build(b, item, &nodes[out->n++]);
	}
}

static void build(struct builder *b, const struct value *v, struct hcl_node *out)
{
	*out = (struct hcl_node){.kind = HCL_IS_STRING, .text = v->text};
	if (b->depth >= HCL_DEPTH_MAX) {
		stop(b, ERR_INVALID, "exceeded max depth");
		return;
	}
	b->depth++;
	switch (v->type) {
	case V_NULL: out->text = S(""); break;
	case V_STRING: break;
	case V_BOOL:
		out->kind = HCL_IS_BOOL;
		out->text = v->boolean ? S("true") : S("false");
		break;
	case V_NUMBER:
		out->kind =
		        slice_find(v->text, '.') >= 0 || slice_find(v->text, 'e') >= 0 || slice_find(v->text, 'E') >= 0
		                ? HCL_IS_FLOAT
		                : HCL_IS_INT;
		break;
	case V_LIST: build_list(b, v, out); break;
	case V_OBJECT: build_object(b, v, out); break;
	}
	b->depth--;
}

enum err hcl_json_parse(struct slice text, struct arena *a, struct hcl_node *root, struct fail *f)
{
	struct value v;
	struct slice rest;
	enum err e = json_read_first(text, a, &v, &rest, f);
	if (e)
		return e;
	struct builder b = {.arena = a, .fail = f};
	b.keys = b.key_room;
	*root = (struct hcl_node){.kind = HCL_IS_OBJECT};
	build(&b, &v, root);
	return b.err;
}
