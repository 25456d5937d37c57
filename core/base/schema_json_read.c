/* Structures out of parsed JSON, as encoding/json fills them (declared in schema.h). */
#include <stdio.h>

#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "core/base/value.h"

enum { PATH_MAX_TEXT = 256, TYPE_MAX_TEXT = 128 };

/* The way from the root to a field; lives on the stack of the calls. */
struct path {
	const struct path *up;
	const struct schema *in; /* the struct that has the field */
	const char *name;
};

struct reader {
	struct arena *arena;
	struct fail *fail;
	enum err first; /* the first error; later ones are not told */
};

static void read_struct(
        struct reader *r, const struct schema *s, const struct value *v, void *obj, const struct path *path);

static void keep_error(struct reader *r, enum err e, const char *text)
{
	if (!r->first)
		r->first = fail_set(r->fail, e, "%s", text);
}

static bool out_of_memory(struct reader *r)
{
	keep_error(r, ERR_NO_MEMORY, "out of memory");
	return false;
}

static void path_text(const struct path *path, char *out, size_t size)
{
	out[0] = '\0';
	if (!path)
		return;
	path_text(path->up, out, size);
	size_t n = strlen(out);
	snprintf(out + n, size - n, "%s%s", n ? "." : "", path->name);
}

static const char *type_text(const struct field *f, char *out, size_t size)
{
	const char *simple = schema_go_type(f);
	if (simple)
		return simple;
	switch (f->type) {
	case F_STR: return "string";
	case F_BYTES: return "[]uint8";
	case F_STRS: return "[]string";
	case F_FLOATS: return "[]float64";
	case F_MAP: return "map[string]string";
	case F_MAP_STRS: return "map[string][]string";
	case F_VALUE: return "interface {}";
	case F_LIST: snprintf(out, size, "[]%s", f->sub->name); return out;
	case F_MAP_OF: snprintf(out, size, "map[string]%s", f->sub->name); return out;
	default: return f->sub->name;
	}
}

static void wrong_type(struct reader *r, const struct value *v, const char *type, const struct path *path)
{
	static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
	char text[FAIL_TEXT_MAX], where[PATH_MAX_TEXT];
	if (r->first)
		return;
	if (path) {
		const char *dot = strrchr(path->in->name, '.');
		path_text(path, where, sizeof where);
		snprintf(text, sizeof text, "json: cannot unmarshal %s into Go struct field %s.%s of type %s",
		        names[v->type], dot ? dot + 1 : path->in->name, where, type);
	} else {
		snprintf(text, sizeof text, "json: cannot unmarshal %s into Go value of type %s", names[v->type], type);
	}
	keep_error(r, ERR_INVALID, text);
}

static void wrong_field(struct reader *r, const struct value *v, const struct field *f, const struct path *path)
{
	char type[TYPE_MAX_TEXT];
	wrong_type(r, v, type_text(f, type, sizeof type), path);
}

/* A number that the field cannot hold is told with its text. */
static void wrong_number(struct reader *r, const struct value *v, const struct field *f, const struct path *path)
{
	char text[FAIL_TEXT_MAX], type[TYPE_MAX_TEXT], where[PATH_MAX_TEXT];
	const char *dot = strrchr(path->in->name, '.');
	path_text(path, where, sizeof where);
	snprintf(text, sizeof text, "json: cannot unmarshal number %.*s into Go struct field %s.%s of type %s",
	        (int)(v->text.n < 64 ? v->text.n : 64), v->text.p, dot ? dot + 1 : path->in->name, where,
	        type_text(f, type, sizeof type));
	keep_error(r, ERR_INVALID, text);
}

static void read_number(
        struct reader *r, const struct field *f, const struct value *v, void *to, const struct path *path)
{
	if (v->type != V_NUMBER) {
		wrong_field(r, v, f, path);
		return;
	}
	uint64_t u;
	int64_t i;
	double d;
	if (f->type == F_UINT && value_u64(v, &u))
		*(uint64_t *)to = u;
	else if (f->type == F_FLOAT && value_double(v, &d))
		*(double *)to = d;
	else if (f->type != F_UINT && f->type != F_FLOAT && value_i64(v, &i))
		*(int64_t *)to = i;
	else
		wrong_number(r, v, f, path);
}

static void read_duration(
        struct reader *r, const struct field *f, const struct value *v, dur_ns *to, const struct path *path)
{
	struct fail why;
	if (f->type == F_DURSTR && v->type == V_STRING) {
		if (dur_parse(v->text, to, &why))
			keep_error(r, ERR_INVALID, why.text);
	} else {
		read_number(r, f, v, to, path);
	}
}

static void read_bytes(
        struct reader *r, const struct field *f, const struct value *v, struct slice *to, const struct path *path)
{
	struct fail why;
	if (v->type != V_STRING)
		wrong_field(r, v, f, path);
	else if (base64_get(v->text, r->arena, to, &why))
		keep_error(r, why.code, why.text);
}

/* A text as an element or a field; null leaves it empty. */
static void read_str(struct reader *r, const struct value *v, struct slice *to, const struct path *path)
{
	if (v->type == V_STRING)
		*to = v->text;
	else if (v->type != V_NULL)
		wrong_type(r, v, "string", path);
}

/* Room for the members of a list or object, cleared; nil for null. False when there is nothing to fill. */
static bool read_container(struct reader *r, const struct field *f, enum value_type want, const struct value *v,
        struct list *to, const struct path *path)
{
	if (v->type == V_NULL) {
		*to = (struct list){0};
		return false;
	}
	if (v->type != want) {
		wrong_field(r, v, f, path);
		return false;
	}
	*to = (struct list){list_empty, v->n};
	if (!v->n)
		return false;
	to->items = arena_zalloc(r->arena, v->n * schema_stride(f));
	if (to->items)
		return true;
	*to = (struct list){0};
	return out_of_memory(r);
}

