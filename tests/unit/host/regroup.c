/* peers.json: what it may say, and what is refused. */
#include "cmd/agent/regroup.h"

#include "tests/test.h"

static enum err parse(const char *text, int64_t protocol, struct regroup *r, struct fail *f)
{
	*r = (struct regroup){0};
	return regroup_parse(slice_of(text), protocol, r, f);
}

TEST(regroup, both_forms_are_read_and_written)
{
	struct regroup r, again;
	struct fail f;
	struct buf text = {0};
	CHECK_EQ(parse("[{\"id\":\"a\",\"address\":\"10.0.0.1:8300\",\"non_voter\":false},"
	               "{\"id\":\"b\",\"address\":\"10.0.0.2:8300\",\"non_voter\":true}]",
	                 3, &r, &f),
	        OK);
	ASSERT(r.n == 2);
	CHECK_STR(r.servers[0].id, "a");
	CHECK_STR(r.servers[1].address, "10.0.0.2:8300");
	CHECK(r.servers[0].suffrage == RAFT_VOTER && r.servers[1].suffrage == RAFT_NONVOTER);
	regroup_print(r.servers, r.n, 3, &text);
	again = (struct regroup){0};
	CHECK_EQ(regroup_parse(buf_view(&text), 3, &again, &f), OK);
	CHECK(again.n == 2 && slice_is(again.servers[1].id, "b") && again.servers[1].suffrage == RAFT_NONVOTER);
	arena_free(&again.mem);
	arena_free(&r.mem);
	CHECK_EQ(parse("[\"10.0.0.1:8300\"]", 2, &r, &f), OK);
	ASSERT(r.n == 1);
	CHECK_STR(r.servers[0].id, "10.0.0.1:8300");
	buf_reset(&text, 0);
	regroup_print(r.servers, r.n, 2, &text);
	CHECK_STR(buf_view(&text), "[\n  \"10.0.0.1:8300\"\n]\n");
	arena_free(&r.mem);
	buf_free(&text);
}

TEST(regroup, what_can_not_be_meant_is_refused)
{
	static const struct {
		const char *text;
		int64_t protocol;
		const char *why;
	} bad[] = {
	        {"", 3, "unexpected end of JSON input"},
	        {"{}", 3, "a list of servers is expected"},
	        {"[]", 3, "at least one server has to have a vote"},
	        {"[\"10.0.0.1:8300\"]", 3, NULL},
	        {"[{\"id\":\"a\",\"address\":\"x\"}]", 2, "an address as a text is expected"},
	        {"[{\"id\":\"a\"}]", 3, "a server without id or address"},
	        {"[{\"id\":\"a\",\"address\":\"x\",\"non_voter\":true}]", 3, "at least one server has to have a vote"},
	        {"[{\"id\":\"a\",\"address\":\"x\"},{\"id\":\"b\",\"address\":\"x\"}]", 3, "\"b\" at x is there twice"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct regroup r;
		struct fail f = {0};
		CHECK(parse(bad[i].text, bad[i].protocol, &r, &f) != OK);
		CHECK_EQ(r.n, 0);
		if (bad[i].why)
			CHECK_STR(slice_of(f.text), bad[i].why);
		arena_free(&r.mem);
	}
}
