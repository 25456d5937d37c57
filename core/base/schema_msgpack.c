/* Structures in and out of msgpack (declared in schema.h). */
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/schema.h"
#include "core/base/slice.h"

/* ---- the order of the keys ----
 *
 * Peers write struct maps with sorted keys, embedded structs flattened. The order of one schema is made anew on the
 * stack for each struct, or once for a whole list: comparing eight bytes at a time it costs a few nanoseconds a field,
 * and nothing has to be kept or locked. */
struct row {
	uint64_t front; /* the first eight bytes of the name, big endian, so that numbers compare as names do */
	const struct field *field;
	uint32_t offset; /* from the outermost struct */
	uint32_t length; /* of the name */
};

struct rows {
	size_t n;
	uint8_t order[SCHEMA_FIELDS_MAX]; /* places in `at`, sorted by name */
	struct row at[SCHEMA_FIELDS_MAX];
};

_Static_assert(SCHEMA_FIELDS_MAX <= UINT8_MAX, "a place fits a byte");

static uint64_t front_of(const char *name, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | (i < n ? (unsigned char)name[i] : 0);
	return v;
}

static int row_cmp(const struct row *a, const struct row *b)
{
	if (a->front != b->front)
		return a->front < b->front ? -1 : 1;
	return a->length < 8 || b->length < 8 ? 0 : strcmp(a->field->name + 8, b->field->name + 8);
}

static bool rows_have(const struct rows *rows, const struct row *r)
{
	for (size_t i = 0; i < rows->n; i++)
		if (!row_cmp(r, &rows->at[i]))
			return true;
	return false;
}

static void rows_insert(struct rows *rows, const struct row *r)
{
	MUST(rows->n < SCHEMA_FIELDS_MAX);
	size_t i = rows->n;
	for (; i > 0 && row_cmp(r, &rows->at[rows->order[i - 1]]) < 0; i--)
		rows->order[i] = rows->order[i - 1];
	rows->order[i] = (uint8_t)rows->n;
	rows->at[rows->n++] = *r;
}

/* Own fields come first; an embedded one whose name is taken is left out. */
static void rows_add(struct rows *rows, const struct schema *s, size_t offset, bool embedded)
{
	bool embeds = false;
	for (size_t i = 0; i < s->n; i++) {
		const struct field *f = &s->fields[i];
		embeds = embeds || f->type == F_EMBED;
		if (f->type == F_EMBED || f->flags & FF_NO_MSGPACK)
			continue;
		size_t n = strlen(f->name);
		struct row r = {front_of(f->name, n), f, (uint32_t)(offset + f->offset), (uint32_t)n};
		if (!embedded || !rows_have(rows, &r))
			rows_insert(rows, &r);
	}
	for (size_t i = 0; embeds && i < s->n; i++) {
		const struct field *f = &s->fields[i];
		if (f->type == F_EMBED && !(f->flags & FF_NO_MSGPACK))
			rows_add(rows, f->sub, offset + f->offset, true);
	}
}

static void rows_make(struct rows *rows, const struct schema *s)
{
	rows->n = 0;
	rows_add(rows, s, 0, false);
}

/* ---- writing ---- */

struct writer {
	struct buf *out;
	bool new_family; /* str8 and bin, for port 8400 */
};

static void write_struct(const struct writer *w, const struct schema *s, const void *obj);

static void write_str(const struct writer *w, struct slice s)
{
	if (w->new_family)
		mp_put_str_new(w->out, s);
	else
		mp_put_str(w->out, s);
}

static void write_bytes(const struct writer *w, struct slice s)
{
	if (w->new_family)
		mp_put_bin_new(w->out, s);
	else
		mp_put_bytes(w->out, s);
}

static void write_number(const struct writer *w, const struct value *v)
{
	int64_t i;
	uint64_t u;
	double d = 0;
	if (value_i64(v, &i)) {
		mp_put_i64(w->out, i);
	} else if (value_u64(v, &u)) {
		mp_put_u64(w->out, u);
	} else {
		value_double(v, &d);
		mp_put_float(w->out, d);
	}
}

static void write_value(const struct writer *w, const struct value *v)
{
	struct value_walk walk;
	enum walk_step step;
	for (value_walk_begin(&walk, v); (step = value_walk_next(&walk)) != WALK_END;) {
		if (step == WALK_CLOSE)
			continue;
		if (walk.key)
			write_str(w, *walk.key);
		switch (walk.v->type) {
		case V_NULL: mp_put_nil(w->out); break;
		case V_BOOL: mp_put_bool(w->out, walk.v->boolean); break;
		case V_NUMBER: write_number(w, walk.v); break;
		case V_STRING: write_str(w, walk.v->text); break;
		case V_LIST: mp_put_array(w->out, walk.v->n); break;
		case V_OBJECT: mp_put_map(w->out, walk.v->n); break;
		}
	}
	w->out->failed = w->out->failed || walk.failed;
	value_walk_end(&walk);
}

