/* Any bytes as JSON: total. What is accepted is written and read again to the same value, compact and pretty; a copy is
 * equal; structures filled from it, in both manners, are written, read and compared. */
#include "core/base/json.h"
#include "core/base/mapstructure.h"
#include "core/base/must.h"
#include "core/base/schema.h"
#include "core/base/slice.h"
#include "tests/fuzz/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct value *v, unsigned indent, struct arena *a)
{
	struct buf b = {0};
	struct value again;
	json_value(&b, v, indent, 0);
	MUST(!b.failed);
	MUST(json_read(buf_view(&b), a, &again, NULL) == OK);
	MUST(value_equal(v, &again));
	buf_free(&b);
}

static void copy(const struct value *v, struct arena *a)
{
	struct value to;
	MUST(value_copy_to(&to, v, arena_alloc(a, value_extra_size(v))));
	MUST(value_equal(v, &to));
}

static void fill(const struct value *v, struct arena *a)
{
	struct sample x = {0}, y = {0};
	struct fail f;
	if (schema_json_read(&sample_schema, v, &x, a, &f))
		MUST(f.text[0]);
	if (mapstructure_read(&sample_schema, v, &y, a, &f))
		MUST(f.text[0]);
	sample_there_and_back(&x, a);
	sample_there_and_back(&y, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct value v;
	struct slice rest;
	struct fail f;
	arena_init(&a, 256 << 20);
	if (json_read(slice_at(data, size), &a, &v, &f) == OK) {
		write_again(&v, 0, &a);
		write_again(&v, 3, &a);
		copy(&v, &a);
		fill(&v, &a);
	} else {
		MUST(f.text[0]);
	}
	if (json_read_first(slice_at(data, size), &a, &v, &rest, &f) == OK)
		MUST(rest.n < size || !size);
	arena_free(&a);
	return 0;
}
