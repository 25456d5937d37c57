/* Any bytes as a regular expression and a text, a newline between them: compiling, matching and finding end, and
 * stay in bounds. */
#include "core/base/must.h"
#include "core/base/pattern.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice_at(data, n), expression = slice_next(&text, '\n');
	struct fail f;
	struct pattern *p;
	if (pattern_compile(expression, &p, &f) != OK) {
		MUST(f.text[0] && !p);
		return 0;
	}
	bool found = pattern_match(p, text);
	struct slice groups[4];
	if (pattern_find(p, text, groups, ARRAY_LEN(groups))) {
		MUST(found);
		for (size_t i = 0; i < ARRAY_LEN(groups); i++)
			MUST(!groups[i].p || !text.n ||
			        (groups[i].p >= text.p && groups[i].p + groups[i].n <= text.p + text.n));
	}
	pattern_free(p);
	return 0;
}
