/* Regular expressions: where is the match, and where are its groups? (declared in pattern.h)
 *
 * Pike's way: all ways at once as in pattern.c, but in the order in which a backtracking matcher would try them, each
 * with its own slots. The first way to arrive wins over all behind it; those before it may still arrive later. */
#include <stdlib.h>

#include "core/base/pattern_program.h"
#include "core/base/text.h"

enum { NOWHERE = SIZE_MAX };

struct threads {
	uint32_t *list, *place; /* steps in order of preference, and for each step its place in the list */
	size_t *slots;          /* slot_count for each place */
	size_t n;
};

/* What is to be done while following: a step, or a slot to be put back. */
struct todo {
	uint32_t op; /* PUT_BACK: the slot */
	int32_t slot;
	size_t old;
};

enum { PUT_BACK = UINT32_MAX };

struct search {
	const struct pattern *p;
	size_t slot_count;
	struct threads now, next;
	struct todo *stack;
	size_t *slots; /* of the thread being followed */
	size_t *best;
	bool found;
};

static bool thread_add(struct search *s, struct threads *t, uint32_t op)
{
	if (t->place[op] < t->n && t->list[t->place[op]] == op)
		return false;
	t->place[op] = (uint32_t)t->n;
	t->list[t->n] = op;
	memcpy(t->slots + t->n * s->slot_count, s->slots, s->slot_count * sizeof(*s->slots));
	t->n++;
	return true;
}

/* Adds a step and what can be reached from it without eating, best first. A step is pushed at most once from each that
 * is added, plus one to put back a slot: three times the program is room enough. */
static void follow(struct search *s, struct threads *t, uint32_t from, size_t at, uint32_t before, uint32_t after)
{
	size_t depth = 0;
	s->stack[depth++] = (struct todo){.op = from};
	while (depth) {
		struct todo todo = s->stack[--depth];
		if (todo.op == PUT_BACK) {
			s->slots[todo.slot] = todo.old;
			continue;
		}
		const struct op *op = &s->p->ops[todo.op];
		if (!thread_add(s, t, todo.op))
			continue;
		if (op->kind == OP_SPLIT)
			s->stack[depth++] = (struct todo){.op = (uint32_t)((int32_t)todo.op + op->y)};
		if (op->kind == OP_SPLIT || op->kind == OP_JUMP)
			s->stack[depth++] = (struct todo){.op = (uint32_t)((int32_t)todo.op + op->x)};
		if (op->kind == OP_ASSERT && pattern_holds((enum assertion)op->x, before, after))
			s->stack[depth++] = (struct todo){.op = todo.op + 1};
		if (op->kind == OP_SAVE) {
			s->stack[depth++] = (struct todo){.op = PUT_BACK, .slot = op->x, .old = s->slots[op->x]};
			s->stack[depth++] = (struct todo){.op = todo.op + 1};
			s->slots[op->x] = at;
		}
	}
}

/* Lets each thread eat the rune at `at`; `end` is behind it. A thread that has arrived cuts off those behind it. */
static void step(struct search *s, struct slice text, size_t at, size_t end)
{
	uint32_t rune = pattern_rune_at(text, at), after = pattern_rune_at(text, end);
	s->next.n = 0;
	for (size_t i = 0; i < s->now.n; i++) {
		uint32_t op = s->now.list[i];
		size_t *slots = s->now.slots + i * s->slot_count;
		if (s->p->ops[op].kind == OP_MATCH) {
			memcpy(s->best, slots, s->slot_count * sizeof(*slots));
			s->best[1] = at;
			s->found = true;
			return;
		}
		if (at == text.n || !pattern_eats(s->p, &s->p->ops[op], rune))
			continue;
		memcpy(s->slots, slots, s->slot_count * sizeof(*slots));
		follow(s, &s->next, op + 1, end, rune, after);
	}
}

static void search(struct search *s, struct slice text)
{
	uint32_t before = PATTERN_NO_RUNE;
	for (size_t at = 0, end; at <= text.n; at = end) {
		end = at;
		uint32_t rune = pattern_rune_at(text, at);
		if (at < text.n)
			utf8_next(text, &end);
		else
			end++;
		if (!s->found) {
			for (size_t i = 0; i < s->slot_count; i++)
				s->slots[i] = NOWHERE;
			s->slots[0] = at;
			follow(s, &s->now, 0, at, before, rune);
		}
		if (!s->now.n)
			return;
		step(s, text, at, end);
		struct threads swap = s->now;
		s->now = s->next;
		s->next = swap;
		before = rune;
	}
}

static bool search_begin(struct search *s)
{
	size_t n = s->p->op_count, k = s->slot_count;
	if (!pattern_findable(s->p))
		return false;
	size_t *slots = calloc(2 * (n + 1) * k, sizeof(*slots));
	s->stack = slots ? calloc(3 * n + 2, sizeof(*s->stack)) : NULL;
	uint32_t *lists = s->stack ? calloc(4 * n, sizeof(*lists)) : NULL;
	if (!lists) {
		free(s->stack);
		free(slots);
		return false;
	}
	s->now = (struct threads){lists, lists + n, slots, 0};
	s->next = (struct threads){lists + 2 * n, lists + 3 * n, slots + n * k, 0};
	s->slots = slots + 2 * n * k;
	s->best = s->slots + k;
	return true;
}

bool pattern_findable(const struct pattern *p)
{
	return p->op_count * 2 * ((size_t)p->group_count + 1) <= PATTERN_FIND_MAX;
}

unsigned pattern_groups(const struct pattern *p)
{
	return p->group_count;
}

bool pattern_find(const struct pattern *p, struct slice text, struct slice *found, size_t n)
{
	struct search s = {.p = p, .slot_count = 2 * ((size_t)p->group_count + 1)};
	if (!search_begin(&s))
		return false;
	uint32_t *lists = s.now.list;
	size_t *slots = s.now.slots;
	search(&s, text);
	for (size_t i = 0; s.found && i < n; i++) {
		bool has = i <= p->group_count && s.best[2 * i] != NOWHERE && s.best[2 * i + 1] != NOWHERE;
		found[i] =
		        has ? (struct slice){(text.p ? text.p : "") + s.best[2 * i], s.best[2 * i + 1] - s.best[2 * i]}
		            : S_NONE;
	}
	free(lists);
	free(slots);
	free(s.stack);
	return s.found;
}
