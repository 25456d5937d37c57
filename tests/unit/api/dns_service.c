/* Services: who is healthy, how many, in which order, for how long. */
#include "tests/unit/api/dc.h"

TEST(dns, a_service_has_the_addresses_of_its_healthy_instances)
{
	dc_begin();
	dc_add((struct dc_service){.node = "n1", .address = "192.0.2.1", .name = "Web", .port = 80, .tag = "V1"});
	dc_add((struct dc_service){
	        .node = "n2", .address = "192.0.2.2", .name = "web", .port = 81, .status = "critical"});
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	SAYS(dc_ask("v1.web.service.consul", DNS_A), "NOERROR AA | v1.web.service.consul./0/A=192.0.2.1");
	SAYS(dc_ask("v2.web.service.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	SAYS(dc_ask("web.service.consul", DNS_MX), "NOERROR AA | |" SOA);
	SAYS(dc_ask("web.service.consul", DNS_SRV), "NOERROR AA | web.service.consul./0/SRV=80:n1.node.dc1.consul. | |"
	                                            " n1.node.dc1.consul./0/A=192.0.2.1");
	/* another service's check does not matter, the node's does */
	dc_add((struct dc_service){
	        .node = "n1", .address = "192.0.2.1", .name = "db", .status = "critical", .check_of = "db"});
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	SAYS(dc_ask("db.service.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	dc_add((struct dc_service){
	        .node = "n1", .address = "192.0.2.1", .name = "web", .status = "warning", .check_of = ""});
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.1");
	dc.set.only_passing = true;
	SAYS(dc_ask("web.service.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	dc_end();
}

TEST(dns, a_service_at_an_address_of_its_own)
{
	dc_begin();
	dc_add((struct dc_service){
	        .node = "n1", .address = "192.0.2.1", .name = "web", .port = 80, .own_address = "192.0.2.99"});
	dc_add((struct dc_service){
	        .node = "n1", .address = "192.0.2.1", .name = "six", .port = 1, .own_address = "2001:db8::9"});
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./0/A=192.0.2.99");
	SAYS(dc_ask("web.service.consul", DNS_SRV),
	        "NOERROR AA | web.service.consul./0/SRV=80:c0000263.addr.dc1.consul."
	        " | | c0000263.addr.dc1.consul./0/A=192.0.2.99");
	SAYS(dc_ask("six.service.consul", DNS_SRV),
	        "NOERROR AA | six.service.consul./0/SRV=1:20010db8000000000000000000000009.addr.dc1.consul. | |"
	        " 20010db8000000000000000000000009.addr.dc1.consul./0/AAAA=2001:db8::9");
	SAYS(dc_ask("C0000263.addr.dc1.consul", DNS_MX), "NOERROR AA | c0000263.addr.dc1.consul./0/A=192.0.2.99");
	SAYS(dc_ask("c00002.addr.consul", DNS_A), "NOERROR AA");
	SAYS(dc_ask("c000026x.addr.consul", DNS_A), "NXDOMAIN AA | |" SOA);
	dc_end();
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
	dc_begin();
	dc_add_many(12);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		dc_ask_all("web.service.consul", cases[i].type, cases[i].how, cases[i].edns, NULL);
		CHECK_EQ(dc_count(6), cases[i].answers);
		CHECK_EQ(dc_count(10), cases[i].extra);
	}
	dc.set.enable_truncate = true;
	dc.set.udp_answer_limit = 20;
	CHECK(strstr(dc_ask("web.service.consul", DNS_A), "TC"));
	CHECK_EQ(dc_count(6), 8);
	CHECK(strstr(dc_ask("web.service.consul", DNS_SRV), "TC"));
	CHECK_EQ(dc_count(6), 5);
	dc.set.udp_answer_limit = 0;
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA TC");
	dc.set.enable_truncate = false;
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA | |" SOA);
	dc.set.a_record_limit = 2;
	dc_ask_all("web.service.consul", DNS_A, TCP, -1, NULL);
	CHECK_EQ(dc_count(6), 2);
	dc_ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(dc_count(6), 12);
	dc_end();
}

/* No UDP answer is longer than the asker allows, measured or written; over TCP at most 640 SRV. */
TEST(dns, no_answer_is_too_long)
{
	dc_begin();
	dc_add_many(700);
	dc.set.enable_truncate = true;
	for (int edns = 512; edns < 3000; edns += 97) {
		dc_ask_all("web.service.consul", DNS_SRV, 0, edns, NULL);
		CHECK(dc.result.out_n > 0 && dc.result.out_n <= (size_t)edns + 11);
		CHECK_EQ(dc_count(10), dc_count(6) + 1);
		dc_ask_all("web.service.consul", DNS_A, 0, edns, NULL);
		CHECK(dc.result.out_n <= (size_t)edns + 11);
	}
	dc_ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(dc_count(6), 640); /* the rest goes without TC, and their addresses stay */
	CHECK_EQ(dc_count(10), 700);
	CHECK(!(dc.answer[2] & 2));
	dc_ask_all("web.service.consul", DNS_A, TCP, -1, NULL);
	CHECK_EQ(dc_count(6), 700);
	dc_add_many(900); /* now the additional records are too many: one answer less, and only their addresses */
	dc_ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(dc_count(6), 639);
	CHECK_EQ(dc_count(10), 639);
	CHECK(dc.answer[2] & 2);
	dc_end();
}

/* Every instance comes first about as often as the others. */
TEST(dns, the_order_is_random)
{
	dc_begin();
	dc_add_many(5);
	unsigned first[6] = {0};
	for (int i = 0; i < 5000; i++) {
		const char *said = dc_ask("web.service.consul", DNS_A);
		const char *ip = strstr(said, "A=198.18.0.");
		ASSERT(ip);
		first[ip[11] - '0']++;
	}
	for (int i = 1; i <= 5; i++)
		CHECK(first[i] > 850 && first[i] < 1150);
	dc_end();
}

TEST(dns, equal_answers_are_given_once)
{
	dc_begin();
	for (int i = 0; i < 40; i++) {
		char id[16];
		snprintf(id, sizeof(id), "w%d", i);
		dc_add((struct dc_service){
		        .node = "n1", .address = "192.0.2.1", .id = id, .name = "web", .port = 80 + i % 3});
	}
	dc_ask_all("web.service.consul", DNS_A, TCP, -1, NULL);
	CHECK_EQ(dc_count(6), 1);
	dc_ask_all("web.service.consul", DNS_SRV, TCP, -1, NULL);
	CHECK_EQ(dc_count(6), 3);
	CHECK_EQ(dc_count(10), 3);
	dc_end();
}

TEST(dns, ttl_by_name_or_star)
{
	dc_begin();
	struct config_ttl ttls[] = {{S("*"), 5 * NS_PER_S}, {S("db"), 30 * NS_PER_S}};
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1", .name = "db"});
	dc_add((struct dc_service){.node = "n", .address = "192.0.2.1", .name = "web"});
	dc.set.service_ttl = (struct list){ttls, 2};
	SAYS(dc_ask("DB.service.consul", DNS_A), "NOERROR AA | DB.service.consul./30/A=192.0.2.1");
	SAYS(dc_ask("web.service.consul", DNS_A), "NOERROR AA | web.service.consul./5/A=192.0.2.1");
	dc_end();
}
