/* Structures into JSON (declared in schema.h). */
#include "core/base/json.h"
#include "core/base/num.h"
#include "core/base/schema.h"

struct writer {
	struct buf *out;
	unsigned indent;
};

static void write_struct(const struct writer *w, const struct schema *s, const void *obj, unsigned depth);

/* Comma and line before the i-th member. */
static void member_front(const struct writer *w, size_t i, unsigned depth)
{
	if (i)
		buf_char(w->out, ',');
	json_newline(w->out, w->indent, depth);
}

static void colon(const struct writer *w)
{
	buf_bytes(w->out, ": ", w->indent ? 2 : 1);
}

static void write_duration(const struct writer *w, dur_ns d)
{
	buf_char(w->out, '"');
	dur_print(w->out, d);
	buf_char(w->out, '"');
}

static void write_strs(const struct writer *w, const struct list *l, unsigned depth)
{
	const struct slice *items = l->items;
	if (!items || !l->n) {
		buf_cstr(w->out, items ? "[]" : "null");
		return;
	}
	buf_char(w->out, '[');
	for (uint32_t i = 0; i < l->n; i++) {
		member_front(w, i, depth + 1);
		json_string(w->out, items[i]);
	}
	json_newline(w->out, w->indent, depth);
	buf_char(w->out, ']');
}

static void write_item(const struct writer *w, const struct field *f, const char *item, unsigned depth)
{
	switch (f->type) {
	case F_STRS: json_string(w->out, *(const struct slice *)(const void *)item); break;
	case F_FLOATS: json_float(w->out, *(const double *)(const void *)item); break;
	case F_LIST: write_struct(w, f->sub, item, depth); break;
	case F_MAP: json_string(w->out, ((const struct pair *)(const void *)item)->val); break;
	case F_MAP_STRS: write_strs(w, &((const struct named_strs *)(const void *)item)->strs, depth); break;
	default: write_struct(w, f->sub, item + sizeof(struct slice), depth); break;
	}
}

static void write_list(const struct writer *w, const struct field *f, const struct list *l, unsigned depth)
{
	bool map = schema_is_map(f);
	if (!l->n || !l->items) {
		bool null = l->items ? f->flags & FF_NIL_NULL : !(f->flags & FF_NIL_EMPTY);
		buf_cstr(w->out, null ? "null" : map ? "{}" : "[]");
		return;
	}
	size_t stride = schema_stride(f);
	const char *item = l->items;
	buf_char(w->out, map ? '{' : '[');
	for (uint32_t i = 0; i < l->n; i++, item += stride) {
		member_front(w, i, depth + 1);
		if (map) {
			json_string(w->out, *(const struct slice *)(const void *)item);
			colon(w);
		}
		write_item(w, f, item, depth + 1);
	}
	json_newline(w->out, w->indent, depth);
	buf_char(w->out, map ? '}' : ']');
}

static void write_pointer(const struct writer *w, const struct field *f, const void *const *p, unsigned depth)
{
	if (!*p)
		BUF_LIT(w->out, "null");
	else if (f->type == F_PTR)
		write_struct(w, f->sub, *p, depth);
	else
		json_value(w->out, *p, w->indent, depth);
}

static void write_bytes(const struct writer *w, const struct field *f, struct slice s)
{
	if (!s.p && f->flags & FF_NIL_EMPTY)
		s = S("");
	json_base64(w->out, s);
}

static void write_field(const struct writer *w, const struct field *f, const void *p, unsigned depth)
{
	struct buf *out = w->out;
	switch (f->type) {
	case F_BOOL: buf_bytes(out, *(const bool *)p ? "true" : "false", *(const bool *)p ? 4 : 5); break;
	case F_INT:
	case F_DUR: buf_i64(out, *(const int64_t *)p); break;
	case F_UINT: buf_u64(out, *(const uint64_t *)p); break;
	case F_FLOAT: json_float(out, *(const double *)p); break;
	case F_DURSTR: write_duration(w, *(const dur_ns *)p); break;
	case F_STR: json_string(out, *(const struct slice *)p); break;
	case F_BYTES: write_bytes(w, f, *(const struct slice *)p); break;
	case F_STRUCT: write_struct(w, f->sub, p, depth); break;
	case F_PTR:
	case F_VALUE: write_pointer(w, f, p, depth); break;
	default: write_list(w, f, p, depth); break;
	}
}

static void write_key(const struct writer *w, const char *key)
{
	size_t n = strlen(key);
	char *to = buf_room(w->out, n + 4);
	if (!to)
		return;
	to[0] = '"';
	memcpy(to + 1, key, n);
	to[n + 1] = '"';
	to[n + 2] = ':';
	to[n + 3] = ' ';
	buf_add(w->out, n + (w->indent ? 4 : 3));
}

/* Returns the number of members written so far. */
static size_t write_fields(const struct writer *w, const struct schema *s, const char *obj, size_t done, unsigned depth)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];
		const char *p = obj + f->offset;
		if (f->flags & FF_NO_JSON || (f->flags & FF_OMITEMPTY && schema_empty(f, p)))
			continue;
		if (f->type == F_EMBED) {
			done = write_fields(w, f->sub, p, done, depth);
			continue;
		}
		member_front(w, done++, depth);
		write_key(w, f->json ? f->json : f->name);
		write_field(w, f, p, depth);
	}
	return done;
}

static void write_struct(const struct writer *w, const struct schema *s, const void *obj, unsigned depth)
{
	buf_char(w->out, '{');
	if (write_fields(w, s, obj, 0, depth + 1))
		json_newline(w->out, w->indent, depth);
	buf_char(w->out, '}');
}

void schema_json_write(struct buf *out, const struct schema *s, const void *obj, unsigned indent, unsigned depth)
{
	struct writer w = {out, indent};
	write_struct(&w, s, obj, depth);
}

void schema_json_write_list(struct buf *out, const struct schema *s, struct list l, unsigned indent, unsigned depth)
{
	struct writer w = {out, indent};
	struct field f = {.name = "", .type = F_LIST, .sub = s};
	write_list(&w, &f, &l, depth);
}
