/* Calls as real servers made and answered them, through our field tables and our methods, both ways. */
#include "core/api/rpc.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/agent/config.h"
#include "core/leader/peers.h"
#include "core/base/enc.h"
#include "core/base/msgpack.h"
#include "core/base/slice.h"
#include "core/method/method.h"
#include "core/state/apply.h"
#include "tests/test.h"

struct recorded {
	char *line; /* holds all of it */
	struct slice name, method, args, error, reply;
};

static struct recorded calls[96];
static size_t calls_n;

/* ---- a server alone ---- */

static struct arena mem;
static struct db *db;
static struct state state;
static struct agent_config config;
static struct world world;
static struct api api;
static struct rpc_reply reply;
static raft_index last;

static void load(void)
{
	FILE *f = fopen("tests/vectors/rpc-1.0.8.txt", "r");
	size_t cap = 0;
	char *line = NULL;
	ASSERT(f);
	calls_n = 0;
	for (; getline(&line, &cap, f) > 0; line = NULL, cap = 0) {
		struct slice rest = slice_trim(slice_of(line));
		struct recorded *r = &calls[calls_n];
		if (slice_starts(rest, S("#"))) {
			free(line);
			continue;
		}
		ASSERT(++calls_n < ARRAY_LEN(calls));
		r->line = line;
		r->name = slice_next(&rest, ' ');
		r->method = slice_next(&rest, ' ');
		ASSERT(hex_get(slice_next(&rest, ' '), &mem, &r->args));
		r->error = slice_next(&rest, ' ');
		ASSERT(hex_get(rest, &mem, &r->reply));
	}
	free(line); /* of the end */
	fclose(f);
}

static void publish(void)
{
	db_publish(db);
	world.db = db_published(db);
}

static void setup(void)
{
	load();
	db = db_new(NULL);
	state_init(&state, db);
	config = (struct agent_config){.datacenter = S("dc1"), .server_mode = true, .rpc_hold_timeout = 7 * NS_PER_S};
	api_init(&api, 0, 1);
	api.log.level = LOG_ERR;
	api.now = NS_PER_S;
	world = (struct world){.config = &config,
	        .role = RAFT_LEADER,
	        .ready = true,
	        .voter = true,
	        .self = S("127.8.1.1:8300"),
	        .leader = S("127.8.1.1:8300"),
	        .last_log = 160,
	        .last_log_term = 2};
	api.world = &world;
	last = 160;
	peers_set(db, &(struct raft_server){.id = world.self, .address = world.self, .suffrage = RAFT_VOTER}, 1);
	publish();
}

static void teardown(void)
{
	for (size_t i = 0; i < calls_n; i++)
		free(calls[i].line);
	buf_free(&reply.body);
	api_free(&api);
	state_free(&state);
	db_free(db);
	arena_free(&mem);
}

static const struct recorded *named(const char *name)
{
	for (size_t i = 0; i < calls_n; i++)
		if (slice_is(calls[i].name, name))
			return &calls[i];
	ASSERT(!"recorded");
	return NULL;
}

/* As the core would: applies and answers. */
static void carry_out(struct message *m)
{
	if (m->ask == ASK_DATACENTERS) {
		struct list *all = ARENA_NEW(&m->mem, struct list);
		*all = (struct list){&config.datacenter, 1};
		m->reply = all;
		api_rpc_finish(&api, m, &reply);
		message_give(&api, m);
		return;
	}
	ASSERT(m->ask == ASK_COMMAND);
	m->index = ++last;
	state_apply(&state, m->index, m->command, api.now, &m->mem, &m->result);
	publish();
	api_rpc_finish(&api, m, &reply);
	message_give(&api, m);
}

static enum api_state call(struct slice method, struct slice args, struct api_wait *wait)
{
	arena_reset(&api.arena, SIZE_MAX);
	enum api_state s = api_rpc(&api, method, args, &reply, wait);
	if (s == API_SENT)
		carry_out(wait->message);
	return s;
}

static void check_bytes(const char *what, struct slice name, struct slice got, struct slice want)
{
	struct buf g = {0}, w = {0};
	if (slice_eq(got, want))
		return;
	hex_put(&g, got);
	hex_put(&w, want);
	test_fail(__FILE__, __LINE__, "%s of %.*s is\n  %.*s, expected\n  %.*s", what, PS(name), PS(buf_view(&g)),
	        PS(buf_view(&w)));
	buf_free(&g);
	buf_free(&w);
}

/* ---- the field tables ---- */

static bool is_ours(const struct recorded *r)
{
	return method_find(r->method) && method_find(r->method) != &method_acl_disabled;
}

