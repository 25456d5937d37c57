/* The words that everybody uses: slices, indexes, times.
 *
 * Times are numbers of nanoseconds in one of two clocks that must never be mixed: `mono_ns` grows evenly and means
 * nothing outside this process; `wall_ns` is Unix time. Code below core/ never reads a clock: it is told the time. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t raft_index; /* position in the replicated log; also the index of a table or entry */
typedef uint64_t raft_term;
typedef int64_t mono_ns;
typedef int64_t wall_ns;
typedef int64_t dur_ns; /* a length of time, as Go's time.Duration */

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_H (60 * NS_PER_MIN)

/* Bytes somewhere else. Never owns them; may hold any byte; not NUL-terminated. {NULL, 0} and {"", 0} both mean
 * empty; where nil and empty differ (Go's []byte) p == NULL is nil. */
struct slice {
	const char *p;
	size_t n;
};

#define S(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define S_NONE ((struct slice){NULL, 0})
/* For printf: printf("%.*s", PS(name)) */
#define PS(s) (int)(s).n, ((s).p ? (s).p : "")

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A Go slice or map as data: `n` items of one type, packed. items == NULL is nil, which JSON writes as null; a list
 * that is empty but not nil has any non-NULL items (list_empty) and is written [] or {}. The memory belongs to the
 * arena or the record that holds the struct. */
struct list {
	void *items;
	uint32_t n;
};

/* One entry of a string → string map. Maps are lists of these, sorted by key (bytes), keys unique. */
struct pair {
	struct slice key, val;
};

/* The non-NULL pointer of lists that are empty but not nil. */
extern char list_empty[];

#endif