static void write_strs(const struct writer *w, const struct list *l)
{
	const struct slice *items = l->items;
	if (!items) {
		mp_put_nil(w->out);
		return;
	}
	mp_put_array(w->out, l->n);
	for (uint32_t i = 0; i < l->n; i++)
		write_str(w, items[i]);
}

static void write_field(const struct writer *w, const struct field *f, const void *p);

static bool left_out(const struct row *r, const char *obj)
{
	return r->field->flags & FF_MP_OMITEMPTY && schema_empty(r->field, obj + r->offset);
}

static void write_rows(const struct writer *w, const struct rows *rows, const char *obj)
{
	size_t n = rows->n;
	for (size_t i = 0; i < rows->n; i++)
		n -= left_out(&rows->at[i], obj);
	mp_put_map(w->out, (uint32_t)n);
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->at[rows->order[i]];
		if (left_out(r, obj))
			continue;
		write_str(w, (struct slice){r->field->name, r->length});
		write_field(w, r->field, obj + r->offset);
	}
}

/* Items behind their count: structs, or key and value of each entry. */
static void write_items(const struct writer *w, const struct field *f, const struct list *l)
{
	const char *item = l->items;
	size_t stride = schema_stride(f);
	struct rows rows;
	if (l->n && f->sub)
		rows_make(&rows, f->sub);
	for (uint32_t i = 0; i < l->n; i++, item += stride) {
		const struct slice *front = (const void *)item;
		switch (f->type) {
		case F_STRS: write_str(w, *front); break;
		case F_FLOATS: mp_put_float(w->out, *(const double *)(const void *)item); break;
		case F_LIST: write_rows(w, &rows, item); break;
		case F_MAP:
			write_str(w, front[0]);
			write_str(w, front[1]);
			break;
		case F_MAP_STRS:
			write_str(w, *front);
			write_strs(w, &((const struct named_strs *)(const void *)item)->strs);
			break;
		default:
			write_str(w, *front);
			write_rows(w, &rows, item + sizeof *front);
			break;
		}
	}
}

static void write_list(const struct writer *w, const struct field *f, const struct list *l)
{
	if (!l->items) {
		mp_put_nil(w->out);
		return;
	}
	if (schema_is_map(f))
		mp_put_map(w->out, l->n);
	else
		mp_put_array(w->out, l->n);
	write_items(w, f, l);
}

static void write_pointer(const struct writer *w, const struct field *f, const void *const *p)
{
	if (!*p)
		mp_put_nil(w->out);
	else if (f->type == F_PTR)
		write_struct(w, f->sub, *p);
	else
		write_value(w, *p);
}

static void write_field(const struct writer *w, const struct field *f, const void *p)
{
	switch (f->type) {
	case F_BOOL: mp_put_bool(w->out, *(const bool *)p); break;
	case F_INT:
	case F_DUR:
	case F_DURSTR: mp_put_i64(w->out, *(const int64_t *)p); break;
	case F_UINT: mp_put_u64(w->out, *(const uint64_t *)p); break;
	case F_FLOAT: mp_put_float(w->out, *(const double *)p); break;
	case F_STR: write_str(w, *(const struct slice *)p); break;
	case F_BYTES: write_bytes(w, *(const struct slice *)p); break;
	case F_STRUCT:
	case F_EMBED: write_struct(w, f->sub, p); break;
	case F_PTR:
	case F_VALUE: write_pointer(w, f, p); break;
	default: write_list(w, f, p); break;
	}
}

static void write_struct(const struct writer *w, const struct schema *s, const void *obj)
{
	struct rows rows;
	rows_make(&rows, s);
	write_rows(w, &rows, obj);
}

void schema_mp_write(struct buf *out, const struct schema *s, const void *obj)
{
	struct writer w = {out, false};
	write_struct(&w, s, obj);
}

void schema_mp_write_new(struct buf *out, const struct schema *s, const void *obj)
{
	struct writer w = {out, true};
	write_struct(&w, s, obj);
}

/* ---- reading ---- */

static void read_rows(struct mp_reader *r, const struct rows *rows, const struct schema *s, char *obj, struct arena *a);