TEST(rpc, requests_are_written_as_they_were_read)
{
	setup();
	size_t seen = 0;
	for (size_t i = 0; i < calls_n; i++) {
		struct recorded *r = &calls[i];
		if (!is_ours(r))
			continue;
		const struct method *m = method_find(r->method);
		struct buf b = {0};
		void *request = method_read_request(m, r->args, &mem);
		CHECK(request != NULL);
		if (request)
			method_write_request(m, request, &b);
		check_bytes("the request", r->name, buf_view(&b), r->args);
		buf_free(&b);
		seen++;
	}
	CHECK(seen >= 45);
	teardown();
}

/* Maps come in no order from Go; ours are sorted. */
static bool any_order(const struct recorded *r)
{
	return slice_is(r->method, "Catalog.ListServices") || slice_is(r->method, "Internal.NodeDump");
}

TEST(rpc, replies_are_written_as_they_were_read)
{
	setup();
	for (size_t i = 0; i < calls_n; i++) {
		struct recorded *r = &calls[i];
		if (!is_ours(r) || !slice_is(r->error, "-"))
			continue;
		const struct method *m = method_find(r->method);
		struct buf b = {0};
		struct call c = api_call(&api, m, method_read_request(m, r->args, &mem), NULL, &(struct call_again){0});
		c.reply = method_new_reply(m, &mem);
		c.message = message_take(&api);
		CHECK(method_read_reply(&c, r->reply));
		if (m->flags & M_WRITE)
			method_write_result(m, c.message, &b);
		else
			method_write_reply(m, c.reply, &b);
		if (any_order(r))
			CHECK_EQ(b.n, r->reply.n);
		else
			check_bytes("the reply", r->name, buf_view(&b), r->reply);
		message_give(&api, c.message);
		buf_free(&b);
	}
	teardown();
}

/* ---- calls ---- */

/* Those whose answer depends on nothing but what they do themselves, in the recorded order. */
TEST(rpc, answers_are_the_recorded_bytes)
{
	static const char *const names[] = {"status.ping", "status.leader", "status.peers", "status.raftstats",
	        "catalog.register", "catalog.register.multi", "catalog.listdatacenters", "catalog.listnodes",
	        "catalog.servicenodes", "catalog.nodeservices", "catalog.nodeservices.missing", "health.nodechecks",
	        "health.servicechecks", "health.servicenodes", "catalog.deregister.check", "kvs.apply.set",
	        "kvs.apply.cas", "kvs.get", "kvs.get.missing", "kvs.get.consistent", "kvs.list", "kvs.apply.badop",
	        "kvs.apply.nokey", "error.nodc", "error.nomethod", "error.noservice", "error.badname"};
	setup();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct recorded *r = named(names[i]);
		struct api_wait wait = {0};
		call(r->method, r->args, &wait);
		if (slice_is(r->error, "-")) {
			CHECK_STR(reply.error, "");
			check_bytes("the answer", r->name, buf_view(&reply.body), r->reply);
			continue;
		}
		for (size_t k = 0; k < r->error.n; k++)
			((char *)(uintptr_t)r->error.p)[k] = r->error.p[k] == '_' ? ' ' : r->error.p[k];
		check_bytes("the error", r->name, reply.error, r->error);
	}
	teardown();
}

TEST(rpc, a_blocking_query_waits_and_is_answered_by_a_change)
{
	setup();
	const struct recorded *get = named("kvs.get.blocking"), *set = named("kvs.apply.set");
	struct api_wait wait = {0};
	call(set->method, set->args, &wait);
	wait = (struct api_wait){0};
	CHECK_EQ(call(get->method, get->args, &wait), API_WAIT);
	CHECK(wait.wake >= api.now + NS_PER_S && wait.wake <= api.now + NS_PER_S + NS_PER_S / 16);
	CHECK(wait.watched.n > 0);
	struct call_again again = wait.again;
	wait = (struct api_wait){.again = again};
	CHECK_EQ(call(get->method, get->args, &wait), API_WAIT);
	CHECK_EQ(wait.wake, again.deadline);
	api.now = again.deadline;
	wait = (struct api_wait){.again = again};
	CHECK_EQ(call(get->method, get->args, &wait), API_ANSWERED);
	CHECK_STR(reply.error, "");
	teardown();
}

TEST(rpc, arguments_that_cannot_be_read_are_refused)
{
	setup();
	struct api_wait wait = {0};
	CHECK_EQ(call(S("KVS.Get"), S("\x81\xa3Key\x93\x01\x02\x03"), &wait), API_ANSWERED);
	CHECK(reply.error.n > 0);
	CHECK_EQ(call(S("KVS.Get"), S("\xc1"), &wait), API_ANSWERED);
	CHECK(reply.error.n > 0);
	teardown();
}
