#include "core/base/map.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"

/* Open addressing, linear. A removed slot stays as a gravestone (val NULL, was) until the next growth, so that a walk
 * may remove what it was just given. `used` counts both. */
struct map_slot {
	struct slice key;
	void *val; /* NULL: free, or a gravestone */
	uint64_t hash;
	bool was;
};

enum { CAP_MIN = 16 };

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[static 4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* SipHash-1-3 (Aumasson, Bernstein: SipHash: a fast short-input PRF), the variant of many hash tables. */
uint64_t hash_bytes(const uint64_t seed[2], struct slice s)
{
	uint64_t v[4] = {
	        seed[0] ^ UINT64_C(0x736f6d6570736575),
	        seed[1] ^ UINT64_C(0x646f72616e646f6d),
	        seed[0] ^ UINT64_C(0x6c7967656e657261),
	        seed[1] ^ UINT64_C(0x7465646279746573),
	};
	size_t i = 0;
	for (; i + 8 <= s.n; i += 8) {
		uint64_t word;
		memcpy(&word, s.p + i, 8);
		sip_word(v, word);
	}
	uint64_t last = (uint64_t)s.n << 56;
	for (size_t k = 0; i + k < s.n; k++)
		last |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int k = 0; k < 3; k++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m, uint64_t seed)
{
	*m = (struct map){.seed = {seed, seed * UINT64_C(0x9E3779B97F4A7C15) + 1}};
}

/* The slot of the key, or the first free one behind where it would be; NULL only in a map without slots. */
static struct map_slot *find(const struct map *m, struct slice key, uint64_t hash)
{
	if (!m->cap)
		return NULL;
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];
		if (!s->was || (s->val && s->hash == hash && slice_eq(s->key, key)))
			return s;
	}
}

void *map_get(const struct map *m, struct slice key)
{
	if (!m->n)
		return NULL;
	return find(m, key, hash_bytes(m->seed, key))->val;
}

static bool map_grow(struct map *m)
{
	size_t cap = CAP_MIN;
	while (cap < 3 * (m->n + 1))
		cap *= 2;
	struct map_slot *slots = calloc(cap, sizeof *slots);
	if (!slots)
		return false;
	struct map bigger = {.slots = slots, .cap = cap, .n = m->n, .used = m->n, .seed = {m->seed[0], m->seed[1]}};
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].val)
			*find(&bigger, m->slots[i].key, m->slots[i].hash) = m->slots[i];
	free(m->slots);
	*m = bigger;
	return true;
}

bool map_put(struct map *m, struct slice key, void *val, void **old)
{
	MUST(val);
	uint64_t hash = hash_bytes(m->seed, key);
	struct map_slot *s = find(m, key, hash);
	if (old)
		*old = s ? s->val : NULL;
	if (!s || !s->val) {
		if (4 * (m->used + 1) > 3 * m->cap) {
			if (!map_grow(m))
				return false;
			s = find(m, key, hash);
		}
		m->n++;
		m->used++;
	}
	*s = (struct map_slot){.key = key, .val = val, .hash = hash, .was = true};
	return true;
}

void *map_remove(struct map *m, struct slice key)
{
	struct map_slot *s = find(m, key, hash_bytes(m->seed, key));
	if (!s || !s->val)
		return NULL;
	void *val = s->val;
	*s = (struct map_slot){.was = true};
	m->n--;
	return val;
}

void map_free(struct map *m)
{
	free(m->slots);
	*m = (struct map){.seed = {m->seed[0], m->seed[1]}};
}

void *map_next(const struct map *m, size_t *at)
{
	while (*at < m->cap) {
		void *val = m->slots[(*at)++].val;
		if (val)
			return val;
	}
	return NULL;
}
