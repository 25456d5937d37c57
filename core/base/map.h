/* A hash map from bytes to a pointer; keyed hash (SipHash-1-3), so that names from outside can't make it slow. Keys
 * are not copied: they live in what the pointer points to. Grows by itself; fails only for lack of memory. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "core/base/types.h"

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t n, cap, used;
	uint64_t seed[2];
};

void map_init(struct map *m, uint64_t seed);
void *map_get(const struct map *m, struct slice key);
/* Puts or replaces; *old (may be NULL) gets what was there. False when out of memory. */
bool map_put(struct map *m, struct slice key, void *val, void **old);
void *map_remove(struct map *m, struct slice key); /* what was there, or NULL */
void map_free(struct map *m);
/* Walks all: *at starts at 0; NULL at the end. Removing the one just returned is allowed. */
void *map_next(const struct map *m, size_t *at);

uint64_t hash_bytes(const uint64_t seed[2], struct slice s);

#endif
