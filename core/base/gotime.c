#include "core/base/gotime.h"

#include "core/base/civil.h"

#define YEAR_1 INT64_C(-62135596800) /* in seconds of Unix */

enum { VERSION = 1, NS_AT = 9, ZONE_AT = 13 };

void gotime_put(char out[static GOTIME_BYTES], wall_ns t)
{
	int64_t unix_seconds = t ? wall_seconds(t) : YEAR_1;
	uint64_t seconds = (uint64_t)(unix_seconds - YEAR_1);
	uint32_t ns = t ? (uint32_t)(t - unix_seconds * NS_PER_S) : 0;
	out[0] = VERSION;
	for (unsigned i = 0; i < 8; i++)
		out[1 + i] = (char)(seconds >> (56 - 8 * i));
	for (unsigned i = 0; i < 4; i++)
		out[NS_AT + i] = (char)(ns >> (24 - 8 * i));
	out[ZONE_AT] = out[ZONE_AT + 1] = (char)0xff;
}

bool gotime_get(struct slice bytes, wall_ns *out)
{
	uint64_t seconds = 0;
	uint32_t ns = 0;
	*out = 0;
	if (bytes.n != GOTIME_BYTES || bytes.p[0] != VERSION)
		return false;
	for (unsigned i = 0; i < 8; i++)
		seconds = seconds << 8 | (uint8_t)bytes.p[1 + i];
	for (unsigned i = 0; i < 4; i++)
		ns = ns << 8 | (uint8_t)bytes.p[NS_AT + i];
	uint64_t least = (uint64_t)(-YEAR_1 + INT64_MIN / NS_PER_S + 1),
	         most = (uint64_t)(-YEAR_1 + INT64_MAX / NS_PER_S);
	if (seconds > least && seconds < most - 8) /* the nanoseconds may be any number */
		*out = ((int64_t)seconds + YEAR_1) * NS_PER_S + ns;
	return true;
}
