/* Keys of the trees: names in lower case and ids, put together with NULs between, so that a prefix ending in NUL finds
 * just the rows of one name, and the order is that of Consul's own tables.
 *
 * Keys are made in an arena. When that is full the result is empty and the arena's `failed` stays set: a reader's
 * answer is thrown away as a whole, a writer's command is undone (apply.c). */
#ifndef CORE_STATE_KEY_H
#define CORE_STATE_KEY_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/types.h"

/* One letter a part: 'l' a struct slice, lower case; 'x' a struct slice as it is; '0' a NUL.
 * key_make(a, "l0l", node, service_id) */
struct slice key_make(struct arena *a, const char *shape, ...);

/* Equal but for case, as strings.ToLower on both sides. */
bool key_same_name(struct slice a, struct slice b);

/* Ids that Consul indexes as UUIDs: the hex digits of 36 characters, hyphens left out; in practice 16 bytes. */
enum { UUID_BYTES_MAX = 18 };
struct uuid_bytes {
	char p[UUID_BYTES_MAX];
	uint32_t n;
};
static inline struct slice uuid_slice(const struct uuid_bytes *u)
{
	return (struct slice){u->p, u->n};
}
/* Errors in the words of go-memdb: "UUID must be 36 characters". */
enum err uuid_parse(struct slice text, struct uuid_bytes *out, struct fail *f);
/* The first part of one, for searching: any even number of digits. */
enum err uuid_parse_prefix(struct slice text, struct uuid_bytes *out, struct fail *f);

#endif
