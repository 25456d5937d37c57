#include "core/leader/reconcile.h"

#include <stdlib.h>

#include "core/base/slice.h"
#include "core/gossip/message.h"
#include "core/gossip/tags.h"
#include "core/state/health.h"
#include "tests/unit/leader/leading.h"

enum kind { CLIENT, SERVER, STRANGER };

static void step(struct leading *l, struct gossip_event ev)
{
	ev.now = NS_PER_S;
	gossip_step(l->lan, &ev, &l->out);
}

static void begin_pool(struct leading *l)
{
	struct fail f;
	struct pair tags[] = {{S("dc"), S("dc1")}, {S("role"), S("node")}};
	struct gossip_config c = {
	        .timing = gossip_local, .name = S("me"), .dc = S("dc1"), .tags = {tags, 2}, .log = &l->log, .seed = 3};
	ASSERT(gossip_addr_parse(S("10.0.0.1"), 8301, &c.addr));
	l->lan = gossip_new(&c, &f);
	ASSERT(l->lan);
	step(l, (struct gossip_event){.kind = GE_START});
}

static void packet(struct leading *l, uint8_t type, const struct schema *s, const void *m, bool user)
{
	struct buf b = {0};
	if (user)
		buf_char(&b, SWIM_USER);
	message_put(&b, type, s, m);
	struct gossip_event ev = {.kind = GE_PACKET};
	ev.packet.data = buf_view(&b);
	step(l, ev);
	buf_free(&b);
}

/* The pool hears of it. */
static void tell_pool(struct leading *l, const struct gossip_member *m)
{
	struct msg_alive alive = {.incarnation = 1,
	        .port = 8301,
	        .node = m->name,
	        .addr = slice_at(m->addr.ip.b + 12, 4),
	        .meta = m->meta,
	        .vsn = S("\1\5\2\2\5\4")};
	struct msg_suspect dead = {1, m->name, S("me")};
	struct msg_intent leave = {9, m->name, false};
	if (m->status == GOSSIP_LEFT)
		packet(l, SERF_LEAVE, &msg_intent_schema, &leave, true);
	if (m->status == GOSSIP_ALIVE)
		packet(l, SWIM_ALIVE, &msg_alive_schema, &alive, false);
	else
		packet(l, SWIM_DEAD, &msg_suspect_schema, &dead, false);
	struct gossip_member now;
	ASSERT(gossip_find(l->lan, m->name, &now));
	CHECK_EQ(now.status, m->status);
}

static void say(struct leading *l, const char *name, enum kind kind, const char *ip, enum gossip_status status,
        enum gossip_change change)
{
	struct pair client[] = {{S("dc"), S("dc1")}, {S("id"), l->id}, {S("role"), S("node")}};
	struct pair server[] = {{S("build"), S("1.0.8")}, {S("dc"), S("dc1")}, {S("id"), l->id}, {S("port"), S("8300")},
	        {S("role"), S("consul")}, {S("vsn"), S("2")}};
	struct pair stranger[] = {{S("role"), S("visitor")}};
	const struct list tags[] = {{client, ARRAY_LEN(client)}, {server, ARRAY_LEN(server)}, {stranger, 1}};
	struct buf meta = {0};
	tags_put(&meta, tags[kind]);
	struct gossip_member m = {.name = slice_of(name), .meta = buf_view(&meta), .status = status};
	CHECK(gossip_addr_parse(slice_of(ip), 8301, &m.addr));
	if (l->lan)
		tell_pool(l, &m);
	struct gossip_effect x = {.kind = GX_MEMBER};
	x.member.change = change;
	x.member.member = &m;
	reconcile_member(&l->duties, db_working(l->db), l->lan, &x);
	buf_free(&meta);
}

static struct slice health(struct leading *l, const char *node, struct arena *a)
{
	const struct health_check *c;
	health_check_of_node(db_working(l->db), NULL, slice_of(node), S("serfHealth"), a, &c);
	return c ? c->status : S("");
}

TEST(reconcile, a_member_is_registered_once_and_follows_its_health)
{
	struct leading l;
	struct arena a = {0};
	leading_begin(&l, LOG_ERR);
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
	leading_end(&l);
}

TEST(reconcile, a_server_has_its_service_and_loses_everything_when_it_leaves)
{
	struct leading l;
	struct arena a = {0};
	struct node_service *s;
	const struct node *n;
	leading_begin(&l, LOG_ERR);
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
	leading_end(&l);
}

TEST(reconcile, we_do_not_deregister_ourselves_nor_register_strangers)
{
	struct leading l;
	leading_begin(&l, LOG_ERR);
	say(&l, "me", SERVER, "10.0.0.1", GOSSIP_ALIVE, CHANGE_JOIN);
	say(&l, "me", SERVER, "10.0.0.1", GOSSIP_LEFT, CHANGE_LEAVE);
	say(&l, "guest", STRANGER, "10.0.0.9", GOSSIP_ALIVE, CHANGE_JOIN);
	CHECK_EQ(l.writes, 1);
	leading_end(&l);
}

