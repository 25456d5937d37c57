#include "core/agent/config_keys.h"
#include "tests/unit/agent/config_fixture.h"

#define BIND "\"data_dir\": \"d\", \"bind_addr\": \"127.0.0.1\""

static struct slice text_at(struct list l, uint32_t i)
{
	return i < l.n ? ((const struct slice *)l.items)[i] : S("-");
}

/* Decoding relies on it: rows that share the beginning of their path stand together. */
static bool sections_are_whole(const struct config_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *dot = t->rows[i].key ? strchr(t->rows[i].key, '.') : NULL;
		if (!dot)
			continue;
		size_t prefix = (size_t)(dot - t->rows[i].key) + 1;
		bool left = false;
		for (size_t j = i + 1; j < t->n; j++) {
			bool same = t->rows[j].key && !strncmp(t->rows[j].key, t->rows[i].key, prefix);
			if (same && left)
				return false;
			left |= !same;
		}
	}
	return true;
}

TEST(config_keys, sections_stand_together)
{
	CHECK(sections_are_whole(&config_keys));
	CHECK(sections_are_whole(&config_check_keys));
	CHECK(sections_are_whole(&config_service_keys));
}

TEST(config_keys, no_key_stands_twice)
{
	for (size_t i = 0; i < config_keys.n; i++)
		for (size_t j = 0; config_keys.rows[i].key && j < i; j++)
			if (config_keys.rows[j].key && !strcmp(config_keys.rows[i].key, config_keys.rows[j].key))
				test_fail(__FILE__, __LINE__, "%s twice", config_keys.rows[i].key);
}

TEST(config_build, defaults)
{
	struct built b = build_file("c.json", "{" BIND "}");
	ASSERT(b.config);
	CHECK_STR(b.config->datacenter, "dc1");
	CHECK_STR(b.config->domain, "consul.");
	CHECK_STR(b.config->node_name, "host");
	CHECK_STR(b.config->log_level, "INFO");
	CHECK(!b.config->server_mode);
	CHECK(b.config->leave_on_terminate);
	CHECK(!b.config->skip_leave_on_interrupt);
	CHECK_EQ(b.config->raft_election_timeout, 5 * NS_PER_S);
	CHECK_EQ(b.config->http_port, 8500);
	CHECK_EQ(b.config->https_port, -1);
	CHECK_EQ(b.config->ipc_port, 8400);
	CHECK_EQ(b.config->https_addrs.n, 0);
	CHECK_EQ(b.config->dns_addrs.n, 2);
	CHECK_EQ(((const struct config_addr *)b.config->dns_addrs.items)[1].kind, CONFIG_ADDR_UDP);
	CHECK_STR(b.config->serf_lan_addr.host, "127.0.0.1");
	CHECK_EQ(b.config->serf_wan_addr.port, 8302);
	CHECK_STR(b.config->version, "1.0.8");
	CHECK_EQ(b.config->tagged_addresses.n, 2);
	built_free(&b);
}

TEST(config_build, dev_is_a_fast_server)
{
	struct built b = build_dev("c.json", "{}");
	ASSERT(b.config);
	CHECK(b.config->server_mode);
	CHECK(b.config->ui);
	CHECK(b.config->skip_leave_on_interrupt);
	CHECK_EQ(b.config->raft_election_timeout, 52 * NS_PER_MS);
	CHECK_STR(b.config->bind_addr, "127.0.0.1");
	CHECK_STR(b.config->log_level, "DEBUG");
	built_free(&b);
}

