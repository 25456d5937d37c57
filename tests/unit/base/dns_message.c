#include "core/base/dns_message.h"

#include "core/base/dns_writer.h"
#include "tests/test.h"

#define BYTES(...) slice_at((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define HEAD(flags_high, qd, an, ar) 0x10, 0x92, flags_high, 0, 0, qd, 0, an, 0, 0, 0, ar
#define ASK_A 1, 'a', 6, 'C', 'o', 'n', 's', 'u', 'l', 0, 0, 1, 0, 1

static struct slice text_of(struct dns_name n)
{
	static char text[DNS_TEXT_MAX];
	return slice_at(text, dns_name_text(n, text));
}

TEST(dns_message, a_question_is_read)
{
	struct dns_question q;
	ASSERT(dns_read_question(BYTES(HEAD(1, 1, 0, 0), ASK_A), &q));
	CHECK_EQ(q.id, 0x1092);
	CHECK_EQ(q.flags, DNS_RD);
	CHECK(q.asked && !q.edns);
	CHECK_EQ(q.type, DNS_A);
	CHECK_EQ(q.klass, 1);
	CHECK_STR(text_of(q.name), "a.Consul.");
	CHECK_EQ(q.packet.n, 26);
}

TEST(dns_message, cut_anywhere_it_is_refused_or_less)
{
	struct slice whole = BYTES(HEAD(1, 1, 0, 1), ASK_A, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0);
	struct dns_question q;
	CHECK(dns_read_question(whole, &q) && q.edns && q.udp_size == 4096);
	for (size_t n = 0; n < whole.n; n++) {
		bool good = dns_read_question(slice_cut(whole, 0, n), &q);
		/* a header alone, and a message that ends behind the name, the type, the class, or a byte into it */
		CHECK_EQ(good, n == 12 || n == 22 || n == 24 || n == 25 || n == 26);
		CHECK_EQ(q.headed, n >= 12);
		CHECK_EQ(q.asked && good, n > 12 && good);
		CHECK(!q.edns);
	}
}

TEST(dns_message, what_the_library_forgives_and_what_not)
{
	struct dns_question q;
	/* no question; the question twice: the first; a count beyond the end */
	CHECK(dns_read_question(BYTES(HEAD(0, 0, 0, 0), ASK_A), &q) && !q.asked);
	CHECK(dns_read_question(BYTES(HEAD(0, 2, 0, 0), ASK_A, ASK_A), &q) && q.asked);
	CHECK(!dns_read_question(BYTES(HEAD(0, 2, 0, 0), ASK_A), &q));
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A), &q));
	/* bytes behind the message; then even a cut message is taken */
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 0, 0), ASK_A, 7, 7), &q));
	CHECK_EQ(q.packet.n, 26);
	CHECK(!dns_read_question(BYTES(HEAD(2, 1, 0, 0), ASK_A), &q));
	CHECK(dns_read_question(BYTES(HEAD(2, 1, 0, 0), ASK_A, 7), &q));
	/* pointers: to themselves, beyond the end, backwards, reserved */
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 0, 0), 0xc0, 12, 0, 1, 0, 1), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 0, 0), 0xc0, 99, 0, 1, 0, 1), &q));
	CHECK(dns_read_question(BYTES(HEAD(0, 2, 0, 0), ASK_A, 0xc0, 14, 0, 1, 0, 1), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 0, 0), 0x41, 'a', 0, 0, 1, 0, 1), &q));
}

TEST(dns_message, the_data_of_records_are_looked_at)
{
	struct dns_question q;
#define RR(type, len) 0, 0, type, 0, 1, 0, 0, 0, 0, 0, len
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(1, 4), 1, 2, 3, 4), &q));
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(1, 0)), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(1, 3), 1, 2, 3), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(1, 5), 1, 2, 3, 4, 5), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(1, 9), 1, 2, 3, 4), &q));
	/* MX may end behind its preference, but not in the middle of it */
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(15, 2), 0, 1), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(15, 1), 0), &q));
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(16, 3), 2, 'h', 'i'), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(16, 3), 3, 'h', 'i'), &q));
	/* an unknown type is anything */
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(200, 3), 1, 2, 3), &q));
	/* only an OPT in the additional section is one */
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 1, 0), ASK_A, RR(41, 0)), &q) && !q.edns);
#undef RR
}

