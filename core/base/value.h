/* A parsed value of JSON, HCL or msgpack: a tree in an arena.
 *
 * Objects keep the order and the duplicates of the text; value_get takes the last of equal keys, as Go does. Numbers
 * keep their text, so that 64-bit integers stay whole. */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include "core/base/arena.h"
#include "core/base/types.h"

enum value_type { V_NULL, V_BOOL, V_NUMBER, V_STRING, V_LIST, V_OBJECT };

struct value_entry;

struct value {
	enum value_type type;
	bool boolean;
	uint32_t n;          /* items of a list, entries of an object */
	struct slice text;   /* V_STRING: decoded; V_NUMBER: as written */
	union {
		struct value *items;          /* V_LIST */
		struct value_entry *entries;  /* V_OBJECT */
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

#endif
