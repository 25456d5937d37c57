/* Are two structures the same? (declared in schema.h) */
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "core/base/value.h"

/* Equal contents; where nil and empty differ, equal in that, too. */
static bool same_bytes(struct slice x, struct slice y, bool strict_nil)
{
	return slice_eq(x, y) && (!strict_nil || !x.p == !y.p);
}

static bool same_size(const struct list *x, const struct list *y, bool strict_nil)
{
	return x->n == y->n && (!strict_nil || !x->items == !y->items);
}

static bool same_strs(const struct list *x, const struct list *y, bool strict_nil)
{
	const struct slice *a = x->items, *b = y->items;
	if (!same_size(x, y, strict_nil))
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		if (!slice_eq(a[i], b[i]))
			return false;
	return true;
}

static bool same_item(const struct field *f, const char *x, const char *y, bool strict_nil)
{
	const struct slice *a = (const void *)x, *b = (const void *)y;
	if (f->type == F_FLOATS)
		return *(const double *)(const void *)x == *(const double *)(const void *)y;
	if (f->type == F_LIST)
		return schema_equal(f->sub, x, y, strict_nil);
	if (!slice_eq(*a, *b))
		return false;
	if (f->type == F_MAP)
		return slice_eq(a[1], b[1]);
	if (f->type == F_MAP_STRS)
		return same_strs(&((const struct named_strs *)(const void *)x)->strs,
		        &((const struct named_strs *)(const void *)y)->strs, strict_nil);
	return f->type == F_STRS || schema_equal(f->sub, x + sizeof *a, y + sizeof *b, strict_nil);
}

static bool same_list(const struct field *f, const struct list *x, const struct list *y, bool strict_nil)
{
	size_t stride = schema_stride(f);
	const char *a = x->items, *b = y->items;
	if (!same_size(x, y, strict_nil))
		return false;
	for (uint32_t i = 0; i < x->n; i++, a += stride, b += stride)
		if (!same_item(f, a, b, strict_nil))
			return false;
	return true;
}

static bool same_pointer(const struct field *f, const void *x, const void *y, bool strict_nil)
{
	if (!x || !y)
		return x == y;
	return f->type == F_PTR ? schema_equal(f->sub, x, y, strict_nil) : value_equal(x, y);
}

static bool same_field(const struct field *f, const void *x, const void *y, bool strict_nil)
{
	switch (f->type) {
	case F_BOOL: return *(const bool *)x == *(const bool *)y;
	case F_INT:
	case F_UINT:
	case F_DUR:
	case F_DURSTR: return *(const int64_t *)x == *(const int64_t *)y;
	case F_FLOAT: return *(const double *)x == *(const double *)y;
	case F_STR: return slice_eq(*(const struct slice *)x, *(const struct slice *)y);
	case F_BYTES: return same_bytes(*(const struct slice *)x, *(const struct slice *)y, strict_nil);
	case F_STRUCT:
	case F_EMBED: return schema_equal(f->sub, x, y, strict_nil);
	case F_PTR:
	case F_VALUE: return same_pointer(f, *(const void *const *)x, *(const void *const *)y, strict_nil);
	default: return same_list(f, x, y, strict_nil);
	}
}

bool schema_equal(const struct schema *s, const void *a, const void *b, bool strict_nil)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];
		if (!same_field(f, (const char *)a + f->offset, (const char *)b + f->offset, strict_nil))
			return false;
	}
	return true;
}
