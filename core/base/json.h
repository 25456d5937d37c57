/* JSON as text, both ways.
 *
 * Reading is total: any bytes give a value or an error, depth is bounded (JSON_DEPTH_MAX, as Go's 10000), memory by the
 * arena. Error texts are encoding/json's ("invalid character 'x' looking for beginning of value",
 * "unexpected end of JSON input", …). Strings: escapes decoded, invalid UTF-8 becomes U+FFFD, as Go does. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/value.h"

enum { JSON_DEPTH_MAX = 10000 };

/* Reads one value; what follows it must be white space only. */
enum err json_read(struct slice text, struct arena *a, struct value *out, struct fail *f);

/* Reads the first value as json.Decoder does; *rest is what follows. Empty input: ERR_INVALID with text "EOF"; a value
 * cut short: "unexpected EOF". */
enum err json_read_first(struct slice text, struct arena *a, struct value *out, struct slice *rest, struct fail *f);

/* Pieces for writing, all as encoding/json writes them. */
void json_string(struct buf *out, struct slice s); /* quoted and escaped */
void json_base64(struct buf *out, struct slice s); /* quoted base64; nil is null */
void json_float(struct buf *out, double v);
void json_newline(struct buf *out, unsigned indent, unsigned depth); /* newline and blanks; nothing when indent == 0 */
void json_value(
        struct buf *out, const struct value *v, unsigned indent, unsigned depth); /* object keys in their order */

#endif
