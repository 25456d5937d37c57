/* Autopilot in steps of virtual time: what it asks, what it finds, whom it promotes and removes. */
#include "core/leader/autopilot.h"

#include "core/base/gotime.h"
#include "core/base/msgpack.h"
#include "store/model.h"
#include "tests/unit/leader/leading.h"

#include <stdlib.h>

enum { SERVERS = 9 };

static struct {
	struct db *db;
	struct logbuf lines;
	struct autopilot pilot;
	struct raft_server raft[SERVERS];
	size_t n;
	char ids[SERVERS][37], addresses[SERVERS][24];
	raft_index last;
	mono_ns now;
	dur_ns set;             /* how the wall clock was set */
	uint64_t tags[SERVERS]; /* of calls under way, by server */
} ring;

static void member(unsigned i, const char *raft, enum gossip_status status)
{
	char name[8], ip[16];
	snprintf(name, sizeof name, "s%u", i);
	snprintf(ip, sizeof ip, "10.0.0.%u", i);
	struct pair tags[] = {
	        {S("build"), S("1.0.8:1a2b3c4d")},
	        {S("dc"), S("dc1")},
	        {S("id"), slice_of(ring.ids[i])},
	        {S("port"), S("8300")},
	        {S("raft_vsn"), slice_of(raft)},
	        {S("role"), S("consul")},
	        {S("vsn"), S("2")},
	};
	leading_server(ring.db, name, ip, (struct list){tags, ARRAY_LEN(tags)}, status,
	        status == GOSSIP_LEFT ? CHANGE_LEAVE : CHANGE_JOIN);
}

static void configure(bool cleanup)
{
	struct autopilot_config c = {
	        .cleanup_dead_servers = cleanup,
	        .last_contact_threshold = 200 * NS_PER_MS,
	        .max_trailing_logs = 250,
	        .server_stabilization_time = 10 * NS_PER_S,
	};
	CHECK(db_put(ring.db, TREE_AUTOPILOT, model_item(ring.db, S("config"), &autopilot_config_schema, &c)));
}

/* A group of n voters, all alive; the first is the leader. */
static void begin(size_t n)
{
	ring.db = db_new(NULL);
	ring.lines = (struct logbuf){.level = LOG_DEBUG};
	ring.pilot = (struct autopilot){0};
	ring.n = n;
	ring.now = 0;
	ring.last = 1000;
	memset(ring.tags, 0, sizeof ring.tags);
	for (unsigned i = 0; i < SERVERS; i++) {
		snprintf(ring.ids[i], sizeof ring.ids[i], "%08u-0000-0000-0000-000000000000", i);
		snprintf(ring.addresses[i], sizeof ring.addresses[i], "10.0.0.%u:8300", i);
		ring.raft[i] = (struct raft_server){slice_of(ring.ids[i]), slice_of(ring.addresses[i]), RAFT_VOTER};
		if (i < n)
			member(i, "3", GOSSIP_ALIVE);
	}
	configure(true);
	autopilot_begin(&ring.pilot, ring.db, ring.now);
}

static void end(void)
{
	autopilot_end(&ring.pilot);
	buf_free(&ring.lines.lines);
	db_free(ring.db);
}

/* Lets time pass to `to`; calls are noted by server, other orders become a line of text each. */
static const char *run(mono_ns to)
{
	static char text[2000];
	size_t used = 0;
	text[0] = 0;
	for (;;) {
		mono_ns due = autopilot_next(&ring.pilot);
		if (due > to)
			break;
		ring.now = due > ring.now ? due : ring.now;
		struct autopilot_view v = {
		        .raft = {db_working(ring.db), ring.raft, ring.n, S("s0"), &ring.lines},
		        .leader = slice_of(ring.addresses[0]),
		        .id = slice_of(ring.ids[0]),
		        .last = ring.last,
		        .last_term = 7,
		        .now = ring.now,
		        .wall = 1000 * NS_PER_S + ring.now + ring.set,
		};
		autopilot_tick(&ring.pilot, ring.db, &v);
		for (const struct autopilot_order *o; (o = autopilot_order(&ring.pilot));) {
			unsigned who = (unsigned)atoi(o->name.p ? o->name.p + 1 : "0");
			if (o->what == AUTOPILOT_CALL)
				ring.tags[who] = o->tag;
			else if (o->what == AUTOPILOT_FORCE_LEAVE)
				used += (size_t)snprintf(text + used, sizeof text - used, "force-leave s%u;", who);
			else
				used += (size_t)snprintf(text + used, sizeof text - used, "%s %.8s;",
				        o->kind == RAFT_REMOVE ? "remove" : "promote", o->id.p);
		}
	}
	ring.now = to;
	return text;
}