static void read_strs(struct reader *r, const struct value *v, struct list *to, const struct path *path)
{
	static const struct field strs = {.name = "", .type = F_STRS};
	if (!read_container(r, &strs, V_LIST, v, to, path))
		return;
	struct slice *items = to->items;
	for (uint32_t i = 0; i < v->n; i++)
		read_str(r, &v->items[i], &items[i], path);
}

static void read_item(struct reader *r, const struct field *f, const struct value *v, char *to, const struct path *path)
{
	static const struct field number = {.name = "", .type = F_FLOAT};
	switch (f->type) {
	case F_STRS: read_str(r, v, (struct slice *)(void *)to, path); break;
	case F_LIST: read_struct(r, f->sub, v, to, path); break;
	case F_FLOATS:
		if (v->type != V_NULL)
			read_number(r, &number, v, to, path);
		break;
	case F_MAP: read_str(r, v, &((struct pair *)(void *)to)->val, path); break;
	case F_MAP_STRS: read_strs(r, v, &((struct named_strs *)(void *)to)->strs, path); break;
	default: read_struct(r, f->sub, v, to + sizeof(struct slice), path); break;
	}
}

static void read_list(
        struct reader *r, const struct field *f, const struct value *v, struct list *to, const struct path *path)
{
	if (!read_container(r, f, V_LIST, v, to, path))
		return;
	size_t stride = schema_stride(f);
	char *item = to->items;
	for (uint32_t i = 0; i < v->n; i++, item += stride)
		read_item(r, f, &v->items[i], item, path);
}

static void read_map(
        struct reader *r, const struct field *f, const struct value *v, struct list *to, const struct path *path)
{
	if (!read_container(r, f, V_OBJECT, v, to, path))
		return;
	size_t stride = schema_stride(f);
	char *item = to->items;
	for (uint32_t i = 0; i < v->n; i++, item += stride) {
		*(struct slice *)(void *)item = v->entries[i].key;
		read_item(r, f, &v->entries[i].val, item, path);
	}
	if (!schema_map_sort(to, stride, r->arena))
		out_of_memory(r);
}

static void read_pointer(
        struct reader *r, const struct field *f, const struct value *v, void **to, const struct path *path)
{
	if (v->type == V_NULL) {
		*to = NULL;
		return;
	}
	if (!*to)
		*to = arena_zalloc(r->arena, f->sub->size);
	if (*to)
		read_struct(r, f->sub, v, *to, path);
	else
		out_of_memory(r);
}

static void read_field(
        struct reader *r, const struct field *f, const struct value *v, void *to, const struct path *path)
{
	switch (f->type) {
	case F_STRUCT:
	case F_EMBED: read_struct(r, f->sub, v, to, path); return;
	case F_PTR: read_pointer(r, f, v, to, path); return;
	case F_VALUE: *(struct value **)to = v->type == V_NULL ? NULL : (struct value *)(uintptr_t)v; return;
	case F_STRS:
	case F_FLOATS:
	case F_LIST: read_list(r, f, v, to, path); return;
	case F_MAP:
	case F_MAP_STRS:
	case F_MAP_OF: read_map(r, f, v, to, path); return;
	default: break;
	}
	if (v->type == V_NULL) {
		if (f->type == F_BYTES)
			*(struct slice *)to = S_NONE;
		return;
	}
	switch (f->type) {
	case F_BOOL:
		if (v->type == V_BOOL)
			*(bool *)to = v->boolean;
		else
			wrong_field(r, v, f, path);
		return;
	case F_STR: read_str(r, v, to, path); return;
	case F_BYTES: read_bytes(r, f, v, to, path); return;
	case F_DUR:
	case F_DURSTR: read_duration(r, f, v, to, path); return;
	default: read_number(r, f, v, to, path); return;
	}
}

/* The field for a key, with its offset from the outermost struct; own fields before embedded ones. */
static const struct field *field_find(const struct schema *s, struct slice key, bool fold, size_t *offset)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];
		struct slice name = slice_of(f->json ? f->json : f->name);
		if (f->flags & FF_NO_JSON || f->type == F_EMBED)
			continue;
		if (fold ? slice_eq_fold(name, key) : slice_eq(name, key)) {
			*offset += f->offset;
			return f;
		}
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];
		size_t inner = *offset + f->offset;
		if (f->type != F_EMBED || f->flags & FF_NO_JSON)
			continue;
		const struct field *found = field_find(f->sub, key, fold, &inner);
		if (found) {
			*offset = inner;
			return found;
		}
	}
	return NULL;
}

static void read_struct(
        struct reader *r, const struct schema *s, const struct value *v, void *obj, const struct path *path)
{
	if (v->type == V_NULL)
		return;
	if (v->type != V_OBJECT) {
		wrong_type(r, v, s->name, path);
		return;
	}
	for (uint32_t i = 0; i < v->n; i++) {
		const struct value_entry *e = &v->entries[i];
		size_t offset = 0;
		const struct field *f = field_find(s, e->key, false, &offset);
		if (!f)
			f = field_find(s, e->key, true, &offset);
		if (!f)
			continue;
		struct path here = {path, s, f->json ? f->json : f->name};
		read_field(r, f, &e->val, (char *)obj + offset, &here);
	}
}

enum err schema_json_read(const struct schema *s, const struct value *v, void *obj, struct arena *a, struct fail *f)
{
	struct reader r = {.arena = a, .fail = f};
	read_struct(&r, s, v, obj, NULL);
	return r.first;
}
