#include "net/address.h"

#include "core/base/slice.h"
#include "tests/test.h"

static const char *printed(const struct address *a)
{
	static char text[ADDRESS_TEXT];
	CHECK_EQ(address_print(a, text), strlen(text));
	return text;
}

TEST(address, text_and_back)
{
	static const char *const same[] = {
	        "127.0.0.1:8500", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:8600", "[2001:db8::8:800:200c:417a]:1"};
	struct address a;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		ASSERT(address_parse(slice_of(same[i]), &a));
		CHECK_STR(slice_of(printed(&a)), same[i]);
	}
	ASSERT(address_parse(S("[::ffff:10.0.0.1]:80"), &a));
	CHECK_STR(slice_of(printed(&a)), "10.0.0.1:80");
	ASSERT(address_parse(S("unix:///tmp/x.sock"), &a));
	CHECK_EQ(a.kind, ADDRESS_UNIX);
	CHECK_STR(slice_of(printed(&a)), "/tmp/x.sock");
}

TEST(address, what_is_none)
{
	static const char *const bad[] = {"", ":80", "1.2.3:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:+1",
	        "::1:80", "[::1:80", "[::1]", "host:80", "1.2.3.4:80x", "unix://", "1.2.3.256:1"};
	struct address a;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (address_parse(slice_of(bad[i]), &a))
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
}

TEST(address, host_and_port_are_cut_as_go_does)
{
	static const struct {
		const char *in, *host, *port, *error;
	} rows[] = {
	        {"a:1", "a", "1", NULL},
	        {":1", "", "1", NULL},
	        {"[::1]:80", "::1", "80", NULL},
	        {"a:", "a", "", NULL},
	        {"a", NULL, NULL, "address a: missing port in address"},
	        {"[::1]", NULL, NULL, "address [::1]: missing port in address"},
	        {"::1", NULL, NULL, "address ::1: too many colons in address"},
	        {"[::1", NULL, NULL, "address [::1: missing ']' in address"},
	        {"[::1]:1:2", NULL, NULL, "address [::1]:1:2: too many colons in address"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice host = S_NONE, port = S_NONE;
		struct fail f = {0};
		enum err e = address_split(slice_of(rows[i].in), &host, &port, &f);
		CHECK_EQ(e != OK, rows[i].error != NULL);
		CHECK_STR(slice_of(f.text), rows[i].error ? rows[i].error : "");
		if (!e) {
			CHECK_STR(host, rows[i].host);
			CHECK_STR(port, rows[i].port);
		}
	}
}

TEST(address, to_the_kernel_and_back)
{
	static const char *const texts[] = {"10.1.2.3:4", "[fe80::1]:5"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct address a, b;
		union address_sock sock;
		ASSERT(address_parse(slice_of(texts[i]), &a));
		CHECK(address_to_sock(&a, &sock) > 0);
		b = address_of_sock(&sock.any);
		CHECK(address_eq(&a, &b));
		b.port++;
		CHECK(!address_eq(&a, &b) && address_cmp(&a, &b) < 0);
	}
	struct address longest = {.kind = ADDRESS_UNIX,
	        .path = "/123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
	                "45678901234567"};
	union address_sock sock;
	CHECK_EQ(address_to_sock(&longest, &sock), 0);
}

TEST(address, kinds_of_addresses)
{
	static const struct {
		const char *ip;
		bool any, loopback, private;
	} rows[] = {{"0.0.0.0", true, false, false}, {"::", true, false, false}, {"127.3.2.1", false, true, false},
	        {"::1", false, true, false}, {"10.9.8.7", false, false, true}, {"172.16.0.1", false, false, true},
	        {"172.32.0.1", false, false, false}, {"192.168.1.1", false, false, true},
	        {"100.64.0.1", false, false, true}, {"8.8.8.8", false, false, false}, {"fd00::1", false, false, true},
	        {"2001:db8::1", false, false, false}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct address a;
		ASSERT(address_parse_ip(slice_of(rows[i].ip), &a));
		CHECK_EQ(address_is_any(&a), rows[i].any);
		CHECK_EQ(address_is_loopback(&a), rows[i].loopback);
		CHECK_EQ(address_is_private(&a), rows[i].private);
	}
}

TEST(address, names_are_resolved)
{
	struct address a[4];
	unsigned n;
	struct fail f;
	CHECK_EQ(address_resolve("127.0.0.1", 80, a, 4, &n, &f), OK);
	CHECK(n >= 1);
	CHECK_STR(slice_of(printed(&a[0])), "127.0.0.1:80");
}
