/* Chunked bodies, both ways.
 *
 * Reading is a step function over pieces of any size. It moves data forward only, so that a body is joined in place:
 * `out` may be `in`, or lie anywhere before it in the same memory. Trailers are dropped unread. Errors are
 * net/http's. */
#ifndef NET_HTTP_CHUNK_H
#define NET_HTTP_CHUNK_H

#include "core/base/buf.h"
#include "core/base/types.h"

enum { HTTP_CHUNK_LINE_MAX = 4096, HTTP_TRAILER_MAX = 4096 };

enum http_chunk_state { HTTP_CHUNK_MORE, HTTP_CHUNK_END, HTTP_CHUNK_BAD };

/* All zero at the start of a body. */
struct http_chunk {
	uint64_t left; /* of the chunk at hand */
	uint16_t line; /* bytes of the size line or of all trailers so far */
	uint8_t at;    /* where in the grammar; private */
	uint8_t digits;
	const char *error; /* HTTP_CHUNK_BAD: why */
};

/* Takes from in[0, n), writes data to out; *used and *made say how much. HTTP_CHUNK_END: the body is whole and
 * *used stops behind it. */
enum http_chunk_state http_chunk_read(
        struct http_chunk *c, const char *in, size_t n, char *out, size_t *used, size_t *made);

/* Appends one chunk; nothing when it is empty (an empty chunk would end the body). */
void http_chunk_put(struct buf *b, struct slice data);
#define HTTP_CHUNK_LAST "0\r\n\r\n"

#endif
