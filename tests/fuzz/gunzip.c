/* Any bytes as a gzip stream: unpacking ends, within its limit. */
#include "core/base/gunzip.h"
#include "core/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum { LIMIT = 1 << 16 };
	struct buf out = {.limit = LIMIT};
	struct fail f;
	enum err e = gunzip((struct slice){(const char *)data, n}, &out, &f);
	MUST(out.n <= LIMIT && (e == OK || f.text[0]));
	buf_free(&out);
	return 0;
}
