/* LZW as memberlist packs messages: codes from the lowest bit up, 8-bit literals (Go's compress/lzw, LSB, 8).
 *
 * Codes 256 and 257 are clear and end; widths go from 9 to 12. The writer clears when its table is full. Both
 * directions only append; whatever `out` held before stays. */
#ifndef BASE_LZW_H
#define BASE_LZW_H

#include "core/base/buf.h"
#include "core/base/err.h"

void lzw_pack(struct buf *out, struct slice in);

/* At most `limit` bytes come out, whatever the input says: "lzw: invalid code", "unexpected EOF" (no end code),
 * "lzw: too large". */
enum err lzw_unpack(struct buf *out, struct slice in, size_t limit, struct fail *f);

#endif