/* ---- a node id in other hands ---- */

#define ID S("11111111-2222-3333-4444-555555555555")

static const struct node *node_of(struct leading *l, const char *name, struct arena *a)
{
	const struct node *n;
	catalog_node(db_working(l->db), NULL, slice_of(name), a, &n);
	return n;
}

static void begin_with_holder(struct leading *l)
{
	leading_begin(l, LOG_ERR);
	begin_pool(l);
	l->id = ID;
	say(l, "old", CLIENT, "10.0.0.7", GOSSIP_ALIVE, CHANGE_JOIN);
	struct node_service web = {.id = S("web"), .service = S("web"), .port = 80};
	struct register_request q = {
	        .datacenter = S("dc1"), .id = ID, .node = S("old"), .address = S("10.0.0.7"), .service = &web};
	l->duties.submit(l, COMMAND_REGISTER, &register_request_schema, &q);
}

TEST(reconcile, a_newcomer_takes_the_id_of_one_that_failed)
{
	struct leading l;
	struct arena a = {0};
	struct node_service *web;
	begin_with_holder(&l);
	say(&l, "old", CLIENT, "10.0.0.7", GOSSIP_FAILED, CHANGE_FAILED);
	say(&l, "new", CLIENT, "10.0.0.8", GOSSIP_ALIVE, CHANGE_JOIN);
	CHECK(!node_of(&l, "old", &a));
	catalog_node_service(db_working(l.db), NULL, S("old"), S("web"), &a, &web);
	CHECK(!web);
	ASSERT(node_of(&l, "new", &a));
	CHECK_STR(node_of(&l, "new", &a)->id, ID.p);
	CHECK_STR(health(&l, "new", &a), "passing");
	unsigned writes = l.writes;
	reconcile_all(&l.duties, db_working(l.db), l.lan); /* the failed one does not come back */
	CHECK(!node_of(&l, "old", &a));
	CHECK_EQ(l.writes, writes + 1); /* "me" */
	CHECK_EQ(l.refused, 0);
	arena_free(&a);
	leading_end(&l);
}

TEST(reconcile, a_newcomer_waits_for_the_id_of_one_that_lives_and_has_it_when_that_goes)
{
	static const enum gossip_status ends[] = {GOSSIP_FAILED, GOSSIP_LEFT};
	for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
		struct leading l;
		struct arena a = {0};
		begin_with_holder(&l);
		say(&l, "new", CLIENT, "10.0.0.8", GOSSIP_ALIVE, CHANGE_JOIN);
		CHECK(node_of(&l, "old", &a) && !node_of(&l, "new", &a));
		CHECK_EQ(l.refused, 1); /* as with the reference: "aliases existing node" */
		say(&l, "old", CLIENT, "10.0.0.7", ends[i], ends[i] == GOSSIP_LEFT ? CHANGE_LEAVE : CHANGE_FAILED);
		CHECK(!node_of(&l, "old", &a));
		CHECK_STR(health(&l, "new", &a), "passing");
		arena_free(&a);
		leading_end(&l);
	}
}

TEST(reconcile, the_id_of_a_node_that_never_was_a_member_stays_its_own)
{
	struct leading l;
	struct arena a = {0};
	leading_begin(&l, LOG_ERR);
	begin_pool(&l);
	struct register_request external = {
	        .datacenter = S("dc1"), .id = ID, .node = S("google"), .address = S("www.google.com")};
	l.duties.submit(&l, COMMAND_REGISTER, &register_request_schema, &external);
	l.id = ID;
	say(&l, "new", CLIENT, "10.0.0.8", GOSSIP_ALIVE, CHANGE_JOIN);
	CHECK(node_of(&l, "google", &a) && !node_of(&l, "new", &a));
	arena_free(&a);
	leading_end(&l);
}

TEST(reconcile, who_was_reaped_while_nobody_led_goes_with_the_next_comparison)
{
	struct leading l;
	struct arena a = {0};
	const struct node *n;
	leading_begin(&l, LOG_ERR);
	say(&l, "ghost", CLIENT, "10.0.0.7", GOSSIP_ALIVE, CHANGE_JOIN);
	struct register_request external = {
	        .datacenter = S("dc1"), .node = S("google"), .address = S("www.google.com")};
	l.duties.submit(&l, COMMAND_REGISTER, &register_request_schema, &external);
	begin_pool(&l);
	reconcile_all(&l.duties, db_working(l.db), l.lan);
	CHECK_STR(health(&l, "me", &a), "passing");
	catalog_node(db_working(l.db), NULL, S("ghost"), &a, &n);
	CHECK(!n);
	catalog_node(db_working(l.db), NULL, S("google"), &a, &n);
	CHECK(n); /* of no pool */
	unsigned writes = l.writes;
	reconcile_all(&l.duties, db_working(l.db), l.lan);
	CHECK_EQ(l.writes, writes);
	arena_free(&a);
	leading_end(&l);
}
