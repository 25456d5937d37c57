/* Where a call goes, and what comes of it when the other server answers, refuses, or cannot be reached. */
#include "core/agent/config.h"
#include "core/agent/servers.h"
#include "core/api/api.h"
#include "core/base/msgpack.h"
#include "core/method/method.h"
#include "core/method/requests.h"
#include "core/method/rpc_limit.h"
#include "core/state/command.h"
#include "tests/test.h"

static struct db *db;
static struct agent_config config;
static struct world world;
static struct api api;
static struct key_request get;
static struct indexed_entries reply;
static struct call call;

static void add_server(enum db_tree tree, const char *name, const char *dc, const char *address, bool alive)
{
	char key[64];
	int n = tree == TREE_SERVERS_LAN ? snprintf(key, sizeof key, "%s", name)
	                                 : snprintf(key, sizeof key, "%s%c%s", dc, 0, name);
	const struct server s = {.name = slice_of(name),
	        .datacenter = slice_of(dc),
	        .address = slice_of(address),
	        .status = MEMBER_ALIVE,
	        .alive = alive};
	struct item *it = model_item(db, slice_at(key, (size_t)n), &server_schema, &s);
	ASSERT(it && db_put(db, tree, it));
	db_publish(db);
	world.db = db_published(db);
}

static void setup(bool server)
{
	db = db_new(NULL);
	db_publish(db);
	config = (struct agent_config){.datacenter = S("dc1"), .server_mode = server, .rpc_hold_timeout = 7 * NS_PER_S};
	api_init(&api, 0, 1);
	api.log.level = LOG_ERR + 1;
	api.now = 100 * NS_PER_S;
	world = (struct world){
	        .config = &config, .db = db_published(db), .role = RAFT_FOLLOWER, .self = S("10.0.0.9:8300")};
	api.world = &world;
	get = (struct key_request){.head.datacenter = S("dc1"), .key = S("a")};
	reply = (struct indexed_entries){0};
	call = api_call(&api, &method_kvs_get, &get, &reply, &(struct call_again){0});
}

static void teardown(void)
{
	api_free(&api);
	db_free(db);
}

/* The same call once more, with what it said last. */
static enum call_state again(const struct call_answer *a)
{
	struct call_again then = call.again;
	then.answer = a;
	api.log.lines.n = 0;
	call = api_call(&api, call.method, call.request, call.reply, &then);
	return method_run(&call);
}

static enum call_state refused(enum answer_kind kind, const char *text)
{
	struct call_answer a = {.kind = kind, .from = call.forward.to, .text = slice_of(text)};
	return again(&a);
}

static void sleep_until_wake(void)
{
	CHECK(call.wake > api.now || call.wake == api.now);
	api.now = call.wake;
}

#define REFUSED "rpc error getting client: failed to get conn: connection refused"

/* ---- an agent that is no server ---- */

TEST(forward, nobody_is_known)
{
	setup(false);
	CHECK_EQ(method_run(&call), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "No known Consul servers");
	teardown();
}

TEST(forward, the_request_goes_as_it_is_and_the_answer_comes_back)
{
	setup(false);
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	CHECK_STR(call.forward.to, "10.0.0.1:8300");
	CHECK_STR(call.forward.method, "KVS.Get");
	struct mp_reader r = mp_read(call.forward.args);
	struct key_request sent = {0};
	schema_mp_read(&r, &key_request_schema, &sent, &api.arena);
	CHECK(!r.failed);
	CHECK_STR(sent.key, "a");
	struct buf b = {0};
	const struct indexed_entries there = {.meta = {.index = 7, .known_leader = true, .last_contact = 5}};
	schema_mp_write(&b, &indexed_entries_schema, &there);
	struct call_answer a = {.kind = ANSWER_REPLY, .from = call.forward.to, .body = buf_view(&b)};
	CHECK_EQ(again(&a), CALL_DONE);
	CHECK_EQ(reply.meta.index, 7);
	CHECK_EQ(reply.meta.last_contact, 5);
	CHECK(reply.meta.known_leader);
	buf_free(&b);
	teardown();
}

