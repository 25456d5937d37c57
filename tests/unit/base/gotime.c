#include "core/base/gotime.h"

#include "core/base/num.h"
#include "tests/test.h"

/* Seen on a real server: 2026-11-21T01:54:07.37859794Z */
static const char seen[] = "\x01\x00\x00\x00\x0e\xe2\x92\xf0\xbf\x16\x90\xf2\x34\x00\x00";

TEST(gotime, moments_come_and_go_as_go_writes_them)
{
	char out[GOTIME_BYTES];
	wall_ns t;
	struct buf text = {0};
	CHECK(gotime_get(slice_at(seen, GOTIME_BYTES), &t));
	time_rfc3339(&text, t);
	CHECK_STR(buf_view(&text), "2026-11-21T01:54:07.37859794Z");
	gotime_put(out, t);
	CHECK(!memcmp(out, seen, GOTIME_BYTES - 2));
	gotime_put(out, 0);
	CHECK(!memcmp(out, "\x01\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff", GOTIME_BYTES));
	CHECK(gotime_get(slice_at(out, GOTIME_BYTES), &t) && !t);
	CHECK(!gotime_get(slice_at(seen, GOTIME_BYTES - 1), &t));
	CHECK(!gotime_get(S("\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), &t));
	CHECK(gotime_get(S("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0"), &t) && !t);
	buf_free(&text);
}
