/* How a leader begins, and what it leaves to later. */
#include "core/leader/duties.h"

#include "core/agent/servers.h"
#include "core/base/slice.h"
#include "core/gossip/tags.h"
#include "core/state/apply.h"
#include "tests/test.h"

struct leader {
	struct agent_config config;
	struct logbuf log;
	struct db *db;
	struct state state;
	struct duties duties;
	raft_index index;
};

/* A write is applied at once. */
static void submit(void *host, enum command_type type, const struct schema *s, const void *request)
{
	struct leader *l = host;
	struct buf b = {0};
	struct arena a = {0};
	struct apply_result result;
	command_write(&b, type, s, request);
	state_apply(&l->state, ++l->index, buf_view(&b), 0, &a, &result);
	CHECK(result.kind != APPLY_BROKEN && result.kind != APPLY_ERROR);
	arena_free(&a);
	buf_free(&b);
}

static void server(struct leader *l, const char *name, const char *build, enum gossip_status status)
{
	struct pair tags[] = {{S("build"), slice_of(build)}, {S("dc"), S("dc1")}, {S("port"), S("8300")},
	        {S("role"), S("consul")}, {S("vsn"), S("2")}};
	struct buf meta = {0};
	struct gossip_effect x = {.kind = GX_MEMBER};
	tags_put(&meta, (struct list){tags, ARRAY_LEN(tags)});
	struct gossip_member m = {.name = slice_of(name), .meta = buf_view(&meta), .status = status};
	CHECK(gossip_addr_parse(S("10.0.0.1"), 8301, &m.addr));
	x.member.change = status == GOSSIP_ALIVE ? CHANGE_JOIN : CHANGE_FAILED;
	x.member.member = &m;
	servers_take(l->db, GOSSIP_LAN, &x);
	buf_free(&meta);
}

static size_t configured(const struct leader *l)
{
	return db_count(db_working(l->db), TREE_AUTOPILOT);
}

/* 0.7.5 ends with a panic at an entry of the log that it does not know. */
TEST(duties, autopilot_is_not_configured_before_all_servers_can_read_it)
{
	struct leader l = {.config.datacenter = S("dc1"), .log.level = LOG_WARN, .db = db_new(NULL)};
	ASSERT(l.db);
	state_init(&l.state, l.db);
	duties_init(&l.duties, &l.config, &l.log, 1);
	l.duties.submit = submit;
	l.duties.host = &l;
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
	server(&l, "new", "0.8.0", GOSSIP_ALIVE);
	duties_tick(&l.duties, db_working(l.db), 2 * again);
	CHECK_EQ(configured(&l), 1);
	CHECK_EQ(l.index, 1);
	CHECK_EQ(duties_next(&l.duties), INT64_MAX);
	duties_free(&l.duties);
	state_free(&l.state);
	db_free(l.db);
	buf_free(&l.log.lines);
}
