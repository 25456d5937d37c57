/* A client's restore that reached this server and no majority: a later leader never had it (core/raft/raft.h). */
#include "tests/unit/raft/rig.h"

enum { OURS = 100, OUR_TERM = 5 };

/* Came back with the snapshot; what is known as committed: `commit`. "two" leads in term 6. */
static struct rig came_back(raft_index commit)
{
	struct rig g = {.now = NS_PER_S};
	const struct raft_options o = {
	        .id = "one", .address = ME, .protocol = 3, .durable = true, .seed = 7, .log = &rig_quiet};
	g.r = raft_new(&o);
	ASSERT(g.r);
	raft_recover_snapshot(g.r, OURS, OUR_TERM, rig_group, 3, 1);
	raft_recover_hard(g.r, OUR_TERM, OUR_TERM, S(ME), commit);
	raft_start(g.r, g.now);
	rig_turn(&g, 0);
	rig_request(&g, 1, rig_beat(6));
	rig_logged(&g);
	return g;
}

static void install(struct rig *g, raft_index last, raft_term last_term)
{
	struct buf peers = {0}, all = {0}, b = {0};
	struct raft_wire_request q = {.kind = RAFT_WIRE_INSTALL};
	raft_wire_put_peers(&peers, rig_group, 3);
	raft_wire_put_configuration(&all, rig_group, 3);
	q.install = (struct raft_wire_install){.protocol = 3,
	        .version = 1,
	        .term = 6,
	        .leader = S(TWO),
	        .last = last,
	        .last_term = last_term,
	        .peers = buf_view(&peers),
	        .configuration = buf_view(&all),
	        .configuration_index = 1,
	        .size = 1};
	raft_wire_put_request(&b, &q);
	raft_request(g->r, 1, buf_view(&b), S("x"));
	rig_turn(g, 0);
	buf_free(&peers);
	buf_free(&all);
	buf_free(&b);
}

static struct raft_wire_answer appended(
        struct rig *g, raft_index prev, raft_term prev_term, raft_term term, size_t n, raft_index commit)
{
	struct raft_entry entries[4];
	for (size_t i = 0; i < n; i++)
		entries[i] =
		        (struct raft_entry){.index = prev + 1 + i, .term = term, .type = RAFT_COMMAND, .data = S("x")};
	rig_request(g, 1, rig_append(6, prev, prev_term, entries, n, commit));
	if (!rig_effect(g, EFF_RAFT_ANSWER, 0))
		rig_logged(g);
	return rig_answered(g, RAFT_WIRE_APPEND, 0);
}

static bool votes(struct rig *g, raft_term term, raft_index last, raft_term last_term)
{
	raft_closed(g->r, 1); /* nobody leads, as far as we know */
	rig_request(g, 2, rig_vote(term, THREE, last, last_term));
	if (!rig_effect(g, EFF_RAFT_ANSWER, 0))
		rig_logged(g);
	return rig_answered(g, RAFT_WIRE_VOTE, 0).success;
}

TEST(raft, a_leader_who_shows_nothing_of_our_snapshot_is_told_that_we_have_nothing)
{
	struct rig g = came_back(0);
	CHECK(raft_state(g.r)->unproven);
	struct raft_wire_answer a = appended(&g, 50, 5, 6, 2, 50);
	CHECK(!a.success);
	CHECK_EQ(a.last_log, 0);
	CHECK(!appended(&g, 98, 5, 6, 2, 98).success); /* entry 100 is of another term */
	CHECK(!appended(&g, OURS, 6, 6, 1, 98).success);
	CHECK_EQ(raft_state(g.r)->last, OURS);
	rig_free(&g);
}

TEST(raft, a_leader_who_has_our_snapshot_shows_it)
{
	struct rig g = came_back(0);
	CHECK(appended(&g, 98, 5, OUR_TERM, 3, 99).success);
	CHECK(raft_state(g.r)->unproven); /* there it is, but who says that it is committed? */
	CHECK(appended(&g, 101, OUR_TERM, 6, 1, 100).success);
	CHECK(!raft_state(g.r)->unproven);
	rig_free(&g);
	g = came_back(OURS); /* we knew */
	CHECK(!raft_state(g.r)->unproven);
	CHECK(appended(&g, 50, 4, 4, 2, 50).success);
	rig_free(&g);
}

