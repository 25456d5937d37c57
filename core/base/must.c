#include "core/base/must.h"

#include <stdio.h>
#include <stdlib.h>

void must_fail(const char *file, int line, const char *expr)
{
	fprintf(stderr, "%s:%d: MUST(%s) does not hold; stopping\n", file, line, expr);
	abort();
}
