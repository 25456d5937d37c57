/* How a leader begins, and what it leaves to later. */
#include "core/base/slice.h"
#include "core/leader/peers.h"
#include "tests/unit/leader/leading.h"

static void server(struct leading *l, const char *name, const char *build, enum gossip_status status)
{
	struct pair tags[] = {{S("build"), slice_of(build)}, {S("dc"), S("dc1")}, {S("port"), S("8300")},
	        {S("role"), S("consul")}, {S("vsn"), S("2")}};
	leading_server(l->db, name, "10.0.0.1", (struct list){tags, ARRAY_LEN(tags)}, status,
	        status == GOSSIP_ALIVE  ? CHANGE_JOIN
	        : status == GOSSIP_LEFT ? CHANGE_LEAVE
	                                : CHANGE_FAILED);
}

static size_t configured(const struct leading *l)
{
	return db_count(db_working(l->db), TREE_AUTOPILOT);
}

/* 0.7.5 ends with a panic at an entry of the log that it does not know. */
TEST(duties, autopilot_is_not_configured_before_all_servers_can_read_it)
{
	struct leading l;
	leading_begin(&l, LOG_WARN);
	server(&l, "me", "1.0.8:1a2b3c4d", GOSSIP_ALIVE);
	server(&l, "old", "0.7.5:21f2d5a", GOSSIP_ALIVE);
	duties_begin(&l.duties, db_working(l.db), 0);
	CHECK_EQ(configured(&l), 0);
	CHECK(slice_search(buf_view(&l.log.lines), S("can't initialize until all servers are >= 0.8.0")) >= 0);
	mono_ns again = duties_next(&l.duties);
	CHECK_EQ(again, 10 * NS_PER_S);
	duties_tick(&l.duties, db_working(l.db), again);
	CHECK_EQ(configured(&l), 0);
	server(&l, "old", "0.7.5:21f2d5a", GOSSIP_FAILED);
	duties_tick(&l.duties, db_working(l.db), 2 * again);
	CHECK_EQ(configured(&l), 0); /* it may come back, and has to live with what is in the log by then */
	server(&l, "old", "0.7.5:21f2d5a", GOSSIP_LEFT);
	server(&l, "new", "0.8.0", GOSSIP_ALIVE);
	static const struct raft_server group[] = {{{"10.0.0.1:8300", 13}, {"10.0.0.1:8300", 13}, RAFT_VOTER},
	        {{"10.0.0.9:8300", 13}, {"10.0.0.9:8300", 13}, RAFT_VOTER}};
	peers_set(l.db, group, 2);
	duties_tick(&l.duties, db_working(l.db), 3 * again);
	CHECK_EQ(configured(&l), 0); /* who is the second? */
	CHECK_EQ(duties_next(&l.duties), 3 * again + NS_PER_S);
	peers_set(l.db, group, 1);
	duties_tick(&l.duties, db_working(l.db), 4 * again);
	CHECK_EQ(configured(&l), 1);
	CHECK_EQ(l.index, 1);
	CHECK_EQ(duties_next(&l.duties), INT64_MAX);
	leading_end(&l);
}
