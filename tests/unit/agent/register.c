/* Services and checks come, stay over a restart or a reload, and go. */
#include "tests/unit/agent/world_fixture.h"

#include "core/base/md5.h"

static void durable(struct bench *b)
{
	b->config.dev_mode = false;
}

/* The bytes of the file that was saved last under a name that begins so. */
static struct slice saved(const struct bench *b, const char *prefix)
{
	struct slice bytes = S_NONE;
	for (unsigned n = 0; n < bench_effects(b, EFF_SAVE); n++) {
		const struct effect *e = bench_effect(b, EFF_SAVE, n);
		if (slice_starts(e->file.name, slice_of(prefix)))
			bytes = e->file.bytes;
	}
	return bytes;
}

/* All files that were saved, given to another agent. */
static void hand_over(const struct bench *from, struct bench *to)
{
	for (unsigned n = 0; n < bench_effects(from, EFF_SAVE); n++) {
		const struct effect *e = bench_effect(from, EFF_SAVE, n);
		agent_restore_file(to->agent, e->file.name, e->file.bytes);
	}
}

TEST(agent_register, md5_is_rfc_1321)
{
	static const struct {
		const char *text, *digest;
	} cases[] = {
	        {"", "d41d8cd98f00b204e9800998ecf8427e"},
	        {"a", "0cc175b9c0f1b6a831c399e269772661"},
	        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
	        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
	                "57edf4a22be3c955ac49da2e2107b67a"},
	        {"0123456789012345678901234567890123456789012345678901234", "6e7a4fc92eb1c3f6e652425bcc8d44b5"},
	        {"01234567890123456789012345678901234567890123456789012345", "8af270b2847610e742b0791b53648c09"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char hex[MD5_TEXT + 1];
		md5_hex(slice_of(cases[i].text), hex);
		CHECK_STR(slice_of(hex), cases[i].digest);
	}
}

TEST(agent_register, files_are_byte_for_byte_those_of_consul)
{
	struct bench b;
	bench_begin(&b);
	durable(&b);
	bench_lead(&b);
	bench_service(&b, "web", "web", "1h");
	CHECK_STR(saved(&b, "services/"),
	        "{\"Token\":\"\",\"Service\":{\"ID\":\"web\",\"Service\":\"web\",\"Tags\":null,\"Address\":\"\","
	        "\"Meta\":null,"
	        "\"Port\":80,\"EnableTagOverride\":false,\"CreateIndex\":0,\"ModifyIndex\":0}}");
	CHECK_STR(bench_effect(&b, EFF_SAVE, 0)->file.name, "services/2567a5ec9705eb7ac2c984033e06189d");
	CHECK_STR(saved(&b, "checks/"),
	        "{\"Check\":{\"Node\":\"a\",\"CheckID\":\"service:web\",\"Name\":\"Service 'web' check\",\"Status\":"
	        "\"critical\",\"Notes\":\"\",\"Output\":\"\",\"ServiceID\":\"web\",\"ServiceName\":\"web\","
	        "\"ServiceTags\":"
	        "null,\"Definition\":{},\"CreateIndex\":0,\"ModifyIndex\":0},\"ChkType\":{\"CheckID\":\"\",\"Name\":"
	        "\"\","
	        "\"Status\":\"\",\"Notes\":\"\",\"Script\":\"\",\"ScriptArgs\":null,\"HTTP\":\"\",\"Header\":null,"
	        "\"Method\":\"\",\"TCP\":\"\",\"Interval\":0,\"DockerContainerID\":\"\",\"Shell\":\"\",\"GRPC\":\"\","
	        "\"GRPCUseTLS\":false,\"TLSSkipVerify\":false,\"Timeout\":0,\"TTL\":3600000000000,"
	        "\"DeregisterCriticalServiceAfter\":0},\"Token\":\"\"}");
	bench_set(&b, "service:web", "passing", "ok");
	CHECK_STR(saved(&b, "checks/state/"),
	        "{\"CheckID\":\"service:web\",\"Output\":\"ok\",\"Status\":\"passing\",\"Expires\":1500003600}");
	bench_end(&b);
}

