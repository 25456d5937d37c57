/* Any bytes as HCL: total; what is accepted is a tree that can be walked and written. */
#include "core/base/hcl_read.h"
#include "core/base/json.h"
#include "core/base/must.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct value v;
	struct fail f;
	arena_init(&a, 64 << 20);
	if (hcl_read(slice_at(data, size), &a, &v, &f) == OK) {
		struct buf out = {0};
		MUST(v.type == V_OBJECT);
		json_value(&out, &v, 2, 0);
		MUST(!out.failed);
		buf_free(&out);
	} else {
		MUST(f.text[0]);
	}
	arena_free(&a);
	return 0;
}
