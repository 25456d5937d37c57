/* A seeded generator (xoshiro256**): deterministic, so that a simulation replays. Not for keys: those come from the
 * system (cmd). One per owner; not thread-safe. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include "core/base/types.h"

struct rand {
	uint64_t s[4];
};

void rand_seed(struct rand *r, uint64_t seed);
uint64_t rand_u64(struct rand *r);
uint64_t rand_below(struct rand *r, uint64_t n); /* 0 … n-1, even; n > 0 */
double rand_unit(struct rand *r);                /* [0, 1) */
void rand_bytes(struct rand *r, void *out, size_t n);

/* A version-4-like UUID text as HashiCorp's go-uuid makes it (16 random bytes, no version bits), 36 characters. */
enum { UUID_TEXT = 36 };
void uuid_make(struct rand *r, char out[static UUID_TEXT + 1]);
/* 8-4-4-4-12 hex digits, either case. */
bool uuid_valid(struct slice s);

#endif
