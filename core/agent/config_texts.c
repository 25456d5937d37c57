#include "core/agent/config_texts.h"

#include <stdarg.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/slice.h"
#include "core/base/text.h"

static bool texts_grow(struct config_texts *t, struct arena *a)
{
	if (t->n < t->cap)
		return true;
	size_t cap = t->cap ? t->cap * 2 : 8;
	struct slice *items = ARENA_ARRAY(a, struct slice, cap);
	if (!items)
		return false;
	if (t->n)
		memcpy(items, t->items, t->n * sizeof(*items));
	t->items = items;
	t->cap = cap;
	return true;
}

void config_texts_add(struct config_texts *t, struct arena *a, const char *fmt, ...)
{
	if (!texts_grow(t, a))
		return;
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	t->items[t->n++] = arena_copy(a, buf_view(&b));
	buf_free(&b);
}

struct slice config_texts_print(const struct config_texts *t, struct arena *a, const char *what)
{
	struct buf b = {0};
	buf_fmt(&b, "%zu %s\n\n", t->n, what);
	for (size_t i = 0; i < t->n; i++)
		buf_fmt(&b, "%s* %.*s", i ? "\n" : "", PS(t->items[i]));
	struct slice s = arena_copy(a, buf_view(&b));
	buf_free(&b);
	return s;
}

struct slice config_quoted(struct slice s, struct arena *a)
{
	struct buf b = {0};
	quote_put(&b, s);
	struct slice quoted = arena_copy(a, buf_view(&b));
	buf_free(&b);
	return quoted;
}

static int text_order(const void *x, const void *y)
{
	return slice_cmp(*(const struct slice *)x, *(const struct slice *)y);
}

void config_texts_sort(struct config_texts *t)
{
	if (t->n)
		qsort(t->items, t->n, sizeof(*t->items), text_order);
}
