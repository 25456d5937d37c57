/* Running a prepared query: who fits, and which datacenters are asked when nobody does. */
#include "core/method/prepared_query.h"

#include "core/agent/config.h"
#include "core/agent/servers.h"
#include "core/api/api.h"
#include "core/base/crc.h"
#include "core/base/msgpack.h"
#include "core/state/command.h"
#include "tests/test.h"
#include "tests/unit/state/fixture.h"

static struct machine m;
static struct agent_config config;
static struct world world;
static struct api api;
static struct query_execute_request request;
static struct query_execute_reply reply;
static struct call call;

static void add_datacenter(const char *dc)
{
	char key[64];
	int n = snprintf(key, sizeof key, "%s%cs.%s", dc, 0, dc);
	const struct server s = {
	        .name = slice_at(key, (size_t)n), .datacenter = slice_of(dc), .address = slice_of(dc), .alive = true};
	struct item *it = model_item(m.db, slice_at(key, (size_t)n), &server_schema, &s);
	ASSERT(it && db_put(m.db, TREE_SERVERS_WAN, it));
	db_publish(m.db);
	world.db = db_published(m.db);
}

static void setup(void)
{
	machine_begin(&m);
	config = (struct agent_config){.datacenter = S("dc1"), .node_name = S("n1"), .server_mode = true};
	api_init(&api, 0, 1);
	api.log.level = LOG_ERR + 1;
	world = (struct world){.config = &config, .role = RAFT_LEADER, .ready = true, .db = machine_root(&m)};
	api.world = &world;
}

static void teardown(void)
{
	api_free(&api);
	machine_end(&m);
}

static void define(const struct prepared_query *q)
{
	struct prepared_query copy = *q;
	copy.id = test_uuid(&m, 1);
	copy.name = S("q");
	struct query_request req = {.op = S("create"), .query = &copy};
	apply(&m, COMMAND_QUERY, &query_request_schema, &req);
	world.db = machine_root(&m);
}

static enum call_state again(const struct call_answer *a)
{
	struct call_again then = call.again;
	then.answer = a;
	reply = (struct query_execute_reply){0};
	call = api_call(&api, &method_query_execute, &request, &reply, &then);
	return method_run(&call);
}

static enum call_state execute(int64_t limit)
{
	request = (struct query_execute_request){
	        .head.datacenter = S("dc1"), .id_or_name = S("q"), .limit = limit, .agent = {.datacenter = S("dc1")}};
	call = (struct call){0};
	return again(NULL);
}

/* What another datacenter found: a node of that name, or nobody. */
static enum call_state found(const char *dc, const char *node)
{
	struct node n = {.name = slice_of(node)};
	struct node_service s = {.service = S("web")};
	struct check_service_node csn = {&n, &s, {0}};
	const struct query_execute_reply far = {
	        .service = S("web"), .datacenter = slice_of(dc), .nodes = {node ? &csn : NULL, node != NULL}};
	struct buf b = {0};
	schema_mp_write(&b, &query_execute_reply_schema, &far);
	struct call_answer a = {.kind = ANSWER_REPLY, .from = call.forward.to, .body = arena_copy(&m.a, buf_view(&b))};
	buf_free(&b);
	return again(&a);
}

static enum call_state failed(enum answer_kind kind)
{
	struct call_answer a = {.kind = kind, .from = call.forward.to, .text = S("rpc error making call: no")};
	return again(&a);
}

static struct slice first_node(void)
{
	return reply.nodes.n ? ((const struct check_service_node *)reply.nodes.items)->node->name : S("nobody");
}

TEST(prepared_query, tags_health_and_metadata_choose)
{
	struct slice tags[] = {S("A"), S("!old")}, ignored[] = {S("c3")};
	struct prepared_query q = {.service = {.service = S("web"), .only_passing = true}};
	setup();
	for (unsigned i = 1; i <= 3; i++) {
		char node[] = {'n', (char)('0' + i), 0}, check[] = {'c', (char)('0' + i), 0};
		add_node(&m, node, "10.0.0.1");
		add_service(&m, node, "web", "web");
		add_check(&m, node, check, "web", i == 1 ? "passing" : "warning");
	}
	define(&q);
	CHECK_EQ(execute(0), CALL_DONE);
	CHECK_EQ(reply.nodes.n, 1);
	CHECK_STR(first_node(), "n1");
	q.service.ignore_check_ids = (struct list){ignored, 1};
	define(&q);
	CHECK_EQ(execute(0), CALL_DONE);
	CHECK_EQ(reply.nodes.n, 2);
	CHECK_EQ(execute(1), CALL_DONE);
	CHECK_EQ(reply.nodes.n, 1);
	CHECK_STR(reply.datacenter, "dc1");
	q.service.tags = (struct list){tags, 2};
	define(&q);
	CHECK_EQ(execute(0), CALL_DONE);
	CHECK_EQ(reply.nodes.n, 0);
	q.service.tags = (struct list){tags + 1, 1};
	define(&q);
	CHECK_EQ(execute(0), CALL_DONE);
	CHECK_EQ(reply.nodes.n, 2);
	CHECK_EQ(reply.failovers, 0);
	teardown();
}

