/* Packing gzip. A block is a run of tokens: a literal, or a length and how far back; once it is full, the coding is
 * chosen by counting what each would cost. */
#include "core/base/gzip.h"

#include <stdlib.h>

#include "core/base/crc.h"
#include "core/base/huffman.h"
#include "core/base/slice.h"

enum {
	WINDOW = 32768,
	MATCH_MIN = 4, /* shorter ones seldom gain */
	MATCH_MAX = 258,
	CHAIN_MAX = 16,    /* candidates looked at */
	GOOD_ENOUGH = 64,  /* a match of this length ends the search */
	TOKENS_MAX = 8192, /* a block */
	STORED_MAX = 65535,
	HASH_BITS_MIN = 8,
	HASH_BITS_MAX = 13,
	END_OF_BLOCK = 256,
	LITERALS = 286,
	DISTANCES = 30,
	META = 19,
	META_BITS = 7,
	CODE_BITS = 15,
};

/* A literal is itself; a match has bit 31, its length - 3 in bits 16…23 and its distance - 1 below. */
#define TOKEN_MATCH 0x80000000U

struct coding {
	uint8_t literal_bits[HUFFMAN_SYMBOLS_MAX], distance_bits[DISTANCES];
	uint16_t literals[HUFFMAN_SYMBOLS_MAX], distances[DISTANCES];
};

struct packer {
	struct buf *out;
	const unsigned char *in;
	size_t n, at;
	uint64_t held; /* bits not written yet */
	unsigned count;
	unsigned hash_bits;
	unsigned tokens_n;
	uint32_t literal_counts[HUFFMAN_SYMBOLS_MAX], distance_counts[DISTANCES];
	struct coding coding;
	uint32_t tokens[TOKENS_MAX];
	uint16_t back[WINDOW];             /* by position in the window: how far to the one before with this hash */
	uint32_t last[1 << HASH_BITS_MAX]; /* by hash: position + 1; 0: none */
};

/* ---- bits ---- */

static void bits_put(struct packer *p, uint32_t bits, unsigned n)
{
	p->held |= (uint64_t)bits << p->count;
	p->count += n;
	if (p->count < 32)
		return;
	uint32_t v = (uint32_t)p->held;
	const unsigned char bytes[4] = {v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff, v >> 24};
	buf_bytes(p->out, bytes, sizeof bytes);
	p->held >>= 32;
	p->count -= 32;
}

static void bits_align(struct packer *p)
{
	for (; p->count > 0; p->count -= p->count < 8 ? p->count : 8, p->held >>= 8)
		buf_char(p->out, (char)(p->held & 0xff));
	p->held = 0;
}

/* ---- lengths and distances as codes with extra bits (RFC 1951 3.2.5) ---- */

struct extra {
	unsigned code, n, bits;
};

static unsigned highest_bit(uint32_t v)
{
	return 31U - (unsigned)__builtin_clz(v);
}

static struct extra length_code(unsigned less3)
{
	if (less3 == MATCH_MAX - 3)
		return (struct extra){285, 0, 0};
	if (less3 < 8)
		return (struct extra){257 + less3, 0, 0};
	unsigned n = highest_bit(less3) - 2;
	return (struct extra){257 + 4 * (n + 1) + (less3 >> n & 3), n, less3 & ((1U << n) - 1)};
}

static struct extra distance_code(unsigned less1)
{
	if (less1 < 4)
		return (struct extra){less1, 0, 0};
	unsigned n = highest_bit(less1) - 1;
	return (struct extra){2 * (n + 1) + (less1 >> n & 1), n, less1 & ((1U << n) - 1)};
}

static struct extra token_length(uint32_t token)
{
	return length_code(token >> 16 & 0xff);
}

static struct extra token_distance(uint32_t token)
{
	return distance_code(token & 0xffff);
}

/* ---- finding repetitions ---- */

