#include "core/base/msgpack.h"

#include "core/base/num.h"

enum {
	FIXMAP = 0x80,
	FIXARRAY = 0x90,
	FIXSTR = 0xa0,
	NIL = 0xc0,
	NEVER = 0xc1,
	FALSE_ = 0xc2,
	TRUE_ = 0xc3,
	BIN8 = 0xc4,
	EXT8 = 0xc7,
	FLOAT32 = 0xca,
	FLOAT64 = 0xcb,
	UINT8 = 0xcc,
	INT8 = 0xd0,
	FIXEXT1 = 0xd4,
	STR8 = 0xd9,
	STR16 = 0xda,
	ARRAY16 = 0xdc,
	MAP16 = 0xde,
	NEGATIVE = 0xe0,
};

enum { DEPTH_MAX = 100 };

/* What stands at the front of a value. */
struct head {
	enum mp_kind kind;
	unsigned size;    /* bytes of the head */
	uint64_t bits;    /* of a number, as written: sign-extended for MP_INT */
	uint64_t payload; /* bytes behind the head */
	uint64_t members; /* values behind the head */
};

static uint64_t big_endian(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static int64_t sign_extend(uint64_t v, unsigned bytes)
{
	unsigned shift = 64 - 8 * bytes;
	return (int64_t)(v << shift) >> shift;
}

/* Heads of one byte. */
static bool head_short(uint8_t tag, struct head *h)
{
	h->size = 1;
	if (tag < FIXMAP || tag >= NEGATIVE) {
		h->kind = tag < FIXMAP ? MP_UINT : MP_INT;
		h->bits = (uint64_t)(int64_t)(int8_t)tag;
	} else if (tag < FIXARRAY) {
		h->kind = MP_MAP;
		h->members = 2u * (tag & 15);
	} else if (tag < FIXSTR) {
		h->kind = MP_ARRAY;
		h->members = tag & 15;
	} else if (tag < NIL) {
		h->kind = MP_STR;
		h->payload = tag & 31;
	} else if (tag == NIL || tag == FALSE_ || tag == TRUE_) {
		h->kind = tag == NIL ? MP_NIL : MP_BOOL;
		h->bits = tag == TRUE_;
	} else {
		return false;
	}
	return true;
}

/* Heads with a number behind the tag: which kind, and how many bytes the number has. */
static enum mp_kind head_long(uint8_t tag, unsigned *bytes)
{
	if (tag >= MAP16) {
		*bytes = 2u << (tag - MAP16);
		return MP_MAP;
	}
	if (tag >= ARRAY16) {
		*bytes = 2u << (tag - ARRAY16);
		return MP_ARRAY;
	}
	if (tag >= STR8) {
		*bytes = 1u << (tag - STR8);
		return MP_STR;
	}
	if (tag >= FIXEXT1) {
		*bytes = 0;
		return MP_EXT;
	}
	if (tag >= UINT8) {
		*bytes = 1u << ((tag - UINT8) & 3);
		return tag < INT8 ? MP_UINT : MP_INT;
	}
	if (tag >= FLOAT32) {
		*bytes = tag == FLOAT32 ? 4 : 8;
		return MP_FLOAT;
	}
	*bytes = 1u << (tag >= EXT8 ? tag - EXT8 : tag - BIN8);
	return tag >= EXT8 ? MP_EXT : MP_BIN;
}

static double float_of(uint64_t bits, unsigned bytes)
{
	float single;
	double v;
	uint32_t half = (uint32_t)bits;
	if (bytes == 8) {
		memcpy(&v, &bits, sizeof v);
		return v;
	}
	memcpy(&single, &half, sizeof single);
	return (double)single;
}

enum look { LOOK_OK, LOOK_CUT, LOOK_NEVER };

static enum look head_read(const uint8_t *p, size_t left, struct head *h)
{
	*h = (struct head){0};
	if (!left)
		return LOOK_CUT;
	uint8_t tag = p[0];
	if (tag == NEVER)
		return LOOK_NEVER;
	if (head_short(tag, h))
		return LOOK_OK;
	unsigned bytes;
	h->kind = head_long(tag, &bytes);
	h->size = 1 + bytes;
	if (left < h->size)
		return LOOK_CUT;
	uint64_t v = big_endian(p + 1, bytes);
	switch (h->kind) {
	case MP_MAP: h->members = 2 * v; break;
	case MP_ARRAY: h->members = v; break;
	case MP_EXT: h->payload = 1 + (bytes ? v : UINT64_C(1) << (tag - FIXEXT1)); break;
	case MP_STR:
	case MP_BIN: h->payload = v; break;
	case MP_INT: h->bits = (uint64_t)sign_extend(v, bytes); break;
	default: h->bits = v; break;
	}
	return LOOK_OK;
}

static void fail(struct mp_reader *r, bool cut)
{
	if (!r->failed)
		r->cut = cut;
	r->failed = true;
	r->at = r->end;
}

void mp_fail(struct mp_reader *r)
{
	fail(r, false);
}

struct mp_reader mp_read(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)(bytes.p ? bytes.p : "");
	return (struct mp_reader){.at = p, .end = p + bytes.n};
}