static void answer(unsigned i, const char *contact, raft_index last, raft_term term)
{
	struct buf b = {0};
	struct raft_stats s = {slice_of(contact), last, term};
	schema_mp_write(&b, &raft_stats_schema, &s);
	CHECK(ring.tags[i] != 0);
	autopilot_answer(&ring.pilot, ring.tags[i], S_NONE, buf_view(&b), &ring.lines);
	ring.tags[i] = 0;
	buf_free(&b);
}

static void answer_all(void)
{
	for (unsigned i = 1; i < SERVERS; i++)
		if (ring.tags[i])
			answer(i, "12.5ms", ring.last, 7);
}

/* Rounds of answers until then; what was ordered besides. */
static const char *rounds(mono_ns to)
{
	static char all[2000];
	all[0] = 0;
	while (ring.now < to) {
		strcat(all, run(ring.now + NS_PER_S / 2 < to ? ring.now + NS_PER_S / 2 : to));
		answer_all();
	}
	return all;
}

static struct server_health health(unsigned i)
{
	char key[8];
	snprintf(key, sizeof key, "%05u", i);
	const struct item *it = db_get(db_working(ring.db), TREE_SERVER_HEALTH, slice_of(key));
	ASSERT(it);
	const struct server_health *h = item_payload(it);
	return *h;
}

static wall_ns since(unsigned i)
{
	wall_ns w;
	CHECK(gotime_get(health(i).stable_since, &w));
	return w;
}

static bool logged(const char *text)
{
	return slice_search(buf_view(&ring.lines.lines), slice_of(text)) >= 0;
}

TEST(autopilot, a_server_alone_is_healthy_by_itself)
{
	begin(1);
	run(2 * NS_PER_S);
	struct server_health h = health(0);
	CHECK(h.healthy && h.leader && h.voter && h.last_index == 1000 && h.last_term == 7 && h.last_contact == 0);
	CHECK_STR(h.name, "s0");
	CHECK_STR(h.version, "1.0.8");
	CHECK_EQ(h.serf_status, MEMBER_ALIVE);
	CHECK_EQ(since(0), 1000 * NS_PER_S);
	ring.last = 2000;
	run(8 * NS_PER_S);
	CHECK_EQ(health(0).last_index, 2000);
	CHECK_EQ(since(0), 1000 * NS_PER_S);
	end();
}

TEST(autopilot, each_threshold_is_looked_at)
{
	begin(6);
	run(2 * NS_PER_S);
	answer(1, "200ms", 750, 7); /* just good enough */
	answer(2, "200.000001ms", 1000, 7);
	answer(3, "1ms", 749, 7);
	answer(4, "1ms", 1000, 6);
	answer(5, "never", 1000, 7);
	run(3 * NS_PER_S);
	CHECK(health(1).healthy && health(1).last_contact == 200 * NS_PER_MS);
	for (unsigned i = 2; i < 6; i++)
		CHECK(!health(i).healthy);
	CHECK_EQ(health(5).last_contact, -1);
	member(1, "3", GOSSIP_FAILED);
	run(4 * NS_PER_S);
	answer_all();
	run(5 * NS_PER_S);
	CHECK(!health(1).healthy && health(2).healthy);
	CHECK_EQ(health(1).serf_status, MEMBER_FAILED);
	CHECK_EQ(since(2), 1004 * NS_PER_S); /* since it was judged again */
	end();
}

TEST(autopilot, who_does_not_answer_in_a_second_is_not_healthy)
{
	begin(3);
	rounds(4 * NS_PER_S + 1);
	CHECK(health(1).healthy && health(2).healthy);
	run(6 * NS_PER_S);
	answer(1, "1ms", 1000, 7);
	CHECK(health(2).healthy); /* the round is still open */
	run(7 * NS_PER_S);
	CHECK(health(1).healthy && !health(2).healthy && health(2).last_contact == -1 && since(2) == 0);
	CHECK(logged("[WARN] consul: error getting server health from \"s2\": context deadline exceeded"));
	run(8 * NS_PER_S);
	CHECK(logged("[WARN] consul: error getting server health from \"s2\": last request still outstanding"));
	autopilot_answer(&ring.pilot, ring.tags[2], S("rpc error making call: EOF"), S_NONE, &ring.lines);
	CHECK(logged("[WARN] consul: error getting server health from \"s2\": rpc error making call: EOF"));
	rounds(11 * NS_PER_S);
	CHECK(health(2).healthy);
	end();
}

