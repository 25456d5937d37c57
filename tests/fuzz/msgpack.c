/* Any bytes as msgpack: total, and the four ways of reading agree: measuring, skipping, any value, a structure. */
#include "core/base/msgpack.h"
#include "core/base/must.h"
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "tests/fuzz/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void skip(struct slice bytes)
{
	size_t whole = mp_whole(bytes);
	struct mp_reader r = mp_read(bytes);
	mp_skip(&r);
	MUST(r.failed == (whole == 0 || whole == SIZE_MAX));
	MUST(r.failed || bytes.n - mp_left(&r) == whole);
	MUST(!r.cut || whole == 0 || whole == SIZE_MAX);
}

static void any(struct slice bytes, struct arena *a)
{
	struct value v;
	struct mp_reader r = mp_read(bytes);
	mp_value(&r, a, &v);
	struct buf out = {0};
	json_value(&out, &v, 0, 0);
	buf_free(&out);
}

static void fill(struct slice bytes, struct arena *a)
{
	struct sample x = {0};
	struct mp_reader r = mp_read(bytes);
	schema_mp_read(&r, &sample_schema, &x, a);
	if (!r.failed)
		sample_there_and_back(&x, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct slice bytes = slice_at(data, size);
	arena_init(&a, 64 << 20);
	skip(bytes);
	any(bytes, &a);
	fill(bytes, &a);
	arena_free(&a);
	return 0;
}
