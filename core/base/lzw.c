#include "core/base/lzw.h"

#include <stdlib.h>

enum { CLEAR = 256, END = 257, WIDTH_MIN = 9, WIDTH_MAX = 12, CODES = 1 << WIDTH_MAX, NO_CODE = CODES };
enum { TABLE_MAX = 1 << 13, TABLE_SMALL = 1 << 11, TABLE_EMPTY = 0 };

/* ---- writing ---- */

/* A slot of the table: (code, literal) in the upper 20 bits, the longer code in the lower 12 (never 0). */
struct packer {
	struct buf *out;
	uint32_t bits, held; /* what is not a whole byte yet */
	uint32_t width, high, overflow;
	uint32_t mask; /* slots in use - 1: short input needs few */
	uint32_t *table;
};

static void put(struct packer *p, uint32_t code)
{
	p->bits |= code << p->held;
	p->held += p->width;
	while (p->held >= 8) {
		buf_char(p->out, (char)p->bits);
		p->bits >>= 8;
		p->held -= 8;
	}
}

static void table_clear(struct packer *p)
{
	memset(p->table, TABLE_EMPTY, (p->mask + 1) * sizeof p->table[0]);
	p->width = WIDTH_MIN;
	p->high = END;
	p->overflow = 1 << WIDTH_MIN;
}

/* Counts a code written. False when the table is full: it was cleared, and the other side told. */
static bool count(struct packer *p)
{
	if (++p->high == p->overflow) {
		p->width++;
		p->overflow <<= 1;
	}
	if (p->high < CODES - 1)
		return true;
	put(p, CLEAR);
	table_clear(p);
	return false;
}

static uint32_t *slot_of(struct packer *p, uint32_t key)
{
	uint32_t at = (key * 2654435761u) >> 12;
	while (p->table[at & p->mask] != TABLE_EMPTY && p->table[at & p->mask] >> 12 != key)
		at++;
	return &p->table[at & p->mask];
}

/* `slots`: of the table; a power of two. */
static void packer_begin(struct packer *p, struct buf *out, size_t n, uint32_t slots)
{
	p->out = out;
	p->bits = p->held = 0;
	p->mask = 63;
	while (p->mask + 1 < slots && p->mask + 1 < 2 * n)
		p->mask = p->mask * 2 + 1;
	table_clear(p);
	put(p, CLEAR);
}

static void pack(struct packer *p, struct slice in)
{
	uint32_t code = in.n ? (uint8_t)in.p[0] : NO_CODE;
	for (size_t i = 1; i < in.n; i++) {
		uint32_t literal = (uint8_t)in.p[i], key = code << 8 | literal;
		uint32_t *slot = slot_of(p, key);
		if (*slot != TABLE_EMPTY) {
			code = *slot & (CODES - 1);
			continue;
		}
		put(p, code);
		code = literal;
		if (count(p))
			*slot = key << 12 | p->high;
	}
	if (code != NO_CODE) {
		put(p, code);
		count(p);
	}
	put(p, END);
	if (p->held)
		buf_char(p->out, (char)p->bits);
}

/* A packet's table lies on the stack; that of a pool's whole state would stay there for good, touched once a minute. */
void lzw_pack(struct buf *out, struct slice in)
{
	uint32_t small[TABLE_SMALL];
	bool large = in.n > TABLE_SMALL / 4 * 3;
	struct packer p = {.table = large ? malloc(TABLE_MAX * sizeof *p.table) : small};
	if (!p.table) {
		out->failed = true;
		return;
	}
	packer_begin(&p, out, in.n, large ? TABLE_MAX : TABLE_SMALL);
	pack(&p, in);
	if (large)
		free(p.table);
}

/* ---- reading ---- */

struct unpacker {
	const uint8_t *at, *end;
	uint32_t bits, held;
	uint32_t width, high, overflow, last;
	uint16_t prefix[CODES];
	uint8_t suffix[CODES];
	uint8_t text[CODES]; /* of one code, filled from the end */
};

static void unpacker_clear(struct unpacker *u)
{
	u->width = WIDTH_MIN;
	u->high = END;
	u->overflow = 1 << WIDTH_MIN;
	u->last = NO_CODE;
}

static uint32_t get(struct unpacker *u)
{
	while (u->held < u->width) {
		if (u->at == u->end)
			return NO_CODE;
		u->bits |= (uint32_t)*u->at++ << u->held;
		u->held += 8;
	}
	uint32_t code = u->bits & ((1u << u->width) - 1);
	u->bits >>= u->width;
	u->held -= u->width;
	return code;
}

/* The bytes that a code stands for, at the end of u->text. Precondition: code <= high, and a code that is still being
 * made (== high) has a last one before it. */
static struct slice expand(struct unpacker *u, uint32_t code)
{
	size_t at = CODES;
	uint32_t c = code;
	if (code == u->high && u->last != NO_CODE) { /* its last byte is its first */
		c = u->last;
		while (c >= CLEAR)
			c = u->prefix[c];
		u->text[--at] = (uint8_t)c;
		c = u->last;
	}
	while (c >= CLEAR) {
		u->text[--at] = u->suffix[c];
		c = u->prefix[c];
	}
	u->text[--at] = (uint8_t)c;
	return (struct slice){(const char *)u->text + at, CODES - at};
}

static bool known(const struct unpacker *u, uint32_t code)
{
	return code < CLEAR || (code > END && (code < u->high || (code == u->high && u->last != NO_CODE)));
}

static void grow(struct unpacker *u, uint32_t code, uint8_t first)
{
	if (u->last != NO_CODE) {
		u->suffix[u->high] = first;
		u->prefix[u->high] = (uint16_t)u->last;
	}
	u->last = code;
	if (++u->high < u->overflow)
		return;
	if (u->width == WIDTH_MAX) { /* full: only a clear helps */
		u->last = NO_CODE;
		u->high--;
	} else {
		u->width++;
		u->overflow <<= 1;
	}
}

enum err lzw_unpack(struct buf *out, struct slice in, size_t limit, struct fail *f)
{
	if (!in.n)
		return fail_set(f, ERR_INVALID, "unexpected EOF");
	struct unpacker u = {.at = (const uint8_t *)in.p, .end = (const uint8_t *)in.p + in.n};
	size_t begin = out->n;
	unpacker_clear(&u);
	for (;;) {
		uint32_t code = get(&u);
		if (code == NO_CODE)
			return fail_set(f, ERR_INVALID, "unexpected EOF");
		if (code == END)
			return out->failed ? fail_set(f, ERR_NO_MEMORY, "out of memory") : OK;
		if (code == CLEAR) {
			unpacker_clear(&u);
			continue;
		}
		if (!known(&u, code))
			return fail_set(f, ERR_INVALID, "lzw: invalid code");
		struct slice text = expand(&u, code);
		if (out->n - begin + text.n > limit)
			return fail_set(f, ERR_INVALID, "lzw: too large");
		buf_slice(out, text);
		grow(&u, code, (uint8_t)text.p[0]);
	}
}
