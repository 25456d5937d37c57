/* Copying structures with everything below them, and comparing (declared in schema.h). */
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "core/base/value.h"

enum { ALIGN = 8 };

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* ---- size ---- */

static size_t strs_size(const struct list *l)
{
	const struct slice *items = l->items;
	size_t sum = aligned(l->n * sizeof *items);
	for (uint32_t i = 0; i < l->n; i++)
		sum += aligned(items[i].n);
	return sum;
}

static size_t item_size(const struct field *f, const char *item)
{
	const struct slice *front = (const void *)item;
	switch (f->type) {
	case F_LIST: return schema_extra_size(f->sub, item);
	case F_MAP: return aligned(front[0].n) + aligned(front[1].n);
	case F_MAP_STRS: return aligned(front->n) + strs_size(&((const struct named_strs *)(const void *)item)->strs);
	case F_MAP_OF: return aligned(front->n) + schema_extra_size(f->sub, item + sizeof *front);
	default: return 0;
	}
}

static size_t list_size(const struct field *f, const struct list *l)
{
	size_t stride = schema_stride(f), sum = aligned(l->n * stride);
	const char *item = l->items;
	if (f->type == F_STRS)
		return strs_size(l);
	if (f->type == F_FLOATS)
		return sum;
	for (uint32_t i = 0; i < l->n; i++, item += stride)
		sum += item_size(f, item);
	return sum;
}

static size_t pointer_size(const struct field *f, const void *p)
{
	if (!p)
		return 0;
	if (f->type == F_PTR)
		return aligned(f->sub->size) + schema_extra_size(f->sub, p);
	return aligned(sizeof(struct value)) + value_extra_size(p);
}

static size_t field_size(const struct field *f, const void *p)
{
	switch (f->type) {
	case F_BOOL:
	case F_INT:
	case F_UINT:
	case F_FLOAT:
	case F_DUR:
	case F_DURSTR: return 0;
	case F_STR:
	case F_BYTES: return aligned(((const struct slice *)p)->n);
	case F_STRUCT:
	case F_EMBED: return schema_extra_size(f->sub, p);
	case F_PTR:
	case F_VALUE: return pointer_size(f, *(const void *const *)p);
	default: return list_size(f, p);
	}
}

size_t schema_extra_size(const struct schema *s, const void *obj)
{
	size_t sum = 0;
	for (size_t i = 0; i < s->n; i++)
		sum += field_size(&s->fields[i], (const char *)obj + s->fields[i].offset);
	return sum;
}

/* ---- copy: the struct is copied flat first, then each pointer in the copy is moved to a copy of what it shows ---- */

static void deepen(const struct schema *s, void *obj, char **extra);

static void *take(char **extra, const void *from, size_t n)
{
	void *to = *extra;
	memcpy(to, from, n);
	*extra += aligned(n);
	return to;
}

static void deepen_slice(struct slice *s, char **extra)
{
	s->p = s->n ? take(extra, s->p, s->n) : s->p ? list_empty : NULL;
}

/* The items, still flat. False when there are none. */
static bool deepen_items(struct list *l, size_t stride, char **extra)
{
	l->items = l->n ? take(extra, l->items, l->n * stride) : l->items ? list_empty : NULL;
	return l->n > 0;
}

static void deepen_strs(struct list *l, char **extra)
{
	if (!deepen_items(l, sizeof(struct slice), extra))
		return;
	struct slice *items = l->items;
	for (uint32_t i = 0; i < l->n; i++)
		deepen_slice(&items[i], extra);
}

static void deepen_list(const struct field *f, struct list *l, char **extra)
{
	size_t stride = schema_stride(f);
	if (f->type == F_STRS) {
		deepen_strs(l, extra);
		return;
	}
	if (!deepen_items(l, stride, extra) || f->type == F_FLOATS)
		return;
	char *item = l->items;
	for (uint32_t i = 0; i < l->n; i++, item += stride) {
		struct slice *front = (void *)item;
		if (f->type != F_LIST)
			deepen_slice(front, extra);
		if (f->type == F_LIST)
			deepen(f->sub, item, extra);
		else if (f->type == F_MAP)
			deepen_slice(&front[1], extra);
		else if (f->type == F_MAP_STRS)
			deepen_strs(&((struct named_strs *)(void *)item)->strs, extra);
		else
			deepen(f->sub, item + sizeof *front, extra);
	}
}

static void deepen_pointer(const struct field *f, void **p, char **extra)
{
	if (!*p)
		return;
	if (f->type == F_PTR) {
		*p = take(extra, *p, f->sub->size);
		deepen(f->sub, *p, extra);
		return;
	}
	const struct value *from = *p;
	struct value *to = take(extra, from, sizeof *from);
	if (!value_copy_to(to, from, *extra))
		*to = (struct value){.type = V_NULL};
	*extra += value_extra_size(from);
	*p = to;
}

static void deepen(const struct schema *s, void *obj, char **extra)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];
		void *p = (char *)obj + f->offset;
		switch (f->type) {
		case F_BOOL:
		case F_INT:
		case F_UINT:
		case F_FLOAT:
		case F_DUR:
		case F_DURSTR: break;
		case F_STR:
		case F_BYTES: deepen_slice(p, extra); break;
		case F_STRUCT:
		case F_EMBED: deepen(f->sub, p, extra); break;
		case F_PTR:
		case F_VALUE: deepen_pointer(f, p, extra); break;
		default: deepen_list(f, p, extra); break;
		}
	}
}

void schema_copy_to(const struct schema *s, void *to, const void *obj, void *extra)
{
	char *at = extra;
	memcpy(to, obj, s->size);
	deepen(s, to, &at);
}

void *schema_copy(const struct schema *s, const void *obj, struct arena *a)
{
	void *to = arena_alloc(a, s->size);
	void *extra = arena_alloc(a, schema_extra_size(s, obj));
	if (!to || !extra)
		return NULL;
	schema_copy_to(s, to, obj, extra);
	return to;
}
