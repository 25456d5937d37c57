/* Packing as gzip (RFC 1952, 1951), all at once: answers of HTTP, archives of snapshots.
 *
 * Repetitions within 32 KiB are found through hash chains; each block gets whichever of the three codings (stored,
 * fixed codes, its own Huffman codes) is shortest, so that nothing grows by more than 5 bytes a block and 18 in all.
 * Working memory is some 100 KiB from the system, returned before the call ends; little for short contents.
 *
 * `out` as any buf: look at out->failed. The reader is core/base/gunzip.h. */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include "core/base/buf.h"

/* Appends one member. A content of more than 4 GiB is refused (out->failed). */
void gzip(struct slice content, struct buf *out);

#endif
