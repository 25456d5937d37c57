#include "core/api/ipc_wire.h"

#include "core/base/slice.h"

static struct slice read_str(struct mp_reader *r)
{
	if (mp_peek(r) == MP_BIN)
		mp_fail(r);
	return mp_str(r);
}

static bool is_number(enum mp_kind k)
{
	return k == MP_INT || k == MP_UINT || k == MP_NIL;
}

static void read_strs(struct mp_reader *r, struct list *l, struct arena *a)
{
	uint32_t n = mp_array(r);
	struct slice *items = ARENA_ARRAY(a, struct slice, n);
	if (!items)
		mp_fail(r);
	for (uint32_t i = 0; i < n && !r->failed; i++)
		items[i] = read_str(r);
	*l = (struct list){items, n};
}

static void read_map(struct mp_reader *r, struct list *l, struct arena *a)
{
	uint32_t n = mp_map(r);
	struct pair *items = ARENA_ARRAY(a, struct pair, n);
	if (!items)
		mp_fail(r);
	for (uint32_t i = 0; i < n && !r->failed; i++) {
		items[i].key = read_str(r);
		items[i].val = read_str(r);
	}
	*l = (struct list){items, n};
	if (!r->failed && !schema_map_sort(l, sizeof(struct pair), a))
		mp_fail(r);
}

static void read_field(struct mp_reader *r, const struct field *f, void *at, struct arena *a)
{
	if ((f->type == F_INT || f->type == F_UINT) && !is_number(mp_peek(r)))
		mp_fail(r);
	switch (f->type) {
	case F_STR: *(struct slice *)at = read_str(r); break;
	case F_BYTES: *(struct slice *)at = mp_str(r); break;
	case F_INT: *(int64_t *)at = mp_i64(r); break;
	case F_UINT: *(uint64_t *)at = mp_u64(r); break;
	case F_BOOL: *(bool *)at = mp_bool(r); break;
	case F_STRS: read_strs(r, at, a); break;
	case F_MAP: read_map(r, at, a); break;
	default: mp_fail(r); break;
	}
}

static const struct field *field_find(const struct schema *s, struct slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_is(name, s->fields[i].name))
			return &s->fields[i];
	return NULL;
}

void ipc_read(struct mp_reader *r, const struct schema *s, void *obj, struct arena *a)
{
	bool by_place = mp_peek(r) == MP_ARRAY;
	uint32_t n = by_place ? mp_array(r) : mp_map(r);
	for (uint32_t i = 0; i < n && !r->failed; i++) {
		const struct field *f = by_place ? (i < s->n ? &s->fields[i] : NULL) : field_find(s, read_str(r));
		if (f)
			read_field(r, f, (char *)obj + f->offset, a);
		else
			mp_skip(r);
	}
}

void ipc_put_head(struct buf *out, uint64_t seq, struct slice error)
{
	mp_put_map(out, 2);
	mp_put_str_new(out, S("Error"));
	mp_put_str_new(out, error);
	mp_put_str_new(out, S("Seq"));
	mp_put_u64(out, seq);
}
