/* Any bytes as Serf's snapshot file: what is found lies inside them. */
#include "core/base/must.h"
#include "core/gossip/peers_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct logbuf log = {0};
	struct peers_file f;
	struct previous_peer *p;
	uint32_t found;
	struct slice text = {(const char *)data, n};
	peers_file_read(text, n & 1, &a, &log, &f, &p, &found);
	for (uint32_t i = 0; i < found; i++)
		MUST(p[i].name.p >= text.p && p[i].addr.p + p[i].addr.n <= text.p + n);
	buf_free(&log.lines);
	arena_free(&a);
	return 0;
}
