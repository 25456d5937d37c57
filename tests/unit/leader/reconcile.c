#include "core/leader/reconcile.h"

#include <stdlib.h>

#include "core/base/slice.h"
#include "core/gossip/tags.h"
#include "core/state/apply.h"
#include "core/state/health.h"
#include "tests/test.h"

/* A leader whose writes are applied at once. */
struct leader {
	struct agent_config config;
	struct logbuf log;
	struct db *db;
	struct state state;
	struct duties duties;
	raft_index index;
	unsigned writes;
};

static void submit(void *host, enum command_type type, const struct schema *s, const void *request)
{
	struct leader *l = host;
	struct buf b = {0};
	struct arena a = {0};
	struct apply_result result;
	command_write(&b, type, s, request);
	state_apply(&l->state, ++l->index, buf_view(&b), 0, &a, &result);
	CHECK(result.kind != APPLY_BROKEN && result.kind != APPLY_ERROR);
	l->writes++;
	arena_free(&a);
	buf_free(&b);
}

static void begin(struct leader *l)
{
	*l = (struct leader){.config = {.node_name = S("me"), .datacenter = S("dc1")}, .log.level = LOG_ERR};
	l->db = db_new(NULL);
	ASSERT(l->db);
	state_init(&l->state, l->db);
	duties_init(&l->duties, &l->config, &l->log, 1);
	l->duties.submit = submit;
	l->duties.host = l;
}

static void end(struct leader *l)
{
	duties_free(&l->duties);
	state_free(&l->state);
	db_free(l->db);
	buf_free(&l->log.lines);
}

enum kind { CLIENT, SERVER, STRANGER };

static void say(struct leader *l, const char *name, enum kind kind, const char *ip, enum gossip_status status,
        enum gossip_change change)
{
	struct pair client[] = {{S("dc"), S("dc1")}, {S("id"), S("")}, {S("role"), S("node")}};
	struct pair server[] = {{S("build"), S("1.0.8")}, {S("dc"), S("dc1")}, {S("id"), S("")}, {S("port"), S("8300")},
	        {S("role"), S("consul")}, {S("vsn"), S("2")}};
	struct pair stranger[] = {{S("role"), S("visitor")}};
	const struct list tags[] = {{client, ARRAY_LEN(client)}, {server, ARRAY_LEN(server)}, {stranger, 1}};
	struct buf meta = {0};
	tags_put(&meta, tags[kind]);
	struct gossip_member m = {.name = slice_of(name), .meta = buf_view(&meta), .status = status};
	CHECK(gossip_addr_parse(slice_of(ip), 8301, &m.addr));
	struct gossip_effect x = {.kind = GX_MEMBER};
	x.member.change = change;
	x.member.member = &m;
	reconcile_member(&l->duties, db_working(l->db), &x);
	buf_free(&meta);
}

static struct slice health(struct leader *l, const char *node, struct arena *a)
{
	const struct health_check *c;
	health_check_of_node(db_working(l->db), NULL, slice_of(node), S("serfHealth"), a, &c);
	return c ? c->status : S("");
}

TEST(reconcile, a_member_is_registered_once_and_follows_its_health)
{
	struct leader l;
	struct arena a = {0};
	begin(&l);
	say(&l, "web", CLIENT, "10.0.0.1", GOSSIP_ALIVE, CHANGE_JOIN);
	CHECK_STR(health(&l, "web", &a), "passing");
	say(&l, "web", CLIENT, "10.0.0.1", GOSSIP_ALIVE, CHANGE_UPDATE);
	CHECK_EQ(l.writes, 1);
	say(&l, "web", CLIENT, "10.0.0.1", GOSSIP_FAILED, CHANGE_FAILED);
	say(&l, "web", CLIENT, "10.0.0.1", GOSSIP_FAILED, CHANGE_FAILED);
	CHECK_STR(health(&l, "web", &a), "critical");
	CHECK_EQ(l.writes, 2);
	say(&l, "web", CLIENT, "10.0.0.2", GOSSIP_ALIVE, CHANGE_JOIN);
	const struct node *n;
	catalog_node(db_working(l.db), NULL, S("web"), &a, &n);
	ASSERT(n);
	CHECK_STR(health(&l, "web", &a), "passing");
	arena_free(&a);
	end(&l);
}

TEST(reconcile, a_server_has_its_service_and_loses_everything_when_it_leaves)
{
	struct leader l;
	struct arena a = {0};
	struct node_service *s;
	const struct node *n;
	begin(&l);
	say(&l, "two", SERVER, "10.0.0.2", GOSSIP_ALIVE, CHANGE_JOIN);
	catalog_node_service(db_working(l.db), NULL, S("two"), S("consul"), &a, &s);
	ASSERT(s);
	CHECK_EQ(s->port, 8300);
	say(&l, "two", SERVER, "10.0.0.2", GOSSIP_LEFT, CHANGE_LEAVE);
	catalog_node(db_working(l.db), NULL, S("two"), &a, &n);
	CHECK(!n);
	say(&l, "two", SERVER, "10.0.0.2", GOSSIP_LEFT, CHANGE_REAP);
	CHECK_EQ(l.writes, 2);
	arena_free(&a);
	end(&l);
}

TEST(reconcile, we_do_not_deregister_ourselves_nor_register_strangers)
{
	struct leader l;
	begin(&l);
	say(&l, "me", SERVER, "10.0.0.1", GOSSIP_ALIVE, CHANGE_JOIN);
	say(&l, "me", SERVER, "10.0.0.1", GOSSIP_LEFT, CHANGE_LEAVE);
	say(&l, "guest", STRANGER, "10.0.0.9", GOSSIP_ALIVE, CHANGE_JOIN);
	CHECK_EQ(l.writes, 1);
	end(&l);
}

TEST(reconcile, who_was_reaped_while_nobody_led_goes_with_the_next_comparison)
{
	struct leader l;
	struct arena a = {0};
	struct fail f;
	const struct node *n;
	struct gossip_effects out = {0};
	struct gossip_event start = {.kind = GE_START, .now = 1};
	begin(&l);
	say(&l, "ghost", CLIENT, "10.0.0.7", GOSSIP_ALIVE, CHANGE_JOIN);
	struct register_request external = {
	        .datacenter = S("dc1"), .node = S("google"), .address = S("www.google.com")};
	submit(&l, COMMAND_REGISTER, &register_request_schema, &external);
	struct pair tags[] = {{S("dc"), S("dc1")}, {S("role"), S("node")}};
	struct gossip_config c = {.timing = gossip_local, .name = S("me"), .tags = {tags, 2}, .log = &l.log, .seed = 3};
	ASSERT(gossip_addr_parse(S("10.0.0.1"), 8301, &c.addr));
	struct gossip *g = gossip_new(&c, &f);
	ASSERT(g);
	gossip_step(g, &start, &out);
	reconcile_all(&l.duties, db_working(l.db), g);
	CHECK_STR(health(&l, "me", &a), "passing");
	catalog_node(db_working(l.db), NULL, S("ghost"), &a, &n);
	CHECK(!n);
	catalog_node(db_working(l.db), NULL, S("google"), &a, &n);
	CHECK(n); /* of no pool */
	unsigned writes = l.writes;
	reconcile_all(&l.duties, db_working(l.db), g);
	CHECK_EQ(l.writes, writes);
	gossip_free(g);
	gossip_effects_free(&out);
	arena_free(&a);
	end(&l);
}
