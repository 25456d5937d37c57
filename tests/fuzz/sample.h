/* A structure with a field of every kind, for the fuzz targets of the codecs. */
#ifndef FUZZ_SAMPLE_H
#define FUZZ_SAMPLE_H

#include "core/base/json.h"
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/schema.h"
#include "core/base/slice.h"

struct sample_leaf {
	struct slice name;
	int64_t port;
	struct list tags;
};

struct sample_inner {
	struct slice token;
};

struct sample {
	bool flag;
	int64_t number;
	uint64_t index;
	double ratio;
	dur_ns wait, readable;
	struct slice text, bytes;
	struct sample_leaf leaf, *pointer;
	struct sample_inner inner;
	struct list strs, floats, leaves, meta, header, by_name;
	struct value *any;
};

static const struct field sample_leaf_fields[] = {
        FIELD(struct sample_leaf, name, "N", F_STR, 0),
        FIELD(struct sample_leaf, port, "P", F_INT, FF_OMITEMPTY | FF_MP_OMITEMPTY),
        FIELD(struct sample_leaf, tags, "T", F_STRS, 0),
};
static const struct schema sample_leaf_schema = SCHEMA(struct sample_leaf, "leaf", sample_leaf_fields);

static const struct field sample_inner_fields[] = {FIELD(struct sample_inner, token, "Token", F_STR, 0)};
static const struct schema sample_inner_schema = SCHEMA(struct sample_inner, "inner", sample_inner_fields);

static const struct field sample_fields[] = {
        FIELD(struct sample, flag, "Fl", F_BOOL, 0),
        FIELD(struct sample, number, "Nu", F_INT, 0),
        FIELD(struct sample, index, "In", F_UINT, 0),
        FIELD(struct sample, ratio, "Ra", F_FLOAT, 0),
        FIELD(struct sample, wait, "Wa", F_DUR, 0),
        FIELD(struct sample, readable, "Re", F_DURSTR, 0),
        FIELD(struct sample, text, "Te", F_STR, 0),
        FIELD(struct sample, bytes, "By", F_BYTES, 0),
        FIELD_SUB(struct sample, leaf, "Le", F_STRUCT, 0, &sample_leaf_schema),
        FIELD_SUB(struct sample, pointer, "Po", F_PTR, 0, &sample_leaf_schema),
        FIELD_SUB(struct sample, inner, "Inner", F_EMBED, 0, &sample_inner_schema),
        FIELD(struct sample, strs, "St", F_STRS, 0),
        FIELD(struct sample, floats, "Fs", F_FLOATS, 0),
        FIELD_SUB(struct sample, leaves, "Ls", F_LIST, 0, &sample_leaf_schema),
        FIELD(struct sample, meta, "Me", F_MAP, 0),
        FIELD(struct sample, header, "He", F_MAP_STRS, 0),
        FIELD_SUB(struct sample, by_name, "Bn", F_MAP_OF, 0, &sample_leaf_schema),
        FIELD(struct sample, any, "An", F_VALUE, 0),
};
static const struct schema sample_schema = SCHEMA(struct sample, "sample", sample_fields);

/* msgpack and back gives bytes that give the same bytes again; a copy is equal. `any` is left out: numbers have several
 * texts. Floats that are not numbers are equal to nothing. */
static inline void sample_there_and_back(const struct sample *from, struct arena *a)
{
	struct sample x = *from, y = {0};
	struct buf first = {0}, second = {0};
	x.any = NULL;
	schema_mp_write(&first, &sample_schema, &x);
	struct mp_reader r = mp_read(buf_view(&first));
	schema_mp_read(&r, &sample_schema, &y, a);
	MUST(!r.failed && !mp_left(&r));
	MUST(mp_whole(buf_view(&first)) == first.n);
	schema_mp_write(&second, &sample_schema, &y);
	if (!x.bytes.n)
		x.bytes = S_NONE; /* no bytes come back as nil */
	buf_reset(&first, 1 << 20);
	schema_mp_write(&first, &sample_schema, &x);
	MUST(slice_eq(buf_view(&first), buf_view(&second)));
	const struct sample *copy = schema_copy(&sample_schema, from, a);
	MUST(copy);
	buf_reset(&first, 1 << 20);
	buf_reset(&second, 1 << 20);
	schema_json_write(&first, &sample_schema, from, 2, 0);
	schema_json_write(&second, &sample_schema, copy, 2, 0);
	MUST(slice_eq(buf_view(&first), buf_view(&second)));
	buf_free(&first);
	buf_free(&second);
}

#endif
