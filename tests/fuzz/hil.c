/* Any bytes as a text with ${…}: reading and working out end, and stay in bounds. */
#include "core/base/hil.h"
#include "core/base/must.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct pair names[] = {{S("name.full"), S("geo-db")}, {S("n"), S("7")}};
	static const struct slice matches[] = {S("geo-db"), S("db")};
	const struct hil_scope scope = {names, ARRAY_LEN(names), matches, ARRAY_LEN(matches)};
	const struct hil_node *node = NULL;
	struct arena a = {.limit = 16 << 20};
	struct slice out = S_NONE;
	struct fail f = {0};
	enum err e = hil_parse(slice_at(data, n), &a, &node, &f);
	e = e ? e : hil_eval(node, &scope, &a, &out, &f);
	MUST(e ? f.text[0] : out.n <= 64 * (n + 1));
	arena_free(&a);
	return 0;
}
