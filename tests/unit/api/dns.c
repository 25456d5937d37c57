#include "core/api/dns.h"

#include <stdlib.h>

#include "core/base/slice.h"
#include "core/state/catalog_write.h"
#include "tests/test.h"

/* ---- a small datacenter ---- */

static struct db *db;
static struct state state;
static struct dns_settings set;
static struct dns_view view;
static struct logbuf logs;
static struct rand dice;
static struct arena mem;
static struct slice datacenters[2];

static void setup(void)
{
	db = db_new(NULL);
	state_init(&state, db);
	set = (struct dns_settings){.datacenter = S("dc1"), .udp_answer_limit = 3, .allow_stale = true};
	CHECK(dns_settings_domain(&set, S("Consul")));
	datacenters[0] = S("dc1");
	datacenters[1] = S("east");
	logs = (struct logbuf){.level = LOG_WARN};
	rand_seed(&dice, 7);
	view = (struct dns_view){.set = &set,
	        .datacenters = {datacenters, 2},
	        .now = 1234567890 * NS_PER_S,
	        .rand = &dice,
	        .log = &logs};
}

static void teardown(void)
{
	arena_free(&mem);
	buf_free(&logs.lines);
	state_free(&state);
	db_free(db);
}

struct service {
	const char *node, *address, *id, *name, *tag, *own_address, *status, *check_of;
	int port;
	struct list meta;
};

static void add(struct service s)
{
	struct fail f;
	struct slice tag = slice_of(s.tag);
	struct node_service svc = {.id = slice_of(s.id ? s.id : s.name),
	        .service = slice_of(s.name),
	        .address = slice_of(s.own_address),
	        .port = s.port,
	        .tags = {s.tag ? &tag : NULL, s.tag ? 1 : 0}};
	struct health_check check = {.node = slice_of(s.node),
	        .check_id = S("c"),
	        .status = slice_of(s.status),
	        .service_id = slice_of(s.check_of)};
	struct register_request r = {.datacenter = S("dc1"),
	        .node = slice_of(s.node),
	        .address = slice_of(s.address),
	        .node_meta = s.meta,
	        .service = s.name ? &svc : NULL,
	        .check = s.status ? &check : NULL};
	state.index++;
	ASSERT(catalog_register(&state, &r, &f) == OK);
	arena_reset(&state.scratch, 0);
	view.db = db_publish(db);
}

/* ---- asking ---- */

static uint8_t answer[DNS_MESSAGE_MAX];
static struct dns_result result;
static char shown[16384];

enum { TCP = 1, RD = 2 };

static struct dns_ask question(const char *name, uint16_t type, int how, int edns)
{
	static uint8_t p[600];
	size_t n = DNS_HEADER;
	memset(p, 0, DNS_HEADER);
	p[1] = 42;
	p[2] = how & RD ? 1 : 0;
	p[5] = 1;
	p[11] = edns >= 0;
	dns_wire_add(p, sizeof(p), &n, slice_of(name));
	p[n++] = 0;
	p[n++] = (uint8_t)(type >> 8);
	p[n++] = (uint8_t)type;
	p[n++] = 0;
	p[n++] = 1;
	if (edns >= 0) {
		memcpy(p + n, "\0\0\x29\0\0\0\0\0\0\0\0", 11);
		p[n + 3] = (uint8_t)(edns >> 8);
		p[n + 4] = (uint8_t)edns;
		n += 11;
	}
	return (struct dns_ask){.packet = slice_at(p, n),
	        .tcp = how & TCP,
	        .client = ip_of_v4((uint8_t[]){127, 0, 0, 1}),
	        .client_port = 4242};
}

