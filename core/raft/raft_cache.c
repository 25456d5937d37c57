#include "core/raft/raft_cache.h"

#include <stdlib.h>

#include "core/base/must.h"

enum { RING_FIRST = 64, CHUNK_BYTES = 64 << 10 };

bool raft_cache_init(struct raft_cache *c)
{
	*c = (struct raft_cache){.cap = RING_FIRST};
	c->ring = calloc(c->cap, sizeof *c->ring);
	return c->ring;
}

static void chunk_release(struct raft_chunk *chunk)
{
	if (chunk && !--chunk->live)
		free(chunk);
}

void raft_cache_free(struct raft_cache *c)
{
	raft_cache_forget(c, c->last);
	raft_cache_unbury(c, UINT64_MAX);
	chunk_release(c->open);
	free(c->ring);
	free(c->graves);
}

struct raft_entry *raft_cache_at(const struct raft_cache *c, raft_index index)
{
	MUST(c->base < index && index <= c->last);
	return &c->ring[index & (c->cap - 1)];
}

bool raft_cache_term(const struct raft_cache *c, raft_index index, raft_term *term)
{
	if (index < c->base || index > c->last)
		return false;
	*term = index == c->base ? c->base_term : raft_cache_at(c, index)->term;
	return true;
}

/* ---- in ---- */

static bool ring_room(struct raft_cache *c)
{
	if (c->last - c->base < c->cap)
		return true;
	struct raft_entry *more = calloc(c->cap * 2, sizeof *more);
	if (!more)
		return false;
	for (raft_index i = c->base + 1; i <= c->last; i++)
		more[i & (c->cap * 2 - 1)] = *raft_cache_at(c, i);
	free(c->ring);
	c->ring = more;
	c->cap *= 2;
	return true;
}

static bool chunk_room(struct raft_cache *c, size_t n)
{
	if (c->open && c->open->live == 1)
		c->open->used = 0; /* all that lay there is gone */
	if (c->open && c->open->cap - c->open->used >= n)
		return true;
	uint32_t cap = n > CHUNK_BYTES ? (uint32_t)n : CHUNK_BYTES;
	struct raft_chunk *chunk = n <= UINT32_MAX ? malloc(sizeof *chunk + cap) : NULL;
	if (!chunk)
		return false;
	*chunk = (struct raft_chunk){.live = 1, .cap = cap};
	chunk_release(c->open);
	c->open = chunk;
	return true;
}

/* Nil stays nil; what is empty needs no copy. */
static bool entry_own(struct raft_cache *c, struct raft_entry *e)
{
	if (!e->data.n || e->own)
		return true;
	if (!chunk_room(c, e->data.n))
		return false;
	char *to = c->open->bytes + c->open->used;
	memcpy(to, e->data.p, e->data.n);
	c->open->used += (uint32_t)e->data.n;
	c->open->live++;
	c->bytes += e->data.n;
	e->data.p = to;
	e->own = c->open;
	return true;
}

bool raft_cache_add(struct raft_cache *c, const struct raft_entry *e, bool copy)
{
	MUST(e->index == c->last + 1);
	struct raft_entry mine = *e;
	mine.own = NULL;
	if (!ring_room(c) || (copy && !entry_own(c, &mine)))
		return false;
	if (copy && !mine.data.n && mine.data.p)
		mine.data = S("");
	c->last++;
	c->last_term = mine.term;
	*raft_cache_at(c, c->last) = mine;
	return true;
}

void raft_cache_own(struct raft_cache *c)
{
	for (raft_index i = c->base + 1; i <= c->last; i++)
		MUST(entry_own(c, raft_cache_at(c, i)));
}

/* ---- out ---- */

void raft_cache_forget(struct raft_cache *c, raft_index upto)
{
	for (; c->base < upto; c->base++) {
		struct raft_entry *e = raft_cache_at(c, c->base + 1);
		c->base_term = e->term;
		c->bytes -= e->own ? e->data.n : 0;
		chunk_release(e->own);
		e->own = NULL;
	}
}

static void bury(struct raft_cache *c, struct raft_chunk *chunk, uint64_t until)
{
	if (c->graves_n == c->graves_cap) {
		size_t cap = c->graves_cap ? c->graves_cap * 2 : 16;
		struct raft_grave *more = realloc(c->graves, cap * sizeof *more);
		MUST(more);
		c->graves = more;
		c->graves_cap = cap;
	}
	c->graves[c->graves_n++] = (struct raft_grave){chunk, until};
}

void raft_cache_cut(struct raft_cache *c, raft_index after, uint64_t sequence)
{
	MUST(after >= c->base);
	for (; c->last > after; c->last--) {
		struct raft_entry *e = raft_cache_at(c, c->last);
		c->bytes -= e->own ? e->data.n : 0;
		if (e->own)
			bury(c, e->own, sequence);
		e->own = NULL;
	}
	MUST(raft_cache_term(c, c->last, &c->last_term));
}

void raft_cache_unbury(struct raft_cache *c, uint64_t sequence)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->graves_n; i++)
		if (c->graves[i].until <= sequence)
			chunk_release(c->graves[i].chunk);
		else
			c->graves[kept++] = c->graves[i];
	c->graves_n = kept;
}

void raft_cache_reset(struct raft_cache *c, raft_index base, raft_term term, uint64_t sequence)
{
	raft_cache_cut(c, c->base, sequence);
	c->base = c->last = base;
	c->base_term = c->last_term = term;
}
