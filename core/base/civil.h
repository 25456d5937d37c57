/* The calendar: seconds since 1970 as a date, UTC, proleptic Gregorian. No clock and no time zone here. */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include "core/base/types.h"

struct civil {
	int64_t year;
	unsigned month, day;           /* from 1 */
	unsigned hour, minute, second; /* from 0 */
	unsigned weekday;              /* 0: Sunday */
};

struct civil civil_of(int64_t unix_seconds);

/* Whole seconds of a wall time, rounded down, also before 1970. */
int64_t wall_seconds(wall_ns t);

#endif
