#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUF_MIN = 256 };

char *buf_room(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (b->cap - b->n >= n && b->p)
		return b->p + b->n;
	size_t want = b->n + n;
	if (want < n || (b->limit && want > b->limit)) {
		b->failed = true;
		return NULL;
	}
	size_t cap = b->cap * 2 > want ? b->cap * 2 : want;
	if (cap < BUF_MIN)
		cap = BUF_MIN;
	if (b->limit && cap > b->limit)
		cap = b->limit;
	char *p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return p + b->n;
}

void buf_bytes(struct buf *b, const void *p, size_t n)
{
	char *at = n ? buf_room(b, n) : NULL;
	if (!at)
		return;
	memcpy(at, p, n);
	b->n += n;
}

void buf_char(struct buf *b, char c)
{
	char *at = buf_room(b, 1);
	if (!at)
		return;
	*at = c;
	b->n++;
}

void buf_cstr(struct buf *b, const char *s)
{
	buf_bytes(b, s, strlen(s));
}

/* How far a text reaches that may not end with a zero; printf's own rule: a negative precision is none. */
static size_t text_length(const char *s, int precision)
{
	return precision < 0 ? strlen(s) : strnlen(s, (size_t)precision);
}

/* What nearly every format is made of: %.*s %s %u %d %zu %llu %%. Each request writes a log line, and the C library's
 * printf would cost more than half of it. False at anything else, what was written so far being no good. */
static bool put_plain(struct buf *b, const char *fmt, va_list *ap)
{
	for (const char *at; *(at = strchrnul(fmt, '%')); fmt = at) {
		buf_bytes(b, fmt, (size_t)(at++ - fmt));
		if (!strncmp(at, ".*s", 3)) {
			int precision = va_arg(*ap, int);
			const char *s = va_arg(*ap, const char *);
			buf_bytes(b, s, precision ? text_length(s, precision) : 0);
			at += 3;
		} else if (!strncmp(at, "zu", 2)) {
			buf_u64(b, va_arg(*ap, size_t));
			at += 2;
		} else if (!strncmp(at, "llu", 3)) {
			buf_u64(b, va_arg(*ap, unsigned long long));
			at += 3;
		} else {
			switch (*at++) {
			case 's': buf_cstr(b, va_arg(*ap, const char *)); break;
			case 'u': buf_u64(b, va_arg(*ap, unsigned)); break;
			case 'd': buf_i64(b, va_arg(*ap, int)); break;
			case '%': buf_char(b, '%'); break;
			default: return false;
			}
		}
	}
	buf_cstr(b, fmt);
	return true;
}

static void put_any(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *at = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
	if (at) {
		vsnprintf(at, (size_t)n + 1, fmt, ap);
		b->n += (size_t)n;
	}
	b->failed |= n < 0;
}

void buf_vfmt(struct buf *b, const char *fmt, va_list ap)
{
	size_t before = b->n;
	va_list plain;
	va_copy(plain, ap);
	if (!put_plain(b, fmt, &plain)) {
		b->n = before;
		put_any(b, fmt, ap);
	}
	va_end(plain);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vfmt(b, fmt, ap);
	va_end(ap);
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_bytes(b, digits + at, sizeof digits - at);
}

void buf_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static void buf_be(struct buf *b, uint64_t v, size_t bytes)
{
	char *at = buf_room(b, bytes);
	if (!at)
		return;
	for (size_t i = 0; i < bytes; i++)
		at[i] = (char)(v >> (8 * (bytes - 1 - i)));
	b->n += bytes;
}

void buf_be16(struct buf *b, uint16_t v)
{
	buf_be(b, v, 2);
}

void buf_be32(struct buf *b, uint32_t v)
{
	buf_be(b, v, 4);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_reset(struct buf *b, size_t keep)
{
	size_t limit = b->limit;
	if (b->cap > keep)
		buf_free(b);
	b->n = 0;
	b->failed = false;
	b->limit = limit;
}

void buf_free(struct buf *b)
{
	size_t limit = b->limit;
	free(b->p);
	*b = (struct buf){.limit = limit};
}
