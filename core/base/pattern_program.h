/* The program that a regular expression is compiled to: pattern_read.c makes it, pattern.c runs it.
 *
 * It is that of Thompson: steps that eat a rune, and steps that go two ways. Jumps are relative, so a piece of program
 * can be moved and copied; repetition puts steps around the piece just made, counted repetition copies it. */
#ifndef BASE_PATTERN_PROGRAM_H
#define BASE_PATTERN_PROGRAM_H

#include "core/base/pattern.h"

enum op_kind {
	OP_RUNE,   /* eats the rune x */
	OP_CLASS,  /* eats a rune of class x */
	OP_SPLIT,  /* goes on at +x and, less gladly, at +y */
	OP_JUMP,   /* goes on at +x */
	OP_ASSERT, /* goes on if assertion x holds here */
	OP_SAVE,   /* notes the place in slot x: 2n where group n begins, 2n + 1 where it ends */
	OP_MATCH,
};

enum assertion { AT_TEXT_BEGIN, AT_TEXT_END, AT_LINE_BEGIN, AT_LINE_END, AT_WORD_EDGE, AT_NO_WORD_EDGE };

struct op {
	uint8_t kind;
	bool fold; /* OP_RUNE: letters of either case */
	int32_t x, y;
};

struct range {
	uint32_t from, to;
};

struct class
{
	uint32_t first, n; /* its ranges */
	bool negated;
};

struct pattern {
	struct op *ops;
	struct range *ranges;
	struct class *classes;
	size_t op_count, range_count, class_count;
	unsigned group_count; /* without the whole */
};

enum { PATTERN_NO_RUNE = UINT32_MAX }; /* before the first and behind the last */

bool pattern_holds(enum assertion a, uint32_t before, uint32_t after);
bool pattern_eats(const struct pattern *p, const struct op *op, uint32_t rune);
uint32_t pattern_rune_at(struct slice text, size_t at);

static inline bool pattern_alnum(uint32_t r)
{
	return (r >= '0' && r <= '9') || ((r | 0x20) >= 'a' && (r | 0x20) <= 'z');
}

#endif
