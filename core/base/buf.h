/* Bytes that grow.
 *
 * Appending never fails visibly: when memory or the limit runs out the buffer becomes `failed`, later appends do
 * nothing, and the caller looks once at the end. The bytes are malloc'ed and owned by the buf; buf_free returns them.
 * An all-zero buf is ready for use. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "core/base/types.h"

struct buf {
	char *p;
	size_t n, cap;
	size_t limit; /* most bytes it may hold; 0: no limit */
	bool failed;
};

/* Room for `n` more bytes at the end: a pointer to write to, or NULL. Then buf_add(b, written). */
char *buf_room(struct buf *b, size_t n);
static inline void buf_add(struct buf *b, size_t n)
{
	b->n += n;
}

void buf_bytes(struct buf *b, const void *p, size_t n);
static inline void buf_slice(struct buf *b, struct slice s)
{
	buf_bytes(b, s.p, s.n);
}
void buf_char(struct buf *b, char c);
void buf_cstr(struct buf *b, const char *s);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *b, const char *fmt, va_list ap);
void buf_u64(struct buf *b, uint64_t v); /* decimal */
void buf_i64(struct buf *b, int64_t v);

/* Big endian integers. */
void buf_be16(struct buf *b, uint16_t v);
void buf_be32(struct buf *b, uint32_t v);

#define BUF_LIT(b, literal) buf_bytes((b), literal, sizeof(literal) - 1)

/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Empties it; keeps the memory if it is at most `keep` bytes. */
void buf_reset(struct buf *b, size_t keep);
void buf_free(struct buf *b);

static inline struct slice buf_view(const struct buf *b)
{
	return (struct slice){b->p, b->n};
}

#endif
