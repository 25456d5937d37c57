/* Unpacking gzip. Codes are read bit by bit against the count of codes of each length: slow, small, and it cannot read
 * past a table. */
#include "core/base/gunzip.h"

#include "core/base/crc.h"
#include "core/base/slice.h"

enum { CODE_BITS_MAX = 15, LITERALS = 288, DISTANCES = 32, END_OF_BLOCK = 256 };

struct bits {
	struct slice in;
	size_t at;      /* next byte */
	uint32_t held;  /* bits taken from it and not used yet */
	unsigned count; /* how many */
	bool cut;       /* there were not enough */
	bool corrupt;
};

/* The next n <= 16 bits, the first one lowest. */
static uint32_t bits_take(struct bits *b, unsigned n)
{
	while (b->count < n) {
		if (b->at == b->in.n) {
			b->cut = true;
			return 0;
		}
		b->held |= (uint32_t)(unsigned char)b->in.p[b->at++] << b->count;
		b->count += 8;
	}
	uint32_t v = b->held & ((1u << n) - 1);
	b->held >>= n;
	b->count -= n;
	return v;
}

static bool bits_bad(const struct bits *b)
{
	return b->cut || b->corrupt;
}

/* ---- codes ---- */

/* How many codes there are of each length, and the symbols in the order of their codes. */
struct code {
	uint16_t count[CODE_BITS_MAX + 1], symbols[LITERALS];
};

/* From the length of each symbol's code, 0: it has none. False when there are too many codes. */
static bool code_make(struct code *c, const uint8_t *lengths, unsigned n)
{
	uint16_t first[CODE_BITS_MAX + 2] = {0};
	*c = (struct code){0};
	for (unsigned i = 0; i < n; i++)
		c->count[lengths[i]]++;
	c->count[0] = 0;
	int left = 1;
	for (unsigned len = 1; len <= CODE_BITS_MAX; len++) {
		left = left * 2 - c->count[len];
		if (left < 0)
			return false;
		first[len + 1] = (uint16_t)(first[len] + c->count[len]);
	}
	for (unsigned i = 0; i < n; i++)
		if (lengths[i])
			c->symbols[first[lengths[i]]++] = (uint16_t)i;
	return true;
}

static unsigned code_take(struct bits *b, const struct code *c)
{
	int code = 0, first = 0, index = 0;
	for (unsigned len = 1; len <= CODE_BITS_MAX; len++) {
		code |= (int)bits_take(b, 1);
		if (b->cut)
			return 0;
		int count = c->count[len];
		if (code - count < first)
			return c->symbols[index + code - first];
		index += count;
		first = (first + count) << 1;
		code <<= 1;
	}
	b->corrupt = true;
	return 0;
}

/* ---- blocks ---- */

/* Copies `n` bytes from `back` bytes ago, which may overlap what is being written. */
static void repeat(struct bits *b, struct buf *out, size_t begin, size_t back, size_t n)
{
	if (back > out->n - begin) {
		b->corrupt = true;
		return;
	}
	for (char *room = buf_room(out, n); room && n; n--) {
		out->p[out->n] = out->p[out->n - back];
		out->n++;
	}
}