static void show_record(struct buf *b, struct slice msg, const struct dns_record_view *rr)
{
	char text[DNS_TEXT_MAX], ip[IP_TEXT];
	uint8_t wire[DNS_WIRE_MAX + 1];
	struct dns_name name;
	size_t at = (size_t)(rr->data.p - msg.p) + (rr->type == DNS_SRV ? 6 : 0);
	if (rr->type == DNS_OPT) {
		buf_fmt(b, " OPT %d", rr->klass);
		return;
	}
	buf_fmt(b, " %.*s/%d/", (int)dns_name_text(rr->owner, text), text, (int)rr->ttl);
	dns_type_put(b, rr->type);
	buf_char(b, '=');
	if (rr->type == DNS_A || rr->type == DNS_AAAA) {
		struct ip a;
		memcpy(a.b, rr->data.p, rr->data.n);
		if (rr->type == DNS_A)
			a = ip_of_v4((const uint8_t *)rr->data.p);
		ip_print(&a, ip);
		buf_cstr(b, ip);
	} else if (rr->type == DNS_TXT) {
		buf_slice(b, slice_from(rr->data, 1));
	} else {
		if (rr->type == DNS_SRV)
			buf_fmt(b, "%d:", dns_u16((const uint8_t *)rr->data.p + 4));
		CHECK(!dns_read_name(msg, &at, wire, &name));
		buf_bytes(b, text, dns_name_text(name, text));
	}
}

/* "NOERROR AA | answers | authorities | additional" of the message in `answer`. */
static const char *show(struct slice msg)
{
	static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	struct dns_reader r;
	struct dns_record_view rr;
	struct dns_name name;
	uint8_t wire[DNS_WIRE_MAX + 1];
	uint16_t type, klass;
	struct buf b = {0};
	CHECK(dns_read(&r, msg));
	CHECK_EQ(r.id, 42);
	buf_fmt(&b, "%s%s%s%s%s", rcodes[r.flags & 7], r.flags & DNS_AA ? " AA" : "", r.flags & DNS_TC ? " TC" : "",
	        r.flags & DNS_RD ? " RD" : "", r.flags & DNS_RA ? " RA" : "");
	while (dns_read_asked(&r, &name, wire, &type, &klass))
		;
	int section = 0;
	while (dns_read_record(&r, &rr)) {
		for (; section < rr.section; section++)
			BUF_LIT(&b, " |");
		show_record(&b, msg, &rr);
	}
	CHECK(!r.why || r.why == dns_truncated);
	slice_cstr(buf_view(&b), shown, sizeof(shown));
	buf_free(&b);
	return shown;
}

static const char *outcome(enum dns_verdict v)
{
	switch (v) {
	case DNS_ANSWER: return show(slice_at(answer, result.out_n));
	case DNS_SILENCE: return "silence";
	case DNS_RECURSE: return "recurse";
	default: return "later";
	}
}

static const char *ask_all(const char *name, uint16_t type, int how, int edns, const struct dns_known *known)
{
	struct dns_ask a = question(name, type, how, edns);
	arena_reset(&mem, 1 << 20);
	return outcome(dns_answer(&view, &a, known, &mem, answer, sizeof(answer), &result));
}

static const char *ask(const char *name, uint16_t type)
{
	return ask_all(name, type, 0, -1, NULL);
}

#define SAYS(got, want) CHECK_STR(slice_of(got), want)
#define SOA " consul./0/SOA=ns.consul."

/* ---- nodes ---- */

