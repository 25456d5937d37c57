/* Unpacking gzip (RFC 1952, 1951), all at once: archives of snapshots.
 *
 * Total: any bytes give their content or an error; out->limit bounds what is unpacked. Several members one after
 * another are one content. Error texts are those of Go's compress/gzip and compress/flate. */
#ifndef BASE_GUNZIP_H
#define BASE_GUNZIP_H

#include "core/base/buf.h"
#include "core/base/err.h"

/* Only looks whether it begins as gzip does. */
enum err gunzip_header(struct slice packed, struct fail *f);

/* After an error `out` holds what could be unpacked before. */
enum err gunzip(struct slice packed, struct buf *out, struct fail *f);

#endif