static uint32_t four_bytes(const unsigned char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* Notes that a position begins with its four bytes; returns the newest earlier one of that hash + 1. */
static uint32_t note(struct packer *p, size_t at)
{
	uint32_t *last = &p->last[four_bytes(p->in + at) * 2654435761U >> (32 - p->hash_bits)];
	uint32_t before = *last;
	size_t back = before ? at + 1 - before : 0;
	p->back[at % WINDOW] = (uint16_t)(back < WINDOW ? back : 0);
	*last = (uint32_t)at + 1;
	return before;
}

static unsigned match_length(const unsigned char *a, const unsigned char *b, unsigned max)
{
	unsigned n = 0;
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/* The longest earlier repetition of what is at `at`, which is noted; 0: none. */
static unsigned match_find(struct packer *p, size_t at, unsigned *distance)
{
	unsigned best = 0, max = p->n - at < MATCH_MAX ? (unsigned)(p->n - at) : MATCH_MAX;
	if (max < MATCH_MIN || !note(p, at))
		return 0;
	size_t from = at;
	for (int tries = CHAIN_MAX; tries > 0 && best < max; tries--) {
		unsigned step = p->back[from % WINDOW];
		if (!step || at - from + step >= WINDOW)
			break;
		from -= step;
		if (best && p->in[from + best] != p->in[at + best])
			continue;
		unsigned n = match_length(p->in + from, p->in + at, max);
		if (n < MATCH_MIN || n <= best)
			continue;
		best = n;
		*distance = (unsigned)(at - from);
		if (best >= GOOD_ENOUGH)
			break;
	}
	return best;
}

/* Tokens of one block, and how often each code occurs. */
static void tokens_take(struct packer *p)
{
	memset(p->literal_counts, 0, sizeof p->literal_counts);
	memset(p->distance_counts, 0, sizeof p->distance_counts);
	p->literal_counts[END_OF_BLOCK] = 1;
	p->tokens_n = 0;
	while (p->at < p->n && p->tokens_n < TOKENS_MAX) {
		unsigned distance = 0, n = match_find(p, p->at, &distance);
		uint32_t token = n ? TOKEN_MATCH | (n - 3) << 16 | (distance - 1) : p->in[p->at];
		p->tokens[p->tokens_n++] = token;
		if (n) {
			p->literal_counts[token_length(token).code]++;
			p->distance_counts[token_distance(token).code]++;
		} else {
			p->literal_counts[token]++;
		}
		for (size_t end = p->at++ + n; p->at < end; p->at++)
			if (p->n - p->at >= MATCH_MIN)
				note(p, p->at);
	}
}

/* ---- codings ---- */

static void coding_fixed(struct coding *c)
{
	for (unsigned i = 0; i < HUFFMAN_SYMBOLS_MAX; i++)
		c->literal_bits[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	memset(c->distance_bits, 5, sizeof c->distance_bits);
}

static void coding_own(struct packer *p, struct coding *c)
{
	huffman_lengths(p->literal_counts, LITERALS, CODE_BITS, c->literal_bits);
	c->literal_bits[286] = c->literal_bits[287] = 0;
	huffman_lengths(p->distance_counts, DISTANCES, CODE_BITS, c->distance_bits);
}

/* Bits that the tokens take, the extra ones left out: they are the same in each coding. */
static uint64_t coding_cost(const struct packer *p, const struct coding *c)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < LITERALS; i++)
		bits += (uint64_t)p->literal_counts[i] * c->literal_bits[i];
	for (unsigned i = 0; i < DISTANCES; i++)
		bits += (uint64_t)p->distance_counts[i] * c->distance_bits[i];
	return bits;
}

static uint64_t extra_cost(const struct packer *p)
{
	uint64_t bits = 0;
	for (unsigned i = 265; i < 285; i++)
		bits += (uint64_t)p->literal_counts[i] * ((i - 261) / 4);
	for (unsigned i = 4; i < DISTANCES; i++)
		bits += (uint64_t)p->distance_counts[i] * (i / 2 - 1);
	return bits;
}

/* The table of a block's own codes: the lengths of both, runs shortened, themselves in a little code. */
struct table {
	unsigned literals, distances, metas;
	unsigned n;
	struct extra items[LITERALS + DISTANCES];
	uint8_t bits[META];
	uint64_t cost;
};

static const uint8_t meta_order[META] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

static unsigned used(const uint8_t *lengths, unsigned n, unsigned least)
{
	while (n > least && !lengths[n - 1])
		n--;
	return n;
}

/* One run of equal lengths: 16 repeats the one before, 17 and 18 are zeros. */
static void run_put(struct table *t, unsigned length, unsigned times)
{
	if (length && times) {
		t->items[t->n++] = (struct extra){length, 0, 0};
		times--;
	}
	while (times) {
		unsigned k = times;
		if (length && k >= 3) {
			k = k < 6 ? k : 6;
			t->items[t->n++] = (struct extra){16, 2, k - 3};
		} else if (!length && k >= 11) {
			k = k < 138 ? k : 138;
			t->items[t->n++] = (struct extra){18, 7, k - 11};
		} else if (!length && k >= 3) {
			t->items[t->n++] = (struct extra){17, 3, k - 3};
		} else {
			k = 1;
			t->items[t->n++] = (struct extra){length, 0, 0};
		}
		times -= k;
	}
}

static void table_make(struct table *t, const struct coding *c)
{
	uint8_t all[LITERALS + DISTANCES];
	uint32_t counts[META] = {0};
	t->literals = used(c->literal_bits, LITERALS, 257);
	t->distances = used(c->distance_bits, DISTANCES, 1);
	memcpy(all, c->literal_bits, t->literals);
	memcpy(all + t->literals, c->distance_bits, t->distances);
	unsigned n = t->literals + t->distances;
	t->n = 0;
	for (unsigned i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && all[end] == all[i];)
			end++;
		run_put(t, all[i], end - i);
	}
	for (unsigned i = 0; i < t->n; i++)
		counts[t->items[i].code]++;
	huffman_lengths(counts, META, META_BITS, t->bits);
	for (t->metas = META; t->metas > 4 && !t->bits[meta_order[t->metas - 1]];)
		t->metas--;
	t->cost = 14 + 3 * t->metas;
	for (unsigned i = 0; i < t->n; i++)
		t->cost += t->bits[t->items[i].code] + t->items[i].n;
}

