/* Any bytes as a regular expression and a text, a newline between them: compiling and matching end, and stay in bounds. */
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
	MUST(found == pattern_match(p, text));
	pattern_free(p);
	return 0;
}
