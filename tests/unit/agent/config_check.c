#include "core/agent/config_watch.h"
#include "core/base/json.h"
#include "tests/unit/agent/config_fixture.h"

#define BIND "\"data_dir\": \"d\", \"bind_addr\": \"127.0.0.1\""

static void refused(int line, const char *text, const char *want)
{
	struct built b = build_checked(text);
	if (!slice_is(b.report.error, want))
		test_fail(__FILE__, line, "%s: %.*s", text, PS(b.report.error));
	built_free(&b);
}

TEST(config_check, rules)
{
	refused(__LINE__, "{" BIND "}", "");
	refused(__LINE__, "{\"bind_addr\": \"127.0.0.1\"}", "data_dir cannot be empty");
	refused(__LINE__, "{" BIND ", \"datacenter\": \"a b\"}",
	        "datacenter cannot be \"a b\". Please use only [a-z0-9-_].");
	refused(__LINE__, "{" BIND ", \"bootstrap\": true}", "'bootstrap = true' requires 'server = true'");
	refused(__LINE__, "{" BIND ", \"node_meta\": {\"consul-x\": \"\"}}",
	        "node_meta invalid: Couldn't load metadata pair ('consul-x', ''): Key prefix 'consul-' is reserved for "
	        "internal "
	        "use");
	refused(__LINE__, "{" BIND ", \"ports\": {\"http\": 8600}}",
	        "HTTP address 127.0.0.1:8600 already configured for DNS");
	refused(__LINE__, "{" BIND ", \"segment\": \"x\"}",
	        "Network segments are not supported in this version of Consul");
}

TEST(config_check, the_disk_has_a_say)
{
	struct config_disk disk = {.mdb = true};
	struct built b = build_file("c.json", "{" BIND ", \"server\": true}");
	ASSERT(b.config);
	CHECK(config_check(b.config, &disk, &b.arena, &b.report) == ERR_INVALID);
	CHECK(slice_starts(b.report.error, S("CRITICAL: Deprecated data folder found at \"d/mdb\"!\n")));
	disk = (struct config_disk){.data_dir_is_file = true};
	CHECK(config_check(b.config, &disk, &b.arena, &b.report) == ERR_INVALID);
	CHECK_STR(b.report.error, "data_dir \"d\" is not a directory");
	built_free(&b);
}

TEST(config_check, warnings_come_in_order)
{
	struct built b = build_checked("{" BIND ", \"server\": true, \"bootstrap_expect\": 4, \"telemetry\": "
	                               "{\"prefix_filter\": [\"\", \"x\"]}}");
	ASSERT(b.config && b.report.warnings.n == 4);
	const struct slice *w = b.report.warnings.items;
	CHECK_STR(w[0], "Cannot have empty filter rule in prefix_filter");
	CHECK_STR(w[1], "Filter rule must begin with either '+' or '-': \"x\"");
	CHECK(slice_starts(w[2], S("bootstrap_expect is even number: ")));
	CHECK_STR(w[3], "bootstrap_expect > 0: expecting 4 servers");
	built_free(&b);
}

static void not_started(int line, const char *text, const char *want)
{
	struct config_disk nothing = {0};
	struct built b = build_dev("c.json", text);
	ASSERT(b.config);
	config_check_start(b.config, &nothing, &b.arena, &b.report);
	if (!slice_is(b.report.error, want))
		test_fail(__FILE__, line, "%s: %.*s", text, PS(b.report.error));
	built_free(&b);
}

TEST(config_check_start, what_only_an_agent_refuses)
{
	not_started(__LINE__, "{}", "");
	not_started(__LINE__, "{\"acl_down_policy\": \"x\"}", "Error creating agent: invalid ACL down policy \"x\"");
	not_started(__LINE__, "{\"encrypt\": \"aGVsbG8=\"}",
	        "Error starting agent: Failed to configure keyring: key size must be 16, 24 or 32 bytes");
	not_started(__LINE__, "{\"protocol\": 4}",
	        "Error starting agent: Failed to start Consul server: Protocol version '4' too high. Must be in range: "
	        "[2, 3]");
	not_started(__LINE__, "{\"service\": {\"id\": \"x\"}}",
	        "Error starting agent: Failed to register service \"\": Service name missing");
	not_started(__LINE__, "{\"check\": {\"name\": \"x\", \"service_id\": \"n\", \"ttl\": \"5s\"}}",
	        "Error starting agent: Failed to register check 'x': ServiceID \"n\" does not exist &{ x  n    []  "
	        "map[]   0s    "
	        "false false 0s 5s 0s}");
	not_started(__LINE__, "{\"recursors\": [\"a:b:c\"]}",
	        "Error starting agent: Invalid recursor address: address a:b:c: too many colons in address");
}

static struct slice watch_error(const char *text)
{
	static struct arena a;
	static struct fail f;
	struct config_watch w;
	struct value v;
	arena_reset(&a, 1 << 16);
	f.text[0] = 0;
	ASSERT(json_read(slice_of(text), &a, &v, &f) == OK);
	config_watch_read(&v, &a, &w, &f);
	return slice_of(f.text);
}

TEST(config_watch, errors)
{
	CHECK_STR(watch_error("{\"type\": \"nodes\", \"handler\": \"x\"}"), "");
	CHECK_STR(watch_error("{\"type\": \"nodes\"}"), "Must define a watch handler");
	CHECK_STR(watch_error("{\"handler\": \"x\", \"key\": 1.5}"),
	        "Failed to parse watch (map[string]interface {}{\"handler\":\"x\", \"handler_type\":\"script\", "
	        "\"key\":1.5}): "
	        "Watch type must be specified");
	CHECK_STR(watch_error("{\"type\": \"nodes\", \"handler\": \"x\", \"args\": [\"y\"]}"),
	        "Only one watch handler allowed");
	CHECK_STR(watch_error("{\"type\": \"nodes\", \"args\": \"y\"}"), "Watch args must be a list of strings");
	CHECK_STR(watch_error("{\"type\": \"nodes\", \"handler_type\": \"fax\", \"handler\": \"x\"}"),
	        "Handler type 'fax' not recognized");
	CHECK_STR(
	        watch_error(
	                "{\"type\": \"nodes\", \"handler_type\": \"http\", \"http_handler_config\": {\"path\": \"x\", "
	                "\"timeout\": \"soon\"}}"),
	        "Failed to parse watch (map[string]interface {}{\"http_handler_config\":map[string]interface "
	        "{}{\"path\":\"x\", "
	        "\"timeout\":\"soon\"}}): Failed to parse 'http_handler_config': Failed to parse timeout: time: "
	        "invalid duration "
	        "\"soon\"");
}

TEST(config_watch, a_good_one)
{
	struct arena a = {0};
	struct value v;
	struct config_watch w;
	ASSERT(json_read(S("{\"type\": \"service\", \"service\": \"web\", \"tag\": \"t\", \"passingonly\": true, "
	                   "\"args\": "
	                   "[\"sh\", \"-c\"]}"),
	               &a, &v, NULL) == OK);
	ASSERT(config_watch_read(&v, &a, &w, NULL) == OK);
	CHECK_EQ(w.type, WATCH_SERVICE);
	CHECK_STR(w.service, "web");
	CHECK(w.passing_only);
	CHECK_EQ(w.args.n, 2);
	arena_free(&a);
}