TEST(config_build, later_files_win_lists_add_up_flags_overrule)
{
	const struct config_source files[] = {
	        {S("a.json"), S("{" BIND ", \"datacenter\": \"one\", \"node_meta\": {\"a\": \"1\", \"b\": \"1\"},"
	                        "\"start_join\": [\"f1\"], \"service\": {\"name\": \"s1\"}, \"log_level\": \"warn\"}")},
	        {S("b.txt"), S("never read")},
	        {S("b.json"), S("{\"datacenter\": \"two\", \"node_meta\": {\"b\": \"2\", \"c\": \"2\"},"
	                        "\"start_join\": [\"f2\"], \"services\": [{\"name\": \"s2\"}]}")},
	};
	struct built b = build_files(files, ARRAY_LEN(files),
	        "{\"log_level\": \"err\", \"start_join\": [\"flag\"], \"node_meta\": {\"c\": \"flag\"}, \"ports\": "
	        "{\"dns\": 1}}",
	        false);
	ASSERT(b.config);
	CHECK_STR(b.config->datacenter, "two");
	CHECK_STR(b.config->log_level, "err");
	CHECK_EQ(b.config->dns_port, 1);
	CHECK_EQ(b.config->http_port, 8500);
	CHECK_EQ(b.config->start_join.n, 3);
	CHECK_STR(text_at(b.config->start_join, 0), "flag");
	CHECK_STR(text_at(b.config->start_join, 2), "f2");
	CHECK_EQ(b.config->node_meta.n, 3);
	CHECK_STR(((const struct pair *)b.config->node_meta.items)[1].val, "2");
	CHECK_STR(((const struct pair *)b.config->node_meta.items)[2].val, "flag");
	CHECK_EQ(b.config->services.n, 2);
	CHECK_STR(((const struct service_definition *)b.config->services.items)[0].name, "s1");
	built_free(&b);
}

TEST(config_build, definitions_in_both_spellings)
{
	struct built b = build_file("c.json",
	        "{" BIND ", \"service\": {\"ID\": \"w\", \"Name\": \"web\", \"EnableTagOverride\": true, \"check\":"
	        "{\"CheckID\": \"c\", \"ScriptArgs\": [\"x\"], \"Interval\": \"5s\", "
	        "\"DeregisterCriticalServiceAfter\": \"1h\"},"
	        "\"checks\": [{\"ttl\": \"1m\", \"header\": {\"B\": [\"2\"], \"A\": [\"1\"]}}]}}");
	ASSERT(b.config && b.config->services.n == 1);
	const struct service_definition *s = b.config->services.items;
	CHECK_STR(s->id, "w");
	CHECK(s->enable_tag_override);
	ASSERT(s->checks.n == 2);
	const struct check_definition *c = s->checks.items;
	CHECK_EQ(c[0].ttl, NS_PER_MIN);
	CHECK_EQ(c[0].header.n, 2);
	CHECK_STR(((const struct named_strs *)c[0].header.items)[0].key, "A");
	CHECK_STR(c[1].id, "c");
	CHECK_EQ(c[1].script_args.n, 1);
	CHECK_EQ(c[1].deregister_after, NS_PER_H);
	built_free(&b);
}

TEST(config_build, unknown_keys_and_wrong_types_are_named_by_path)
{
	struct built b = build_file("c.json", "{\"services\": [{\"name\": \"x\", \"bogus\": 1}]}");
	CHECK_STR(
	        b.report.error, "Error parsing c.json: 1 error(s) occurred:\n\n* invalid config key services[0].bogus");
	built_free(&b);
	b = build_file("c.json", "{\"ports\": {\"http\": \"1\"}, \"node_meta\": {\"a\": 1}, \"retry_join\": \"x\"}");
	CHECK_STR(b.report.error, "Error parsing c.json: 3 error(s) decoding:\n\n"
	                          "* 'node_meta[a]' expected type 'string', got unconvertible type 'float64'\n"
	                          "* 'ports.http' expected type 'int', got unconvertible type 'string'\n"
	                          "* 'retry_join': source data must be an array or slice, got string");
	built_free(&b);
}