/* The head at the reader's place, which moves behind it; false after a failure. What the head promises has to be
 * there: its bytes, and a byte a member. */
static bool take_head(struct mp_reader *r, struct head *h)
{
	if (r->failed)
		return false;
	enum look l = head_read(r->at, mp_left(r), h);
	if (l != LOOK_OK) {
		fail(r, l == LOOK_CUT);
		return false;
	}
	if (mp_left(r) - h->size < h->payload || mp_left(r) - h->size < h->members) {
		fail(r, true);
		return false;
	}
	r->at += h->size;
	return true;
}

enum mp_kind mp_peek(const struct mp_reader *r)
{
	struct head h;
	unsigned bytes;
	if (r->failed || r->at == r->end || *r->at == NEVER)
		return MP_NONE;
	return head_short(*r->at, &h) ? h.kind : head_long(*r->at, &bytes);
}

bool mp_nil(struct mp_reader *r)
{
	if (r->at == r->end || *r->at != NIL)
		return false;
	r->at++;
	return true;
}

bool mp_bool(struct mp_reader *r)
{
	struct head h;
	if (!take_head(r, &h))
		return false;
	if (h.kind != MP_BOOL && h.kind != MP_NIL)
		fail(r, false);
	return h.kind == MP_BOOL && h.bits;
}

static double head_float(const struct head *h)
{
	return float_of(h->bits, h->size - 1);
}

int64_t mp_i64(struct mp_reader *r)
{
	struct head h;
	if (r->at < r->end && *r->at < FIXMAP)
		return *r->at++;
	if (!take_head(r, &h) || h.kind == MP_NIL)
		return 0;
	if (h.kind == MP_INT || (h.kind == MP_UINT && h.bits <= INT64_MAX))
		return (int64_t)h.bits;
	double v = h.kind == MP_FLOAT ? head_float(&h) : 0.5;
	if (v >= -0x1p63 && v < 0x1p63 && v == (double)(int64_t)v)
		return (int64_t)v;
	fail(r, false);
	return 0;
}

uint64_t mp_u64(struct mp_reader *r)
{
	struct head h;
	if (r->at < r->end && *r->at < FIXMAP)
		return *r->at++;
	if (!take_head(r, &h) || h.kind == MP_NIL)
		return 0;
	if (h.kind == MP_UINT || (h.kind == MP_INT && (int64_t)h.bits >= 0))
		return h.bits;
	double v = h.kind == MP_FLOAT ? head_float(&h) : 0.5;
	if (v >= 0 && v < 0x1p64 && v == (double)(uint64_t)v)
		return (uint64_t)v;
	fail(r, false);
	return 0;
}

double mp_float(struct mp_reader *r)
{
	struct head h;
	if (!take_head(r, &h))
		return 0;
	switch (h.kind) {
	case MP_NIL: return 0;
	case MP_FLOAT: return head_float(&h);
	case MP_INT: return (double)(int64_t)h.bits;
	case MP_UINT: return (double)h.bits;
	default: fail(r, false); return 0;
	}
}

static struct slice take_bytes(struct mp_reader *r, uint64_t n)
{
	struct slice s = {(const char *)r->at, (size_t)n};
	r->at += n;
	return s;
}

struct slice mp_str(struct mp_reader *r)
{
	struct head h;
	if (r->at < r->end && (*r->at & 0xE0) == FIXSTR && mp_left(r) > (*r->at & 31u)) {
		unsigned n = *r->at++ & 31u;
		return take_bytes(r, n);
	}
	if (!take_head(r, &h) || h.kind == MP_NIL)
		return S_NONE;
	if (h.kind == MP_STR || h.kind == MP_BIN)
		return take_bytes(r, h.payload);
	fail(r, false);
	return S_NONE;
}

static uint64_t take_members(struct mp_reader *r, enum mp_kind kind)
{
	struct head h;
	if (!take_head(r, &h) || h.kind == MP_NIL)
		return 0;
	if (h.kind == kind)
		return h.members;
	fail(r, false);
	return 0;
}

