/* Regular expressions: a program runs over a text, all its ways at once. */
#include <stdlib.h>

#include "core/base/pattern_program.h"
#include "core/base/text.h"

/* The steps at which a run stands: a list, and for each step its place in the list. */
struct states {
	uint32_t *list, *place;
	size_t n;
};

struct run {
	const struct pattern *p;
	struct states now, next;
	uint32_t *stack;
	uint32_t before, after; /* the runes around the present place; PATTERN_NO_RUNE at the ends */
};

static bool states_add(struct states *s, uint32_t op)
{
	if (s->place[op] < s->n && s->list[s->place[op]] == op)
		return false;
	s->place[op] = (uint32_t)s->n;
	s->list[s->n++] = op;
	return true;
}

static bool is_word(uint32_t r)
{
	return r == '_' || (r < 0x80 && pattern_alnum(r));
}

bool pattern_holds(enum assertion a, uint32_t before, uint32_t after)
{
	bool edge = is_word(before) != is_word(after);
	switch (a) {
	case AT_TEXT_BEGIN: return before == PATTERN_NO_RUNE;
	case AT_TEXT_END: return after == PATTERN_NO_RUNE;
	case AT_LINE_BEGIN: return before == PATTERN_NO_RUNE || before == '\n';
	case AT_LINE_END: return after == PATTERN_NO_RUNE || after == '\n';
	case AT_WORD_EDGE: return edge;
	case AT_NO_WORD_EDGE: return !edge;
	}
	return false;
}

/* Adds a step and all that can be reached from it without eating. True if the match is among them. The stack holds
 * each step at most once more than it is in the list, so twice the program is room enough. */
static bool follow(struct run *r, struct states *s, uint32_t from)
{
	size_t depth = 0;
	r->stack[depth++] = from;
	while (depth) {
		uint32_t at = r->stack[--depth];
		const struct op *op = &r->p->ops[at];
		if (!states_add(s, at))
			continue;
		if (op->kind == OP_MATCH)
			return true;
		if (op->kind == OP_SPLIT)
			r->stack[depth++] = (uint32_t)((int32_t)at + op->y);
		if (op->kind == OP_SPLIT || op->kind == OP_JUMP)
			r->stack[depth++] = (uint32_t)((int32_t)at + op->x);
		if (op->kind == OP_SAVE ||
		        (op->kind == OP_ASSERT && pattern_holds((enum assertion)op->x, r->before, r->after)))
			r->stack[depth++] = at + 1;
	}
	return false;
}

static uint32_t lowered(uint32_t r)
{
	return r >= 'A' && r <= 'Z' ? r | 0x20 : r;
}

bool pattern_eats(const struct pattern *p, const struct op *op, uint32_t rune)
{
	if (op->kind == OP_RUNE)
		return rune == (uint32_t)op->x || (op->fold && lowered(rune) == lowered((uint32_t)op->x));
	if (op->kind != OP_CLASS)
		return false;
	const struct class *c = &p->classes[op->x];
	for (uint32_t i = 0; i < c->n; i++) {
		const struct range *r = &p->ranges[c->first + i];
		if (r->from <= rune && rune <= r->to)
			return !c->negated;
	}
	return c->negated;
}

uint32_t pattern_rune_at(struct slice text, size_t at)
{
	return at < text.n ? utf8_next(text, &at) : (uint32_t)PATTERN_NO_RUNE;
}

static bool run(struct run *r, struct slice text)
{
	r->before = PATTERN_NO_RUNE;
	for (size_t at = 0;;) {
		r->after = pattern_rune_at(text, at);
		if (!at && follow(r, &r->now, 0))
			return true;
		if (at >= text.n)
			return false;
		uint32_t rune = utf8_next(text, &at);
		r->before = rune;
		r->after = pattern_rune_at(text, at);
		r->next.n = 0;
		for (size_t i = 0; i < r->now.n; i++) {
			uint32_t op = r->now.list[i];
			if (pattern_eats(r->p, &r->p->ops[op], rune) && follow(r, &r->next, op + 1))
				return true;
		}
		if (follow(r, &r->next, 0)) /* a match may begin anywhere */
			return true;
		struct states swap = r->now;
		r->now = r->next;
		r->next = swap;
	}
}

bool pattern_match(const struct pattern *p, struct slice text)
{
	size_t n = p->op_count;
	uint32_t *memory = calloc(6 * n + 2, sizeof(*memory));
	if (!memory)
		return false;
	struct run r = {
	        .p = p,
	        .now = {memory, memory + n, 0},
	        .next = {memory + 2 * n, memory + 3 * n, 0},
	        .stack = memory + 4 * n,
	};
	bool found = run(&r, text);
	free(memory);
	return found;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	free(p->ops);
	free(p->ranges);
	free(p->classes);
	free(p);
}
