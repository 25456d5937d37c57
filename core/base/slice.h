/* Looking at slices: compare, cut, trim, search. Nothing here allocates; results point into the argument. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include "core/base/types.h"

static inline struct slice slice_of(const char *cstr)
{
	return (struct slice){cstr, cstr ? strlen(cstr) : 0};
}
static inline struct slice slice_at(const void *p, size_t n)
{
	return (struct slice){p, n};
}
static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}
static inline bool slice_is(struct slice a, const char *cstr)
{
	return slice_eq(a, slice_of(cstr));
}

int slice_cmp(struct slice a, struct slice b);      /* by bytes, as memcmp, shorter first */
bool slice_eq_fold(struct slice a, struct slice b); /* ASCII letters without regard to case */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
struct slice slice_from(struct slice s, size_t from);           /* s[from:], empty when from > n */
struct slice slice_cut(struct slice s, size_t from, size_t to); /* s[from:to], clamped */
struct slice slice_trim(struct slice s);      /* without blanks at both ends, as strings.TrimSpace on ASCII */
ptrdiff_t slice_find(struct slice s, char c); /* first position or -1 */
ptrdiff_t slice_find_last(struct slice s, char c);
ptrdiff_t slice_search(struct slice s, struct slice needle); /* first position or -1; an empty needle is at 0 */

/* Cuts at the first `sep`: returns what is before it and moves *s behind it; without a sep returns all and empties *s.
 * while (s.n) part = slice_next(&s, ',') */
struct slice slice_next(struct slice *s, char sep);

/* Copies with a NUL into `out`, cut to size. Returns out. */
char *slice_cstr(struct slice s, char *out, size_t size);

#endif
