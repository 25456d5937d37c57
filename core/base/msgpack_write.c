#include "core/base/msgpack.h"

static void put_byte(struct buf *b, unsigned v)
{
	buf_char(b, (char)v);
}

/* A tag and a big-endian number of 1, 2, 4 or 8 bytes. */
static void put_tagged(struct buf *b, unsigned tag, uint64_t v, unsigned bytes)
{
	char *to = buf_room(b, 1 + bytes);
	if (!to)
		return;
	to[0] = (char)tag;
	for (unsigned i = 0; i < bytes; i++)
		to[1 + i] = (char)(v >> (8 * (bytes - 1 - i)));
	buf_add(b, 1 + bytes);
}

void mp_put_nil(struct buf *b)
{
	put_byte(b, 0xc0);
}

void mp_put_bool(struct buf *b, bool v)
{
	put_byte(b, v ? 0xc3 : 0xc2);
}

void mp_put_u64(struct buf *b, uint64_t v)
{
	if (v < 0x80)
		put_byte(b, (unsigned)v);
	else if (v <= UINT8_MAX)
		put_tagged(b, 0xcc, v, 1);
	else if (v <= UINT16_MAX)
		put_tagged(b, 0xcd, v, 2);
	else if (v <= UINT32_MAX)
		put_tagged(b, 0xce, v, 4);
	else
		put_tagged(b, 0xcf, v, 8);
}

void mp_put_i64(struct buf *b, int64_t v)
{
	if (v >= 0)
		mp_put_u64(b, (uint64_t)v);
	else if (v >= -32)
		put_byte(b, (unsigned)v & 0xff);
	else if (v >= INT8_MIN)
		put_tagged(b, 0xd0, (uint64_t)v, 1);
	else if (v >= INT16_MIN)
		put_tagged(b, 0xd1, (uint64_t)v, 2);
	else if (v >= INT32_MIN)
		put_tagged(b, 0xd2, (uint64_t)v, 4);
	else
		put_tagged(b, 0xd3, (uint64_t)v, 8);
}

void mp_put_float(struct buf *b, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	put_tagged(b, 0xcb, bits, 8);
}

void mp_put_str(struct buf *b, struct slice s)
{
	if (s.n < 32)
		put_byte(b, 0xa0 | (unsigned)s.n);
	else if (s.n <= UINT16_MAX)
		put_tagged(b, 0xda, s.n, 2);
	else
		put_tagged(b, 0xdb, s.n, 4);
	buf_slice(b, s);
}

void mp_put_bytes(struct buf *b, struct slice s)
{
	if (s.p)
		mp_put_str(b, s);
	else
		mp_put_nil(b);
}

void mp_put_array(struct buf *b, uint32_t n)
{
	if (n < 16)
		put_byte(b, 0x90 | n);
	else
		put_tagged(b, n <= UINT16_MAX ? 0xdc : 0xdd, n, n <= UINT16_MAX ? 2 : 4);
}

void mp_put_map(struct buf *b, uint32_t n)
{
	if (n < 16)
		put_byte(b, 0x80 | n);
	else
		put_tagged(b, n <= UINT16_MAX ? 0xde : 0xdf, n, n <= UINT16_MAX ? 2 : 4);
}

void mp_put_str_new(struct buf *b, struct slice s)
{
	if (s.n < 32 || s.n > UINT8_MAX) {
		mp_put_str(b, s);
		return;
	}
	put_tagged(b, 0xd9, s.n, 1);
	buf_slice(b, s);
}

void mp_put_bin_new(struct buf *b, struct slice s)
{
	if (!s.p) {
		mp_put_nil(b);
		return;
	}
	unsigned bytes = s.n <= UINT8_MAX ? 1 : s.n <= UINT16_MAX ? 2 : 4;
	put_tagged(b, bytes == 1 ? 0xc4 : bytes == 2 ? 0xc5 : 0xc6, s.n, bytes);
	buf_slice(b, s);
}