static void table_put(struct packer *p, const struct table *t)
{
	uint16_t codes[META];
	huffman_codes(t->bits, META, codes);
	bits_put(p, t->literals - 257, 5);
	bits_put(p, t->distances - 1, 5);
	bits_put(p, t->metas - 4, 4);
	for (unsigned i = 0; i < t->metas; i++)
		bits_put(p, t->bits[meta_order[i]], 3);
	for (unsigned i = 0; i < t->n; i++) {
		bits_put(p, codes[t->items[i].code], t->bits[t->items[i].code]);
		bits_put(p, t->items[i].bits, t->items[i].n);
	}
}

/* ---- blocks ---- */

static void tokens_put(struct packer *p, struct coding *c)
{
	huffman_codes(c->literal_bits, HUFFMAN_SYMBOLS_MAX, c->literals);
	huffman_codes(c->distance_bits, DISTANCES, c->distances);
	for (unsigned i = 0; i < p->tokens_n; i++) {
		uint32_t token = p->tokens[i];
		if (!(token & TOKEN_MATCH)) {
			bits_put(p, c->literals[token], c->literal_bits[token]);
			continue;
		}
		struct extra length = token_length(token), distance = token_distance(token);
		bits_put(p, c->literals[length.code], c->literal_bits[length.code]);
		bits_put(p, length.bits, length.n);
		bits_put(p, c->distances[distance.code], c->distance_bits[distance.code]);
		bits_put(p, distance.bits, distance.n);
	}
	bits_put(p, c->literals[END_OF_BLOCK], c->literal_bits[END_OF_BLOCK]);
}

static void stored_put(struct packer *p, struct slice bytes, bool final)
{
	do {
		struct slice part = slice_cut(bytes, 0, STORED_MAX);
		bytes = slice_from(bytes, part.n);
		bits_put(p, final && !bytes.n, 1);
		bits_put(p, 0, 2);
		bits_align(p);
		unsigned n = (unsigned)part.n;
		const unsigned char head[4] = {n & 0xff, n >> 8, ~n & 0xff, ~n >> 8 & 0xff};
		buf_bytes(p->out, head, sizeof head);
		buf_slice(p->out, part);
	} while (bytes.n);
}

static void block_put(struct packer *p, struct slice bytes, bool final)
{
	struct coding own, *c = &p->coding;
	struct table t;
	coding_fixed(c);
	coding_own(p, &own);
	table_make(&t, &own);
	uint64_t extra = extra_cost(p), fixed = extra + coding_cost(p, c), mine = extra + t.cost + coding_cost(p, &own);
	uint64_t stored = 8 * (uint64_t)bytes.n + 40 * (bytes.n / STORED_MAX + 1);
	if (stored < fixed && stored < mine) {
		stored_put(p, bytes, final);
		return;
	}
	bits_put(p, final, 1);
	if (mine < fixed) {
		bits_put(p, 2, 2);
		table_put(p, &t);
		tokens_put(p, &own);
	} else {
		bits_put(p, 1, 2);
		tokens_put(p, c);
	}
}

static void le32_put(struct buf *b, uint32_t v)
{
	const unsigned char bytes[4] = {v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff, v >> 24};
	buf_bytes(b, bytes, sizeof bytes);
}

void gzip(struct slice content, struct buf *out)
{
	struct packer *p = content.n <= UINT32_MAX ? malloc(sizeof *p) : NULL;
	if (!p) {
		out->failed = true;
		return;
	}
	p->out = out;
	p->in = (const unsigned char *)content.p;
	p->n = content.n;
	p->at = p->held = p->count = 0;
	p->hash_bits = HASH_BITS_MIN;
	while (p->hash_bits < HASH_BITS_MAX && content.n >> p->hash_bits)
		p->hash_bits++;
	memset(p->last, 0, sizeof p->last[0] << p->hash_bits);
	BUF_LIT(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff"); /* no name, no time, no system: as compress/gzip */
	do {
		size_t begin = p->at;
		tokens_take(p);
		block_put(p, slice_cut(content, begin, p->at), p->at == p->n);
	} while (p->at < p->n && !out->failed);
	bits_align(p);
	le32_put(out, crc32_ieee(0, content.p, content.n));
	le32_put(out, (uint32_t)content.n);
	free(p);
}
