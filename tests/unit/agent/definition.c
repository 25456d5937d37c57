#include "core/agent/definition.h"

#include "core/base/json.h"
#include "tests/test.h"

static struct arena arena;
static struct fail fail;

static struct value parsed(const char *text)
{
	struct value v;
	arena_reset(&arena, 1 << 16);
	fail = (struct fail){0};
	ASSERT(json_read(slice_of(text), &arena, &v, &fail) == OK);
	return v;
}

static const char *check_error(const char *text)
{
	struct check_definition c;
	struct value v = parsed(text);
	return definition_read_check(&v, &arena, &c, &fail) ? fail.text : "";
}

TEST(definition, checks_of_the_http_api)
{
	struct check_definition c;
	struct value v =
	        parsed("{\"id\": \"a\", \"NAME\": \"n\", \"Interval\": \"10s\", \"timeout\": 5, \"Args\": [\"x\"],"
	               "\"Header\": {\"A\": [\"b\"]}, \"script_args\": [\"y\"], \"Unknown\": 1, \"TTL\": null}");
	ASSERT(definition_read_check(&v, &arena, &c, &fail) == OK);
	CHECK_STR(c.id, "a");
	CHECK_STR(c.name, "n");
	CHECK_EQ(c.interval, 10 * NS_PER_S);
	CHECK_EQ(c.timeout, 5);
	CHECK_EQ(c.script_args.n, 1);
	CHECK_EQ(c.header.n, 1);
	CHECK_EQ(c.ttl, 0);
}

TEST(definition, errors_of_checks)
{
	CHECK(!strcmp(check_error("null"), ""));
	CHECK(!strcmp(check_error("[]"), "'' expected a map, got 'slice'"));
	CHECK(!strcmp(check_error("{\"ttl\": \"soon\"}"), "invalid \"ttl\": time: invalid duration \"soon\""));
	CHECK(!strcmp(check_error("{\"Interval\": true}"), "invalid \"Interval\": invalid format"));
	CHECK(!strcmp(check_error("{\"header\": {\"a\": \"b\"}}"),
	        "invalid \"header\": agent: invalid format of 'header' field"));
	CHECK(!strcmp(check_error("{\"Name\": 5}"),
	        "1 error(s) decoding:\n\n* 'Name' expected type 'string', got unconvertible type 'float64'"));
}

TEST(definition, services_of_the_http_api)
{
	struct service_definition s;
	struct list checks;
	struct value v =
	        parsed("{\"Name\": \"web\", \"port\": 80.9, \"Meta\": {\"b\": \"2\", \"a\": \"1\"}, \"tags\": [],"
	               "\"enable_tag_override\": true, \"Check\": {\"TTL\": \"15.000000s\"},"
	               "\"checks\": [{\"CheckID\": \"c\", \"HTTP\": \"http://x\", \"Interval\": 1000000000}]}");
	ASSERT(definition_read_service(&v, &arena, &s, &fail) == OK);
	CHECK_EQ(s.port, 80);
	CHECK(s.enable_tag_override);
	CHECK(s.tags.items && s.tags.n == 0);
	CHECK_EQ(s.meta.n, 2);
	CHECK_EQ(s.check.ttl, 15 * NS_PER_S);
	ASSERT(service_definition_checks(&s, &arena, &checks, &fail) == OK);
	ASSERT(checks.n == 2);
	CHECK_STR(((const struct check_definition *)checks.items)[1].id, "c");
}

TEST(definition, rules_of_checks)
{
	struct check_definition c = {0};
	CHECK(check_is_empty(&c));
	CHECK(check_definition_check(&c, &fail) && !strcmp(fail.text, "TTL must be > 0 for TTL checks"));
	c.http = S("http://x");
	CHECK(!check_is_empty(&c));
	CHECK(check_definition_check(&c, &fail) &&
	        !strcmp(fail.text, "Interval must be > 0 for Script, HTTP, or TCP checks"));
	c.interval = 1;
	CHECK(check_definition_check(&c, &fail) == OK);
	c.ttl = 1;
	CHECK(check_definition_check(&c, &fail) && !strcmp(fail.text, "Interval and TTL cannot both be specified"));
}
