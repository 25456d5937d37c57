#include "core/base/mapstructure.h"

#include <stdio.h>

#include "core/base/num.h"
#include "core/base/slice.h"

enum { ERRORS_MAX = 64 /* told; all are counted */, NAME_MAX_TEXT = 256 };

/* The way from the root; its text is "Checks[0].Name". */
struct path {
	const struct path *up;
	struct slice name; /* a field; p == NULL: an index or a key */
	struct slice key;  /* of a map */
	uint32_t index;    /* of a list, when key.p is NULL */
};

struct reader {
	struct arena *arena;
	bool full; /* the arena is */
	uint32_t count;
	struct slice errors[ERRORS_MAX];
};

static bool read_field(
        struct reader *r, const struct field *f, const struct value *v, void *to, const struct path *path);
static bool read_struct(
        struct reader *r, const struct schema *s, const struct value *v, void *obj, const struct path *path);

/* ---- errors ---- */

static void path_text(const struct path *path, char *out, size_t size)
{
	out[0] = '\0';
	if (!path)
		return;
	path_text(path->up, out, size);
	size_t n = strlen(out);
	if (path->name.p)
		snprintf(out + n, size - n, "%s%.*s", n ? "." : "", PS(path->name));
	else if (path->key.p)
		snprintf(out + n, size - n, "[%.*s]", PS(path->key));
	else
		snprintf(out + n, size - n, "[%u]", path->index);
}

static bool out_of_memory(struct reader *r)
{
	r->full = true;
	return false;
}

static bool keep(struct reader *r, struct slice text)
{
	if (!text.p)
		return out_of_memory(r);
	if (r->count < ERRORS_MAX)
		r->errors[r->count] = text;
	r->count++;
	return false;
}

static const char *kind_of(const struct value *v)
{
	static const char *const kinds[] = {"nil", "bool", "float64", "string", "slice", "map"};
	return kinds[v->type];
}

static const char *type_of(const struct value *v)
{
	return v->type == V_LIST ? "[]interface {}" : v->type == V_OBJECT ? "map[string]interface {}" : kind_of(v);
}

static const char *wanted(const struct field *f)
{
	const char *type = schema_go_type(f);
	return type ? type : "string";
}

static bool unconvertible(struct reader *r, const struct field *f, const struct value *v, const struct path *path)
{
	char name[NAME_MAX_TEXT];
	path_text(path, name, sizeof name);
	return keep(r, arena_str(r->arena, "'%s' expected type '%s', got unconvertible type '%s'", name, wanted(f),
	                       type_of(v)));
}

static bool no_map(struct reader *r, const struct value *v, const struct path *path)
{
	char name[NAME_MAX_TEXT];
	path_text(path, name, sizeof name);
	return keep(r, arena_str(r->arena, "'%s' expected a map, got '%s'", name, kind_of(v)));
}

static bool no_list(struct reader *r, const struct value *v, const struct path *path)
{
	char name[NAME_MAX_TEXT];
	path_text(path, name, sizeof name);
	return keep(r, arena_str(r->arena, "'%s': source data must be an array or slice, got %s", name, kind_of(v)));
}

/* ---- scalars ---- */

