/* Numbers and durations as Go reads and prints them. Error texts are those of strconv and time. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/types.h"

/* strconv.ParseUint/ParseInt(s, 10, 64): `strconv.ParseUint: parsing "abc": invalid syntax` (or "value out of range").
 */
enum err num_u64(struct slice s, uint64_t *out, struct fail *f);
enum err num_i64(struct slice s, int64_t *out, struct fail *f);
/* strconv.Atoi: the same with "strconv.Atoi". */
enum err num_int(struct slice s, int64_t *out, struct fail *f);
/* flag and strconv ParseBool: 1 t T TRUE true True 0 f F FALSE false False. */
enum err num_bool(struct slice s, bool *out, struct fail *f);
enum err num_float(struct slice s, double *out, struct fail *f);

/* time.ParseDuration: `time: invalid duration "soon"`, `time: missing unit in duration "10"`, `time: unknown unit "x"
 * in duration "1x"`. */
enum err dur_parse(struct slice s, dur_ns *out, struct fail *f);
/* Duration.String(): "1m0s", "300ms", "1.5s", "0s". */
void dur_print(struct buf *b, dur_ns d);

/* strconv.FormatFloat(v, 'g'…) as encoding/json prints it. */
void float_print(struct buf *b, double v);

/* RFC 3339 with nanoseconds, in UTC: 2006-01-02T15:04:05.999999999Z */
void time_rfc3339(struct buf *b, wall_ns t);

#endif
