/* A parsed value of JSON, HCL or msgpack: a tree in an arena.
 *
 * Objects keep the order and the duplicates of the text; value_get takes the last of equal keys, as Go does. Numbers
 * keep their text, so that 64-bit integers stay whole. */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/types.h"

enum value_type { V_NULL, V_BOOL, V_NUMBER, V_STRING, V_LIST, V_OBJECT };

struct value_entry;

struct value {
	enum value_type type;
	bool boolean;
	uint32_t n;        /* items of a list, entries of an object */
	struct slice text; /* V_STRING: decoded; V_NUMBER: as written */
	union {
		struct value *items;         /* V_LIST */
		struct value_entry *entries; /* V_OBJECT */
	};
};

struct value_entry {
	struct slice key;
	struct value val;
};

/* The member called `key` (exact bytes), the last if several; NULL if none or if v is no object. */
const struct value *value_get(const struct value *v, struct slice key);
/* The same without regard to case; an exact match wins. */
const struct value *value_get_fold(const struct value *v, struct slice key);

/* Whole numbers: false when the text has a fraction, an exponent or does not fit. */
bool value_i64(const struct value *v, int64_t *out);
bool value_u64(const struct value *v, uint64_t *out);
bool value_double(const struct value *v, double *out);

/* ---- walking a tree without recursion (it may be as deep as JSON_DEPTH_MAX) ----
 *
 *	struct value_walk w;
 *	for (value_walk_begin(&w, v); (step = value_walk_next(&w)) != WALK_END;) …
 *	value_walk_end(&w);
 *
 * Each scalar gives one WALK_LEAF; each list or object WALK_OPEN, its members, WALK_CLOSE. What a container points to
 * is looked at only after its WALK_OPEN, so that the caller may put a copy there. Out of memory ends the walk early
 * and sets `failed`. */
enum walk_step { WALK_END, WALK_LEAF, WALK_OPEN, WALK_CLOSE };

enum { VALUE_WALK_NEAR = 24 };

struct value_place {
	const struct value *v;
	uint32_t next; /* of its members */
};

struct value_walk {
	const struct value *v;   /* where we are */
	const struct slice *key; /* of v, NULL unless it is the member of an object */
	bool first;              /* v is the first member of its container */
	bool failed;
	uint32_t depth; /* containers open around v (after WALK_OPEN: v itself counts) */
	uint32_t cap;
	struct value_place *places;
	struct value_place near[VALUE_WALK_NEAR];
};

void value_walk_begin(struct value_walk *w, const struct value *v);
enum walk_step value_walk_next(struct value_walk *w);
void value_walk_end(struct value_walk *w);

/* Does every number in it fit a double? json.Decoder refuses others, before anybody looks what they are for; the first
 * is told. ERR_INVALID, or ERR_NO_MEMORY. */
enum err value_numbers_check(const struct value *v, struct fail *f);

/* Bytes that everything below v needs (each piece aligned to 8), and the copy of v and all that into `to` and `extra`.
 * False when out of memory. */
size_t value_extra_size(const struct value *v);
bool value_copy_to(struct value *to, const struct value *v, void *extra);
/* Equal in all members, in the same order; numbers by their text. */
bool value_equal(const struct value *a, const struct value *b);

#endif