TEST(dns, a_node_has_its_address)
{
	setup();
	add((struct service){.node = "Big.Node", .address = "192.0.2.1"});
	add((struct service){.node = "six", .address = "2001:db8::1"});
	SAYS(ask("big.node.node.consul", DNS_A), "NOERROR AA | big.node.node.consul./0/A=192.0.2.1");
	SAYS(ask("BIG.Node.node.dc1.CONSUL", DNS_ANY), "NOERROR AA | BIG.Node.node.dc1.CONSUL./0/A=192.0.2.1");
	SAYS(ask("six.node.consul", DNS_AAAA), "NOERROR AA | six.node.consul./0/AAAA=2001:db8::1");
	SAYS(ask("six.node.consul", DNS_A), "NOERROR AA");
	SAYS(ask("nobody.node.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	SAYS(ask("nobody.node.consul", DNS_MX), "NOERROR AA");
	SAYS(ask_all("six.node.consul", DNS_A, RD, 4096, NULL), "NOERROR AA RD | | | OPT 4096");
	set.node_ttl = 1999 * NS_PER_MS;
	SAYS(ask("six.node.consul", DNS_ANY), "NOERROR AA | six.node.consul./1/AAAA=2001:db8::1");
	teardown();
}

TEST(dns, metadata_are_text)
{
	setup();
	struct pair meta[] = {{S(" k"), S("v")}, {S("  "), S("b")}, {S("RFC1035-x"), S("bare")}, {S("a=b"), S("c`d=")}};
	add((struct service){.node = "n", .address = "192.0.2.1", .meta = {meta, 4}});
	SAYS(ask("n.node.consul", DNS_TXT), "NOERROR AA | n.node.consul./0/TXT=` k=v n.node.consul./0/TXT=` `` =b"
	                                    " n.node.consul./0/TXT=bare n.node.consul./0/TXT=a`=b=c``d=");
	char big[300];
	memset(big, 'x', sizeof(big));
	meta[0].val = slice_at(big, 300);
	add((struct service){.node = "n", .address = "192.0.2.1", .meta = {meta, 1}});
	SAYS(ask("n.node.consul", DNS_A), "NOERROR AA | n.node.consul./0/A=192.0.2.1");
	SAYS(ask("n.node.consul", DNS_TXT), "silence");
	CHECK(slice_search(buf_view(&logs.lines), S("failed to respond: dns: string exceeded 255 bytes in txt")) > 0);
	teardown();
}

TEST(dns, a_host_name_in_the_domain_is_followed)
{
	setup();
	add((struct service){.node = "real", .address = "192.0.2.3", .name = "db", .port = 1});
	add((struct service){.node = "nick", .address = "real.node.consul"});
	add((struct service){.node = "nick2", .address = "Nick.NODE.consul."});
	add((struct service){.node = "via", .address = "db.service.consul"});
	add((struct service){.node = "loop", .address = "loop.node.consul"});
	SAYS(ask("nick.node.consul", DNS_AAAA),
	        "NOERROR AA | nick.node.consul./0/CNAME=real.node.consul. real.node.consul./0/A=192.0.2.3");
	SAYS(ask("nick2.node.consul", DNS_A), "NOERROR AA | nick2.node.consul./0/CNAME=Nick.NODE.consul."
	                                      " Nick.NODE.consul./0/CNAME=real.node.consul."
	                                      " real.node.consul./0/A=192.0.2.3");
	SAYS(ask("via.node.consul", DNS_A),
	        "NOERROR AA | via.node.consul./0/CNAME=db.service.consul. db.service.consul./0/A=192.0.2.3");
	CHECK(strstr(ask("loop.node.consul", DNS_A), "CNAME=loop.node.consul."));
	teardown();
}

TEST(dns, a_host_name_outside_is_a_need)
{
	setup();
	struct dns_known known = {.seed = 1};
	add((struct service){.node = "ext", .address = "www.example.com", .name = "web", .port = 80});
	SAYS(ask("ext.node.consul", DNS_A), "NOERROR AA | ext.node.consul./0/CNAME=www.example.com.");
	set.recursors = true;
	SAYS(ask("ext.node.consul", DNS_A), "later");
	CHECK_EQ(result.need.kind, DNS_NEED_NAME);
	uint8_t out[512];
	size_t n = dns_need_question(&result.need, 99, out, sizeof(out));
	CHECK_EQ(n, 12 + 17 + 4);
	CHECK_EQ(dns_u16(out + 2), DNS_RD);
	static const char reply[] = "\0\x63\x81\x80\0\1\0\2\0\0\0\0\3www\7example\3com\0\0\1\0\1"
	                            "\xc0\x0c\0\5\0\1\0\0\0\7\0\4\1b\xc0\x10"
	                            "\xc0\x2d\0\1\0\1\0\0\0\x8\0\4\xc0\0\2\x0a";
	struct dns_fact *f = dns_known_add(&known, &result.need);
	f->got = DNS_GOT;
	f->reply = slice_at(reply, sizeof(reply) - 1);
	SAYS(ask_all("ext.node.consul", DNS_A, 0, -1, &known),
	        "NOERROR AA RA | ext.node.consul./0/CNAME=www.example.com. www.example.com./7/CNAME=b.example.com."
	        " b.example.com./8/A=192.0.2.10");
	SAYS(ask_all("web.service.consul", DNS_SRV, 0, -1, &known),
	        "NOERROR AA RA | web.service.consul./0/SRV=80:ext.node.dc1.consul. | |"
	        " ext.node.dc1.consul./0/CNAME=www.example.com. www.example.com./7/CNAME=b.example.com."
	        " b.example.com./8/A=192.0.2.10");
	dns_known_free(&known);
	teardown();
}

/* ---- services ---- */

TEST(dns, a_service_has_the_addresses_of_its_healthy_instances)
{
	setup();
	add((struct service){.node = "n1", .address = "192.0.2.1", .name = "Web", .port = 80, .tag = "V1"});
	add((struct service){.node = "n2", .address = "192.0.2.2", .name = "web", .port = 81, .status = "critical"});
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	SAYS(ask("v1.web.service.consul", DNS_A), "NOERROR AA | v1.web.service.consul./0/A=192.0.2.1");
	SAYS(ask("v2.web.service.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	SAYS(ask("web.service.consul", DNS_MX), "NOERROR AA | |" SOA);
	SAYS(ask("web.service.consul", DNS_SRV), "NOERROR AA | web.service.consul./0/SRV=80:n1.node.dc1.consul. | |"
	                                         " n1.node.dc1.consul./0/A=192.0.2.1");
	/* another service's check does not matter, the node's does */
	add((struct service){
	        .node = "n1", .address = "192.0.2.1", .name = "db", .status = "critical", .check_of = "db"});
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	SAYS(ask("db.service.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	add((struct service){.node = "n1", .address = "192.0.2.1", .name = "web", .status = "warning", .check_of = ""});
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	set.only_passing = true;
	SAYS(ask("web.service.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	teardown();
}

TEST(dns, a_service_at_an_address_of_its_own)
{
	setup();
	add((struct service){
	        .node = "n1", .address = "192.0.2.1", .name = "web", .port = 80, .own_address = "192.0.2.99"});
	add((struct service){
	        .node = "n1", .address = "192.0.2.1", .name = "six", .port = 1, .own_address = "2001:db8::9"});
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.99");
	SAYS(ask("web.service.consul", DNS_SRV), "NOERROR AA | web.service.consul./0/SRV=80:c0000263.addr.dc1.consul."
	                                         " | | c0000263.addr.dc1.consul./0/A=192.0.2.99");
	SAYS(ask("six.service.consul", DNS_SRV),
	        "NOERROR AA | six.service.consul./0/SRV=1:20010db8000000000000000000000009.addr.dc1.consul. | |"
	        " 20010db8000000000000000000000009.addr.dc1.consul./0/AAAA=2001:db8::9");
	SAYS(ask("C0000263.addr.dc1.consul", DNS_MX), "NOERROR AA | c0000263.addr.dc1.consul./0/A=192.0.2.99");
	SAYS(ask("c00002.addr.consul", DNS_A), "NOERROR AA");
	SAYS(ask("c000026x.addr.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	teardown();
}

static void add_many(unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		char name[32], ip[32];
		snprintf(name, sizeof(name), "n%03u", i);
		snprintf(ip, sizeof(ip), "198.18.%u.%u", i >> 8, i & 255);
		add((struct service){.node = name, .address = ip, .name = "web", .port = 8000 + (int)i});
	}
}

static unsigned count_of(unsigned at)
{
	return dns_u16(answer + at);
}

TEST(dns, answers_are_limited)
{
	static const struct {
		uint16_t type;
		int how, edns;
		unsigned answers, extra;
	} cases[] = {{DNS_A, 0, -1, 3, 0}, {DNS_SRV, 0, -1, 3, 3}, {DNS_A, 0, 512, 3, 1}, {DNS_A, 0, 513, 12, 1},
	        {DNS_SRV, 0, 600, 6, 7}, {DNS_SRV, 0, 1400, 12, 13}, {DNS_A, TCP, -1, 12, 0},
	        {DNS_SRV, TCP, -1, 12, 12}};
	setup();
	add_many(12);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask_all("web.service.consul", cases[i].type, cases[i].how, cases[i].edns, NULL);
		CHECK_EQ(count_of(6), cases[i].answers);
		CHECK_EQ(count_of(10), cases[i].extra);
	}
	set.enable_truncate = true;
	set.udp_answer_limit = 20;
	CHECK(strstr(ask("web.service.consul", DNS_A), "TC"));
	CHECK_EQ(count_of(6), 8);
	CHECK(strstr(ask("web.service.consul", DNS_SRV), "TC"));
	CHECK_EQ(count_of(6), 5);
	set.udp_answer_limit = 0;
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA TC");
	set.enable_truncate = false;
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA | |" SOA);
	set.a_record_limit = 2;
	ask_all("web.service.consul", DNS_A, TCP, -1, NULL);
	CHECK_EQ(count_of(6), 2);
	ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(count_of(6), 12);
	teardown();
}

/* No UDP answer is longer than the asker allows, measured or written; over TCP at most 640 SRV. */
TEST(dns, no_answer_is_too_long)
{
	setup();
	add_many(700);
	set.enable_truncate = true;
	for (int edns = 512; edns < 3000; edns += 97) {
		ask_all("web.service.consul", DNS_SRV, 0, edns, NULL);
		CHECK(result.out_n > 0 && result.out_n <= (size_t)edns + 11);
		CHECK_EQ(count_of(10), count_of(6) + 1);
		ask_all("web.service.consul", DNS_A, 0, edns, NULL);
		CHECK(result.out_n <= (size_t)edns + 11);
	}
	ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(count_of(6), 640); /* the rest goes without TC, and their addresses stay */
	CHECK_EQ(count_of(10), 700);
	CHECK(!(answer[2] & 2));
	ask_all("web.service.consul", DNS_A, TCP, -1, NULL);
	CHECK_EQ(count_of(6), 700);
	add_many(900); /* now the additional records are too many: one answer less, and only their addresses */
	ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(count_of(6), 639);
	CHECK_EQ(count_of(10), 639);
	CHECK(answer[2] & 2);
	teardown();
}

/* Every instance comes first about as often as the others. */
TEST(dns, the_order_is_random)
{
	setup();
	add_many(5);
	unsigned first[6] = {0};
	for (int i = 0; i < 5000; i++) {
		const char *said = ask("web.service.consul", DNS_A);
		const char *ip = strstr(said, "A=198.18.0.");
		ASSERT(ip);
		first[ip[11] - '0']++;
	}
	for (int i = 1; i <= 5; i++)
		CHECK(first[i] > 850 && first[i] < 1150);
	teardown();
}

TEST(dns, equal_answers_are_given_once)
{
	setup();
	for (int i = 0; i < 40; i++) {
		char id[16];
		snprintf(id, sizeof(id), "w%d", i);
		add((struct service){
		        .node = "n1", .address = "192.0.2.1", .id = id, .name = "web", .port = 80 + i % 3});
	}
	ask_all("web.service.consul", DNS_A, TCP, -1, NULL);
	CHECK_EQ(count_of(6), 1);
	ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(count_of(6), 3);
	CHECK_EQ(count_of(10), 3);
	teardown();
}

TEST(dns, ttl_by_name_or_star)
{
	setup();
	struct config_ttl ttls[] = {{S("*"), 5 * NS_PER_S}, {S("db"), 30 * NS_PER_S}};
	add((struct service){.node = "n", .address = "192.0.2.1", .name = "db"});
	add((struct service){.node = "n", .address = "192.0.2.1", .name = "web"});
	set.service_ttl = (struct list){ttls, 2};
	SAYS(ask("DB.service.consul", DNS_A), "NOERROR AA | DB.service.consul./30/A=192.0.2.1");
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./5/A=192.0.2.1");
	teardown();
}

/* ---- the domain, the outside, elsewhere ---- */

TEST(dns, the_domain_has_soa_and_ns)
{
	setup();
	add((struct service){.node = "Srv-1", .address = "192.0.2.1", .name = "consul", .port = 8300});
	add((struct service){.node = "bad_name", .address = "192.0.2.2", .name = "consul", .port = 8300});
	SAYS(ask("consul", DNS_SOA), "NOERROR AA | consul./0/SOA=ns.consul. | consul./0/NS=srv-1.node.dc1.consul. |"
	                             " srv-1.node.dc1.consul./0/A=192.0.2.1");
	SAYS(ask("any.thing.consul", DNS_NS), "NOERROR AA | consul./0/NS=srv-1.node.dc1.consul. | |"
	                                      " srv-1.node.dc1.consul./0/A=192.0.2.1");
	SAYS(ask("consul", DNS_AXFR), "NOTIMP AA");
	SAYS(ask("consul", DNS_A), "NXDOMAIN AA | |" SOA);
	add_many(9);
	for (int i = 0; i < 5; i++) {
		char name[32], ip[32];
		snprintf(name, sizeof(name), "m%d", i);
		snprintf(ip, sizeof(ip), "192.0.2.%d", 10 + i);
		add((struct service){.node = name, .address = ip, .name = "consul"});
	}
	ask("consul", DNS_NS);
	CHECK_EQ(count_of(6), 3);
	CHECK_EQ(count_of(10), 3);
	teardown();
}

TEST(dns, names_outside_are_for_recursors)
{
	setup();
	add((struct service){.node = "n", .address = "192.0.2.1"});
	SAYS(ask_all("www.example.com", DNS_A, RD, 4096, NULL), "SERVFAIL RD");
	SAYS(ask("notconsul", DNS_A), "SERVFAIL");
	SAYS(ask("2.2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	CHECK_EQ(result.handled, DNS_BY_REVERSE);
	set.recursors = true;
	SAYS(ask("www.example.com", DNS_A), "recurse");
	SAYS(ask("n.node.consul", DNS_A), "NOERROR AA RA | n.node.consul./0/A=192.0.2.1");
	SAYS(ask("n.node.consul", DNS_DS), "recurse");
	struct dns_ask a = question("www.example.com", DNS_A, RD, 1232);
	SAYS(show(slice_at(answer, dns_recurse_given_up(&view, &a, answer, sizeof(answer)))),
	        "SERVFAIL RD RA | | | OPT 1232");
	teardown();
}

TEST(dns, reverse_names_find_the_first_node)
{
	setup();
	add((struct service){.node = "Twin2", .address = "192.0.2.77"});
	add((struct service){.node = "Twin1", .address = "192.0.2.77"});
	add((struct service){.node = "six", .address = "2001:db8::6"});
	SAYS(ask("77.2.0.192.IN-ADDR.arpa", DNS_PTR),
	        "NOERROR AA | 77.2.0.192.IN-ADDR.arpa./0/PTR=Twin1.node.dc1.consul.");
	CHECK(strstr(ask("6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_PTR),
	        "PTR=six.node.dc1.consul."));
	SAYS(ask("077.2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	SAYS(ask("2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	SAYS(ask("1.77.2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	SAYS(ask("arpa", DNS_NS), "recurse");
	teardown();
}

TEST(dns, another_datacenter_is_a_need)
{
	setup();
	struct dns_known known = {.seed = 1};
	add((struct service){.node = "n", .address = "192.0.2.1"});
	SAYS(ask("web.service.west.consul", DNS_A), "SERVFAIL AA");
	CHECK(slice_search(buf_view(&logs.lines), S("[ERR] dns: rpc error: No path to datacenter")) > 0);
	SAYS(ask("web.service.EAST.consul", DNS_A), "later");
	CHECK_EQ(result.need.kind, DNS_NEED_SERVICE);
	CHECK_STR(result.need.datacenter, "east");
	struct node node = {.name = S("e1"), .address = S("192.0.2.5")};
	struct pair wan = {S("wan"), S("198.51.100.5")};
	node.tagged_addresses = (struct list){&wan, 1};
	struct node_service svc = {.service = S("web"), .port = 80};
	struct check_service_node csn = {.node = &node, .service = &svc};
	struct dns_fact *f = dns_known_add(&known, &result.need);
	f->got = DNS_GOT;
	f->nodes = (struct list){&csn, 1};
	SAYS(ask_all("web.service.east.consul", DNS_SRV, 0, -1, &known),
	        "NOERROR AA | web.service.east.consul./0/SRV=80:e1.node.east.consul. | |"
	        " e1.node.east.consul./0/A=192.0.2.5");
	set.translate_wan = true;
	SAYS(ask_all("web.service.east.consul", DNS_SRV, 0, -1, &known),
	        "NOERROR AA | web.service.east.consul./0/SRV=80:c6336405.addr.east.consul. | |"
	        " c6336405.addr.east.consul./0/A=198.51.100.5");
	dns_known_free(&known);
	teardown();
}

TEST(dns, prepared_queries_are_a_need)
{
	setup();
	struct dns_known known = {.seed = 1};
	add((struct service){.node = "n", .address = "192.0.2.1"});
	SAYS(ask("my.q.query.consul", DNS_A), "later");
	CHECK_EQ(result.need.kind, DNS_NEED_QUERY);
	CHECK_STR(result.need.name, "my.q");
	CHECK(result.need.has_client);
	struct dns_fact *f = dns_known_add(&known, &result.need);
	SAYS(ask_all("my.q.query.consul", DNS_A, 0, -1, &known), "NXDOMAIN AA | |" SOA);
	struct node node = {.name = S("q1"), .address = S("192.0.2.5")};
	struct node_service svc = {.service = S("web"), .port = 80};
	struct check_service_node csn = {.node = &node, .service = &svc};
	f->got = DNS_GOT;
	f->nodes = (struct list){&csn, 1};
	f->datacenter = S("dc1");
	f->ttl = S("7s");
	SAYS(ask_all("my.q.query.consul", DNS_A, 0, -1, &known), "NOERROR AA | my.q.query.consul./7/A=192.0.2.5");
	dns_known_free(&known);
	teardown();
}

TEST(dns, without_a_leader_only_what_is_known)
{
	setup();
	add((struct service){.node = "n", .address = "192.0.2.1", .name = "consul"});
	view.local = DNS_LOCAL_FAIL;
	view.why = S("No cluster leader");
	SAYS(ask("n.node.consul", DNS_A), "SERVFAIL AA");
	SAYS(ask("consul.service.consul", DNS_A), "SERVFAIL AA");
	SAYS(ask("x.query.consul", DNS_A), "SERVFAIL AA");
	SAYS(ask("consul", DNS_NS), "NOERROR AA");
	SAYS(ask("consul", DNS_SOA), "NOERROR AA | consul./0/SOA=ns.consul.");
	SAYS(ask("nothing.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	SAYS(ask("c0000201.addr.consul", DNS_A), "NOERROR AA | c0000201.addr.consul./0/A=192.0.2.1");
	view.too_stale = true;
	SAYS(ask("x.query.consul", DNS_A), "later");
	teardown();
}

/* ---- packets ---- */

TEST(dns, odd_packets)
{
	setup();
	add((struct service){.node = "n", .address = "192.0.2.1"});
	struct dns_ask a = question("n.node.consul", DNS_A, 0, -1);
	struct slice whole = a.packet;
	a.packet = slice_cut(whole, 0, 11);
	SAYS(outcome(dns_answer(&view, &a, NULL, &mem, answer, sizeof(answer), &result)), "silence");
	a.packet = slice_cut(whole, 0, 20);
	SAYS(outcome(dns_answer(&view, &a, NULL, &mem, answer, sizeof(answer), &result)), "FORMERR");
	CHECK_EQ(result.out_n, 12);
	uint8_t copy[64];
	memcpy(copy, whole.p, whole.n);
	a.packet = slice_at(copy, whole.n);
	copy[2] = 0x80; /* an answer */
	SAYS(outcome(dns_answer(&view, &a, NULL, &mem, answer, sizeof(answer), &result)), "silence");
	copy[2] = 0x11; /* another opcode: echoed, RD not */
	SAYS(outcome(dns_answer(&view, &a, NULL, &mem, answer, sizeof(answer), &result)),
	        "NOERROR AA | n.node.consul./0/A=192.0.2.1");
	CHECK_EQ(answer[2], 0x94);
	a.tcp = true;
	a.packet = slice_at(copy, 1);
	CHECK_EQ(dns_answer(&view, &a, NULL, &mem, answer, sizeof(answer), &result), DNS_ANSWER);
	CHECK_EQ(answer[1], 0);
	CHECK_EQ(answer[3], DNS_FORMERR);
	teardown();
}

TEST(dns, names_that_cannot_be_written_give_no_answer)
{
	setup();
	add((struct service){.node = "a..b", .address = "192.0.2.1", .name = "web"});
	SAYS(ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	SAYS(ask("web.service.consul", DNS_SRV), "silence");
	teardown();
}

/* Out of memory anywhere: no answer, nothing else. */
TEST(dns, without_memory_it_is_silent)
{
	setup();
	add_many(200);
	for (size_t limit = 1; limit < 400000; limit = limit * 3 / 2 + 1) {
		struct dns_ask a = question("web.service.consul", DNS_SRV, TCP, -1);
		struct arena small;
		arena_init(&small, limit);
		enum dns_verdict v = dns_answer(&view, &a, NULL, &small, answer, sizeof(answer), &result);
		CHECK_EQ(v, small.failed ? DNS_SILENCE : DNS_ANSWER);
		arena_free(&small);
	}
	teardown();
}

TEST(dns, lines_of_the_log)
{
	setup();
	logs.level = LOG_DEBUG;
	struct dns_ask a = question("n.node.consul", DNS_A, 0, -1);
	dns_log(&logs, &a, DNS_BY_DOMAIN, 12345);
	a.tcp = true;
	dns_log(&logs, &a, DNS_BY_REVERSE, 12345);
	dns_log(&logs, &a, DNS_BY_RECURSOR, 12345);
	struct slice l = buf_view(&logs.lines);
	CHECK(slice_search(
	              l, S("[DEBUG] dns: request for name n.node.consul. type A class IN (took 12.345\xc2\xb5s) from "
	                   "client 127.0.0.1:4242 (udp)\n")) > 0);
	CHECK(slice_search(l,
	              S("dns: request for {n.node.consul. 1 1} (12.345\xc2\xb5s) from client 127.0.0.1:4242 (tcp)")) >
	        0);
	CHECK(slice_search(l, S("dns: request for {n.node.consul. 1 1} (tcp) (12.345\xc2\xb5s) from client")) > 0);
	teardown();
}
