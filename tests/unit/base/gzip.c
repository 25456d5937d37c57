/* Packing: whatever goes in comes out of gunzip, and is shorter where it can be. */
#include "core/base/gunzip.h"
#include "core/base/gzip.h"
#include "core/base/huffman.h"
#include "core/base/rand.h"
#include "tests/test.h"

/* The packed size; 0 when it does not come back as it was. */
static size_t round_trip(struct slice content)
{
	struct buf packed = {0}, out = {0};
	struct fail f;
	gzip(content, &packed);
	bool same = !packed.failed && gunzip(buf_view(&packed), &out, &f) == OK && out.n == content.n &&
	            (!out.n || !memcmp(out.p, content.p, out.n));
	size_t n = same ? packed.n : 0;
	buf_free(&packed);
	buf_free(&out);
	return n;
}

TEST(gzip, short_contents)
{
	CHECK_EQ(round_trip(S_NONE), 20);
	CHECK_EQ(round_trip(S("a")), 21);
	CHECK(round_trip(S("[\"dc1\"]")));
	CHECK(round_trip(S("abcabcabcabc")));
}

TEST(gzip, repetitions_shrink)
{
	enum { N = 300000 };
	static char content[N];
	size_t n = round_trip(slice_at(content, N));
	CHECK(n && n < 400);
	for (size_t i = 0; i < N; i++)
		content[i] = "{\"Key\": \"config/web\", \"Flags\": 0}, "[i % 36];
	n = round_trip(slice_at(content, N));
	CHECK(n && n < 2000);
}

/* What has no order is stored: 5 bytes a block more. */
TEST(gzip, noise_hardly_grows)
{
	enum { N = 200000 };
	static char content[N];
	struct rand r;
	rand_seed(&r, 5);
	for (size_t i = 0; i < N; i++)
		content[i] = (char)rand_below(&r, 256);
	size_t n = round_trip(slice_at(content, N));
	CHECK(n && n < N + N / 1000);
}

/* A repetition just within the window, and one just beyond. */
TEST(gzip, the_edge_of_the_window)
{
	enum { WINDOW = 32768, LOAD = 100 };
	static char content[WINDOW + 2 * LOAD];
	struct rand r;
	rand_seed(&r, 6);
	for (size_t gap = WINDOW - LOAD - 2; gap < WINDOW - LOAD + 3; gap++) {
		for (size_t i = 0; i < LOAD + gap; i++)
			content[i] = (char)rand_below(&r, 256);
		memcpy(content + LOAD + gap, content, LOAD);
		CHECK(round_trip(slice_at(content, 2 * LOAD + gap)));
	}
}

TEST(gzip, random_words)
{
	static char content[40000];
	struct rand r;
	rand_seed(&r, 7);
	for (int round = 0; round < 300; round++) {
		size_t n = 0, most = rand_below(&r, sizeof content - 64), letters = 1 + rand_below(&r, 255);
		while (n < most) {
			size_t k = 1 + rand_below(&r, 60), from = n ? rand_below(&r, n) : 0;
			for (size_t i = 0; i < k; i++, n++)
				content[n] = n && letters % 2 ? content[from + i] : (char)rand_below(&r, letters);
		}
		CHECK(round_trip(slice_at(content, n)));
	}
}

/* Weights as Fibonacci's numbers give the deepest tree: it is cut, and stays a code. */
TEST(huffman, a_deep_tree_is_cut)
{
	uint32_t counts[40] = {1, 1};
	uint8_t lengths[40];
	for (unsigned i = 2; i < 40; i++)
		counts[i] = counts[i - 1] + counts[i - 2];
	for (unsigned longest = 6; longest <= 15; longest++) {
		uint32_t used = 0;
		huffman_lengths(counts, 40, longest, lengths);
		for (unsigned i = 0; i < 40; i++) {
			CHECK(lengths[i] >= 1 && lengths[i] <= longest);
			used += 1U << (longest - lengths[i]);
		}
		CHECK_EQ(used, 1U << longest);
		CHECK(lengths[39] <= lengths[0]);
	}
}

TEST(huffman, few_symbols)
{
	uint32_t counts[4] = {0, 9, 0, 0};
	uint8_t lengths[4];
	huffman_lengths(counts, 4, 15, lengths);
	CHECK_EQ(lengths[1], 1);
	counts[1] = 0;
	huffman_lengths(counts, 4, 15, lengths);
	CHECK_EQ(lengths[1], 0);
}

/* RFC 1951 3.2.2: lengths (3,3,3,3,3,2,4,4) for A … H. */
TEST(huffman, codes_of_the_rfc)
{
	static const uint8_t lengths[] = {3, 3, 3, 3, 3, 2, 4, 4};
	static const uint16_t want[] = {2, 6, 1, 5, 3, 0, 7, 15}; /* 010 011 100 101 110 00 1110 1111, turned round */
	uint16_t codes[8];
	huffman_codes(lengths, 8, codes);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(codes[i], want[i]);
}