uint32_t mp_array(struct mp_reader *r)
{
	return (uint32_t)take_members(r, MP_ARRAY);
}

uint32_t mp_map(struct mp_reader *r)
{
	return (uint32_t)(take_members(r, MP_MAP) / 2);
}

/* Counts the values still due instead of descending, so that depth costs nothing. */
void mp_skip(struct mp_reader *r)
{
	struct head h;
	for (uint64_t due = 1; due && take_head(r, &h); due += h.members, due--)
		r->at += h.payload;
}

/* Every value due takes a byte at least, so what is promised beyond the limit is known at once. */
static bool beyond(const struct mp_scan *s, const struct head *h, size_t limit)
{
	uint64_t room = limit - s->at;
	if (s->due > room || h->size > room || h->payload > room - h->size)
		return true;
	room -= h->size + h->payload;
	return s->due - 1 > room || h->members > room - (s->due - 1);
}

size_t mp_scan(struct mp_scan *s, struct slice bytes, size_t limit)
{
	struct head h;
	const uint8_t *p = mp_read(bytes).at;
	while (s->due) {
		enum look l = head_read(p + s->at, bytes.n - s->at, &h);
		if (l == LOOK_NEVER || beyond(s, &h, limit))
			return SIZE_MAX;
		if (l == LOOK_CUT || bytes.n - s->at - h.size < h.payload)
			return 0;
		s->at += h.size + (size_t)h.payload;
		s->due += h.members - 1;
	}
	return s->at;
}

size_t mp_whole(struct slice bytes)
{
	struct mp_scan s = MP_SCAN;
	return mp_scan(&s, bytes, SIZE_MAX);
}

/* ---- any value ---- */

static void number_value(struct mp_reader *r, struct arena *a, const struct head *h, struct value *out)
{
	struct buf text = {0};
	if (h->kind == MP_FLOAT)
		float_print(&text, head_float(h));
	else if (h->kind == MP_INT)
		buf_i64(&text, (int64_t)h->bits);
	else
		buf_u64(&text, h->bits);
	*out = (struct value){.type = V_NUMBER, .text = arena_copy(a, buf_view(&text))};
	buf_free(&text);
	if (!out->text.p)
		fail(r, false);
}

static void any_value(struct mp_reader *r, struct arena *a, struct value *out, unsigned depth);

static void list_value(struct mp_reader *r, struct arena *a, uint32_t n, struct value *out, unsigned depth)
{
	*out = (struct value){.type = V_LIST, .n = n, .items = ARENA_ARRAY(a, struct value, n)};
	if (!out->items)
		fail(r, false);
	for (uint32_t i = 0; i < n && !r->failed; i++)
		any_value(r, a, &out->items[i], depth + 1);
}

/* Keys that are numbers become their text. */
static void map_value(struct mp_reader *r, struct arena *a, uint32_t n, struct value *out, unsigned depth)
{
	struct value key;
	*out = (struct value){.type = V_OBJECT, .n = n, .entries = ARENA_ARRAY(a, struct value_entry, n)};
	if (!out->entries)
		fail(r, false);
	for (uint32_t i = 0; i < n && !r->failed; i++) {
		any_value(r, a, &key, depth + 1);
		out->entries[i].key = key.text;
		any_value(r, a, &out->entries[i].val, depth + 1);
	}
}

static void any_value(struct mp_reader *r, struct arena *a, struct value *out, unsigned depth)
{
	struct head h;
	*out = (struct value){.type = V_NULL};
	if (depth > DEPTH_MAX)
		fail(r, false);
	if (!take_head(r, &h))
		return;
	switch (h.kind) {
	case MP_BOOL: *out = (struct value){.type = V_BOOL, .boolean = h.bits}; break;
	case MP_INT:
	case MP_UINT:
	case MP_FLOAT: number_value(r, a, &h, out); break;
	case MP_STR:
	case MP_BIN: *out = (struct value){.type = V_STRING, .text = take_bytes(r, h.payload)}; break;
	case MP_ARRAY: list_value(r, a, (uint32_t)h.members, out, depth); break;
	case MP_MAP: map_value(r, a, (uint32_t)(h.members / 2), out, depth); break;
	default: r->at += h.payload; break;
	}
}

void mp_value(struct mp_reader *r, struct arena *a, struct value *out)
{
	any_value(r, a, out, 0);
	if (r->failed)
		*out = (struct value){.type = V_NULL};
}