TEST(raft, the_leaders_snapshot_takes_its_place_and_older_logs_get_no_vote)
{
	struct rig g = came_back(0);
	struct raft_install got;
	install(&g, 50, 4);
	ASSERT(raft_installed(g.r, &got));
	CHECK_EQ(got.index, 50);
	CHECK(raft_install_stale(g.r)); /* what our log was is not on disk yet */
	CHECK_EQ(rig_effect(&g, EFF_APPEND, 0)->append.floor, OURS);
	CHECK_EQ(rig_effect(&g, EFF_APPEND, 0)->append.floor_term, OUR_TERM);
	rig_logged(&g);
	CHECK(!raft_install_stale(g.r));
	raft_install_done(g.r, S_NONE);
	rig_turn(&g, 0);
	CHECK(!rig_effect(&g, EFF_RAFT_ANSWER, 0)); /* the log has to be replaced first */
	rig_logged(&g);
	CHECK(rig_answered(&g, RAFT_WIRE_INSTALL, 0).success);
	CHECK_EQ(raft_state(g.r)->last, 50);
	CHECK(!votes(&g, 7, 99, 5));
	CHECK(votes(&g, 8, 100, 5));
	rig_turn(&g, 10 * NS_PER_S); /* nor do we stand, whoever is silent */
	CHECK_EQ(raft_state(g.r)->role, RAFT_FOLLOWER);
	rig_free(&g);
}

TEST(raft, a_floor_survives_a_restart)
{
	struct rig g = {.now = NS_PER_S};
	const struct raft_options o = {
	        .id = "one", .address = ME, .protocol = 3, .durable = true, .seed = 7, .log = &rig_quiet};
	g.r = raft_new(&o);
	raft_recover_snapshot(g.r, 50, 4, rig_group, 3, 1);
	raft_recover_hard(g.r, 6, 0, S_NONE, 50);
	raft_recover_floor(g.r, OUR_TERM, OURS);
	raft_start(g.r, g.now);
	rig_turn(&g, 0);
	CHECK(!votes(&g, 7, 99, 5));
	CHECK(votes(&g, 8, 60, 6));
	rig_free(&g);
}

/* What hashicorp's leaders have to offer whose log begins with entry 1. */
TEST(raft, a_log_from_its_first_entry_takes_its_place)
{
	struct rig g = came_back(0);
	struct raft_install got;
	CHECK(!appended(&g, 0, 0, 2, 3, 3).success);
	CHECK(!raft_installed(g.r, &got)); /* the floor goes to disk */
	rig_logged(&g);
	CHECK(!appended(&g, 0, 0, 2, 3, 3).success);
	ASSERT(raft_installed(g.r, &got));
	CHECK_EQ(got.index, 0);
	CHECK_EQ(got.n, 0);
	CHECK(!raft_install_stale(g.r));
	raft_install_done(g.r, S_NONE);
	rig_turn(&g, 0);
	rig_logged(&g);
	CHECK(appended(&g, 0, 0, 2, 3, 3).success);
	CHECK_EQ(raft_state(g.r)->last, 3);
	CHECK_EQ(raft_state(g.r)->commit, 3);
	CHECK(!votes(&g, 7, 60, 5));
	rig_free(&g);
}

TEST(raft, nobody_reads_a_restore_that_no_majority_has)
{
	struct rig g = rig_restored();
	void *tag;
	bool newest;
	int one;
	struct raft_wire_answer yes = {
	        .protocol = 3, .term = raft_state(g.r)->term, .success = true, .last_log = raft_state(g.r)->last - 1};
	raft_verify(g.r, &one);
	rig_turn(&g, 0);
	for (size_t i = 0; rig_effect(&g, EFF_RAFT_SEND, i); i++)
		rig_answer(&g, i, RAFT_WIRE_APPEND, yes);
	CHECK(!raft_verified(g.r, &tag, &newest));
	rig_free(&g);
}