TEST(config_build, the_last_bad_duration_is_told)
{
	struct built b = build_checked(
	        "{" BIND ", \"acl_ttl\": \"x\", \"session_ttl_min\": \"1d\", \"ports\": {\"http\": 99999}}");
	CHECK_STR(b.report.error,
	        "1 error(s) occurred:\n\n* session_ttl_min: invalid duration: \"1d\": time: unknown unit "
	        "\"d\" in duration \"1d\"");
	built_free(&b);
}

TEST(config_build, keys_of_older_releases_are_taken_with_a_word)
{
	struct built b = build_file("old.json",
	        "{" BIND ", \"recursor\": \"8.8.8.8\", \"recursors\": [\"1.1.1.1\"], \"serf_lan_bind\": \"127.0.0.2\","
	        "\"atlas_infrastructure\": \"x\", \"statsd_addr\": \"1.2.3.4:5\", \"http_api_response_headers\": "
	        "{\"A\": \"b\"},"
	        "\"ports\": {\"rpc\": 8499}, \"advertise_addrs\": {\"serf_lan\": \"10.1.1.1:9301\", \"rpc\": "
	        "\"10.1.1.1:9300\"},"
	        "\"service\": {\"name\": \"x\", \"tag\": \"t\"}}");
	ASSERT(b.config);
	CHECK_STR(text_at(b.config->recursors, 0), "1.1.1.1");
	CHECK_STR(text_at(b.config->recursors, 1), "8.8.8.8");
	CHECK_STR(b.config->serf_lan_addr.host, "127.0.0.2");
	CHECK_STR(b.config->statsd_addr, "1.2.3.4:5");
	CHECK_EQ(b.config->http_response_headers.n, 1);
	CHECK_EQ(b.config->ipc_port, 8499);
	CHECK_STR(b.config->serf_lan_advertise.host, "10.1.1.1");
	CHECK_EQ(b.config->serf_lan_advertise.port, 9301);
	CHECK_EQ(b.config->server_advertise.port, 9300);
	CHECK_STR(b.config->advertise_addr, "10.1.1.1");
	CHECK_STR(text_at(((const struct service_definition *)b.config->services.items)->tags, 0), "t");
	CHECK_EQ(b.report.notes.n, 8);
	CHECK_STR(text_at(b.report.notes, 2),
	        "old.json: 'atlas_infrastructure' is a key of older releases and means nothing "
	        "any more");
	built_free(&b);
}

TEST(config_build, the_old_port_yields_to_a_new_one)
{
	struct built b = build_file("c.json", "{" BIND ", \"ports\": {\"http\": 8400}}");
	ASSERT(b.config);
	CHECK_EQ(b.config->ipc_port, -1);
	CHECK_EQ(b.config->ipc_addrs.n, 0);
	CHECK_EQ(b.report.notes.n, 1);
	built_free(&b);
}

TEST(config_build, what_the_reference_panics_at_is_an_error)
{
	struct built b = build_file("c.json", "{\"service\": [{\"name\": \"x\"}, {\"name\": \"y\"}]}");
	CHECK_STR(b.report.error, "Error parsing c.json: service: more than one element is not supported here");
	built_free(&b);
}

TEST(config_build, out_of_memory_is_an_error)
{
	static const char text[] =
	        "{" BIND ", \"service\": {\"name\": \"x\", \"check\": {\"ttl\": \"1s\"}}, \"recursors\": "
	        "[\"1.1.1.1\"], \"node_meta\": {\"a\": \"b\"}}";
	struct config_source file = {S("c.json"), slice_of(text)};
	struct config_input in = {.files = &file, .file_count = 1, .facts = &fixture_facts};
	struct agent_config *c = NULL;
	struct config_report report;
	bool worked = false;
	for (size_t limit = 4096; !worked; limit += 4096) {
		struct arena a;
		arena_init(&a, limit);
		worked = config_build(&in, &a, &c, &report) == OK;
		CHECK(worked == (c != NULL));
		CHECK(worked || report.error.n);
		CHECK(!worked || !a.failed);
		arena_free(&a);
	}
}
