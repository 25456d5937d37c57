/* Any bytes as an archive, and any bytes as the tar in one. */
#include "core/api/snapshot_archive.h"
#include "core/base/gzip.h"
#include "core/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void unpack(struct slice archive)
{
	struct buf tar;
	struct arena a = {0};
	struct snapshot_meta meta;
	struct slice state;
	struct fail f;
	enum err e = snapshot_unpack(archive, &tar, &a, &meta, &state, &f);
	MUST(e == OK || f.text[0]);
	MUST(e != OK || !state.n || (state.p >= tar.p && state.p + state.n <= tar.p + tar.n));
	buf_free(&tar);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf packed = {0};
	const struct slice bytes = {(const char *)data, n};
	unpack(bytes);
	gzip(bytes, &packed);
	unpack(buf_view(&packed));
	buf_free(&packed);
	return 0;
}