TEST(autopilot, a_stable_server_gets_a_vote)
{
	begin(3);
	ring.raft[2].suffrage = RAFT_NONVOTER;
	CHECK_STR(slice_of(rounds(10 * NS_PER_S)), "");
	CHECK_STR(slice_of(rounds(14 * NS_PER_S)), "promote 00000002;"); /* with the first round after ten seconds */
	CHECK(logged("[INFO] autopilot: Promoting Server (ID: \"00000002-0000-0000-0000-000000000000\" Address: "
	             "\"10.0.0.2:8300\") to voter"));
	CHECK_STR(slice_of(rounds(31 * NS_PER_S)), ""); /* until that is done, or has failed */
	autopilot_changed(&ring.pilot, ring.now);
	CHECK_STR(slice_of(rounds(32 * NS_PER_S)), "promote 00000002;");
	ring.raft[2].suffrage = RAFT_VOTER;
	autopilot_changed(&ring.pilot, ring.now);
	CHECK_STR(slice_of(rounds(50 * NS_PER_S)), "");
	end();
}

TEST(autopilot, a_clock_that_is_set_back_makes_nobody_wait)
{
	begin(3);
	ring.raft[2].suffrage = RAFT_NONVOTER;
	CHECK_STR(slice_of(rounds(10 * NS_PER_S)), "");
	ring.set = -3600 * NS_PER_S;
	CHECK_STR(slice_of(rounds(14 * NS_PER_S)), "promote 00000002;");
	ring.set = 0;
	end();
}

TEST(autopilot, an_unhealthy_one_does_not)
{
	begin(3);
	ring.raft[2].suffrage = RAFT_NONVOTER;
	for (mono_ns at = NS_PER_S; at < 60 * NS_PER_S; at += NS_PER_S) {
		CHECK_STR(slice_of(run(at)), "");
		if (ring.tags[2])
			answer(2, at % (8 * NS_PER_S) ? "1ms" : "3s", 1000, 7);
	}
	end();
}

TEST(autopilot, the_failed_and_the_unknown_are_removed_while_they_are_few)
{
	begin(5);
	member(4, "3", GOSSIP_FAILED);
	CHECK_STR(slice_of(rounds(11 * NS_PER_S)), "force-leave s4;");
	member(3, "3", GOSSIP_FAILED);
	CHECK_STR(slice_of(rounds(21 * NS_PER_S)), ""); /* two of five are too many */
	CHECK(logged("[DEBUG] autopilot: Failed to remove dead servers: too many dead servers: 2/5"));
	member(3, "3", GOSSIP_ALIVE);
	member(4, "3", GOSSIP_LEFT); /* Raft knows it, the pool does not */
	CHECK_STR(slice_of(rounds(31 * NS_PER_S)), "remove 00000004;");
	ring.n = 4;
	autopilot_changed(&ring.pilot, ring.now);
	CHECK_STR(slice_of(rounds(45 * NS_PER_S)), "");
	configure(false);
	member(3, "3", GOSSIP_FAILED);
	CHECK_STR(slice_of(rounds(60 * NS_PER_S)), "");
	end();
}

TEST(autopilot, one_that_moved_is_not_stale)
{
	begin(5);
	ring.raft[4].address = S("10.9.9.9:8300");
	CHECK_STR(slice_of(rounds(30 * NS_PER_S)), "");
	end();
}

TEST(autopilot, old_servers_are_not_asked)
{
	begin(3);
	member(2, "2", GOSSIP_ALIVE);
	ring.raft[1].suffrage = RAFT_NONVOTER;
	CHECK_STR(slice_of(rounds(30 * NS_PER_S)), "");
	CHECK_EQ(db_count(db_working(ring.db), TREE_SERVER_HEALTH), 0);
	CHECK(!ring.tags[1] && !ring.tags[2]);
	end();
}

TEST(autopilot, what_another_leader_found_is_forgotten)
{
	begin(3);
	rounds(5 * NS_PER_S);
	CHECK_EQ(db_count(db_working(ring.db), TREE_SERVER_HEALTH), 3);
	autopilot_end(&ring.pilot);
	CHECK_EQ(autopilot_next(&ring.pilot), INT64_MAX);
	autopilot_begin(&ring.pilot, ring.db, ring.now);
	CHECK_EQ(db_count(db_working(ring.db), TREE_SERVER_HEALTH), 0);
	end();
}
