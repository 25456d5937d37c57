/* Bytes as text: base64 (standard, padded), hex, percent. */
#ifndef BASE_ENC_H
#define BASE_ENC_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"

void base64_put(struct buf *b, struct slice bytes);
/* Strict, as Go's StdEncoding (newlines are skipped): "illegal base64 data at input byte N". */
enum err base64_get(struct slice text, struct arena *a, struct slice *out, struct fail *f);

void hex_put(struct buf *b, struct slice bytes);
bool hex_get(struct slice text, struct arena *a, struct slice *out);

/* url.PathUnescape / QueryUnescape ('+' is a blank in a query). False on a bad escape. */
bool percent_get_path(struct slice text, struct arena *a, struct slice *out);
bool percent_get_query(struct slice text, struct arena *a, struct slice *out);
/* url.PathEscape-like for whole paths (slashes stay) and url.QueryEscape. */
void percent_put_path(struct buf *b, struct slice s);
void percent_put_query(struct buf *b, struct slice s);

#endif
