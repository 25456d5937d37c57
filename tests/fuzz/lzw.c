/* Any bytes unpacked stay within the limit; any bytes packed come back. */
#include "core/base/lzw.h"
#include "core/base/must.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum { LIMIT = 1 << 16 };
	struct buf out = {0}, packed = {0};
	struct slice in = {(const char *)data, n};
	lzw_unpack(&out, in, LIMIT, NULL);
	MUST(out.n <= LIMIT);
	buf_reset(&out, LIMIT);
	lzw_pack(&packed, in);
	MUST(lzw_unpack(&out, buf_view(&packed), n, NULL) == OK && slice_eq(buf_view(&out), in));
	buf_free(&out);
	buf_free(&packed);
	return 0;
}
