/* msgpack: reading, writing, skipping.
 *
 * Reading is sticky and total: every function looks at what is left, never past it; the first failure stays in the
 * reader and later reads return zero values. Check `failed` once a message. Depth and counts are bounded by what is
 * left. The reader accepts both families of strings (raw/str8 and bin).
 *
 * Writing: the old raw family (never str8 d9, bin c4…c6) is what go-msgpack writes on server RPC, gossip and Raft
 * (../shared/wire: gossip.md section 0); the "new" functions are for port 8400 and its CLI. */
#ifndef BASE_MSGPACK_H
#define BASE_MSGPACK_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/types.h"
#include "core/base/value.h"

struct mp_reader {
	const uint8_t *at, *end;
	bool failed;
	bool cut; /* failed because the input ended: with more bytes it may be whole */
};

struct mp_reader mp_read(struct slice bytes);

enum mp_kind { MP_NIL, MP_BOOL, MP_INT, MP_UINT, MP_FLOAT, MP_STR, MP_BIN, MP_ARRAY, MP_MAP, MP_EXT, MP_NONE };
enum mp_kind mp_peek(const struct mp_reader *r); /* MP_NONE at the end or after a failure */

bool mp_nil(struct mp_reader *r); /* takes a nil if there is one */
bool mp_bool(struct mp_reader *r);
int64_t mp_i64(struct mp_reader *r); /* any integer (or whole float) that fits */
uint64_t mp_u64(struct mp_reader *r);
double mp_float(struct mp_reader *r);     /* floats and integers */
struct slice mp_str(struct mp_reader *r); /* raw, str or bin; nil gives S_NONE; points into the input */
uint32_t mp_array(struct mp_reader *r);   /* number of items; nil gives 0. A count beyond what is left fails. */
uint32_t mp_map(struct mp_reader *r);     /* number of entries */
void mp_skip(struct mp_reader *r);        /* one whole value, bounded depth */
void mp_value(struct mp_reader *r, struct arena *a, struct value *out); /* any value */
void mp_fail(struct mp_reader *r); /* for a caller that finds the content wrong, or is out of memory */
static inline size_t mp_left(const struct mp_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* How many bytes the first whole value takes; 0 if it is not complete yet; SIZE_MAX if it can't be msgpack. */
size_t mp_whole(struct slice bytes);

/* The same for bytes that come in pieces: what was looked at is not looked at again. Begin with MP_SCAN, give all bytes
 * from the value's first each time. SIZE_MAX also when the value cannot fit `limit` bytes, known from its first heads.
 */
struct mp_scan {
	size_t at;    /* looked at so far */
	uint64_t due; /* values still to come */
};
#define MP_SCAN ((struct mp_scan){.due = 1})
size_t mp_scan(struct mp_scan *s, struct slice bytes, size_t limit);

void mp_put_nil(struct buf *b);
void mp_put_bool(struct buf *b, bool v);
void mp_put_i64(struct buf *b, int64_t v);  /* smallest form; from 0 up the unsigned family, as go-msgpack */
void mp_put_u64(struct buf *b, uint64_t v); /* smallest unsigned */
void mp_put_float(struct buf *b, double v);
void mp_put_str(struct buf *b, struct slice s); /* old raw family; also for []byte, where nil is c0: mp_put_bytes */
void mp_put_bytes(struct buf *b, struct slice s);
void mp_put_array(struct buf *b, uint32_t n);
void mp_put_map(struct buf *b, uint32_t n);
void mp_put_str_new(struct buf *b, struct slice s); /* str8 allowed */
void mp_put_bin_new(struct buf *b, struct slice s);

#endif
