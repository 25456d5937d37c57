/* HIL: texts with ${…} in them, as the templates of prepared queries use it (hashicorp/hil of Consul 1.0.8).
 *
 * Outside of ${…} everything stands for itself, `$$` is one dollar. Inside: names, "texts" (which may hold ${…} again),
 * numbers, f(x, y), + - * / % of equal rank, parentheses. Numbers and texts become each other where one is wanted.
 * Unlike the original, which ends the process, division by zero and a sign other than minus are errors; nesting is
 * bounded (ERR_FULL). Non-ASCII letters all count as letters of names. Total, linear in the text but for joins of
 * joins. */
#ifndef BASE_HIL_H
#define BASE_HIL_H

#include "core/base/arena.h"
#include "core/base/err.h"

struct hil_node;

/* Reads a text; what comes out is in the arena and points into the text. "parse error: syntax error". */
enum err hil_parse(struct slice text, struct arena *a, const struct hil_node **out, struct fail *f);

/* What names stand for, and what match(N) gives: matches[N], "" beyond them. */
struct hil_scope {
	const struct pair *names;
	size_t name_n;
	const struct slice *matches;
	size_t match_n;
};

/* What it comes to, as a text in the arena or pointing into text and scope. Names and calls are looked at first, then
 * types, then values: "1:3: unknown variable accessed: x". */
enum err hil_eval(
        const struct hil_node *n, const struct hil_scope *scope, struct arena *a, struct slice *out, struct fail *f);

#endif
