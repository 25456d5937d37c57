/* A moment as Go keeps it in 15 bytes (time.MarshalBinary), which is how RPC carries a time.Time: version 1, seconds
 * since the year 1, nanoseconds, minutes east of UTC (all ones: UTC), big endian. */
#ifndef BASE_GOTIME_H
#define BASE_GOTIME_H

#include "core/base/types.h"

enum { GOTIME_BYTES = 15 };

/* A wall time of 0 stands for Go's zero time, the beginning of the year 1. */
void gotime_put(char out[static GOTIME_BYTES], wall_ns t);
/* False: not that form. Times outside of what wall_ns can hold (1677 to 2262) give 0. */
bool gotime_get(struct slice bytes, wall_ns *out);

#endif
