/* Nodes, the domain itself, the outside, other datacenters, odd packets. */
#include <stdlib.h>

#include "tests/unit/api/dc.h"

TEST(dns, a_node_has_its_address)
{
	dc_begin();
	dc_add((struct dc_service){.node = "Big.Node", .address = "192.0.2.1"});
	dc_add((struct dc_service){.node = "six", .address = "2001:db8::1"});
	SAYS(dc_ask("big.node.node.consul", DNS_A), "NOERROR AA | big.node.node.consul./0/A=192.0.2.1");
	SAYS(dc_ask("BIG.Node.node.dc1.CONSUL", DNS_ANY), "NOERROR AA | BIG.Node.node.dc1.CONSUL./0/A=192.0.2.1");
	SAYS(dc_ask("six.node.consul", DNS_AAAA), "NOERROR AA | six.node.consul./0/AAAA=2001:db8::1");
	SAYS(dc_ask("six.node.consul", DNS_A), "NOERROR AA");
	SAYS(dc_ask("nobody.node.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	SAYS(dc_ask("nobody.node.consul", DNS_MX), "NOERROR AA");
	SAYS(dc_ask_all("six.node.consul", DNS_A, RD, 4096, NULL), "NOERROR AA RD | | | OPT 4096");
	dc.set.node_ttl = 1999 * NS_PER_MS;
	SAYS(dc_ask("six.node.consul", DNS_ANY), "NOERROR AA | six.node.consul./1/AAAA=2001:db8::1");
	dc_end();
}

TEST(dns, metadata_are_text)
{
	dc_begin();
	struct pair meta[] = {{S(" k"), S("v")}, {S("  "), S("b")}, {S("RFC1035-x"), S("bare")}, {S("a=b"), S("c`d=")}};
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1", .meta = {meta, 4}});
	SAYS(dc_ask("n.node.consul", DNS_TXT), "NOERROR AA | n.node.consul./0/TXT=` k=v n.node.consul./0/TXT=` `` =b"
	                                       " n.node.consul./0/TXT=bare n.node.consul./0/TXT=a`=b=c``d=");
	char big[300];
	memset(big, 'x', sizeof(big));
	meta[0].val = slice_at(big, 300);
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1", .meta = {meta, 1}});
	SAYS(dc_ask("n.node.consul", DNS_A), "NOERROR AA | n.node.consul./0/A=192.0.2.1");
	SAYS(dc_ask("n.node.consul", DNS_TXT), "silence");
	CHECK(slice_search(buf_view(&dc.logs.lines), S("failed to respond: dns: string exceeded 255 bytes in txt")) >
	        0);
	dc_end();
}

TEST(dns, a_host_name_in_the_domain_is_followed)
{
	dc_begin();
	dc_add((struct dc_service){.node = "real", .address = "192.0.2.3", .name = "db", .port = 1});
	dc_add((struct dc_service){.node = "nick", .address = "real.node.consul"});
	dc_add((struct dc_service){.node = "nick2", .address = "Nick.NODE.consul."});
	dc_add((struct dc_service){.node = "via", .address = "db.service.consul"});
	dc_add((struct dc_service){.node = "loop", .address = "loop.node.consul"});
	SAYS(dc_ask("nick.node.consul", DNS_AAAA),
	        "NOERROR AA | nick.node.consul./0/CNAME=real.node.consul. real.node.consul./0/A=192.0.2.3");
	SAYS(dc_ask("nick2.node.consul", DNS_A), "NOERROR AA | nick2.node.consul./0/CNAME=Nick.NODE.consul."
	                                         " Nick.NODE.consul./0/CNAME=real.node.consul."
	                                         " real.node.consul./0/A=192.0.2.3");
	SAYS(dc_ask("via.node.consul", DNS_A),
	        "NOERROR AA | via.node.consul./0/CNAME=db.service.consul. db.service.consul./0/A=192.0.2.3");
	CHECK(strstr(dc_ask("loop.node.consul", DNS_A), "CNAME=loop.node.consul."));
	dc_end();
}

TEST(dns, a_host_name_outside_is_a_need)
{
	dc_begin();
	struct dns_known known = {.seed = 1};
	dc_add((struct dc_service){.node = "ext", .address = "www.example.com", .name = "web", .port = 80});
	SAYS(dc_ask("ext.node.consul", DNS_A), "NOERROR AA | ext.node.consul./0/CNAME=www.example.com.");
	dc.set.recursors = true;
	SAYS(dc_ask("ext.node.consul", DNS_A), "later");
	CHECK_EQ(dc.result.need.kind, DNS_NEED_NAME);
	uint8_t out[512];
	size_t n = dns_need_question(&dc.result.need, 99, out, sizeof(out));
	CHECK_EQ(n, 12 + 17 + 4);
	CHECK_EQ(dns_u16(out + 2), DNS_RD);
	static const char reply[] = "\0\x63\x81\x80\0\1\0\2\0\0\0\0\3www\7example\3com\0\0\1\0\1"
	                            "\xc0\x0c\0\5\0\1\0\0\0\7\0\4\1b\xc0\x10"
	                            "\xc0\x2d\0\1\0\1\0\0\0\x8\0\4\xc0\0\2\x0a";
	struct dns_fact *f = dns_known_add(&known, &dc.result.need);
	f->got = DNS_GOT;
	f->reply = slice_at(reply, sizeof(reply) - 1);
	SAYS(dc_ask_all("ext.node.consul", DNS_A, 0, -1, &known),
	        "NOERROR AA RA | ext.node.consul./0/CNAME=www.example.com. www.example.com./7/CNAME=b.example.com."
	        " b.example.com./8/A=192.0.2.10");
	SAYS(dc_ask_all("web.service.consul", DNS_SRV, 0, -1, &known),
	        "NOERROR AA RA | web.service.consul./0/SRV=80:ext.node.dc1.consul. | |"
	        " ext.node.dc1.consul./0/CNAME=www.example.com. www.example.com./7/CNAME=b.example.com."
	        " b.example.com./8/A=192.0.2.10");
	dns_known_free(&known);
	dc_end();
}

TEST(dns, the_domain_has_soa_and_ns)
{
	dc_begin();
	dc_add((struct dc_service){.node = "Srv-1", .address = "192.0.2.1", .name = "consul", .port = 8300});
	dc_add((struct dc_service){.node = "bad_name", .address = "192.0.2.2", .name = "consul", .port = 8300});
	SAYS(dc_ask("consul", DNS_SOA), "NOERROR AA | consul./0/SOA=ns.consul. | consul./0/NS=srv-1.node.dc1.consul. |"
	                                " srv-1.node.dc1.consul./0/A=192.0.2.1");
	SAYS(dc_ask("any.thing.consul", DNS_NS), "NOERROR AA | consul./0/NS=srv-1.node.dc1.consul. | |"
	                                         " srv-1.node.dc1.consul./0/A=192.0.2.1");
	SAYS(dc_ask("consul", DNS_AXFR), "NOTIMP AA");
	SAYS(dc_ask("consul", DNS_A), "NXDOMAIN AA | |" SOA);
	dc_add_many(9);
	for (int i = 0; i < 5; i++) {
		char name[32], ip[32];
		snprintf(name, sizeof(name), "m%d", i);
		snprintf(ip, sizeof(ip), "192.0.2.%d", 10 + i);
		dc_add((struct dc_service){.node = name, .address = ip, .name = "consul"});
	}
	dc_ask("consul", DNS_NS);
	CHECK_EQ(dc_count(6), 3);
	CHECK_EQ(dc_count(10), 3);
	dc_end();
}

TEST(dns, names_outside_are_for_recursors)
{
	dc_begin();
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1"});
	SAYS(dc_ask_all("www.example.com", DNS_A, RD, 4096, NULL), "SERVFAIL RD");
	SAYS(dc_ask("notconsul", DNS_A), "SERVFAIL");
	SAYS(dc_ask("2.2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	CHECK_EQ(dc.result.handled, DNS_BY_REVERSE);
	dc.set.recursors = true;
	SAYS(dc_ask("www.example.com", DNS_A), "recurse");
	SAYS(dc_ask("n.node.consul", DNS_A), "NOERROR AA RA | n.node.consul./0/A=192.0.2.1");
	SAYS(dc_ask("n.node.consul", DNS_DS), "recurse");
	struct dns_ask a = dc_question("www.example.com", DNS_A, RD, 1232);
	SAYS(dc_show(slice_at(dc.answer, dns_recurse_given_up(&dc.view, &a, dc.answer, sizeof(dc.answer)))),
	        "SERVFAIL RD RA | | | OPT 1232");
	dc_end();
}

TEST(dns, reverse_names_find_the_first_node)
{
	dc_begin();
	dc_add((struct dc_service){.node = "Twin2", .address = "192.0.2.77"});
	dc_add((struct dc_service){.node = "Twin1", .address = "192.0.2.77"});
	dc_add((struct dc_service){.node = "six", .address = "2001:db8::6"});
	SAYS(dc_ask("77.2.0.192.IN-ADDR.arpa", DNS_PTR),
	        "NOERROR AA | 77.2.0.192.IN-ADDR.arpa./0/PTR=Twin1.node.dc1.consul.");
	CHECK(strstr(dc_ask("6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", DNS_PTR),
	        "PTR=six.node.dc1.consul."));
	SAYS(dc_ask("077.2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	SAYS(dc_ask("2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	SAYS(dc_ask("1.77.2.0.192.in-addr.arpa", DNS_PTR), "recurse");
	SAYS(dc_ask("arpa", DNS_NS), "recurse");
	dc_end();
}

TEST(dns, another_datacenter_is_a_need)
{
	dc_begin();
	struct dns_known known = {.seed = 1};
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1"});
	SAYS(dc_ask("web.service.west.consul", DNS_A), "SERVFAIL AA");
	CHECK(slice_search(buf_view(&dc.logs.lines), S("[ERR] dns: rpc error: No path to datacenter")) > 0);
	SAYS(dc_ask("web.service.EAST.consul", DNS_A), "later");
	CHECK_EQ(dc.result.need.kind, DNS_NEED_SERVICE);
	CHECK_STR(dc.result.need.datacenter, "east");
	struct node node = {.name = S("e1"), .address = S("192.0.2.5")};
	struct pair wan = {S("wan"), S("198.51.100.5")};
	node.tagged_addresses = (struct list){&wan, 1};
	struct node_service svc = {.service = S("web"), .port = 80};
	struct check_service_node csn = {.node = &node, .service = &svc};
	struct dns_fact *f = dns_known_add(&known, &dc.result.need);
	f->got = DNS_GOT;
	f->nodes = (struct list){&csn, 1};
	SAYS(dc_ask_all("web.service.east.consul", DNS_SRV, 0, -1, &known),
	        "NOERROR AA | web.service.east.consul./0/SRV=80:e1.node.east.consul. | |"
	        " e1.node.east.consul./0/A=192.0.2.5");
	dc.set.translate_wan = true;
	SAYS(dc_ask_all("web.service.east.consul", DNS_SRV, 0, -1, &known),
	        "NOERROR AA | web.service.east.consul./0/SRV=80:c6336405.addr.east.consul. | |"
	        " c6336405.addr.east.consul./0/A=198.51.100.5");
	dns_known_free(&known);
	dc_end();
}

TEST(dns, prepared_queries_are_a_need)
{
	dc_begin();
	struct dns_known known = {.seed = 1};
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1"});
	SAYS(dc_ask("my.q.query.consul", DNS_A), "later");
	CHECK_EQ(dc.result.need.kind, DNS_NEED_QUERY);
	CHECK_STR(dc.result.need.name, "my.q");
	CHECK(dc.result.need.has_client);
	struct dns_fact *f = dns_known_add(&known, &dc.result.need);
	SAYS(dc_ask_all("my.q.query.consul", DNS_A, 0, -1, &known), "NXDOMAIN AA | |" SOA);
	struct node node = {.name = S("q1"), .address = S("192.0.2.5")};
	struct node_service svc = {.service = S("web"), .port = 80};
	struct check_service_node csn = {.node = &node, .service = &svc};
	f->got = DNS_GOT;
	f->nodes = (struct list){&csn, 1};
	f->datacenter = S("dc1");
	f->ttl = S("7s");
	SAYS(dc_ask_all("my.q.query.consul", DNS_A, 0, -1, &known), "NOERROR AA | my.q.query.consul./7/A=192.0.2.5");
	dns_known_free(&known);
	dc_end();
}

TEST(dns, without_a_leader_only_what_is_known)
{
	dc_begin();
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1", .name = "consul"});
	dc.view.local = DNS_LOCAL_FAIL;
	dc.view.why = S("No cluster leader");
	SAYS(dc_ask("n.node.consul", DNS_A), "SERVFAIL AA");
	SAYS(dc_ask("consul.service.consul", DNS_A), "SERVFAIL AA");
	SAYS(dc_ask("x.query.consul", DNS_A), "SERVFAIL AA");
	SAYS(dc_ask("consul", DNS_NS), "NOERROR AA");
	SAYS(dc_ask("consul", DNS_SOA), "NOERROR AA | consul./0/SOA=ns.consul.");
	SAYS(dc_ask("nothing.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	SAYS(dc_ask("c0000201.addr.consul", DNS_A), "NOERROR AA | c0000201.addr.consul./0/A=192.0.2.1");
	dc.view.too_stale = true;
	SAYS(dc_ask("x.query.consul", DNS_A), "later");
	dc_end();
}

/* ---- packets ---- */

TEST(dns, odd_packets)
{
	dc_begin();
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1"});
	struct dns_ask a = dc_question("n.node.consul", DNS_A, 0, -1);
	struct slice whole = a.packet;
	a.packet = slice_cut(whole, 0, 11);
	SAYS(dc_outcome(dns_answer(&dc.view, &a, NULL, &dc.mem, dc.answer, sizeof(dc.answer), &dc.result)), "silence");
	a.packet = slice_cut(whole, 0, 20);
	SAYS(dc_outcome(dns_answer(&dc.view, &a, NULL, &dc.mem, dc.answer, sizeof(dc.answer), &dc.result)), "FORMERR");
	CHECK_EQ(dc.result.out_n, 12);
	uint8_t copy[64];
	memcpy(copy, whole.p, whole.n);
	a.packet = slice_at(copy, whole.n);
	copy[2] = 0x80; /* an answer */
	SAYS(dc_outcome(dns_answer(&dc.view, &a, NULL, &dc.mem, dc.answer, sizeof(dc.answer), &dc.result)), "silence");
	copy[2] = 0x11; /* another opcode: echoed, RD not */
	SAYS(dc_outcome(dns_answer(&dc.view, &a, NULL, &dc.mem, dc.answer, sizeof(dc.answer), &dc.result)),
	        "NOERROR AA | n.node.consul./0/A=192.0.2.1");
	CHECK_EQ(dc.answer[2], 0x94);
	a.tcp = true;
	a.packet = slice_at(copy, 1);
	CHECK_EQ(dns_answer(&dc.view, &a, NULL, &dc.mem, dc.answer, sizeof(dc.answer), &dc.result), DNS_ANSWER);
	CHECK_EQ(dc.answer[1], 0);
	CHECK_EQ(dc.answer[3], DNS_FORMERR);
	dc_end();
}

TEST(dns, names_that_cannot_be_written_give_no_answer)
{
	dc_begin();
	dc_add((struct dc_service){.node = "a..b", .address = "192.0.2.1", .name = "web"});
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	SAYS(dc_ask("web.service.consul", DNS_SRV), "silence");
	dc_end();
}

/* Out of memory anywhere: no answer, nothing else. */
TEST(dns, without_memory_it_is_silent)
{
	dc_begin();
	dc_add_many(200);
	for (size_t limit = 1; limit < 400000; limit = limit * 3 / 2 + 1) {
		struct dns_ask a = dc_question("web.service.consul", DNS_SRV, TCP, -1);
		struct arena small;
		arena_init(&small, limit);
		enum dns_verdict v = dns_answer(&dc.view, &a, NULL, &small, dc.answer, sizeof(dc.answer), &dc.result);
		CHECK_EQ(v, small.failed ? DNS_SILENCE : DNS_ANSWER);
		arena_free(&small);
	}
	dc_end();
}

TEST(dns, lines_of_the_log)
{
	dc_begin();
	dc.logs.level = LOG_DEBUG;
	struct dns_ask a = dc_question("n.node.consul", DNS_A, 0, -1);
	dns_log(&dc.logs, &a, DNS_BY_DOMAIN, 12345);
	a.tcp = true;
	dns_log(&dc.logs, &a, DNS_BY_REVERSE, 12345);
	dns_log(&dc.logs, &a, DNS_BY_RECURSOR, 12345);
	struct slice l = buf_view(&dc.logs.lines);
	CHECK(slice_search(
	              l, S("[DEBUG] dns: request for name n.node.consul. type A class IN (took 12.345\xc2\xb5s) from "
	                   "client 127.0.0.1:4242 (udp)\n")) > 0);
	CHECK(slice_search(l,
	              S("dns: request for {n.node.consul. 1 1} (12.345\xc2\xb5s) from client 127.0.0.1:4242 (tcp)")) >
	        0);
	CHECK(slice_search(l, S("dns: request for {n.node.consul. 1 1} (tcp) (12.345\xc2\xb5s) from client")) > 0);
	dc_end();
}
