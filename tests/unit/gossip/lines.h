/* Vector files of tests/vectors/gossip: words separated by blanks, one case a line. */
#ifndef TESTS_GOSSIP_LINES_H
#define TESTS_GOSSIP_LINES_H

#include "core/base/arena.h"
#include "tests/test.h"

enum { LINE_WORDS = 32 };

struct lines {
	struct arena a;
	struct slice rest;
	struct slice word[LINE_WORDS]; /* of the present line */
	unsigned n;
};

void lines_open(struct lines *l, const char *name); /* ASSERTs that the file is there */
bool lines_next(struct lines *l);
struct slice lines_hex(struct lines *l, unsigned word); /* a word as bytes; "-" is empty */
void lines_close(struct lines *l);

/* Both as hex when they differ. */
void check_bytes(const char *file, int line, struct slice what, struct slice got, struct slice want);
#define CHECK_BYTES(what, got, want) check_bytes(__FILE__, __LINE__, what, got, want)

#endif