TEST(dns_message, a_client_subnet_is_read)
{
	char text[IP_TEXT];
	struct dns_question q;
#define OPT(len) 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, len
	ASSERT(dns_read_question(BYTES(HEAD(0, 1, 0, 1), ASK_A, OPT(11), 0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2), &q));
	ASSERT(q.subnet);
	ip_print(&q.subnet_ip, text);
	CHECK_STR(slice_of(text), "192.0.2.0");
	CHECK_EQ(q.udp_size, 1232);
	/* behind another option; a mask too long; too short */
	CHECK(dns_read_question(BYTES(HEAD(0, 1, 0, 1), ASK_A, OPT(13), 0, 10, 0, 1, 7, 0, 8, 0, 4, 0, 2, 0, 0), &q));
	CHECK(q.subnet);
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 0, 1), ASK_A, OPT(8), 0, 8, 0, 4, 0, 1, 33, 0), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 0, 1), ASK_A, OPT(8), 0, 8, 0, 4, 0, 3, 0, 0), &q));
	CHECK(!dns_read_question(BYTES(HEAD(0, 1, 0, 1), ASK_A, OPT(7), 0, 8, 0, 3, 0, 1, 2), &q));
#undef OPT
}

TEST(dns_message, names_have_texts)
{
	struct dns_name n;
	struct dns_labels labels;
	uint8_t wire[DNS_WIRE_MAX + 1];
	char lower[DNS_TEXT_MAX];
	size_t at = 0;
	ASSERT(!dns_read_name(BYTES(3, 'a', '.', 'B', 2, 1, 255, 2, ' ', 'c', 0), &at, wire, &n));
	CHECK_EQ(at, 11);
	CHECK_STR(text_of(n), "a\\.B.\\001\\255.\\ c.");
	CHECK_EQ(n.text_n, text_of(n).n);
	CHECK(dns_name_odd(n));
	CHECK_STR(slice_at(lower, dns_name_lower(n, lower, &labels)), "a\\.b.\\001\\255.\\ c.");
	CHECK_EQ(labels.n, 3);
	CHECK_EQ(labels.at[1], 5);
	at = 0;
	ASSERT(!dns_read_name(BYTES(0), &at, wire, &n));
	CHECK_STR(text_of(n), ".");
	CHECK(!dns_name_odd(n));
}

TEST(dns_message, names_have_at_most_255_bytes)
{
	uint8_t packet[300], wire[DNS_WIRE_MAX + 1];
	struct dns_name n;
	for (unsigned last = 60; last < 63; last++) {
		size_t at = 0, len = 0;
		for (int i = 0; i < 3; i++) {
			packet[len] = 63;
			memset(packet + len + 1, 'x', 63);
			len += 64;
		}
		packet[len] = (uint8_t)last;
		memset(packet + len + 1, 'y', last);
		len += last + 1;
		packet[len++] = 0;
		CHECK_EQ(!dns_read_name(slice_at(packet, len), &at, wire, &n), len <= 255);
	}
}

TEST(dns_message, texts_become_names)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {{"web", true}, {"a.b", true}, {"a.b.", true}, {"a..b", false}, {".a", false}, {"", false},
	        {".", false}, {"a\\.b", true}, {"a\\", true}, {"\\097", true}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t wire[64];
		size_t n = 0;
		CHECK_EQ(dns_wire_add(wire, sizeof(wire), &n, slice_of(cases[i].text)), cases[i].good);
	}
	uint8_t wire[64];
	size_t n = 0;
	ASSERT(dns_wire_add(wire, sizeof(wire), &n, S("a\\.b.\\099d")));
	CHECK_EQ(n, 7);
	CHECK(!memcmp(wire, "\003a.b\002cd", 7));
	for (size_t cap = 0; cap < 8; cap++) {
		n = 0;
		CHECK_EQ(dns_wire_add(wire, cap, &n, S("abcdef")), cap > 7);
	}
}

/* ---- writing ---- */

static struct dns_name name_of(const char *text, uint8_t *wire)
{
	size_t n = 0;
	dns_wire_add(wire, 256, &n, slice_of(text));
	wire[n++] = 0;
	return dns_name_plain(wire, n);
}

