#include "tests/unit/gossip/lines.h"

#include <stdlib.h>

#include "core/base/enc.h"

void lines_open(struct lines *l, const char *name)
{
	char path[256];
	*l = (struct lines){0};
	snprintf(path, sizeof path, "tests/vectors/gossip/%s", name);
	FILE *f = fopen(path, "r");
	ASSERT(f);
	fseek(f, 0, SEEK_END);
	size_t n = (size_t)ftell(f);
	rewind(f);
	char *p = arena_alloc(&l->a, n);
	ASSERT(p && fread(p, 1, n, f) == n);
	fclose(f);
	l->rest = (struct slice){p, n};
}

bool lines_next(struct lines *l)
{
	while (l->rest.n) {
		struct slice line = slice_next(&l->rest, '\n');
		if (!line.n || line.p[0] == '#')
			continue;
		for (l->n = 0; line.n && l->n < LINE_WORDS;)
			l->word[l->n++] = slice_next(&line, ' ');
		return true;
	}
	return false;
}

struct slice lines_hex(struct lines *l, unsigned word)
{
	struct slice bytes = S_NONE;
	if (!slice_is(l->word[word], "-"))
		ASSERT(hex_get(l->word[word], &l->a, &bytes));
	return bytes;
}

void lines_close(struct lines *l)
{
	arena_free(&l->a);
}

void check_bytes(const char *file, int line, struct slice what, struct slice got, struct slice want)
{
	struct buf g = {0}, w = {0};
	if (slice_eq(got, want))
		return;
	hex_put(&g, got);
	hex_put(&w, want);
	test_fail(file, line, "%.*s is\n  %.*s, expected\n  %.*s", PS(what), PS(buf_view(&g)), PS(buf_view(&w)));
	buf_free(&g);
	buf_free(&w);
}
