#include "net/tls_names.h"

#include "core/base/slice.h"
#include "tests/test.h"
#include "tests/unit/net/guard.h"

/* As much of a certificate as is looked at: names a.b, 127.0.0.1 and ::1 in the second extension. */
static const char certificate[] = "\x30\x3b\x30\x39\x02\x01\x05\xa3\x34\x30\x32\x30\x08\x06\x03\x55\x1d\x13\x04\x01\x30"
                                  "\x30\x26\x06\x03\x55\x1d\x11\x04\x1f\x30\x1d\x82\x03"
                                  "a.b"
                                  "\x87\x04\x7f\0\0\x01\x87\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
static const struct slice whole = {certificate, sizeof certificate - 1};

TEST(tls_names, addresses_are_found)
{
	CHECK(tls_names_address(whole, S("\x7f\0\0\x01")));
	CHECK(tls_names_address(whole, S("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01")));
	CHECK(!tls_names_address(whole, S("\x7f\0\0\x02")));
	CHECK(!tls_names_address(whole, S("a.b")));
	CHECK(!tls_names_address(S(""), S("\x7f\0\0\x01")));
}

TEST(tls_names, cut_anywhere_nothing_is_read_beyond)
{
	struct guard g = guard_new(whole.n);
	for (size_t n = 0; n <= whole.n; n++) {
		struct slice cut = {guard_put(&g, slice_cut(whole, 0, n)), n};
		CHECK_EQ(tls_names_address(cut, S("\x7f\0\0\x01")), n == whole.n);
	}
	guard_free(&g);
}
