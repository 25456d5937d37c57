#include "core/base/crc.h"

/* Tables of reflected polynomials, made before main. IEEE, which every gossip packet and snapshot needs, takes eight
 * bytes at a step: its table k tells what a byte is worth k places further on. */
#define IEEE 0xedb88320u
#define CASTAGNOLI 0x82f63b78u
#define XZ UINT64_C(0xc96c5795d7870f42)

enum { AT_ONCE = 8 };

static uint32_t table32[2][256];
static uint32_t ieee[AT_ONCE][256];
static uint64_t table64[256];

__attribute__((constructor)) static void tables(void)
{
	static const uint32_t polynomials[2] = {IEEE, CASTAGNOLI};
	for (uint32_t i = 0; i < 256; i++) {
		uint64_t wide = i;
		for (int bit = 0; bit < 8; bit++)
			wide = wide & 1 ? wide >> 1 ^ XZ : wide >> 1;
		table64[i] = wide;
		for (int k = 0; k < 2; k++) {
			uint32_t crc = i;
			for (int bit = 0; bit < 8; bit++)
				crc = crc & 1 ? crc >> 1 ^ polynomials[k] : crc >> 1;
			table32[k][i] = crc;
		}
		ieee[0][i] = table32[0][i];
	}
	for (int k = 1; k < AT_ONCE; k++)
		for (int i = 0; i < 256; i++)
			ieee[k][i] = ieee[0][ieee[k - 1][i] & 0xff] ^ ieee[k - 1][i] >> 8;
}

static uint32_t by_table(const uint32_t table[256], uint32_t crc, const uint8_t *p, size_t n)
{
	crc = ~crc;
	while (n--)
		crc = table[(crc ^ *p++) & 0xff] ^ crc >> 8;
	return ~crc;
}

uint32_t crc32_ieee(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *at = p;
	crc = ~crc;
	for (; n >= AT_ONCE; at += AT_ONCE, n -= AT_ONCE) {
		crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		crc = ieee[7][crc & 0xff] ^ ieee[6][crc >> 8 & 0xff] ^ ieee[5][crc >> 16 & 0xff] ^ ieee[4][crc >> 24] ^
		      ieee[3][at[4]] ^ ieee[2][at[5]] ^ ieee[1][at[6]] ^ ieee[0][at[7]];
	}
	return by_table(ieee[0], ~crc, at, n);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t wide = (uint32_t)~crc;
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;
		memcpy(&word, p, sizeof word);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	uint32_t narrow = (uint32_t)wide;
	for (; n; p++, n--)
		narrow = __builtin_ia32_crc32qi(narrow, *p);
	return ~narrow;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
	return by_table(table32[1], crc, p, n);
}

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return has_instruction() ? by_instruction(crc, p, n) : by_table(table32[1], crc, p, n);
}

uint64_t crc64_xz(uint64_t crc, const void *p, size_t n)
{
	const uint8_t *at = p;
	crc = ~crc;
	while (n--)
		crc = table64[(crc ^ *at++) & 0xff] ^ crc >> 8;
	return ~crc;
}
