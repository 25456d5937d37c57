/* UTF-8 and quoting, as Go does both. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "core/base/buf.h"
#include "core/base/types.h"

enum { RUNE_ERROR = 0xFFFD };

/* The rune at s.p[*at]; moves *at behind it. Anything invalid is RUNE_ERROR and one byte wide (a well-formed U+FFFD is
 * three), as Go's utf8.DecodeRune. Precondition: *at < s.n. */
uint32_t utf8_next(struct slice s, size_t *at);
/* Writes the rune, returns its width (1…4). Surrogates and what is beyond U+10FFFF become U+FFFD. */
size_t utf8_put(char out[static 4], uint32_t rune);

/* strconv.IsPrint, by a short list in place of Go's Unicode tables: unassigned runes count as printable. */
bool rune_printable(uint32_t r);

/* strconv.Quote, which is also %q of a string. Non-ASCII runes stand as they are except blanks, controls and the
 * private areas (a short list in place of Go's Unicode tables). */
void quote_put(struct buf *b, struct slice s);
/* The same into `out`, cut to size, for error texts. Returns out. */
const char *quote_cstr(struct slice s, char *out, size_t size);

#endif
