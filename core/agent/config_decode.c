#include "core/agent/config_decode.h"

#include <stdlib.h>

#include "core/base/slice.h"

static void decode_struct(struct config_decode *d, const struct config_table *t, size_t from, size_t to, size_t prefix,
        struct slice name, const struct value *v, struct config_slot *slots);

/* ---- what Go calls the type of a parsed value ---- */

/* All numbers of JSON are floats to Go. */
static bool number_is_int(const struct config_decode *d, const struct value *v)
{
	return d->hcl && !v->boolean;
}

static const char *value_kind(const struct config_decode *d, const struct value *v)
{
	switch (v->type) {
	case V_BOOL: return "bool";
	case V_NUMBER: return number_is_int(d, v) ? "int" : "float64";
	case V_STRING: return "string";
	case V_LIST: return "slice";
	case V_OBJECT: return "map";
	case V_NULL: break;
	}
	return "invalid";
}

static const char *value_type(const struct config_decode *d, const struct value *v)
{
	if (v->type == V_LIST)
		return "[]interface {}";
	if (v->type == V_OBJECT)
		return "map[string]interface {}";
	return value_kind(d, v);
}

static void unconvertible(struct config_decode *d, struct slice name, const char *want, const struct value *v)
{
	config_texts_add(&d->errors, d->arena, "'%.*s' expected type '%s', got unconvertible type '%s'", PS(name), want,
	        value_type(d, v));
}

/* ---- values of one type ---- */

static double number_of(const struct value *v)
{
	double f = 0;
	value_double(v, &f);
	return f;
}

/* int64(f) as amd64 does it: what does not fit is the smallest number. */
static int64_t truncate_float(double f)
{
	return f >= -9223372036854775808.0 && f < 9223372036854775808.0 ? (int64_t)f : INT64_MIN;
}

static int64_t int_of(const struct config_decode *d, const struct value *v)
{
	int64_t i;
	return number_is_int(d, v) && value_i64(v, &i) ? i : truncate_float(number_of(v));
}

static bool list_of(struct config_decode *d, struct slice name, const struct value *v)
{
	if (v->type == V_LIST)
		return true;
	config_texts_add(&d->errors, d->arena, "'%.*s': source data must be an array or slice, got %s", PS(name),
	        value_kind(d, v));
	return false;
}

static bool map_of(struct config_decode *d, struct slice name, const struct value *v)
{
	if (v->type == V_OBJECT)
		return true;
	config_texts_add(&d->errors, d->arena, "'%.*s' expected a map, got '%s'", PS(name), value_kind(d, v));
	return false;
}

static struct slice string_of(struct config_decode *d, struct slice name, const struct value *v)
{
	if (v->type == V_STRING)
		return v->text;
	if (v->type != V_NULL)
		unconvertible(d, name, "string", v);
	return S("");
}

/* NULL when the arena is full; never NULL for n == 0, so that an empty list is not nil. */
static void *items_new(struct config_decode *d, size_t n, size_t size)
{
	return arena_zalloc(d->arena, n * size);
}

static struct list strings_of(struct config_decode *d, struct slice name, const struct value *v)
{
	struct list l = {0};
	if (v->type == V_NULL || !list_of(d, name, v))
		return l;
	struct slice *items = items_new(d, v->n, sizeof(*items));
	if (!items)
		return l;
	for (uint32_t i = 0; i < v->n; i++)
		items[i] = string_of(d, arena_str(d->arena, "%.*s[%u]", PS(name), i), &v->items[i]);
	return (struct list){items, v->n};
}

static int key_order(const void *x, const void *y)
{
	return slice_cmp(*(const struct slice *)x, *(const struct slice *)y);
}

/* Both kinds of maps: entries begin with their key, so one order serves both. */
static struct list map_read(struct config_decode *d, struct slice name, const struct value *v, enum config_type type)
{
	struct list l = {0};
	if (!map_of(d, name, v))
		return l;
	size_t size = type == CT_MAP ? sizeof(struct pair) : sizeof(struct named_strs);
	char *items = items_new(d, v->n, size);
	if (!items)
		return l;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct value_entry *e = &v->entries[i];
		struct slice inner = arena_str(d->arena, "%.*s[%.*s]", PS(name), PS(e->key));
		void *at = items + i * size;
		if (type == CT_MAP)
			*(struct pair *)at = (struct pair){e->key, string_of(d, inner, &e->val)};
		else
			*(struct named_strs *)at = (struct named_strs){e->key, strings_of(d, inner, &e->val)};
	}
	if (v->n)
		qsort(items, v->n, size, key_order);
	return (struct list){items, v->n};
}

static struct list objects_of(struct config_decode *d, struct slice name, const struct value *v)
{
	if (!list_of(d, name, v))
		return (struct list){0};
	for (uint32_t i = 0; i < v->n; i++)
		if (v->items[i].type != V_NULL)
			map_of(d, arena_str(d->arena, "%.*s[%u]", PS(name), i), &v->items[i]);
	return (struct list){v->items, v->n};
}

/* ---- structs ---- */