TEST(forward, a_reply_that_is_none_fails_the_call)
{
	setup(false);
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	struct call_answer a = {.kind = ANSWER_REPLY, .body = S("\x93\x01")};
	CHECK_EQ(again(&a), CALL_FAILED);
	teardown();
}

TEST(forward, who_cannot_be_reached_is_left_for_another_at_once)
{
	setup(false);
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	add_server(TREE_SERVERS_LAN, "s2", "dc1", "10.0.0.2:8300", true);
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	struct slice first = call.forward.to;
	CHECK_EQ(refused(ANSWER_UNREACHABLE, REFUSED), CALL_FORWARD);
	CHECK(!slice_eq(call.forward.to, first));
	/* nobody is left: a little later, until the hold time is over */
	enum call_state s = refused(ANSWER_UNREACHABLE, REFUSED);
	unsigned rounds = 0;
	for (; s != CALL_FAILED && rounds < 1000; rounds++) {
		if (s == CALL_WAIT_LEADER) {
			sleep_until_wake();
			s = again(NULL);
		} else {
			CHECK_EQ(s, CALL_FORWARD);
			s = refused(ANSWER_UNREACHABLE, REFUSED);
		}
	}
	CHECK(rounds > 10 && rounds < 500);
	CHECK(api.now >= 107 * NS_PER_S);
	CHECK_STR(slice_of(call.fail.text), REFUSED);
	teardown();
}

TEST(forward, the_dead_come_last)
{
	setup(false);
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", false);
	add_server(TREE_SERVERS_LAN, "s2", "dc1", "10.0.0.2:8300", true);
	for (int i = 0; i < 20; i++) {
		router_rebalance(&api.router, &api.rand, api.now);
		CHECK_EQ(method_run(&call), CALL_FORWARD);
		CHECK_STR(call.forward.to, "10.0.0.2:8300");
	}
	teardown();
}

TEST(forward, the_lot_moves_load_and_failures_rotate_it)
{
	setup(false);
	const char *addresses[] = {"10.0.0.1:8300", "10.0.0.2:8300", "10.0.0.3:8300"};
	unsigned chosen[3] = {0};
	for (unsigned i = 0; i < 3; i++)
		add_server(TREE_SERVERS_LAN, addresses[i], "dc1", addresses[i], true);
	for (unsigned i = 0; i < 300; i++) {
		router_rebalance(&api.router, &api.rand, api.now);
		const struct server *s = router_pick(&api.router, world.db, S("dc1"), S("dc1"));
		for (unsigned k = 0; k < 3; k++)
			chosen[k] += slice_is(s->address, addresses[k]);
	}
	for (unsigned k = 0; k < 3; k++)
		CHECK(chosen[k] > 60);
	for (unsigned i = 0; i < 6; i++) { /* around, twice */
		const struct server *s = router_pick(&api.router, world.db, S("dc1"), S("dc1"));
		router_failed(&api.router, s->address, api.now++);
		for (unsigned k = 0; k < 3; k++)
			chosen[k] = i < 3 && !i ? 0 : chosen[k];
		for (unsigned k = 0; k < 3; k++)
			chosen[k] += slice_is(s->address, addresses[k]);
	}
	for (unsigned k = 0; k < 3; k++)
		CHECK_EQ(chosen[k], 2);
	teardown();
}

TEST(forward, so_many_calls_a_second)
{
	struct rpc_limit l;
	rpc_limit_init(&l, 10, 3);
	mono_ns now = NS_PER_S;
	for (int i = 0; i < 3; i++)
		CHECK(rpc_limit_allows(&l, now));
	CHECK(!rpc_limit_allows(&l, now));
	CHECK(rpc_limit_allows(&l, now + NS_PER_S / 10));
	CHECK(!rpc_limit_allows(&l, now + NS_PER_S / 10));
	rpc_limit_init(&l, -1, 0);
	for (int i = 0; i < 1000; i++)
		CHECK(rpc_limit_allows(&l, now));
	setup(false);
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	rpc_limit_init(&l, 0, 0);
	api.router.limit = &l;
	CHECK_EQ(method_run(&call), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "RPC rate limit exceeded");
	CHECK_EQ(call.err, ERR_FULL);
	teardown();
}

