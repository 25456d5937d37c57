#include "core/gossip/roster.h"

#include <stdlib.h>

#include "core/base/map.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/peer.h"

enum { NUMBER_BITS = 20, CAP_MIN = 16 };
#define FREE 0u
#define GONE 1u /* was taken: a search goes on behind it */
#define ENTRY (1u << 31)
#define NUMBER (ROSTER_MAX - 1u)
_Static_assert(ROSTER_MAX == 1 << NUMBER_BITS, "a number fits below its tag");

void roster_init(struct roster *r, uint64_t seed0, uint64_t seed1)
{
	*r = (struct roster){.vacant = UINT32_MAX, .seed = {seed0, seed1}};
}

void roster_free(struct roster *r)
{
	for (uint32_t i = 0; i * ROSTER_BLOCK < r->top; i++)
		free(r->blocks[i]);
	free(r->blocks);
	free(r->names);
	*r = (struct roster){.vacant = UINT32_MAX};
}

struct peer *roster_next(const struct roster *r, uint32_t *at)
{
	while (*at < r->top) {
		struct peer *p = roster_at(r, (*at)++);
		if (p->card)
			return p;
	}
	return NULL;
}

/* ---- names ---- */

static uint32_t entry_of(uint64_t hash, uint32_t number)
{
	return ENTRY | (uint32_t)(hash >> 53) << NUMBER_BITS | number;
}

/* The place of the name's entry, or the free one at the end of the search. */
static uint32_t find(const struct roster *r, struct slice name, uint64_t hash)
{
	uint32_t like = entry_of(hash, 0);
	for (uint32_t i = (uint32_t)hash & (r->names_cap - 1);; i = (i + 1) & (r->names_cap - 1)) {
		uint32_t e = r->names[i];
		if (e == FREE)
			return i;
		if (e != GONE && (e & ~NUMBER) == like && slice_eq(card_name(roster_at(r, e & NUMBER)->card), name))
			return i;
	}
}

static bool names_grow(struct roster *r)
{
	uint32_t cap = CAP_MIN;
	while (3 * cap < 4 * (r->n + 2))
		cap *= 2;
	if (4 * (r->n + 1) > 2 * cap) /* room for some more, or it would grow again at once */
		cap *= 2;
	uint32_t *names = calloc(cap, sizeof *names), at = 0;
	if (!names)
		return false;
	free(r->names);
	r->names = names;
	r->names_cap = cap;
	r->names_used = r->n;
	for (struct peer *p; (p = roster_next(r, &at));) {
		uint64_t hash = hash_bytes(r->seed, card_name(p->card));
		uint32_t i = (uint32_t)hash & (cap - 1);
		while (names[i] != FREE)
			i = (i + 1) & (cap - 1);
		names[i] = entry_of(hash, p->number);
	}
	return true;
}

struct peer *roster_find(const struct roster *r, struct slice name)
{
	if (!r->n)
		return NULL;
	uint32_t e = r->names[find(r, name, hash_bytes(r->seed, name))];
	return e == FREE ? NULL : roster_at(r, e & NUMBER);
}

/* ---- numbers ---- */

static bool block_add(struct roster *r)
{
	uint32_t n = r->top / ROSTER_BLOCK;
	if (!(n & (n - 1))) { /* 0, 1, 2, 4 …: twice the room */
		struct peer **blocks = realloc(r->blocks, (n ? 2 * n : 1) * sizeof *blocks);
		if (!blocks)
			return false;
		r->blocks = blocks;
	}
	r->blocks[n] = calloc(ROSTER_BLOCK, sizeof *r->blocks[n]);
	return r->blocks[n];
}

static struct peer *number_take(struct roster *r)
{
	uint32_t number = r->vacant;
	if (number != UINT32_MAX) {
		r->vacant = roster_at(r, number)->place;
	} else {
		if (r->top == ROSTER_MAX || (r->top % ROSTER_BLOCK == 0 && !block_add(r)))
			return NULL;
		number = r->top++;
	}
	struct peer *p = roster_at(r, number);
	memset(p, 0, sizeof *p);
	p->number = number;
	return p;
}

struct peer *roster_add(struct roster *r, struct card *card)
{
	if (4 * (r->names_used + 1) > 3 * r->names_cap && !names_grow(r))
		return NULL;
	struct peer *p = number_take(r);
	if (!p)
		return NULL;
	uint64_t hash = hash_bytes(r->seed, card_name(card));
	uint32_t at = find(r, card_name(card), hash);
	MUST(r->names[at] == FREE);
	r->names[at] = entry_of(hash, p->number);
	r->names_used++;
	r->n++;
	p->card = card;
	return p;
}

void roster_remove(struct roster *r, struct peer *p)
{
	struct slice name = card_name(p->card);
	uint32_t at = find(r, name, hash_bytes(r->seed, name));
	MUST((r->names[at] & NUMBER) == p->number);
	r->names[at] = GONE;
	r->n--;
	p->card = NULL;
	p->place = r->vacant;
	r->vacant = p->number;
}
