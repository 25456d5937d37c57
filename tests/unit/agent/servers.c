#include "core/agent/servers.h"

#include "core/base/slice.h"
#include "core/gossip/tags.h"
#include "tests/test.h"

static struct pair tags[] = {
        {S("bootstrap"), S("1")},
        {S("build"), S("1.0.8:1a2b3c4d")},
        {S("dc"), S("east")},
        {S("id"), S("6aa5b0b3-7a1e-4cf5-8ad8-1d2e4a1a3f4d")},
        {S("port"), S("8300")},
        {S("raft_vsn"), S("3")},
        {S("role"), S("consul")},
        {S("vsn"), S("2")},
        {S("wan_join_port"), S("8302")},
};

static void say(struct db *db, enum gossip_pool pool, const char *name, const char *ip, enum gossip_status status,
        enum gossip_change change)
{
	struct buf meta = {0};
	tags_put(&meta, (struct list){tags, ARRAY_LEN(tags)});
	struct gossip_member m = {.name = slice_of(name), .meta = buf_view(&meta), .status = status};
	CHECK(gossip_addr_parse(slice_of(ip), 8301, &m.addr));
	struct gossip_effect x = {.kind = GX_MEMBER};
	x.member.change = change;
	x.member.member = &m;
	servers_take(db, pool, &x);
	buf_free(&meta);
}

TEST(servers, tags_say_where_and_what_a_server_is)
{
	struct db *db = db_new(NULL);
	say(db, GOSSIP_LAN, "a", "10.0.0.1", GOSSIP_ALIVE, CHANGE_JOIN);
	const struct db_root *r = db_working(db);
	const struct server *s = server_by_name(r, S("a"));
	CHECK(s && s->alive && s->bootstrap && !s->use_tls && !s->nonvoter);
	CHECK_STR(s->address, "10.0.0.1:8300");
	CHECK_STR(s->host, "10.0.0.1");
	CHECK_STR(s->datacenter, "east");
	CHECK_EQ(s->raft_version, 3);
	CHECK_EQ(s->wan_join_port, 8302);
	CHECK(server_by_id(r, S("6aa5b0b3-7a1e-4cf5-8ad8-1d2e4a1a3f4d")) == s);
	CHECK(server_by_address(r, S("10.0.0.1:8300")) == s);
	CHECK(!server_by_name(r, S("b")) && !server_by_address(r, S("10.0.0.2:8300")));
	db_free(db);
}

TEST(servers, the_failed_stay_and_the_left_go)
{
	struct db *db = db_new(NULL);
	say(db, GOSSIP_LAN, "a", "10.0.0.1", GOSSIP_ALIVE, CHANGE_JOIN);
	say(db, GOSSIP_LAN, "a", "10.0.0.1", GOSSIP_FAILED, CHANGE_FAILED);
	const struct server *s = server_by_name(db_working(db), S("a"));
	CHECK(s && !s->alive && s->status == MEMBER_FAILED);
	say(db, GOSSIP_LAN, "a", "10.0.0.1", GOSSIP_LEFT, CHANGE_LEAVE);
	CHECK(!server_by_name(db_working(db), S("a")));
	db_free(db);
}

TEST(servers, a_client_is_none_and_a_changed_port_makes_one_no_more)
{
	struct db *db = db_new(NULL);
	say(db, GOSSIP_LAN, "a", "10.0.0.1", GOSSIP_ALIVE, CHANGE_JOIN);
	tags[4].val = S("none");
	say(db, GOSSIP_LAN, "a", "10.0.0.1", GOSSIP_ALIVE, CHANGE_UPDATE);
	tags[4].val = S("8300");
	CHECK(!server_by_name(db_working(db), S("a")));
	db_free(db);
}

TEST(servers, of_the_wan_pool_by_datacenter)
{
	struct db *db = db_new(NULL);
	say(db, GOSSIP_WAN, "a.east", "fe80::1", GOSSIP_ALIVE, CHANGE_JOIN);
	tags[2].val = S("eastern");
	say(db, GOSSIP_WAN, "b.eastern", "10.0.0.2", GOSSIP_ALIVE, CHANGE_JOIN);
	tags[2].val = S("east");
	const struct db_root *r = db_working(db);
	struct cursor c;
	servers_of_datacenter(&c, r, S("east"));
	const struct server *s = server_next(&c);
	CHECK(s);
	CHECK_STR(s->address, "[fe80::1]:8300");
	CHECK(!server_next(&c));
	CHECK(servers_know(r, S("eastern")) && !servers_know(r, S("eas")) && !servers_know(r, S_NONE));
	unsigned n = 0;
	for (servers_wan(&c, r); server_next(&c);)
		n++;
	CHECK_EQ(n, 2);
	CHECK(!server_by_name(r, S("a.east")));
	db_free(db);
}
