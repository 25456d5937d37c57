/* Anti-entropy: the catalog follows, whatever happens on the way. */
#include "tests/unit/agent/world_fixture.h"

#include "core/agent/sync.h"

static raft_index write(struct bench *b, enum command_type type, const struct schema *s, const void *q)
{
	struct buf bytes = {0};
	struct apply_result result = {0};
	command_write(&bytes, type, s, q);
	state_apply(&b->state, ++b->index, buf_view(&bytes), b->now, &b->mem, &result);
	buf_free(&bytes);
	return b->index;
}

/* Somebody else writes a service into the catalog, for our node. */
static void smuggle(struct bench *b, const char *id, struct list tags)
{
	struct node_service service = {.id = slice_of(id), .service = slice_of(id), .tags = tags, .port = 80};
	const struct register_request q = {.datacenter = S("dc1"),
	        .node = S("a"),
	        .address = S("127.0.0.1"),
	        .service = &service,
	        .skip_node_update = true};
	write(b, COMMAND_REGISTER, &register_request_schema, &q);
}

static void smuggle_check(struct bench *b, const char *id)
{
	struct health_check check = {
	        .node = S("a"), .check_id = slice_of(id), .name = slice_of(id), .status = S("passing")};
	const struct register_request q = {.datacenter = S("dc1"),
	        .node = S("a"),
	        .address = S("127.0.0.1"),
	        .check = &check,
	        .skip_node_update = true};
	write(b, COMMAND_REGISTER, &register_request_schema, &q);
}

TEST(agent_sync, the_node_itself_is_written_first_with_addresses_and_metadata)
{
	struct bench b;
	bench_begin(&b);
	struct pair addresses[] = {{S("lan"), S("127.0.0.1")}, {S("wan"), S("10.0.0.1")}};
	b.config.tagged_addresses = (struct list){addresses, 2};
	bench_lead(&b);
	const struct node *n;
	catalog_node(db_working(b.db), NULL, S("a"), &b.mem, &n);
	ASSERT(n);
	CHECK_STR(n->id, "00000000-0000-0000-0000-00000000000a");
	CHECK_EQ(n->tagged_addresses.n, 2);
	ASSERT(n->meta.n == 1);
	CHECK_STR(((const struct pair *)n->meta.items)->key, "consul-network-segment");
	CHECK_EQ(b.commands, 1);
	CHECK(bench_logged(&b, "agent: Synced node info"));
	bench_end(&b);
}

TEST(agent_sync, a_service_and_its_check_are_one_write_and_the_question_waits_for_it)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	unsigned before = b.commands;
	b.keep = true;
	CHECK_STR(bench_service(&b, "web", "web", "1h"), "");
	CHECK_EQ(b.answered, 0);
	bench_release(&b);
	bench_settle(&b);
	CHECK_EQ(b.answered, 1);
	CHECK_EQ(b.commands - before, 1);
	CHECK_STR(bench_status(&b, "service:web"), "critical");
	CHECK_EQ(bench_services(&b), 1);
	bench_end(&b);
}

TEST(agent_sync, without_a_leader_questions_are_answered_and_the_catalog_follows_later)
{
	struct bench b;
	bench_begin(&b);
	agent_start(b.agent, b.now, b.wall, &b.out);
	CHECK_STR(bench_service(&b, "web", "web", "1h"), "");
	CHECK_EQ(b.answered, 1);
	CHECK_EQ(b.commands, 0);
	agent_leader(b.agent, true, b.now);
	bench_settle(&b);
	CHECK_EQ(bench_services(&b), 1);
	CHECK_STR(bench_status(&b, "service:web"), "critical");
	bench_end(&b);
}

