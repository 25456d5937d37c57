/* Trees of values without recursion: walking, measuring, copying, comparing (declared in value.h). */
#include <stdlib.h>

#include "core/base/slice.h"
#include "core/base/value.h"

enum { ALIGN = 8 };

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static bool is_container(const struct value *v)
{
	return v->type == V_LIST || v->type == V_OBJECT;
}

void value_walk_begin(struct value_walk *w, const struct value *v)
{
	w->v = v;
	w->key = NULL;
	w->first = true;
	w->failed = false;
	w->depth = 0;
	w->cap = 0; /* not begun */
	w->places = w->near;
}

static bool walk_grow(struct value_walk *w)
{
	bool near = w->places == w->near;
	struct value_place *bigger = realloc(near ? NULL : w->places, 2 * w->cap * sizeof *bigger);
	if (!bigger)
		return false;
	if (near)
		memcpy(bigger, w->near, sizeof w->near);
	w->places = bigger;
	w->cap *= 2;
	return true;
}

static enum walk_step walk_enter(struct value_walk *w)
{
	if (!is_container(w->v))
		return WALK_LEAF;
	if (w->depth == w->cap && !walk_grow(w)) {
		w->failed = true;
		return WALK_END;
	}
	w->places[w->depth++] = (struct value_place){w->v, 0};
	return WALK_OPEN;
}

enum walk_step value_walk_next(struct value_walk *w)
{
	if (!w->cap) {
		w->cap = VALUE_WALK_NEAR;
		return walk_enter(w);
	}
	if (!w->depth || w->failed)
		return WALK_END;
	struct value_place *top = &w->places[w->depth - 1];
	if (top->next == top->v->n) {
		w->v = top->v;
		w->depth--;
		return WALK_CLOSE;
	}
	w->first = top->next == 0;
	bool object = top->v->type == V_OBJECT;
	w->key = object ? &top->v->entries[top->next].key : NULL;
	w->v = object ? &top->v->entries[top->next].val : &top->v->items[top->next];
	top->next++;
	return walk_enter(w);
}

void value_walk_end(struct value_walk *w)
{
	if (w->places != w->near)
		free(w->places);
}

static size_t members_size(const struct value *v)
{
	return v->n * (v->type == V_OBJECT ? sizeof *v->entries : sizeof *v->items);
}

size_t value_extra_size(const struct value *v)
{
	struct value_walk w;
	size_t sum = 0;
	enum walk_step step;
	for (value_walk_begin(&w, v); (step = value_walk_next(&w)) != WALK_END;) {
		if (step == WALK_CLOSE)
			continue;
		sum += w.key ? aligned(w.key->n) : 0;
		sum += aligned(step == WALK_OPEN ? members_size(w.v) : w.v->text.n);
	}
	value_walk_end(&w);
	return sum;
}

static void *take(char **extra, const void *from, size_t n)
{
	void *to = *extra;
	if (n)
		memcpy(to, from, n);
	*extra += aligned(n);
	return to;
}

static void copy_slice(char **extra, struct slice *s)
{
	s->p = s->n ? take(extra, s->p, s->n) : s->p ? list_empty : NULL;
}

/* Gives the copy its own members, which still point to the original's; the walk then comes by each of them. */
static void copy_members(char **extra, struct value *v)
{
	if (v->type == V_LIST) {
		v->items = take(extra, v->items, members_size(v));
		return;
	}
	v->entries = take(extra, v->entries, members_size(v));
	for (uint32_t i = 0; i < v->n; i++)
		copy_slice(extra, &v->entries[i].key);
}

bool value_copy_to(struct value *to, const struct value *v, void *extra)
{
	struct value_walk w;
	char *at = extra;
	enum walk_step step;
	*to = *v;
	for (value_walk_begin(&w, to); (step = value_walk_next(&w)) != WALK_END;) {
		/* Everything the walk comes by lies in the copy, which is ours. */
		struct value *here = (struct value *)(uintptr_t)w.v;
		if (step == WALK_OPEN)
			copy_members(&at, here);
		else if (step == WALK_LEAF)
			copy_slice(&at, &here->text);
	}
	value_walk_end(&w);
	return !w.failed;
}

static bool same_step(const struct value_walk *x, const struct value_walk *y)
{
	if (x->v->type != y->v->type || (x->key && !slice_eq(*x->key, *y->key)))
		return false;
	switch (x->v->type) {
	case V_NULL: return true;
	case V_BOOL: return x->v->boolean == y->v->boolean;
	case V_LIST:
	case V_OBJECT: return x->v->n == y->v->n;
	default: return slice_eq(x->v->text, y->v->text);
	}
}

bool value_equal(const struct value *a, const struct value *b)
{
	struct value_walk x, y;
	bool same = true;
	value_walk_begin(&x, a);
	value_walk_begin(&y, b);
	while (same && value_walk_next(&x) != WALK_END)
		same = value_walk_next(&y) != WALK_END && same_step(&x, &y);
	same = same && !x.failed;
	value_walk_end(&x);
	value_walk_end(&y);
	return same;
}

enum err value_numbers_check(const struct value *v, struct fail *f)
{
	struct value_walk w;
	enum err e = OK;
	double d;
	for (value_walk_begin(&w, v); !e && value_walk_next(&w) != WALK_END;)
		if (w.v->type == V_NUMBER && !value_double(w.v, &d))
			e = fail_set(f, ERR_INVALID, "json: cannot unmarshal number %.*s into Go value of type float64",
			        PS(w.v->text));
	if (w.failed)
		e = fail_set(f, ERR_NO_MEMORY, "out of memory");
	value_walk_end(&w);
	return e;
}
