#include "core/base/rand.h"

#include <stdio.h>

#include "core/base/must.h"

/* splitmix64: spreads a seed over the state, which must not be all zero. */
static uint64_t split(uint64_t *x)
{
	uint64_t z = *x += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

void rand_seed(struct rand *r, uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_LEN(r->s); i++)
		r->s[i] = split(&seed);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

uint64_t rand_u64(struct rand *r)
{
	uint64_t *s = r->s, out = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return out;
}

/* Draws again below the remainder of 2^64 / n, so that every result is equally likely. */
uint64_t rand_below(struct rand *r, uint64_t n)
{
	MUST(n > 0);
	uint64_t skip = -n % n, x;
	do
		x = rand_u64(r);
	while (x < skip);
	return x % n;
}

double rand_unit(struct rand *r)
{
	return (double)(rand_u64(r) >> 11) * 0x1p-53;
}

void rand_bytes(struct rand *r, void *out, size_t n)
{
	unsigned char *at = out;
	while (n) {
		uint64_t x = rand_u64(r);
		size_t take = n < sizeof x ? n : sizeof x;
		memcpy(at, &x, take);
		at += take;
		n -= take;
	}
}

static bool is_dash_place(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_make(struct rand *r, char out[static UUID_TEXT + 1])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[16];
	rand_bytes(r, bytes, sizeof bytes);
	size_t at = 0;
	for (size_t i = 0; i < sizeof bytes; i++) {
		if (is_dash_place(at))
			out[at++] = '-';
		out[at++] = hex[bytes[i] >> 4];
		out[at++] = hex[bytes[i] & 15];
	}
	out[at] = '\0';
}

bool uuid_valid(struct slice s)
{
	if (s.n != UUID_TEXT)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (is_dash_place(i) ? c != '-' : !hex)
			return false;
	}
	return true;
}