static void decode_table(struct config_decode *d, const struct config_table *sub, struct slice name,
        const struct value *v, struct config_slot *slots)
{
	if (v->type != V_NULL && map_of(d, name, v))
		decode_struct(d, sub, 0, sub->n, 0, name, v, slots);
}

static void decode_tables(struct config_decode *d, const struct config_table *sub, struct slice name,
        const struct value *v, struct config_slot *slot)
{
	if (!list_of(d, name, v))
		return;
	struct config_slot *all = items_new(d, (size_t)v->n * sub->n, sizeof(*all));
	if (!all)
		return;
	for (uint32_t i = 0; i < v->n; i++)
		decode_table(d, sub, arena_str(d->arena, "%.*s[%u]", PS(name), i), &v->items[i], all + i * sub->n);
	slot->tables.items = all;
	slot->tables.count = v->n;
	slot->set = true;
}

static bool decode_scalar(struct config_decode *d, const struct config_key *key, struct slice name,
        const struct value *v, struct config_slot *slot)
{
	switch (key->type) {
	case CT_BOOL:
		if (v->type != V_BOOL)
			return unconvertible(d, name, "bool", v), false;
		slot->b = v->boolean;
		return true;
	case CT_INT:
		if (v->type != V_NUMBER)
			return unconvertible(d, name, "int", v), false;
		slot->i = int_of(d, v);
		return true;
	case CT_FLOAT:
		if (v->type != V_NUMBER)
			return unconvertible(d, name, "float64", v), false;
		slot->f = number_of(v);
		return true;
	default:
		if (v->type != V_STRING)
			return unconvertible(d, name, key->go_type ? key->go_type : "string", v), false;
		slot->s = v->text;
		return true;
	}
}

static void decode_field(struct config_decode *d, const struct config_key *key, struct slice name,
        const struct value *v, struct config_slot *slot)
{
	if (v->type == V_NULL)
		return;
	switch (key->type) {
	case CT_STRS:
		slot->l = strings_of(d, name, v);
		slot->set = true;
		break;
	case CT_MAP:
	case CT_MAP_STRS:
		slot->l = map_read(d, name, v, key->type);
		slot->set = true;
		break;
	case CT_ANY: slot->set = map_of(d, name, v); break;
	case CT_OBJECTS:
		slot->l = objects_of(d, name, v);
		slot->set = true;
		break;
	case CT_TABLE:
		slot->table = items_new(d, key->sub->n, sizeof(*slot->table));
		if (slot->table)
			decode_table(d, key->sub, name, v, slot->table);
		slot->set = slot->table != NULL;
		break;
	case CT_TABLES: decode_tables(d, key->sub, name, v, slot); break;
	default: slot->set = decode_scalar(d, key, name, v, slot); break;
	}
}

/* The part of a key's path from `prefix` up to the next dot. */
static struct slice path_step(const char *key, size_t prefix)
{
	struct slice rest = slice_from(slice_of(key), prefix);
	return slice_next(&rest, '.');
}

/* The entry that belongs to a key: the exact one, else the first that differs in case only. -1: none. */
static ptrdiff_t entry_find(const struct value *v, struct slice key)
{
	ptrdiff_t fold = -1;
	for (uint32_t i = 0; i < v->n; i++) {
		if (slice_eq(v->entries[i].key, key))
			return i;
		if (fold < 0 && slice_eq_fold(v->entries[i].key, key))
			fold = i;
	}
	return fold;
}

/* Rows [from, to) share the first `prefix` bytes of their path, which `name` has led to; v is an object. */
static void decode_struct(struct config_decode *d, const struct config_table *t, size_t from, size_t to, size_t prefix,
        struct slice name, const struct value *v, struct config_slot *slots)
{
	bool *used = arena_zalloc(d->arena, v->n + 1);
	if (!used)
		return;
	for (size_t i = from, next; i < to; i = next) {
		next = i + 1;
		if (!t->rows[i].key)
			continue;
		struct slice step = path_step(t->rows[i].key, prefix);
		while (next < to && t->rows[next].key && slice_eq(path_step(t->rows[next].key, prefix), step))
			next++;
		ptrdiff_t at = entry_find(v, step);
		if (at < 0)
			continue;
		used[at] = true;
		struct slice path = name.n ? arena_str(d->arena, "%.*s.%.*s", PS(name), PS(step)) : step;
		const struct value *inner = &v->entries[at].val;
		if (!t->rows[i].key[prefix + step.n])
			decode_field(d, &t->rows[i], path, inner, &slots[i]);
		else if (inner->type != V_NULL && map_of(d, path, inner))
			decode_struct(d, t, i, next, prefix + step.n + 1, path, inner, slots);
	}
	for (uint32_t i = 0; i < v->n; i++)
		if (!used[i])
			config_texts_add(&d->unknown, d->arena, "%.*s%s%.*s", PS(name), name.n ? "." : "",
			        PS(v->entries[i].key));
}

void config_decode(
        struct config_decode *d, const struct config_table *t, const struct value *v, struct config_slot *slots)
{
	if (v->type == V_OBJECT)
		decode_struct(d, t, 0, t->n, 0, S_NONE, v, slots);
}
