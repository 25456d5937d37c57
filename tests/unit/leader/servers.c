/* Each rule by which the pool's servers become Raft's, and cease to be. */
#include "core/leader/servers.h"

#include "tests/unit/leader/leading.h"

#include <stdlib.h>

#define ID_A "aaaaaaaa-0000-0000-0000-000000000000"
#define ID_B "bbbbbbbb-0000-0000-0000-000000000000"
#define ID_C "cccccccc-0000-0000-0000-000000000000"

static struct db *db;
static struct logbuf lines;

/* A member with the tags of a server. */
static void member(
        const char *name, const char *id, const char *ip, const char *raft, bool bootstrap, enum gossip_status status)
{
	struct pair tags[] = {
	        {S("bootstrap"), S("1")},
	        {S("build"), S("1.0.8:1a2b3c4d")},
	        {S("dc"), S("dc1")},
	        {S("id"), slice_of(id)},
	        {S("port"), S("8300")},
	        {S("raft_vsn"), slice_of(raft)},
	        {S("role"), S("consul")},
	        {S("vsn"), S("2")},
	};
	leading_server(db, name, ip, (struct list){tags + !bootstrap, (uint32_t)(ARRAY_LEN(tags) - !bootstrap)}, status,
	        CHANGE_JOIN);
}

static void begin(void)
{
	db = db_new(NULL);
	lines = (struct logbuf){.level = LOG_DEBUG};
	member("a", ID_A, "10.0.0.1", "3", false, GOSSIP_ALIVE);
}

static void end(void)
{
	buf_free(&lines.lines);
	db_free(db);
}

/* "add nonvoter <id> <address>" and so on, or "nothing" */
static const char *said(bool any, const struct server_change *c)
{
	static const char *const kinds[] = {"add voter", "add nonvoter", "demote", "remove"};
	static char text[200];
	if (!any)
		return "nothing";
	snprintf(text, sizeof text, "%s %.*s %.*s", kinds[c->kind], PS(c->id), PS(c->address));
	return text;
}

static const char *joins(const char *name, const struct raft_server *servers, size_t n)
{
	struct raft_view v = {db_working(db), servers, n, S("a"), &lines};
	struct server_change c;
	const struct server *s = server_by_name(v.root, slice_of(name));
	ASSERT(s);
	bool any = server_joined(&v, s, &c);
	return said(any, &c);
}

static const char *leaves(const struct server *s, const struct raft_server *servers, size_t n)
{
	struct raft_view v = {db_working(db), servers, n, S("a"), &lines};
	struct server_change c;
	bool any = server_left(&v, s, &c);
	return said(any, &c);
}

static bool logged(const char *text)
{
	return slice_search(buf_view(&lines.lines), slice_of(text)) >= 0;
}

#define A                                                                                                              \
	{                                                                                                              \
		S(ID_A), S("10.0.0.1:8300"), RAFT_VOTER                                                                \
	}
#define B                                                                                                              \
	{                                                                                                              \
		S(ID_B), S("10.0.0.2:8300"), RAFT_VOTER                                                                \
	}
#define C                                                                                                              \
	{                                                                                                              \
		S(ID_C), S("10.0.0.3:8300"), RAFT_VOTER                                                                \
	}