/* ---- a server that follows ---- */

TEST(forward, a_follower_asks_the_leader)
{
	setup(true);
	world.leader = S("10.0.0.1:8300");
	CHECK_EQ(method_run(&call), CALL_WAIT_LEADER); /* Raft knows it, the pool does not: as if there were none */
	CHECK_EQ(call.wake, api.now + 7 * NS_PER_S);
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	CHECK_EQ(again(NULL), CALL_FORWARD);
	CHECK_STR(call.forward.to, "10.0.0.1:8300");
	get.head.q.allow_stale = true;
	CHECK_EQ(again(NULL), CALL_DONE);
	CHECK(reply.meta.known_leader);
	get.head.q.require_consistent = true;
	CHECK_EQ(again(NULL), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "node is not the leader");
	teardown();
}

TEST(forward, without_a_leader_one_is_waited_for)
{
	setup(true);
	CHECK_EQ(method_run(&call), CALL_WAIT_LEADER);
	sleep_until_wake();
	CHECK_EQ(again(NULL), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "No cluster leader");
	CHECK_EQ(call.err, ERR_NO_LEADER);
	teardown();
}

TEST(forward, a_leader_that_leads_no_more_is_asked_again)
{
	setup(true);
	world.leader = S("10.0.0.1:8300");
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	CHECK_EQ(refused(ANSWER_ERROR, "rpc error making call: No cluster leader"), CALL_WAIT_LEADER);
	CHECK(call.wake <= api.now + 7 * NS_PER_S / 16);
	sleep_until_wake();
	CHECK_EQ(again(NULL), CALL_FORWARD);
	api.now = 108 * NS_PER_S;
	CHECK_EQ(refused(ANSWER_ERROR, "rpc error making call: No cluster leader"), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "rpc error making call: No cluster leader");
	teardown();
}

TEST(forward, other_errors_are_passed_on)
{
	setup(true);
	world.leader = S("10.0.0.1:8300");
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	CHECK_EQ(refused(ANSWER_ERROR, "rpc error making call: Permission denied"), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "rpc error making call: Permission denied");
	CHECK_EQ(call.err, ERR_DENIED);
	teardown();
}

TEST(forward, a_lost_read_is_repeated_and_a_lost_write_is_not)
{
	struct kvs_request put = {.datacenter = S("dc1"), .op = S("set"), .dir_entry.key = S("a")};
	setup(true);
	world.leader = S("10.0.0.1:8300");
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	CHECK_EQ(refused(ANSWER_LOST, "rpc error making call: EOF"), CALL_WAIT_LEADER);
	call = api_call(&api, &method_kvs_apply, &put, NULL, &(struct call_again){0});
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	CHECK_EQ(refused(ANSWER_LOST, "rpc error making call: EOF"), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "rpc error making call: EOF");
	/* one that was never sent may go again */
	call = api_call(&api, &method_kvs_apply, &put, NULL, &(struct call_again){0});
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	CHECK_EQ(refused(ANSWER_UNREACHABLE, REFUSED), CALL_WAIT_LEADER);
	teardown();
}

/* ---- other datacenters ---- */

TEST(forward, another_datacenter)
{
	setup(true);
	world.role = RAFT_LEADER;
	world.ready = true;
	get.head.datacenter = S("dc2");
	CHECK_EQ(method_run(&call), CALL_FAILED);
	CHECK_STR(slice_of(call.fail.text), "No path to datacenter");
	CHECK_EQ(call.err, ERR_NO_PATH);
	add_server(TREE_SERVERS_WAN, "x.dc2", "dc2", "10.2.0.1:8300", true);
	CHECK_EQ(again(NULL), CALL_FORWARD);
	CHECK_STR(call.forward.to, "10.2.0.1:8300");
	CHECK_STR(call.forward.datacenter, "dc2");
	CHECK_EQ(refused(ANSWER_ERROR, "rpc error making call: No cluster leader"), CALL_FAILED); /* no retry there */
	CHECK_EQ(again(NULL), CALL_FORWARD);
	CHECK_EQ(refused(ANSWER_LOST, "rpc error making call: EOF"), CALL_FAILED);
	teardown();
}