TEST(agent_register, a_dev_agent_keeps_nothing)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_service(&b, "web", "web", "1h");
	bench_set(&b, "service:web", "passing", "ok");
	CHECK_EQ(bench_effects(&b, EFF_SAVE), 0);
	bench_end(&b);
}

TEST(agent_register, what_was_kept_comes_back_with_its_state)
{
	struct bench before, after;
	bench_begin(&before);
	durable(&before);
	bench_lead(&before);
	bench_service(&before, "web", "web", "1h");
	bench_service(&before, "gone", "gone", "1h");
	bench_check(&before, (struct check_definition){.name = S("short"), .ttl = NS_PER_S});
	bench_set(&before, "service:web", "passing", "ok");
	bench_set(&before, "short", "passing", "ok");
	struct ask_maintenance mode = {.enable = true};
	bench_ask(&before, ASK_NODE_MAINTENANCE, &mode);
	bench_begin(&after);
	durable(&after);
	after.wall += 10 * NS_PER_S; /* the short TTL has expired by now */
	hand_over(&before, &after);
	bench_end(&before);
	bench_lead(&after);
	CHECK_EQ(bench_services(&after), 2);
	CHECK_STR(bench_status(&after, "service:web"), "passing");
	CHECK_STR(bench_status(&after, "service:gone"), "critical");
	CHECK_STR(bench_status(&after, "short"), "critical");
	CHECK_STR(bench_status(&after, "_node_maintenance"), "critical");
	CHECK(bench_logged(&after, "agent: check state expired for \"short\", not restoring"));
	CHECK(bench_logged(&after, "agent: restored service definition \"web\" from \"/data/services/"
	                           "2567a5ec9705eb7ac2c984033e06189d\""));
	bench_end(&after);
}

TEST(agent_register, broken_files_are_told_and_skipped)
{
	struct bench b;
	bench_begin(&b);
	durable(&b);
	agent_restore_file(b.agent, S("services/1"), S("{"));
	agent_restore_file(b.agent, S("services/2"), S("[]"));
	agent_restore_file(b.agent, S("services/3"), S("{\"ID\":\"old\",\"Service\":\"old\"}")); /* before 0.5.1 */
	agent_restore_file(b.agent, S("checks/1"), S("null"));
	agent_restore_file(b.agent, S("checks/2"), S("{\"Check\":{\"CheckID\":\"c\",\"ServiceID\":\"absent\"}}"));
	agent_restore_file(b.agent, S("checks/state/1"), S("\xff"));
	bench_lead(&b);
	CHECK_EQ(bench_services(&b), 1);
	CHECK(bench_logged(&b, "agent: Failed decoding service file \"/data/services/1\""));
	CHECK(bench_logged(&b, "agent: Failed to restore check \"c\": ServiceID \"absent\" does not exist"));
	CHECK_EQ(db_count(db_working(b.db), TREE_LOCAL_CHECKS), 0);
	bench_end(&b);
}

TEST(agent_register, the_configuration_wins_over_a_kept_file)
{
	struct bench b;
	bench_begin(&b);
	durable(&b);
	struct service_definition d = {.name = S("web"), .port = 8080};
	b.config.services = (struct list){&d, 1};
	agent_restore_file(b.agent, S("services/2567a5ec9705eb7ac2c984033e06189d"),
	        S("{\"Token\":\"\",\"Service\":{\"ID\":\"web\",\"Service\":\"web\",\"Port\":1}}"));
	bench_lead(&b);
	CHECK_EQ(local_service_get(db_working(b.db), S("web"))->service.port, 8080);
	ASSERT(bench_effects(&b, EFF_DELETE) == 1);
	CHECK_STR(bench_effect(&b, EFF_DELETE, 0)->file.name, "services/2567a5ec9705eb7ac2c984033e06189d");
	bench_end(&b);
}

static void reload(struct bench *b, const struct agent_config *config)
{
	agent_reload(b->agent, config, b->now, b->wall, &b->out);
	bench_settle(b);
}

