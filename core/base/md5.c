#include "core/base/md5.h"

enum { BLOCK = 64 };

struct md5 {
	uint32_t a, b, c, d;
};

/* floor(2^32 * abs(sin(i + 1))), RFC 1321 3.4. */
static const uint32_t sines[64] = {
        0xd76aa478,
        0xe8c7b756,
        0x242070db,
        0xc1bdceee,
        0xf57c0faf,
        0x4787c62a,
        0xa8304613,
        0xfd469501,
        0x698098d8,
        0x8b44f7af,
        0xffff5bb1,
        0x895cd7be,
        0x6b901122,
        0xfd987193,
        0xa679438e,
        0x49b40821,
        0xf61e2562,
        0xc040b340,
        0x265e5a51,
        0xe9b6c7aa,
        0xd62f105d,
        0x02441453,
        0xd8a1e681,
        0xe7d3fbc8,
        0x21e1cde6,
        0xc33707d6,
        0xf4d50d87,
        0x455a14ed,
        0xa9e3e905,
        0xfcefa3f8,
        0x676f02d9,
        0x8d2a4c8a,
        0xfffa3942,
        0x8771f681,
        0x6d9d6122,
        0xfde5380c,
        0xa4beea44,
        0x4bdecfa9,
        0xf6bb4b60,
        0xbebfbc70,
        0x289b7ec6,
        0xeaa127fa,
        0xd4ef3085,
        0x04881d05,
        0xd9d4d039,
        0xe6db99e5,
        0x1fa27cf8,
        0xc4ac5665,
        0xf4292244,
        0x432aff97,
        0xab9423a7,
        0xfc93a039,
        0x655b59c3,
        0x8f0ccc92,
        0xffeff47d,
        0x85845dd1,
        0x6fa87e4f,
        0xfe2ce6e0,
        0xa3014314,
        0x4e0811a1,
        0xf7537e82,
        0xbd3af235,
        0x2ad7d2bb,
        0xeb86d391,
};

static const uint8_t turns[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};

static uint32_t left(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static uint32_t word_at(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void block(struct md5 *m, const unsigned char p[static BLOCK])
{
	uint32_t a = m->a, b = m->b, c = m->c, d = m->d;
	for (unsigned i = 0; i < 64; i++) {
		unsigned round = i / 16, at;
		uint32_t f;
		switch (round) {
		case 0: f = (b & c) | (~b & d), at = i; break;
		case 1: f = (d & b) | (~d & c), at = (5 * i + 1) % 16; break;
		case 2: f = b ^ c ^ d, at = (3 * i + 5) % 16; break;
		default: f = c ^ (b | ~d), at = 7 * i % 16; break;
		}
		uint32_t turned = left(a + f + sines[i] + word_at(p + at * 4), turns[round * 4 + i % 4]);
		a = d;
		d = c;
		c = b;
		b += turned;
	}
	m->a += a;
	m->b += b;
	m->c += c;
	m->d += d;
}

/* The rest, a one bit, zeros, and the length in bits at the end of a block. */
static void finish(struct md5 *m, struct slice rest, size_t whole)
{
	unsigned char last[2 * BLOCK] = {0};
	size_t n = rest.n + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
	uint64_t bits = (uint64_t)whole * 8;
	if (rest.n)
		memcpy(last, rest.p, rest.n);
	last[rest.n] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		last[n - 8 + i] = (unsigned char)(bits >> (8 * i));
	for (size_t i = 0; i < n; i += BLOCK)
		block(m, last + i);
}

void md5_hex(struct slice bytes, char out[static MD5_TEXT + 1])
{
	struct md5 m = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
	struct slice rest = bytes;
	for (; rest.n >= BLOCK; rest.p += BLOCK, rest.n -= BLOCK)
		block(&m, (const unsigned char *)rest.p);
	finish(&m, rest, bytes.n);
	const uint32_t words[] = {m.a, m.b, m.c, m.d};
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < 16; i++) {
		unsigned byte = words[i / 4] >> (8 * (i % 4)) & 0xff;
		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 15];
	}
	*out = '\0';
}
