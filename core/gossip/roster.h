/* Everybody whom a pool knows: by number, and by name.
 *
 * Members lie in blocks and never move; a number belongs to one until it is taken out, then to another. The names'
 * table keeps four bytes for each member: its number, and a part of the name's hash, so that hardly ever a wrong one is
 * looked at. In pools of ten thousand this, the member itself and its place in the probing order are all that it costs.
 */
#ifndef GOSSIP_ROSTER_H
#define GOSSIP_ROSTER_H

#include "core/base/types.h"

enum { ROSTER_BLOCK = 16, ROSTER_MAX = 1 << 20 };

struct peer;
struct card;

struct roster {
	struct peer **blocks;
	uint32_t n, top; /* known; numbers that were ever given */
	uint32_t vacant; /* the first number that is free again, UINT32_MAX: none; the next stands in its `place` */
	uint32_t *names; /* entries; how many of them are or were in use */
	uint32_t names_cap, names_used;
	uint64_t seed[2];
};

void roster_init(struct roster *r, uint64_t seed0, uint64_t seed1); /* of the names' hash */
void roster_free(struct roster *r);
/* A new one, all zero but for card (now the roster's) and number. NULL when the roster or memory is full. */
struct peer *roster_add(struct roster *r, struct card *card);
/* Its card is the caller's again. */
void roster_remove(struct roster *r, struct peer *p);
struct peer *roster_find(const struct roster *r, struct slice name);
/* Walks all: *at starts at 0; NULL at the end. Removing the one just returned is allowed. */
struct peer *roster_next(const struct roster *r, uint32_t *at);

#endif