TEST(agent_register, a_reload_takes_what_is_defined_and_what_is_kept)
{
	struct bench b;
	bench_begin(&b);
	durable(&b);
	struct service_definition first = {.name = S("first"), .check = {.ttl = NS_PER_H}},
	                          second = {.name = S("second")};
	b.config.services = (struct list){&first, 1};
	bench_lead(&b);
	bench_service(&b, "by-hand", "by-hand", "1h");
	bench_set(&b, "service:by-hand", "passing", "ok");
	struct agent_config next = b.config;
	next.services = (struct list){&second, 1};
	reload(&b, &next);
	CHECK_EQ(bench_services(&b), 2);
	CHECK(local_service_get(db_working(b.db), S("second")) != NULL);
	CHECK(local_service_get(db_working(b.db), S("first")) == NULL);
	CHECK_STR(bench_status(&b, "service:by-hand"), "passing");
	bench_end(&b);
}

TEST(agent_register, a_reload_of_a_dev_agent_forgets_what_came_over_http)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_service(&b, "by-hand", "by-hand", "1h");
	struct agent_config next = b.config;
	reload(&b, &next);
	CHECK_EQ(bench_services(&b), 0);
	CHECK_EQ(db_count(db_working(b.db), TREE_LOCAL_CHECKS), 0);
	bench_end(&b);
}

TEST(agent_register, registering_again_keeps_the_state_and_checks_that_are_not_named)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_service(&b, "web", "web", "1h");
	bench_set(&b, "service:web", "passing", "ok");
	bench_check(&b,
	        (struct check_definition){.id = S("more"), .name = S("more"), .service_id = S("web"), .ttl = NS_PER_H});
	bench_service(&b, "web", "web", "2h");
	CHECK_STR(bench_status(&b, "service:web"), "passing");
	CHECK_STR(bench_output(&b, "service:web"), "ok");
	CHECK(bench_own(&b, "more") != NULL);
	bench_end(&b);
}

TEST(agent_register, what_is_refused)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	struct service_definition d = {.name = S("web"), .check = {.script = S("x"), .interval = NS_PER_S}};
	CHECK_STR(bench_ask(&b, ASK_SERVICE_REGISTER, &d), "Scripts are disabled on this agent from remote calls; to "
	                                                   "enable, configure 'enable_script_checks' to true");
	CHECK_EQ(bench_services(&b), 1); /* the service stays */
	CHECK_STR(bench_check(&b, (struct check_definition){.name = S("c"), .ttl = 1, .service_id = S("no")}),
	        "ServiceID \"no\" does not exist");
	CHECK_STR(bench_check(&b, (struct check_definition){.ttl = 1}), "CheckID missing");
	struct ask_maintenance mode = {.service_id = S("no"), .enable = true};
	CHECK_STR(bench_ask(&b, ASK_SERVICE_MAINTENANCE, &mode), "No service registered with ID \"no\"");
	bench_end(&b);
}

TEST(agent_register, maintenance_comes_and_goes)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_service(&b, "w1", "web", NULL);
	struct ask_maintenance mode = {.service_id = S("w1"), .enable = true};
	bench_ask(&b, ASK_SERVICE_MAINTENANCE, &mode);
	bench_ask(&b, ASK_SERVICE_MAINTENANCE, &mode);
	CHECK_STR(bench_status(&b, "_service_maintenance:w1"), "critical");
	CHECK_STR(bench_own(&b, "_service_maintenance:w1")->notes,
	        "Maintenance mode is enabled for this service, but no reason was provided. This is a default message.");
	mode.enable = false;
	bench_ask(&b, ASK_SERVICE_MAINTENANCE, &mode);
	CHECK_STR(bench_status(&b, "_service_maintenance:w1"), "");
	mode = (struct ask_maintenance){.enable = true, .reason = S("why not")};
	bench_ask(&b, ASK_NODE_MAINTENANCE, &mode);
	CHECK_STR(bench_own(&b, "_node_maintenance")->notes, "why not");
	bench_end(&b);
}
