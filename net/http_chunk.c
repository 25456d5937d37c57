#include "net/http_chunk.h"

#include <stdio.h>

/* Where in the grammar: size line, its extension or the blanks that end it, data, the two bytes behind it, trailers.
 *
 *	SIZE --;--> REST ---.
 *	  |  `blank-> BLANK -+--\n--> DATA --left 0--> CR -> LF --> SIZE
 *	  `------------------'    `0-> TRAILER --empty line--> (end) */
enum { AT_SIZE, AT_REST, AT_BLANK, AT_DATA, AT_DATA_CR, AT_DATA_LF, AT_TRAILER, AT_TRAILER_LINE, AT_TRAILER_CR };

enum { DIGITS_MAX = 16 };

static enum http_chunk_state wrong(struct http_chunk *c, const char *error)
{
	c->error = error;
	return HTTP_CHUNK_BAD;
}

static int hex_value(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* The size line has ended. */
static enum http_chunk_state begin_data(struct http_chunk *c)
{
	if (!c->digits)
		return wrong(c, "empty hex number for chunk length");
	c->at = c->left ? AT_DATA : AT_TRAILER;
	c->line = 0;
	c->digits = 0;
	return HTTP_CHUNK_MORE;
}

static enum http_chunk_state size_byte(struct http_chunk *c, char ch)
{
	if (++c->line >= HTTP_CHUNK_LINE_MAX)
		return wrong(c, "header line too long");
	if (ch == '\n')
		return begin_data(c);
	if (c->at == AT_REST)
		return HTTP_CHUNK_MORE;
	int v = hex_value(ch);
	if (v >= 0 && c->at == AT_SIZE) {
		if (c->digits == DIGITS_MAX)
			return wrong(c, "http chunk length too large");
		c->digits++;
		c->left = c->left << 4 | (uint64_t)v;
		return HTTP_CHUNK_MORE;
	}
	bool blank = ch == '\r' || ch == ' ' || ch == '\t';
	if (!blank && (ch != ';' || c->at == AT_BLANK))
		return wrong(c, "invalid byte in chunk length");
	c->at = blank ? AT_BLANK : AT_REST;
	return HTTP_CHUNK_MORE;
}

static enum http_chunk_state trailer_byte(struct http_chunk *c, char ch)
{
	if (++c->line >= HTTP_TRAILER_MAX)
		return wrong(c, "http: suspiciously long trailer after chunked body");
	if (ch == '\n') {
		bool empty = c->at != AT_TRAILER_LINE;
		c->at = AT_TRAILER;
		return empty ? HTTP_CHUNK_END : HTTP_CHUNK_MORE;
	}
	c->at = ch == '\r' && c->at == AT_TRAILER ? AT_TRAILER_CR : AT_TRAILER_LINE;
	return HTTP_CHUNK_MORE;
}

static enum http_chunk_state grammar_byte(struct http_chunk *c, char ch)
{
	switch (c->at) {
	case AT_DATA_CR:
		c->at = AT_DATA_LF;
		return ch == '\r' ? HTTP_CHUNK_MORE : wrong(c, "malformed chunked encoding");
	case AT_DATA_LF: c->at = AT_SIZE; return ch == '\n' ? HTTP_CHUNK_MORE : wrong(c, "malformed chunked encoding");
	case AT_SIZE:
	case AT_REST:
	case AT_BLANK: return size_byte(c, ch);
	default: return trailer_byte(c, ch);
	}
}

enum http_chunk_state http_chunk_read(
        struct http_chunk *c, const char *in, size_t n, char *out, size_t *used, size_t *made)
{
	size_t at = 0, put = 0;
	enum http_chunk_state state = c->error ? HTTP_CHUNK_BAD : HTTP_CHUNK_MORE;
	while (at < n && state == HTTP_CHUNK_MORE) {
		if (c->at != AT_DATA) {
			state = grammar_byte(c, in[at++]);
			continue;
		}
		size_t piece = n - at < c->left ? n - at : (size_t)c->left;
		memmove(out + put, in + at, piece);
		at += piece;
		put += piece;
		c->left -= piece;
		if (!c->left)
			c->at = AT_DATA_CR;
	}
	*used = at;
	*made = put;
	return state;
}

void http_chunk_put(struct buf *b, struct slice data)
{
	if (!data.n)
		return;
	char size[20];
	int n = snprintf(size, sizeof size, "%zx\r\n", data.n);
	buf_bytes(b, size, (size_t)n);
	buf_slice(b, data);
	BUF_LIT(b, "\r\n");
}
