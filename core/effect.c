#include "core/effect.h"

#include <stdlib.h>

#include "core/base/must.h"

struct effect *effect_add(struct effects *out, enum effect_kind kind)
{
	if (out->n == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 64;
		MUST(cap <= EFFECTS_MAX);
		struct effect *more = realloc(out->items, cap * sizeof *more);
		MUST(more);
		out->items = more;
		out->cap = cap;
	}
	struct effect *e = &out->items[out->n++];
	*e = (struct effect){.kind = kind};
	return e;
}