TEST(server_joined, a_new_one_comes_in_by_the_lowest_protocol_of_all)
{
	static const struct raft_server one[] = {A};
	begin();
	member("b", ID_B, "10.0.0.2", "3", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", one, 1)), "add nonvoter " ID_B " 10.0.0.2:8300");
	member("c", ID_C, "10.0.0.3", "2", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", one, 1)), "add voter " ID_B " 10.0.0.2:8300");
	CHECK_STR(slice_of(joins("c", one, 1)), "add voter 10.0.0.3:8300 10.0.0.3:8300");
	member("d", "", "10.0.0.4", "1", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", one, 1)), "add voter 10.0.0.2:8300 10.0.0.2:8300");
	CHECK_EQ(servers_raft_protocol(db_working(db)), 1);
	member("d", "", "10.0.0.4", "1", false, GOSSIP_FAILED); /* the dead do not count */
	CHECK_EQ(servers_raft_protocol(db_working(db)), 2);
	end();
}

TEST(server_joined, one_that_is_in_already_changes_nothing)
{
	static const struct raft_server two[] = {A, B}, by_address[] = {A, {S("10.0.0.2:8300"), S("10.0.0.2:8300")}};
	begin();
	member("b", ID_B, "10.0.0.2", "3", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", two, 2)), "nothing");
	member("b", ID_B, "10.0.0.2", "2", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", by_address, 2)), "nothing");
	end();
}

TEST(server_joined, another_at_the_same_address_takes_its_place)
{
	static const struct raft_server two[] = {A, B}, one[] = {A};
	begin();
	member("b", ID_C, "10.0.0.2", "3", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", two, 2)), "remove " ID_B " 10.0.0.2:8300");
	CHECK_STR(slice_of(joins("b", one, 1)), "add nonvoter " ID_C " 10.0.0.2:8300");
	end();
}

TEST(server_joined, one_with_a_new_address_keeps_its_place)
{
	static const struct raft_server three[] = {A, B, C}, clash[] = {A, B, {S("old"), S("10.0.0.9:8300")}};
	begin();
	member("b", ID_B, "10.0.0.9", "3", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", three, 3)), "add nonvoter " ID_B " 10.0.0.9:8300");
	CHECK_STR(slice_of(joins("b", clash, 3)), "remove old 10.0.0.9:8300");
	member("a", ID_A, "10.0.0.8", "3", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("a", three, 1)), "add nonvoter " ID_A " 10.0.0.8:8300");
	member("c", ID_C, "10.0.0.3", "2", false, GOSSIP_ALIVE); /* nobody could say so to it */
	CHECK_STR(slice_of(joins("b", three, 3)), "remove " ID_B " 10.0.0.2:8300");
	CHECK_STR(slice_of(joins("a", three, 1)), "nothing");
	end();
}

TEST(server_joined, a_small_group_does_not_lose_its_leader)
{
	static const struct raft_server old_id[] = {{S("old"), S("10.0.0.1:8300")}, B, C};
	begin();
	CHECK_STR(slice_of(joins("a", old_id, 2)), "nothing");
	CHECK_STR(slice_of(joins("a", old_id, 3)), "remove old 10.0.0.1:8300");
	end();
}

TEST(server_joined, two_that_begin_stay_apart)
{
	static const struct raft_server one[] = {A};
	begin();
	member("a", ID_A, "10.0.0.1", "3", true, GOSSIP_ALIVE);
	member("b", ID_B, "10.0.0.2", "3", true, GOSSIP_ALIVE);
	CHECK_STR(slice_of(joins("b", one, 1)), "nothing");
	CHECK(logged("[ERR] consul: 'b' and 'a' are both in bootstrap mode. Only one node should be in bootstrap mode, "
	             "not adding Raft peer."));
	end();
}

TEST(server_left, it_is_removed_by_id_or_by_address)
{
	static const struct raft_server two[] = {A, B}, by_address[] = {A, {S("10.0.0.2:8300"), S("10.0.0.2:8300")}};
	const struct server b = {.name = S("b"), .id = S(ID_B), .address = S("10.0.0.2:8300")};
	const struct server other = {.name = S("x"), .id = S(ID_C), .address = S("10.0.0.3:8300")};
	begin();
	CHECK_STR(slice_of(leaves(&b, two, 2)), "remove " ID_B " 10.0.0.2:8300");
	CHECK(logged("[INFO] consul: removing server by ID: \"" ID_B "\""));
	CHECK_STR(slice_of(leaves(&b, by_address, 2)), "remove 10.0.0.2:8300 10.0.0.2:8300");
	CHECK(logged("[INFO] consul: removing server by address: \"10.0.0.2:8300\""));
	CHECK_STR(slice_of(leaves(&other, two, 2)), "nothing");
	end();
}

TEST(server_left, it_keeps_its_vote_where_it_will_be_needed)
{
	static const struct raft_server three[] = {A, B, C};
	static const struct raft_server nonvoter[] = {A, {S(ID_B), S("10.0.0.2:8300"), RAFT_NONVOTER}, C};
	const struct server b = {.name = S("b"), .id = S(ID_B), .address = S("10.0.0.2:8300")};
	begin();
	member("c", ID_C, "10.0.0.3", "3", false, GOSSIP_FAILED);
	CHECK_STR(slice_of(leaves(&b, three, 3)), "nothing");
	CHECK(logged("[WARN] consul: 'b' left but keeps its vote"));
	CHECK_STR(slice_of(leaves(&b, nonvoter, 3)), "remove " ID_B " 10.0.0.2:8300");
	member("c", ID_C, "10.0.0.33", "3", false, GOSSIP_ALIVE);
	CHECK_STR(slice_of(leaves(&b, three, 3)), "remove " ID_B " 10.0.0.2:8300");
	end();
}