/* What Go on amd64 makes of a float that does not fit: the lowest number. */
static int64_t float_to_int(double v)
{
	return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

static uint64_t float_to_uint(double v)
{
	return v >= 0 && v < 0x1p64 ? (uint64_t)v : UINT64_C(1) << 63;
}

static bool read_number(
        struct reader *r, const struct field *f, const struct value *v, void *to, const struct path *path)
{
	double d;
	if (!value_double(v, &d))
		return unconvertible(r, f, v, path);
	if (f->type == F_FLOAT) {
		*(double *)to = d;
	} else if (f->type != F_UINT) {
		*(int64_t *)to = float_to_int(d);
	} else if (d < 0) {
		char name[NAME_MAX_TEXT];
		path_text(path, name, sizeof name);
		return keep(r, arena_str(r->arena, "cannot parse '%s', %f overflows uint", name, d));
	} else {
		*(uint64_t *)to = float_to_uint(d);
	}
	return true;
}

static bool read_str(
        struct reader *r, const struct field *f, const struct value *v, struct slice *to, const struct path *path)
{
	if (v->type != V_STRING)
		return unconvertible(r, f, v, path);
	*to = v->text;
	return true;
}

/* ---- lists and maps ---- */

static const struct field plain_string = {.name = "", .type = F_STR};
static const struct field plain_strings = {.name = "", .type = F_STRS};
static const struct field plain_float = {.name = "", .type = F_FLOAT};
static const struct field plain_byte = {.name = "", .type = F_UINT, .go_type = "uint8"};

/* One item; null leaves it cleared. */
static bool read_item(struct reader *r, const struct field *f, const struct value *v, char *to, const struct path *path)
{
	if (v->type == V_NULL)
		return true;
	switch (f->type) {
	case F_STRS: return read_str(r, &plain_string, v, (struct slice *)(void *)to, path);
	case F_FLOATS: return read_number(r, &plain_float, v, to, path);
	case F_LIST: return read_struct(r, f->sub, v, to, path);
	case F_MAP: return read_str(r, &plain_string, v, &((struct pair *)(void *)to)->val, path);
	case F_MAP_STRS: return read_field(r, &plain_strings, v, &((struct named_strs *)(void *)to)->strs, path);
	default: return read_struct(r, f->sub, v, to + sizeof(struct slice), path);
	}
}

static bool room(struct reader *r, const struct field *f, uint32_t n, struct list *to)
{
	*to = (struct list){n ? arena_zalloc(r->arena, n * schema_stride(f)) : list_empty, n};
	if (to->items)
		return true;
	*to = (struct list){0};
	return out_of_memory(r);
}

static bool read_list(
        struct reader *r, const struct field *f, const struct value *v, struct list *to, const struct path *path)
{
	bool good = true;
	if (v->type != V_LIST)
		return no_list(r, v, path);
	if (!room(r, f, v->n, to))
		return false;
	char *item = to->items;
	for (uint32_t i = 0; i < v->n; i++, item += schema_stride(f)) {
		struct path here = {.up = path, .index = i};
		good = read_item(r, f, &v->items[i], item, &here) && good;
	}
	return good;
}

static bool read_bytes(struct reader *r, const struct value *v, struct slice *to, const struct path *path)
{
	bool good = true;
	if (v->type != V_LIST)
		return no_list(r, v, path);
	char *bytes = arena_zalloc(r->arena, v->n);
	if (!bytes)
		return out_of_memory(r);
	for (uint32_t i = 0; i < v->n; i++) {
		struct path here = {.up = path, .index = i};
		uint64_t byte = 0;
		if (v->items[i].type != V_NULL)
			good = read_number(r, &plain_byte, &v->items[i], &byte, &here) && good;
		bytes[i] = (char)byte;
	}
	*to = (struct slice){bytes, v->n};
	return good;
}

struct member {
	struct slice key;
	const struct value *val;
};

/* The members of an object sorted, the last of equal keys only, as they are in Go's map. */
static bool members_of(struct reader *r, const struct value *v, struct list *out)
{
	struct member *m = arena_alloc(r->arena, v->n * sizeof *m);
	for (uint32_t i = 0; m && i < v->n; i++)
		m[i] = (struct member){v->entries[i].key, &v->entries[i].val};
	*out = (struct list){m, v->n};
	return m && schema_map_sort(out, sizeof *m, r->arena) ? true : out_of_memory(r);
}

/* Members that are wrong are left out. */
static bool read_map(
        struct reader *r, const struct field *f, const struct value *v, struct list *to, const struct path *path)
{
	struct list members;
	if (v->type != V_OBJECT)
		return no_map(r, v, path);
	if (!members_of(r, v, &members) || !room(r, f, members.n, to))
		return false;
	const struct member *m = members.items;
	size_t stride = schema_stride(f);
	char *item = to->items;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < members.n; i++) {
		struct path here = {.up = path, .key = m[i].key};
		*(struct slice *)(void *)item = m[i].key;
		if (read_item(r, f, m[i].val, item, &here)) {
			item += stride;
			kept++;
		} else {
			memset(item, 0, stride);
		}
	}
	bool good = kept == members.n;
	to->n = kept;
	return good;
}