TEST(dns_message, names_are_compressed)
{
	uint8_t out[512], wa[256], wb[256], wc[256];
	struct dns_writer w;
	struct dns_name asked = name_of("web.service.consul", wa), target = name_of("n1.node.dc1.consul", wb);
	struct dns_record srv = {.owner = asked, .type = DNS_SRV, .klass = 1, .srv = {.target = target, .port = 80}};
	struct dns_record a = {.owner = target, .type = DNS_A, .klass = 1};
	struct dns_record ns = {.owner = name_of("consul", wc), .type = DNS_NS, .klass = 1, .target = target};
	dns_write_begin(&w, out, sizeof(out), 1, 0, true, 3);
	dns_write_question(&w, asked, DNS_SRV, 1);
	CHECK_EQ(w.n, 12 + 20 + 4);
	dns_write_record(&w, &srv); /* the owner is a pointer, the target is whole */
	CHECK_EQ(w.n, 36 + 2 + 10 + 6 + 20);
	CHECK_EQ(dns_u16(out + 36), 0xc000 + 12);
	CHECK(!memcmp(out + 54, target.wire, target.n));
	dns_write_record(&w, &a); /* … but can be pointed to */
	CHECK_EQ(dns_u16(out + 74), 0xc000 + 54);
	dns_write_record(&w, &ns); /* the suffix "consul" of the question */
	CHECK_EQ(dns_u16(out + 90), 0xc000 + 12 + 12);
	CHECK_EQ(dns_write_end(&w, (const uint16_t[]){1, 1, 1, 1}), 104);
	CHECK_EQ(dns_u16(out + 6), 1);
}

TEST(dns_message, without_compression_it_is_as_long_as_measured)
{
	uint8_t out[512], wa[256], wb[256];
	struct dns_writer w;
	struct dns_name asked = name_of("web.service.consul", wa);
	struct dns_record cname = {
	        .owner = asked, .type = DNS_CNAME, .klass = 1, .target = name_of("www.example.com", wb)};
	dns_write_begin(&w, out, sizeof(out), 1, 0, false, 1);
	dns_write_question(&w, asked, DNS_A, 1);
	dns_write_record(&w, &cname);
	CHECK_EQ(dns_write_end(&w, (const uint16_t[]){1, 1, 0, 0}),
	        DNS_HEADER + dns_question_measure(asked) + dns_record_measure(&cname));
}

TEST(dns_message, case_counts_when_names_are_compressed)
{
	uint8_t out[512], wa[256], wb[256];
	struct dns_writer w;
	struct dns_record rr = {.owner = name_of("web.consul", wb), .type = DNS_A, .klass = 1};
	dns_write_begin(&w, out, sizeof(out), 1, 0, true, 1);
	dns_write_question(&w, name_of("a.Consul", wa), DNS_A, 1);
	size_t before = w.n;
	dns_write_record(&w, &rr);
	CHECK_EQ(w.n - before, rr.owner.n + 14);
}

TEST(dns_message, nothing_is_written_beyond_the_end)
{
	uint8_t out[128], wa[256], wb[256];
	struct dns_name asked = name_of("web.service.consul", wa);
	struct dns_record rr = {.owner = name_of("n1.node.consul", wb), .type = DNS_A, .klass = 1};
	for (size_t cap = 0; cap < 80; cap++) {
		struct dns_writer w;
		memset(out, 0xee, sizeof(out));
		dns_write_begin(&w, out, cap, 1, 0, true, 1);
		dns_write_question(&w, asked, DNS_A, 1);
		dns_write_record(&w, &rr);
		dns_write_opt(&w, 4096);
		size_t n = dns_write_end(&w, (const uint16_t[]){1, 1, 0, 1});
		CHECK_EQ(n, cap >= 71 ? 71 : 0);
		for (size_t i = cap; i < sizeof(out); i++)
			CHECK_EQ(out[i], 0xee);
	}
}

/* Many different names: the table grows, and what is read back is what was written. */
TEST(dns_message, many_names_come_back)
{
	static uint8_t out[DNS_MESSAGE_MAX];
	enum { RECORDS = 2500 };
	uint8_t wa[256], wb[256], wc[256];
	struct dns_writer w;
	struct dns_name asked = name_of("web.service.consul", wa);
	dns_write_begin(&w, out, sizeof(out), 1, DNS_QR, true, 4);
	dns_write_question(&w, asked, DNS_A, 1);
	char text[64];
	for (unsigned i = 0; i < RECORDS; i++) {
		snprintf(text, sizeof(text), "n%u.x%u.node.consul", i, i % 7);
		struct dns_record rr = {.owner = name_of(text, wb), .type = DNS_A, .klass = 1};
		dns_write_record(&w, &rr);
	}
	size_t n = dns_write_end(&w, (const uint16_t[]){1, RECORDS, 0, 0});
	ASSERT(n);
	struct dns_reader r;
	struct dns_record_view rr;
	struct dns_name name;
	uint16_t type, klass;
	ASSERT(dns_read(&r, slice_at(out, n)));
	ASSERT(dns_read_asked(&r, &name, wc, &type, &klass));
	unsigned i = 0;
	for (; dns_read_record(&r, &rr); i++) {
		snprintf(text, sizeof(text), "n%u.x%u.node.consul.", i, i % 7);
		CHECK_STR(text_of(rr.owner), text);
	}
	CHECK_EQ(i, RECORDS);
	CHECK(!r.why);
}
