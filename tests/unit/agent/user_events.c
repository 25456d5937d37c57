/* User events: which are kept, how many, in which order. */
#include "core/agent/user_events.h"

#include "tests/unit/agent/world_fixture.h"

static struct slice fire(struct bench *b, struct user_event e)
{
	return bench_ask(b, ASK_EVENT_FIRE, &e);
}

static const struct user_event *event_at(struct bench *b, size_t n)
{
	struct cursor c;
	const struct item *it;
	cursor_prefix(&c, db_working(b->db), TREE_EVENTS, S_NONE);
	do
		it = cursor_next(&c);
	while (it && n--);
	return it ? item_payload(it) : NULL;
}

TEST(agent_events, the_first_of_a_user_has_time_two_because_the_new_leader_had_one)
{
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	CHECK_STR(fire(&b, (struct user_event){.name = S("deploy"), .payload = S("1.2.3")}), "");
	CHECK_STR(fire(&b, (struct user_event){.name = S("plain")}), "");
	ASSERT(event_at(&b, 1));
	CHECK_EQ(event_at(&b, 0)->ltime, 2);
	CHECK_EQ(event_at(&b, 1)->ltime, 3);
	CHECK_STR(event_at(&b, 0)->payload, "1.2.3");
	CHECK(!event_at(&b, 1)->payload.p);
	bench_end(&b);
}

TEST(agent_events, the_newest_256_are_kept_in_order)
{
	struct bench b;
	char name[16];
	bench_begin(&b);
	bench_lead(&b);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "e%d", i);
		fire(&b, (struct user_event){.name = slice_of(name)});
	}
	CHECK_EQ(db_count(db_working(b.db), TREE_EVENTS), 256);
	CHECK_STR(event_at(&b, 0)->name, "e344");
	CHECK_STR(event_at(&b, 255)->name, "e599");
	bench_end(&b);
}

TEST(agent_events, filters_say_whom_they_concern)
{
	static const struct {
		const char *node, *service, *tag;
		bool ours;
	} cases[] = {
	        {"", "", "", true},
	        {"a", "", "", true},
	        {"^b$", "", "", false},
	        {"", "w.b", "", true},
	        {"", "db", "", false},
	        {"", "web", "^v1$", true},
	        {"", "web", "v2", false},
	        {"^a$", "web", "v1", true},
	};
	struct bench b;
	bench_begin(&b);
	bench_lead(&b);
	struct slice tag = S("v1");
	struct service_definition d = {.name = S("web"), .tags = {&tag, 1}};
	bench_ask(&b, ASK_SERVICE_REGISTER, &d);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t before = db_count(db_working(b.db), TREE_EVENTS);
		const struct user_event e = {.name = S("x"),
		        .node_filter = slice_of(cases[i].node),
		        .service_filter = slice_of(cases[i].service),
		        .tag_filter = slice_of(cases[i].tag)};
		CHECK_STR(fire(&b, e), "");
		CHECK_EQ(db_count(db_working(b.db), TREE_EVENTS) - before, cases[i].ours);
	}
	bench_end(&b);
}

TEST(agent_events, the_limit_counts_name_and_message)
{
	struct bench b;
	static char payload[600];
	bench_begin(&b);
	bench_lead(&b);
	memset(payload, 'y', sizeof payload);
	size_t n = 1;
	while (n < sizeof payload && !fire(&b, (struct user_event){.name = S("x"), .payload = slice_at(payload, n)}).n)
		n++;
	/* consul:event:x is 14; the message: a map of four (ID of 36, n, p, v), raw16 for the payload */
	CHECK_EQ(n, 512 - 14 - (1 + (1 + 2) + (3 + 36) + (1 + 1) + (1 + 1) + (1 + 1) + 3 + (1 + 1) + 1) + 1);
	CHECK_STR(fire(&b, (struct user_event){.name = S("x"), .payload = slice_at(payload, 600)}),
	        "1 error(s) occurred:\n\n* error broadcasting event to segment \"\": user event exceeds limit of 512 "
	        "bytes");
	bench_end(&b);
}

TEST(agent_events, the_index_is_made_of_the_halves_of_the_id)
{
	CHECK_EQ(user_event_index(S("00000000-0000-0001-0000-000000000000")), 1);
	CHECK_EQ(user_event_index(S("00000000-0000-0000-0000-000000000003")), 3);
	CHECK_EQ(user_event_index(S("12345678-9abc-def0-1234-56789abcdef0")), 0);
	CHECK(user_event_index(S("ffffffff-0000-0000-0000-000000000000")) == UINT64_C(0xffffffff00000000));
}

TEST(agent_events, expressions_are_checked_before)
{
	struct fail f;
	const struct user_event bad_node = {.name = S("x"), .node_filter = S("(")};
	const struct user_event no_service = {.name = S("x"), .tag_filter = S("t")};
	CHECK_EQ(user_event_check(&bad_node, &f), ERR_FAILED);
	CHECK_STR(slice_of(f.text), "Invalid node filter: error parsing regexp: missing closing ): `(`");
	CHECK_EQ(user_event_check(&no_service, &f), ERR_FAILED);
	CHECK_STR(slice_of(f.text), "Cannot provide tag filter without service filter");
}