TEST(agent_sync, a_deregistered_service_goes_with_its_checks)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_service(&b, "web", "web", "1h");
	struct slice id = S("web");
	CHECK_STR(bench_ask(&b, ASK_SERVICE_DEREGISTER, &id), "");
	CHECK_EQ(bench_services(&b), 0);
	CHECK_STR(bench_status(&b, "service:web"), "");
	CHECK(!bench_own(&b, "service:web"));
	CHECK(bench_logged(&b, "agent: Deregistered service \"web\""));
	CHECK_STR(bench_ask(&b, ASK_SERVICE_DEREGISTER, &id), ""); /* a warning is all */
	id = S("");
	CHECK_STR(bench_ask(&b, ASK_SERVICE_DEREGISTER, &id), "ServiceID missing");
	bench_end(&b);
}

TEST(agent_sync, strangers_go_at_the_next_comparison_but_not_what_the_leader_keeps)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	smuggle(&b, "smuggled", (struct list){0});
	smuggle(&b, "consul", (struct list){0});
	smuggle_check(&b, "odd");
	smuggle_check(&b, "serfHealth");
	CHECK_EQ(bench_services(&b), 1);
	bench_pass(&b, 2 * NS_PER_MIN);
	CHECK_EQ(bench_services(&b), 0);
	CHECK_STR(bench_status(&b, "odd"), "");
	CHECK_STR(bench_status(&b, "serfHealth"), "passing");
	struct node_service *consul;
	catalog_node_service(db_working(b.db), NULL, S("a"), S("consul"), &b.mem, &consul);
	CHECK(consul != NULL);
	bench_end(&b);
}

TEST(agent_sync, what_was_taken_or_changed_there_comes_back)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_service(&b, "web", "web", "1h");
	bench_service(&b, "db", "db", NULL);
	struct slice tag = S("theirs");
	smuggle(&b, "db", (struct list){&tag, 1});
	const struct deregister_request q = {.datacenter = S("dc1"), .node = S("a"), .service_id = S("web")};
	write(&b, COMMAND_DEREGISTER, &deregister_request_schema, &q);
	CHECK_EQ(bench_services(&b), 1);
	bench_pass(&b, 2 * NS_PER_MIN);
	CHECK_EQ(bench_services(&b), 2);
	CHECK_STR(bench_status(&b, "service:web"), "critical");
	struct node_service *db;
	catalog_node_service(db_working(b.db), NULL, S("a"), S("db"), &b.mem, &db);
	ASSERT(db);
	CHECK_EQ(db->tags.n, 0);
	bench_end(&b);
}

TEST(agent_sync, tags_of_the_catalog_win_where_the_service_allows_it)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	struct service_definition d = {.name = S("web"), .port = 80, .enable_tag_override = true};
	bench_ask(&b, ASK_SERVICE_REGISTER, &d);
	struct slice tag = S("theirs");
	struct node_service service = {
	        .id = S("web"), .service = S("web"), .tags = {&tag, 1}, .port = 80, .enable_tag_override = true};
	const struct register_request q = {.datacenter = S("dc1"),
	        .node = S("a"),
	        .address = S("127.0.0.1"),
	        .service = &service,
	        .skip_node_update = true};
	raft_index theirs = write(&b, COMMAND_REGISTER, &register_request_schema, &q);
	bench_pass(&b, 2 * NS_PER_MIN);
	struct node_service *now;
	catalog_node_service(db_working(b.db), NULL, S("a"), S("web"), &b.mem, &now);
	ASSERT(now && now->tags.n == 1);
	CHECK_EQ(now->modify_index, theirs);
	const struct local_service *own = local_service_get(db_working(b.db), S("web"));
	ASSERT(own && own->service.tags.n == 1);
	CHECK_STR(*(const struct slice *)own->service.tags.items, "theirs");
	bench_end(&b);
}

TEST(agent_sync, what_fails_is_answered_told_and_tried_again)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	b.refuse = true;
	CHECK_STR(bench_service(&b, "web", "web", "1h"), "");
	CHECK_EQ(b.answered, 1);
	CHECK(bench_logged(&b, "agent: Syncing service \"web\" failed. No cluster leader"));
	CHECK(bench_logged(&b, "[ERR] agent: failed to sync changes: No cluster leader"));
	CHECK_EQ(bench_services(&b), 0);
	bench_pass(&b, NS_PER_S); /* refused once more: half a second to one later */
	CHECK_EQ(bench_services(&b), 0);
	b.refuse = false;
	bench_pass(&b, 900 * NS_PER_MS);
	CHECK_EQ(bench_services(&b), 0);
	bench_pass(&b, 1200 * NS_PER_MS);
	CHECK_EQ(bench_services(&b), 1);
	CHECK_STR(bench_status(&b, "service:web"), "critical");
	bench_end(&b);
}