TEST(prepared_query, the_nearest_then_those_named_are_asked_in_turn)
{
	struct slice named[] = {S("dc4"), S("unknown"), S("dc2"), S("dc1")};
	struct prepared_query q = {
	        .service = {.service = S("web"), .failover = {.nearest_n = 1, .datacenters = {named, 4}}}};
	setup();
	define(&q);
	const char *dcs[] = {"dc1", "dc2", "dc3", "dc4"};
	for (size_t i = 0; i < ARRAY_LEN(dcs); i++)
		add_datacenter(dcs[i]);
	world.datacenters = (struct datacenter_order){2, {crc32c(0, "dc1", 3), crc32c(0, "dc3", 3)}};
	CHECK_EQ(execute(7), CALL_FORWARD);
	CHECK_STR(call.forward.to, "dc3");
	CHECK_STR(call.forward.method, "PreparedQuery.ExecuteRemote");
	struct query_remote_request *sent = method_read_request(&method_query_execute_remote, call.forward.args, &m.a);
	ASSERT(sent);
	CHECK_STR(sent->head.datacenter, "dc3");
	CHECK_STR(sent->query.service.service, "web");
	CHECK_EQ(sent->limit, 7);
	CHECK_EQ(failed(ANSWER_UNREACHABLE), CALL_FORWARD); /* no second try there */
	CHECK_STR(call.forward.to, "dc4");
	CHECK_EQ(found("dc4", NULL), CALL_FORWARD);
	CHECK_STR(call.forward.to, "dc2");
	CHECK_EQ(found("dc2", "far"), CALL_DONE);
	CHECK_STR(first_node(), "far");
	CHECK_STR(reply.datacenter, "dc2");
	CHECK_EQ(reply.failovers, 3);
	teardown();
}

TEST(prepared_query, who_answered_last_is_named_when_nobody_has_any)
{
	struct slice named[] = {S("dc2"), S("dc3")};
	struct prepared_query q = {.service = {.service = S("web"), .failover = {.datacenters = {named, 2}}}};
	setup();
	define(&q);
	add_datacenter("dc2");
	add_datacenter("dc3");
	CHECK_EQ(execute(0), CALL_FORWARD);
	CHECK_EQ(found("dc2", NULL), CALL_FORWARD);
	CHECK_EQ(failed(ANSWER_ERROR), CALL_DONE);
	CHECK_EQ(reply.nodes.n, 0);
	CHECK_STR(reply.datacenter, "dc2");
	CHECK_EQ(reply.failovers, 2);
	CHECK_EQ(execute(0), CALL_FORWARD);
	CHECK_EQ(failed(ANSWER_LOST), CALL_FORWARD);
	CHECK_EQ(failed(ANSWER_ERROR), CALL_DONE);
	CHECK_STR(reply.datacenter, "dc1");
	CHECK_EQ(reply.failovers, 2);
	/* one that can't be read is a failure like others */
	CHECK_EQ(execute(0), CALL_FORWARD);
	struct call_answer a = {.kind = ANSWER_REPLY, .body = S("\x93\x01")};
	CHECK_EQ(again(&a), CALL_FORWARD);
	CHECK_EQ(found("dc3", "far"), CALL_DONE);
	CHECK_EQ(reply.failovers, 2);
	teardown();
}

TEST(prepared_query, is_absent_or_a_template)
{
	struct prepared_query q = {
	        .template = {.type = S("name_prefix_match")}, .service = {.service = S("${name.suffix}")}};
	setup();
	CHECK_EQ(execute(0), CALL_FAILED);
	CHECK_EQ(call.err, ERR_ABSENT);
	CHECK_STR(slice_of(call.fail.text), QUERY_NOT_FOUND);
	define(&q);
	request.id_or_name = S("Query");
	call = (struct call){0};
	CHECK_EQ(again(NULL), CALL_DONE);
	CHECK_STR(reply.service, "Query"); /* the prefix in another case is not taken off */
	request.id_or_name = S("query");
	CHECK_EQ(again(NULL), CALL_DONE);
	CHECK_STR(reply.service, "uery");
	teardown();
}