static void read_strs(struct mp_reader *r, struct list *to, struct arena *a)
{
	if (mp_nil(r)) {
		*to = (struct list){0};
		return;
	}
	uint32_t n = mp_array(r);
	struct slice *items = n ? arena_alloc(a, n * sizeof *items) : (void *)list_empty;
	if (!items) {
		mp_fail(r);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		items[i] = mp_str(r);
	*to = (struct list){items, n};
}

/* `n` members into cleared room; strings stay in the reader's input. */
static void read_items(struct mp_reader *r, const struct field *f, char *item, uint32_t n, struct arena *a)
{
	size_t stride = schema_stride(f);
	struct rows rows;
	if (f->sub)
		rows_make(&rows, f->sub);
	for (uint32_t i = 0; i < n && !r->failed; i++, item += stride) {
		struct slice *front = (void *)item;
		if (f->type == F_FLOATS)
			*(double *)(void *)item = mp_float(r);
		else if (f->type == F_LIST)
			read_rows(r, &rows, f->sub, item, a);
		else
			*front = mp_str(r);
		if (f->type == F_MAP)
			front[1] = mp_str(r);
		else if (f->type == F_MAP_STRS)
			read_strs(r, &((struct named_strs *)(void *)item)->strs, a);
		else if (f->type == F_MAP_OF)
			read_rows(r, &rows, f->sub, item + sizeof *front, a);
	}
}

static void read_list(struct mp_reader *r, const struct field *f, struct list *to, struct arena *a)
{
	bool map = schema_is_map(f);
	uint32_t n = map ? mp_map(r) : mp_array(r);
	if (r->failed)
		return;
	char *items = n ? arena_zalloc(a, n * schema_stride(f)) : list_empty;
	if (!items) {
		mp_fail(r);
		return;
	}
	*to = (struct list){items, n};
	if (!n)
		return;
	read_items(r, f, items, n, a);
	if (map && !schema_map_sort(to, schema_stride(f), a))
		mp_fail(r);
}

static void *read_new(struct mp_reader *r, size_t size, struct arena *a)
{
	void *p = arena_zalloc(a, size);
	if (!p)
		mp_fail(r);
	return p;
}

static void read_pointer(struct mp_reader *r, const struct field *f, void **to, struct arena *a)
{
	if (f->type == F_PTR) {
		if (!*to)
			*to = read_new(r, f->sub->size, a);
		if (*to)
			schema_mp_read(r, f->sub, *to, a);
		return;
	}
	*to = read_new(r, sizeof(struct value), a);
	if (*to)
		mp_value(r, a, *to);
}

/* No bytes are nil: Go's codec leaves a nil slice alone when it has nothing to put in (an empty KV value shows null).
 */
static struct slice read_bytes(struct mp_reader *r)
{
	struct slice s = mp_str(r);
	return s.n ? s : S_NONE;
}

static void read_field(struct mp_reader *r, const struct field *f, void *to, struct arena *a)
{
	if (mp_nil(r))
		return;
	switch (f->type) {
	case F_BOOL: *(bool *)to = mp_bool(r); break;
	case F_INT:
	case F_DUR:
	case F_DURSTR: *(int64_t *)to = mp_i64(r); break;
	case F_UINT: *(uint64_t *)to = mp_u64(r); break;
	case F_FLOAT: *(double *)to = mp_float(r); break;
	case F_STR: *(struct slice *)to = mp_str(r); break;
	case F_BYTES: *(struct slice *)to = read_bytes(r); break;
	case F_STRUCT:
	case F_EMBED: schema_mp_read(r, f->sub, to, a); break;
	case F_PTR:
	case F_VALUE: read_pointer(r, f, to, a); break;
	default: read_list(r, f, to, a); break;
	}
}

/* A struct as an array, in the order of the declaration. *left counts down; what the array lacks stays as it is. */
static void read_positions(struct mp_reader *r, const struct schema *s, char *obj, uint32_t *left, struct arena *a)
{
	for (size_t i = 0; i < s->n && *left && !r->failed; i++) {
		const struct field *f = &s->fields[i];
		if (f->flags & FF_NO_MSGPACK)
			continue;
		if (f->type == F_EMBED) {
			read_positions(r, f->sub, obj + f->offset, left, a);
			continue;
		}
		--*left;
		read_field(r, f, obj + f->offset, a);
	}
}

/* Looks first where a writer that sorts would be next. */
static const struct row *rows_find(const struct rows *rows, struct slice key, size_t *next)
{
	uint64_t front = front_of(key.p, key.n);
	size_t from = *next < rows->n ? *next : 0;
	for (size_t i = 0; i < rows->n; i++) {
		size_t at = from + i < rows->n ? from + i : from + i - rows->n;
		const struct row *row = &rows->at[rows->order[at]];
		if (row->front != front || row->length != key.n ||
		        (key.n > 8 && memcmp(row->field->name + 8, key.p + 8, key.n - 8)))
			continue;
		*next = at + 1;
		return row;
	}
	return NULL;
}

static void read_rows(struct mp_reader *r, const struct rows *rows, const struct schema *s, char *obj, struct arena *a)
{
	if (mp_nil(r))
		return;
	if (mp_peek(r) == MP_ARRAY) {
		uint32_t left = mp_array(r);
		for (read_positions(r, s, obj, &left, a); left && !r->failed; left--)
			mp_skip(r);
		return;
	}
	size_t next = 0;
	for (uint32_t n = mp_map(r); n && !r->failed; n--) {
		struct slice key = mp_str(r);
		const struct row *row = key.p ? rows_find(rows, key, &next) : NULL;
		if (row)
			read_field(r, row->field, obj + row->offset, a);
		else
			mp_skip(r);
	}
}

void schema_mp_read(struct mp_reader *r, const struct schema *s, void *obj, struct arena *a)
{
	struct rows rows;
	rows_make(&rows, s);
	read_rows(r, &rows, s, obj, a);
}
