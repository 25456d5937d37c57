/* Regular expressions, as Go's regexp (RE2) reads them: does a text contain a match?
 *
 * Linear in the length of the text: all ways are followed at once, none is taken back. Letters are runes of UTF-8.
 * What an expression may hold: literals, . [a-z] [^a] [[:alpha:]] \d \w \s \pN-less escapes, ^ $ \A \z \b \B, groups
 * (also named, or with flags imsU), | * + ? {n,m}, \Q…\E. Left out of RE2: Unicode classes (\pL), which are an error of
 * their own;
 * (?i) knows only the letters of ASCII. Error texts are Go's: "error parsing regexp: missing closing ): `(`".
 *
 * A compiled pattern is read only; matching takes memory of its own, so any thread may use it. */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include "core/base/err.h"
#include "core/base/types.h"

struct pattern;

/* Free with pattern_free. ERR_FULL: fine for Go, but a class of Unicode or too large for us. */
enum err pattern_compile(struct slice text, struct pattern **out, struct fail *f);
void pattern_free(struct pattern *p);

/* Is there a match anywhere in `text`? False also when memory is out. */
bool pattern_match(const struct pattern *p, struct slice text);

/* How many groups in parentheses it has, without the whole. */
unsigned pattern_groups(const struct pattern *p);

/* The first match, the way Go prefers it (FindStringSubmatch): found[0] is the whole, found[i] what group i matched
 * last, S_NONE when it had no part in it; `n` entries, those beyond the groups are S_NONE. False without a match, when
 * memory is out, or when groups times length of the expression is beyond PATTERN_FIND_MAX. */
enum { PATTERN_FIND_MAX = 1 << 20 };
bool pattern_findable(const struct pattern *p); /* is it not beyond that? */
bool pattern_find(const struct pattern *p, struct slice text, struct slice *found, size_t n);

#endif
