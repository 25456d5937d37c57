/* Any bytes packed and unpacked again are the same. */
#include "core/base/gzip.h"
#include "core/base/gunzip.h"
#include "core/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf packed = {0}, out = {0};
	struct fail f;
	gzip((struct slice){(const char *)data, n}, &packed);
	MUST(!packed.failed && packed.n <= n + 18 + 5 * (n / 4096 + 1));
	MUST(gunzip(buf_view(&packed), &out, &f) == OK);
	MUST(out.n == n && (!n || !memcmp(out.p, data, n)));
	buf_free(&packed);
	buf_free(&out);
	return 0;
}
