#include "core/base/civil.h"

enum { DAY_SECONDS = 86400, ERA_DAYS = 146097 /* 400 years */ };

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t wall_seconds(wall_ns t)
{
	return floor_div(t, NS_PER_S);
}

/* Counts years from March, so that the leap day is the last of a year (H. Hinnant, chrono-compatible low-level date
 * algorithms). 719468 days lie between 0000-03-01 and 1970-01-01. */
struct civil civil_of(int64_t unix_seconds)
{
	int64_t days = floor_div(unix_seconds, DAY_SECONDS), shifted = days + 719468;
	unsigned rest = (unsigned)(unix_seconds - days * DAY_SECONDS);
	int64_t era = floor_div(shifted, ERA_DAYS);
	unsigned day_of_era = (unsigned)(shifted - era * ERA_DAYS);
	unsigned year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * day_of_year + 2) / 153;
	return (struct civil){
	        .year = era * 400 + year + (month >= 10),
	        .month = month < 10 ? month + 3 : month - 9,
	        .day = day_of_year - (153 * month + 2) / 5 + 1,
	        .hour = rest / 3600,
	        .minute = rest / 60 % 60,
	        .second = rest % 60,
	        .weekday = (unsigned)((days % 7 + 11) % 7),
	};
}