TEST(agent_sync, a_change_under_way_is_not_taken_for_what_was_written)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, (struct check_definition){.name = S("t"), .ttl = NS_PER_H});
	b.keep = true;
	bench_set(&b, "t", "passing", "one");
	bench_set(&b, "t", "warning", "two"); /* the first write lies about */
	unsigned answered = b.answered;
	bench_release(&b);
	CHECK_STR(bench_status(&b, "t"), "passing");
	bench_settle(&b);
	CHECK_STR(bench_status(&b, "t"), "warning");
	CHECK_STR(bench_output(&b, "t"), "two");
	CHECK_EQ(b.answered, answered + 2);
	bench_end(&b);
}

TEST(agent_sync, an_output_that_changes_alone_waits_for_half_to_one_and_a_half_intervals)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	bench_check(&b, (struct check_definition){.name = S("t"), .ttl = 24 * NS_PER_H});
	bench_set(&b, "t", "passing", "one");
	bench_set(&b, "t", "passing", "two");
	CHECK_STR(bench_own(&b, "t")->output, "two");
	CHECK_STR(bench_output(&b, "t"), "one");
	bench_pass(&b, 149 * NS_PER_S);
	CHECK_STR(bench_output(&b, "t"), "one"); /* comparisons leave it alone, too */
	bench_pass(&b, 302 * NS_PER_S);
	CHECK_STR(bench_output(&b, "t"), "two");
	bench_end(&b);
}

TEST(agent_sync, with_no_interval_every_output_is_carried_over)
{
	struct bench b;
	bench_begin(&b);
	b.config.check_update_interval = 0;
	bench_lead(&b);
	bench_check(&b, (struct check_definition){.name = S("t"), .ttl = 24 * NS_PER_H});
	bench_set(&b, "t", "passing", "one");
	bench_set(&b, "t", "passing", "two");
	CHECK_STR(bench_output(&b, "t"), "two");
	bench_end(&b);
}

/* After any mixture of changes here and there, one comparison and one pass make both sides equal. */
TEST(agent_sync, both_sides_are_equal_after_any_mixture)
{
	struct bench b;
	struct rand r;
	static const char *const ids[] = {"a", "b", "c", "d", "e"};
	bench_begin(&b);
	rand_seed(&r, 1);
	bench_lead(&b);
	for (unsigned round = 0; round < 200; round++) {
		const char *id = ids[rand_below(&r, ARRAY_LEN(ids))];
		struct slice text = slice_of(id);
		const struct deregister_request gone = {.datacenter = S("dc1"), .node = S("a"), .service_id = text};
		b.refuse = rand_below(&r, 4) == 0;
		switch (rand_below(&r, 5)) {
		case 0: bench_service(&b, id, id, "1h"); break;
		case 1: bench_ask(&b, ASK_SERVICE_DEREGISTER, &text); break;
		case 2: smuggle(&b, id, (struct list){&text, 1}); break;
		case 3: smuggle_check(&b, id); break;
		default: write(&b, COMMAND_DEREGISTER, &deregister_request_schema, &gone); break;
		}
		b.refuse = false;
		if (round % 10)
			continue;
		bench_pass(&b, 2 * NS_PER_MIN);
		CHECK_EQ(bench_services(&b), db_count(db_working(b.db), TREE_LOCAL_SERVICES));
		CHECK_EQ(db_count(db_working(b.db), TREE_CHECKS), db_count(db_working(b.db), TREE_LOCAL_CHECKS));
		arena_reset(&b.mem, 0);
		bench_forget(&b);
	}
	bench_end(&b);
}