static void packed_block(
        struct bits *b, const struct code *literals, const struct code *distances, struct buf *out, size_t begin)
{
	static const uint16_t length_base[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59,
	        67, 83, 99, 115, 131, 163, 195, 227, 258};
	static const uint8_t length_bits[] = {
	        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
	static const uint16_t back_base[] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513,
	        769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
	while (!bits_bad(b) && !out->failed) {
		unsigned symbol = code_take(b, literals);
		if (symbol < END_OF_BLOCK && !bits_bad(b)) {
			buf_char(out, (char)symbol);
			continue;
		}
		if (symbol == END_OF_BLOCK || bits_bad(b))
			return;
		symbol -= END_OF_BLOCK + 1;
		if (symbol >= ARRAY_LEN(length_base)) {
			b->corrupt = true;
			return;
		}
		size_t n = length_base[symbol] + bits_take(b, length_bits[symbol]);
		unsigned d = code_take(b, distances);
		if (d >= ARRAY_LEN(back_base)) {
			b->corrupt = true;
			return;
		}
		size_t back = back_base[d] + bits_take(b, d < 2 ? 0 : d / 2 - 1);
		if (!bits_bad(b))
			repeat(b, out, begin, back, n);
	}
}

static void plain_block(struct bits *b, struct buf *out)
{
	b->held = b->count = 0;
	if (b->in.n - b->at < 4) {
		b->cut = true;
		return;
	}
	const unsigned char *p = (const unsigned char *)b->in.p + b->at;
	size_t n = p[0] | (size_t)p[1] << 8;
	b->at += 4;
	if ((n ^ 0xffff) != (p[2] | (size_t)p[3] << 8)) {
		b->corrupt = true;
		return;
	}
	if (n > b->in.n - b->at) {
		b->cut = true;
		return;
	}
	buf_bytes(out, b->in.p + b->at, n);
	b->at += n;
}

static void fixed_codes(struct code *literals, struct code *distances)
{
	uint8_t lengths[LITERALS];
	for (unsigned i = 0; i < LITERALS; i++)
		lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	code_make(literals, lengths, LITERALS);
	memset(lengths, 5, DISTANCES);
	code_make(distances, lengths, DISTANCES);
}

/* The lengths of both codes, themselves packed. */
static void lengths_read(struct bits *b, const struct code *meta, uint8_t *lengths, unsigned n)
{
	unsigned i = 0;
	while (i < n && !bits_bad(b)) {
		unsigned symbol = code_take(b, meta), times = 1;
		uint8_t value = (uint8_t)symbol;
		if (symbol == 16) {
			b->corrupt |= i == 0;
			value = i ? lengths[i - 1] : 0;
			times = 3 + bits_take(b, 2);
		} else if (symbol >= 17) {
			value = 0;
			times = symbol == 17 ? 3 + bits_take(b, 3) : 11 + bits_take(b, 7);
		}
		b->corrupt |= times > n - i;
		for (; times && i < n; times--)
			lengths[i++] = value;
	}
}

static void read_codes(struct bits *b, struct code *literals, struct code *distances)
{
	static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	uint8_t lengths[LITERALS + DISTANCES] = {0};
	struct code meta;
	unsigned n = bits_take(b, 5) + 257, d = bits_take(b, 5) + 1, m = bits_take(b, 4) + 4;
	for (unsigned i = 0; i < m; i++)
		lengths[order[i]] = (uint8_t)bits_take(b, 3);
	b->corrupt |= n > 286 || d > 30 || !code_make(&meta, lengths, ARRAY_LEN(order));
	if (bits_bad(b))
		return;
	memset(lengths, 0, sizeof(lengths));
	lengths_read(b, &meta, lengths, n + d);
	b->corrupt |=
	        !lengths[END_OF_BLOCK] || !code_make(literals, lengths, n) || !code_make(distances, lengths + n, d);
}

static void inflate(struct bits *b, struct buf *out)
{
	size_t begin = out->n;
	for (bool last = false; !last && !bits_bad(b) && !out->failed;) {
		struct code literals, distances;
		last = bits_take(b, 1);
		switch (bits_take(b, 2)) {
		case 0: plain_block(b, out); continue;
		case 1: fixed_codes(&literals, &distances); break;
		case 2: read_codes(b, &literals, &distances); break;
		default: b->corrupt = true; break;
		}
		if (!bits_bad(b))
			packed_block(b, &literals, &distances, out, begin);
	}
}

/* ---- members ---- */

enum { FLAG_CRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, HEADER = 10, TRAILER = 8 };

static uint32_t le32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* Behind the header of a member; false when it is cut. */
static bool header_skip(struct slice *s, uint8_t flags)
{
	*s = slice_from(*s, HEADER);
	if (flags & FLAG_EXTRA) {
		size_t n = s->n < 2 ? 0 : (unsigned char)s->p[0] | (size_t)(unsigned char)s->p[1] << 8;
		if (s->n < 2 || s->n - 2 < n)
			return false;
		*s = slice_from(*s, 2 + n);
	}
	for (unsigned text = FLAG_NAME; text <= FLAG_COMMENT; text *= 2) {
		ptrdiff_t end = flags & text ? slice_find(*s, 0) : -1;
		if ((flags & text) && end < 0)
			return false;
		*s = slice_from(*s, (size_t)(end + 1));
	}
	if ((flags & FLAG_CRC) && s->n < 2)
		return false;
	*s = slice_from(*s, flags & FLAG_CRC ? 2 : 0);
	return true;
}

/* Behind the header of the next member. */
static enum err header_read(struct slice *s, struct fail *f)
{
	if (s->n < HEADER)
		return fail_set(f, ERR_CORRUPT, "%s", s->n ? "unexpected EOF" : "EOF");
	if (memcmp(s->p, "\x1f\x8b\x08", 3) != 0)
		return fail_set(f, ERR_CORRUPT, "gzip: invalid header");
	if (!header_skip(s, (uint8_t)s->p[3]))
		return fail_set(f, ERR_CORRUPT, "unexpected EOF");
	return OK;
}

static enum err member(struct slice *s, struct buf *out, struct fail *f)
{
	if (header_read(s, f) != OK)
		return f->code;
	size_t begin = out->n;
	struct bits b = {.in = *s};
	inflate(&b, out);
	if (out->failed)
		return fail_set(f, ERR_FULL, "unpacked content is too large");
	if (b.cut) /* first: bits that were not there may look corrupt */
		return fail_set(f, ERR_CORRUPT, "unexpected EOF");
	if (b.corrupt)
		return fail_set(f, ERR_CORRUPT, "flate: corrupt input before offset %zu", b.at);
	if (s->n - b.at < TRAILER)
		return fail_set(f, ERR_CORRUPT, "unexpected EOF");
	const char *trailer = s->p + b.at;
	size_t n = out->n - begin;
	if (le32(trailer) != crc32_ieee(0, n ? out->p + begin : "", n) || le32(trailer + 4) != (uint32_t)n)
		return fail_set(f, ERR_CORRUPT, "gzip: invalid checksum");
	*s = slice_from(*s, b.at + TRAILER);
	return OK;
}

enum err gunzip_header(struct slice packed, struct fail *f)
{
	return header_read(&packed, f);
}

enum err gunzip(struct slice packed, struct buf *out, struct fail *f)
{
	do
		if (member(&packed, out, f) != OK)
			return f->code;
	while (packed.n);
	return OK;
}
