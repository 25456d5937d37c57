#include "core/agent/watch_plan.h"

#include "core/base/json.h"
#include "core/base/slice.h"
#include "tests/test.h"

static struct arena mem;
static struct config_watch what;

static struct watch_plan plan_of(const char *json)
{
	struct value v;
	struct fail f;
	struct slice rest;
	arena_reset(&mem, 0);
	ASSERT(!json_read_first(slice_of(json), &mem, &v, &rest, &f));
	ASSERT(!config_watch_parse(&v, &mem, &what, &f));
	return (struct watch_plan){.what = &what};
}

static const char *asked(const struct watch_plan *p)
{
	static char text[256];
	struct watch_question q;
	watch_plan_ask(p, &mem, &q);
	int n = snprintf(text, sizeof text, "%.*s", PS(q.path));
	for (size_t i = 0; i < q.n; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "%c%.*s=%.*s", i ? '&' : '?', PS(q.params[i].key),
		        PS(q.params[i].val));
	return text;
}

/* 'n': news, '-': none, 'e': an error. */
static char hears(struct watch_plan *p, int status, raft_index index, const char *body)
{
	struct fail f;
	bool news;
	struct watch_heard h = {status, index, slice_of(body)};
	if (watch_plan_answer(p, &h, &mem, &news, &f))
		return 'e';
	return news ? 'n' : '-';
}

TEST(watch_plan, each_type_has_its_question)
{
	static const char *const all[][2] = {
	        {"{\"type\":\"key\",\"key\":\"/a/b\",\"stale\":true}", "/v1/kv/a/b?stale="},
	        {"{\"type\":\"keyprefix\",\"prefix\":\"a/\",\"datacenter\":\"x\"}", "/v1/kv/a/?dc=x&recurse="},
	        {"{\"type\":\"services\"}", "/v1/catalog/services"},
	        {"{\"type\":\"nodes\"}", "/v1/catalog/nodes"},
	        {"{\"type\":\"service\",\"service\":\"w\",\"tag\":\"t\",\"passingonly\":true}",
	                "/v1/health/service/w?passing=1&tag=t"},
	        {"{\"type\":\"checks\"}", "/v1/health/state/any"},
	        {"{\"type\":\"checks\",\"service\":\"w\"}", "/v1/health/checks/w"},
	        {"{\"type\":\"event\",\"name\":\"deploy\"}", "/v1/event/list?name=deploy"},
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct watch_plan p = plan_of(all[i][0]);
		CHECK(!strcmp(asked(&p), all[i][1]));
	}
	arena_free(&mem);
}

TEST(watch_plan, only_what_changed_is_news)
{
	static const char *const other = "[{\"Key\":\"k\",\"Value\":\"Yg==\"}]";
	struct watch_plan p = plan_of("{\"type\":\"key\",\"key\":\"k\"}");
	CHECK_EQ(hears(&p, 404, 3, ""), 'n');
	CHECK_STR(buf_view(&p.seen), "null\n");
	CHECK(!strcmp(asked(&p), "/v1/kv/k?index=3"));
	CHECK_EQ(hears(&p, 404, 3, ""), '-'); /* waited in vain */
	CHECK_EQ(hears(&p, 404, 5, ""), '-'); /* something else moved */
	CHECK(!strcmp(asked(&p), "/v1/kv/k?index=5"));
	CHECK_EQ(hears(&p, 200, 7, other), 'n');
	CHECK_EQ(p.told, 7);
	CHECK_EQ(hears(&p, 404, 2, ""), 'n'); /* an index that goes back: begin anew */
	CHECK_EQ(p.told, 2);
	CHECK_EQ(p.index, 0);
	watch_plan_free(&p);
	arena_free(&mem);
}

TEST(watch_plan, errors_wait_longer_each_time)
{
	struct watch_plan p = plan_of("{\"type\":\"nodes\"}");
	CHECK_EQ(hears(&p, 500, 0, "No cluster leader"), 'e');
	CHECK_EQ(watch_plan_failed(&p), 5 * NS_PER_S);
	CHECK_EQ(watch_plan_failed(&p), 20 * NS_PER_S);
	for (int i = 0; i < 1000; i++)
		CHECK(watch_plan_failed(&p) <= 180 * NS_PER_S);
	CHECK_EQ(watch_plan_failed(&p), 180 * NS_PER_S);
	CHECK_EQ(hears(&p, 200, 4, "[]"), 'n');
	CHECK_EQ(watch_plan_failed(&p), 5 * NS_PER_S);
	CHECK_EQ(hears(&p, 200, 4, "no json"), 'e');
	watch_plan_free(&p);
	arena_free(&mem);
}

TEST(watch_plan, events_seen_are_left_out)
{
	/* The index of an event is one half of its id over the other. */
	static const char *const one = "[{\"ID\":\"00000000-0000-0001-0000-000000000002\",\"Name\":\"a\"}]";
	static const char *const two = "[{\"ID\":\"00000000-0000-0001-0000-000000000002\",\"Name\":\"a\"},"
	                               "{\"ID\":\"00000000-0000-0001-0000-000000000005\",\"Name\":\"b\"}]";
	struct watch_plan p = plan_of("{\"type\":\"event\"}");
	CHECK_EQ(hears(&p, 200, 3, one), 'n');
	CHECK(slice_search(buf_view(&p.seen), S("\"Name\":\"a\"")) > 0);
	CHECK_EQ(hears(&p, 200, 4, two), 'n');
	CHECK(slice_search(buf_view(&p.seen), S("\"Name\":\"a\"")) < 0);
	CHECK(slice_search(buf_view(&p.seen), S("\"Name\":\"b\"")) > 0);
	watch_plan_free(&p);
	arena_free(&mem);
}
