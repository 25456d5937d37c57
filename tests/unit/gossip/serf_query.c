/* Questions to all: answered, asked, and the vote about a name. */
#include "core/gossip/message.h"
#include "tests/unit/gossip/one.h"

static void question(struct one *o, uint32_t id, struct list filters)
{
	struct msg_query q = {.ltime = 3,
	        .id = id,
	        .port = 8301,
	        .flags = QUERY_ACK,
	        .addr = S("\x7f\x08\x01\x02"),
	        .name = S("ask"),
	        .payload = S("p"),
	        .filters = filters,
	        .timeout = NS_PER_S};
	one_user(o, "127.8.1.2:8301", SERF_QUERY, &msg_query_schema, &q);
}

TEST(gossip_step, queries_are_acked_delivered_and_filtered)
{
	struct one o;
	one_begin(&o, "alpha");
	question(&o, 1, (struct list){0});
	CHECK(one_effect(&o, GX_QUERY) && one_effect(&o, GX_PACKET));
	question(&o, 1, (struct list){0});
	CHECK(!one_effect(&o, GX_QUERY));
	struct slice mine = {"\x00\x91\xa5"
	                     "alpha",
	                     8},
	             other = {"\x00\x91\xa4"
	                      "beta",
	                     7};
	question(&o, 2, (struct list){&mine, 1});
	CHECK(one_effect(&o, GX_QUERY));
	question(&o, 3, (struct list){&other, 1});
	CHECK(!one_effect(&o, GX_QUERY));
	struct buf b = {0};
	struct msg_filter_tag t = {S("role"), S("^con")};
	message_put(&b, 1, &msg_filter_tag_schema, &t);
	struct slice tag = buf_view(&b);
	question(&o, 4, (struct list){&tag, 1});
	CHECK(one_effect(&o, GX_QUERY));
	struct slice odd = S("\x09");
	question(&o, 5, (struct list){&odd, 1});
	CHECK(!one_effect(&o, GX_QUERY));
	CHECK(one_logged(&o, "serf: query has unrecognized filter type: 9"));
	buf_free(&b);
	one_end(&o);
}

TEST(gossip_step, our_query_collects_answers_until_its_time_is_over)
{
	struct one o;
	one_begin(&o, "alpha");
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	struct gossip_event ev = {.kind = GE_QUERY, .tag = 12};
	ev.query.name = S("ask");
	ev.query.ack = true;
	one_step(&o, &ev);
	CHECK_STR(one_effect(&o, GX_RESPONSE)->response.from, "alpha");
	struct gossip_asked to = one_effect(&o, GX_QUERY)->query.from;
	struct msg_response r = {to.ltime, to.id, 0, S("beta"), S("fine")};
	one_user(&o, "127.8.1.2:8301", SERF_RESPONSE, &msg_response_schema, &r);
	CHECK_STR(one_effect(&o, GX_RESPONSE)->response.payload, "fine");
	one_user(&o, "127.8.1.2:8301", SERF_RESPONSE, &msg_response_schema, &r);
	CHECK(!one_effect(&o, GX_RESPONSE));
	CHECK(one_pass(&o, 10 * NS_PER_S, GX_DONE));
	CHECK_EQ(one_effect(&o, GX_DONE)->done.n, 1);
	CHECK_EQ(one_effect(&o, GX_DONE)->done.tag, 12);
	one_end(&o);
}

TEST(gossip_step, a_lost_vote_about_the_name_ends_us)
{
	struct one o = {0};
	struct gossip_config c = one_config(&o, "alpha");
	c.resolve_conflicts = true;
	one_begin_with(&o, &c);
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	one_alive(&o, "alpha", "127.8.1.77:8301", 1);
	CHECK(one_logged(&o, "serf: Node name conflicts with another node at 127.8.1.77:8301. Names must be unique!"));
	const struct gossip_addr rival = one_addr("127.8.1.77:8301");
	const struct gossip_effect *x = one_effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &rival));
	struct msg_ack ack = {1, S_NONE};
	one_message(&o, "127.8.1.77:8301", SWIM_ACK, &msg_ack_schema, &ack);
	CHECK(one_pass(&o, 10 * NS_PER_S, GX_STOP));
	CHECK(one_logged(&o, "serf: minority in name conflict resolution, quiting [0 / 0]"));
	one_end(&o);
}

TEST(gossip_step, a_vote_lost_to_one_who_is_silent_ends_nobody)
{
	struct one o = {0};
	struct gossip_config c = one_config(&o, "alpha");
	c.resolve_conflicts = true;
	one_begin_with(&o, &c);
	one_alive(&o, "alpha", "127.8.1.77:8301", 1);
	CHECK(!one_pass(&o, 10 * NS_PER_S, GX_STOP));
	CHECK(one_logged(&o, "serf: minority in name conflict resolution [0 / 0], but the other is silent: going on"));
	one_end(&o);
}