/* ---- consistent reads ---- */

TEST(forward, a_consistent_read_asks_the_others_first)
{
	setup(true);
	world.role = RAFT_LEADER;
	world.ready = true;
	world.voters = 3;
	CHECK_EQ(method_run(&call), CALL_DONE);
	get.head.q.require_consistent = true;
	CHECK_EQ(again(NULL), CALL_VERIFY);
	call.again.verified = true;
	CHECK_EQ(again(NULL), CALL_DONE);
	CHECK_EQ(again(NULL), CALL_VERIFY); /* good for one run */
	api.now += 8 * NS_PER_S;
	CHECK_EQ(again(NULL), CALL_FAILED);
	world.voters = 1;
	CHECK_EQ(again(NULL), CALL_DONE);
	teardown();
}

/* ---- followers ---- */

TEST(forward, a_follower_reads_itself_once_it_knows_that_it_is_the_newest)
{
	setup(true);
	world.leader = S("10.0.0.1:8300");
	world.leader_contact = api.now - NS_PER_S;
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	CHECK_EQ(method_run(&call), CALL_FORWARD); /* a leader that is none of ours can't tell */
	world.reads = true;
	CHECK_EQ(again(NULL), CALL_VERIFY);
	call.again.verified = true;
	CHECK_EQ(again(NULL), CALL_DONE);
	CHECK(reply.meta.known_leader); /* as the leader would have answered */
	CHECK_EQ(reply.meta.last_contact, 0);
	CHECK_EQ(again(NULL), CALL_VERIFY);
	call.again.unsure = true;
	CHECK_EQ(again(NULL), CALL_FORWARD);
	call.again.unsure = false;
	get.head.q.allow_stale = true;
	CHECK_EQ(again(NULL), CALL_DONE);
	CHECK_EQ(reply.meta.last_contact, NS_PER_S);
	teardown();
}

TEST(forward, what_blocks_at_a_follower_is_asked_for_once_or_each_time)
{
	setup(true);
	world.leader = S("10.0.0.1:8300");
	world.reads = true;
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	get.head.q.min_index = 100;
	for (int consistent = 0; consistent < 2; consistent++) {
		get.head.q.require_consistent = consistent;
		call = api_call(&api, &method_kvs_get, &get, &reply, &(struct call_again){0});
		CHECK_EQ(method_run(&call), CALL_VERIFY);
		call.again.verified = true;
		CHECK_EQ(again(NULL), CALL_WAIT);
		api.now += 60 * NS_PER_S;
		CHECK_EQ(again(NULL), consistent ? CALL_VERIFY : CALL_WAIT);
	}
	call.again.unsure = true; /* the leader keeps it then */
	CHECK_EQ(again(NULL), CALL_FORWARD);
	CHECK_EQ(refused(ANSWER_ERROR, "rpc error making call: No cluster leader"), CALL_WAIT_LEADER);
	teardown();
}

TEST(forward, only_the_leader_says_what_it_alone_knows)
{
	struct dc_request q = {.head.datacenter = S("dc1")};
	setup(true);
	world.leader = S("10.0.0.1:8300");
	world.reads = true;
	add_server(TREE_SERVERS_LAN, "s1", "dc1", "10.0.0.1:8300", true);
	call = api_call(&api, &method_operator_server_health, &q,
	        method_new_reply(&method_operator_server_health, &api.arena), &(struct call_again){0});
	CHECK_EQ(method_run(&call), CALL_FORWARD);
	teardown();
}
