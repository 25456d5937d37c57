#include "core/agent/config_template.h"
#include "tests/unit/agent/config_fixture.h"

static struct slice expanded(const char *text)
{
	static struct arena a;
	struct fail f = {0};
	struct slice out;
	arena_reset(&a, 1 << 16);
	return config_template(slice_of(text), &fixture_facts, &a, &out, &f) ? arena_str(&a, "! %s", f.text) : out;
}

TEST(config_template, text_stays_as_it_is)
{
	CHECK_STR(expanded(""), "");
	CHECK_STR(expanded("10.0.0.1 10.0.0.2"), "10.0.0.1 10.0.0.2");
	CHECK_STR(expanded("}}"), "}}");
}

TEST(config_template, functions)
{
	CHECK_STR(expanded("{{ GetPrivateIP }}"), "10.0.0.5");
	CHECK_STR(expanded("{{GetInterfaceIP \"docker0\"}}"), "172.17.0.1");
	CHECK_STR(expanded("{{ GetInterfaceIP \"eth0|lo\" }}"), "10.0.0.5");
	CHECK_STR(expanded("{{ GetInterfaceIPs `eth\\d` }}"), "10.0.0.5 203.0.113.7 fe80::1");
	CHECK_STR(expanded("a {{ GetInterfaceIP \"nothing\" }} b"), "a  b");
	CHECK_STR(expanded("{{ GetPublicIP }}"), "");
}

TEST(config_template, pipelines)
{
	CHECK_STR(expanded("{{ GetAllInterfaces | include \"name\" \"^docker\" | attr \"address\" }}"), "172.17.0.1");
	CHECK_STR(
	        expanded("{{ GetPrivateInterfaces | include \"network\" \"172.16.0.0/12\" | join \"address\" \",\" }}"),
	        "172.17.0.1");
	CHECK_STR(
	        expanded("{{ GetAllInterfaces | include \"type\" \"ipv4\" | exclude \"flags\" \"loopback|down\" | sort "
	                 "\"-size\" | limit 1 | attr \"name\" }}"),
	        "eth0");
	CHECK_STR(expanded("{{ attr \"address\" (GetAllInterfaces | include \"rfc\" \"1918\" | sort \"size\") }}"),
	        "172.17.0.1");
	CHECK_STR(expanded("{{ . | offset 1 | limit 1 | attr \"string\" }}"), "10.0.0.5/24");
}

TEST(config_template, errors_are_errors)
{
	static const char *const bad[] = {
	        "{{",
	        "{{ }}",
	        "{{ Nonsense }}",
	        "{{ GetInterfaceIP \"eth0 }}",
	        "{{ GetPrivateIP",
	        "{{ attr \"address\" }}",
	        "{{ GetPrivateIP | include \"x\" \"y\" }}",
	        "{{ (GetPrivateIP }}",
	        "{{ GetAllInterfaces | limit \"x\" }}",
	        "{{ ((((((((((((((((((((((((GetPrivateIP }}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!slice_starts(expanded(bad[i]), S("! ")) && strcmp(bad[i], "{{ attr \"address\" }}") != 0)
			test_fail(__FILE__, __LINE__, "%s gives %.*s", bad[i], PS(expanded(bad[i])));
}

TEST(config_addr, several_candidates_the_default_route_decides)
{
	struct built b = build_file("c.json", "{\"data_dir\": \"d\"}");
	ASSERT(b.config);
	CHECK_STR(b.config->bind_addr, "0.0.0.0");
	CHECK_STR(b.config->advertise_addr, "10.0.0.5");
	CHECK_STR(b.config->server_addr.host, "0.0.0.0");
	CHECK_STR(b.config->server_advertise.host, "10.0.0.5");
	CHECK_EQ(b.report.notes.n, 1);
	built_free(&b);
}

TEST(config_addr, interfaces_and_networks_by_name)
{
	struct built b = build_file("c.json",
	        "{\"data_dir\": \"d\", \"bind_addr\": \"eth0\", \"client_addr\": \"172.16.0.0/12 127.0.0.1\","
	        "\"advertise_addr_wan\": \"{{ GetInterfaceIP \\\"docker0\\\" }}\"}");
	ASSERT(b.config);
	CHECK_STR(b.config->bind_addr, "10.0.0.5");
	CHECK_EQ(b.config->client_addrs.n, 2);
	CHECK_STR(((const struct slice *)b.config->client_addrs.items)[0], "172.17.0.1");
	CHECK_STR(b.config->advertise_addr_wan, "172.17.0.1");
	CHECK_EQ(b.config->http_addrs.n, 2);
	built_free(&b);
}

TEST(config_addr, networks)
{
	struct ip network, ip;
	unsigned bits;
	ASSERT(config_network_parse(S("10.1.2.0/23"), &network, &bits));
	ASSERT(ip_parse(S("10.1.3.255"), &ip));
	CHECK(config_network_has(&network, bits, &ip));
	ASSERT(ip_parse(S("10.1.4.0"), &ip));
	CHECK(!config_network_has(&network, bits, &ip));
	CHECK(!config_network_parse(S("10.0.0.0/33"), &network, &bits));
	CHECK(!config_network_parse(S("10.0.0.0"), &network, &bits));
	ASSERT(config_network_parse(S("0.0.0.0/0"), &network, &bits));
	CHECK(config_network_has(&network, bits, &ip));
	ASSERT(ip_parse(S("::1"), &ip));
	CHECK(!config_network_has(&network, bits, &ip));
}