/* ---- structs ---- */

/* A pointer is set only when all below it is good. */
static bool read_pointer(
        struct reader *r, const struct field *f, const struct value *v, void **to, const struct path *path)
{
	void *p = arena_zalloc(r->arena, f->sub->size);
	if (!p)
		return out_of_memory(r);
	if (!read_struct(r, f->sub, v, p, path))
		return false;
	*to = p;
	return true;
}

static bool read_field(
        struct reader *r, const struct field *f, const struct value *v, void *to, const struct path *path)
{
	if (v->type == V_NULL)
		return true;
	switch (f->type) {
	case F_BOOL:
		if (v->type != V_BOOL)
			return unconvertible(r, f, v, path);
		*(bool *)to = v->boolean;
		return true;
	case F_INT:
	case F_UINT:
	case F_FLOAT:
	case F_DUR:
	case F_DURSTR: return read_number(r, f, v, to, path);
	case F_STR: return read_str(r, f, v, to, path);
	case F_BYTES: return read_bytes(r, v, to, path);
	case F_STRUCT:
	case F_EMBED: return read_struct(r, f->sub, v, to, path);
	case F_PTR: return read_pointer(r, f, v, to, path);
	case F_VALUE: *(struct value **)to = (struct value *)(uintptr_t)v; return true;
	case F_STRS:
	case F_FLOATS:
	case F_LIST: return read_list(r, f, v, to, path);
	default: return read_map(r, f, v, to, path);
	}
}

static bool read_struct(
        struct reader *r, const struct schema *s, const struct value *v, void *obj, const struct path *path)
{
	bool good = true;
	if (v->type != V_OBJECT)
		return no_map(r, v, path);
	for (size_t i = 0; i < s->n && !r->full; i++) {
		const struct field *f = &s->fields[i];
		if (f->flags & FF_NO_JSON && f->flags & FF_NO_MSGPACK)
			continue; /* ours, not Go's */
		struct path here = {.up = path, .name = slice_of(f->name)};
		const struct value *member = value_get_fold(v, here.name);
		if (member)
			good = read_field(r, f, member, (char *)obj + f->offset, &here) && good;
	}
	return good;
}

/* ---- the whole ---- */

static void sort(struct slice *texts, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct slice t = texts[i];
		uint32_t at = i;
		for (; at && slice_cmp(t, texts[at - 1]) < 0; at--)
			texts[at] = texts[at - 1];
		texts[at] = t;
	}
}

/* `single`: the root itself was of the wrong type, which is told without a list. */
static enum err finish(struct reader *r, bool single, struct fail *f)
{
	if (r->full)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	if (!r->count)
		return OK;
	if (single)
		return fail_set(f, ERR_INVALID, "%.*s", PS(r->errors[0]));
	uint32_t told = r->count < ERRORS_MAX ? r->count : ERRORS_MAX;
	struct buf text = {.limit = FAIL_TEXT_MAX};
	sort(r->errors, told);
	buf_fmt(&text, "%u error(s) decoding:\n", r->count);
	for (uint32_t i = 0; i < told; i++)
		buf_fmt(&text, "\n* %.*s", PS(r->errors[i]));
	fail_set(f, ERR_INVALID, "%.*s", PS(buf_view(&text)));
	buf_free(&text);
	return ERR_INVALID;
}

enum err mapstructure_read(const struct schema *s, const struct value *v, void *obj, struct arena *a, struct fail *f)
{
	struct reader r = {.arena = a};
	enum err e = value_numbers_check(v, f);
	if (e || v->type == V_NULL)
		return e;
	read_struct(&r, s, v, obj, NULL);
	return finish(&r, v->type != V_OBJECT, f);
}

enum err mapstructure_read_list(
        const struct schema *s, const struct value *v, struct list *out, struct arena *a, struct fail *f)
{
	struct reader r = {.arena = a};
	struct field list = {.name = "", .type = F_LIST, .sub = s};
	enum err e = value_numbers_check(v, f);
	*out = (struct list){0};
	if (e || v->type == V_NULL)
		return e;
	read_list(&r, &list, v, out, NULL);
	return finish(&r, v->type != V_LIST, f);
}
