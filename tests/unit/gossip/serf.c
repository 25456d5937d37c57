/* What Serf adds to a member's life: goodbyes, reaping, tags, user events. */
#include "core/base/slice.h"
#include "core/gossip/message.h"
#include "core/gossip/tags.h"
#include "tests/unit/gossip/one.h"

static void leave_intent(struct one *o, const char *name, uint64_t ltime, bool prune)
{
	struct msg_intent m = {ltime, slice_of(name), prune};
	one_user(o, "127.8.1.9:8301", SERF_LEAVE, &msg_intent_schema, &m);
}

TEST(gossip_step, goodbye_then_death_is_left)
{
	struct one o;
	one_begin(&o, "alpha");
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	leave_intent(&o, "beta", 10, false);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_LEAVING);
	one_dead(&o, "beta", 1, "");
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_LEFT);
	const struct gossip_effect *x = one_effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_LEAVE);
	one_end(&o);
}

TEST(gossip_step, intents_may_come_first)
{
	struct one o;
	one_begin(&o, "alpha");
	leave_intent(&o, "beta", 10, false);
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_LEAVING);
	struct msg_intent m = {11, S("beta"), false};
	one_user(&o, "127.8.1.9:8301", SERF_JOIN, &msg_intent_schema, &m);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_ALIVE);
	const struct gossip_effect *x = one_effect(&o, GX_MEMBER); /* he is told of as leaving: he stays after all */
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_UPDATE);
	CHECK_EQ(x->member.member->status, GOSSIP_ALIVE);
	leave_intent(&o, "beta", 11, false);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_ALIVE);
	one_end(&o);
}

/* Is it in a packet that goes out within so long? */
static bool told(struct one *o, struct slice message, dur_ns within)
{
	for (mono_ns end = o->now + within; o->now < end && one_pass(o, end - o->now, GX_PACKET);)
		for (size_t i = 0; i < o->out.n; i++)
			if (o->out.items[i].kind == GX_PACKET &&
			        slice_search(o->out.items[i].packet.data, message) >= 0)
				return true;
	return false;
}

/* Who was shown out while he could not be reached, and is here again, has to hear of it to take it back. */
TEST(gossip_step, an_old_goodbye_is_told_on_when_he_comes)
{
	struct one o = {0};
	struct gossip_config c = one_config(&o, "alpha");
	struct msg_intent m = {10, S("beta"), false};
	struct buf goodbye = {0};
	c.no_compression = true;
	one_begin_with(&o, &c);
	schema_mp_write(&goodbye, &msg_intent_schema, &m);
	one_alive(&o, "gamma", "127.8.1.3:8301", 1);
	leave_intent(&o, "beta", 10, false);
	CHECK(told(&o, buf_view(&goodbye), NS_PER_S));
	for (int i = 0; i < 20 && told(&o, buf_view(&goodbye), NS_PER_S); i++)
		;
	CHECK(!told(&o, buf_view(&goodbye), 2 * NS_PER_S)); /* often enough */
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	CHECK(told(&o, buf_view(&goodbye), NS_PER_S));
	buf_free(&goodbye);
	one_end(&o);
}

/* Shown out by one whose clock stood where ours does. */
TEST(gossip_step, a_goodbye_of_the_time_of_our_coming_is_taken_back)
{
	struct one o;
	one_begin(&o, "alpha");
	leave_intent(&o, "alpha", 10, false);
	CHECK(one_logged(&o, "serf: Refuting an older leave intent"));
	o.log.lines.n = 0;
	leave_intent(&o, "alpha", 11, false); /* where that answer has put it */
	CHECK(one_logged(&o, "serf: Refuting an older leave intent"));
	o.log.lines.n = 0;
	leave_intent(&o, "alpha", 11, false); /* now it is old */
	CHECK(!one_logged(&o, "serf: Refuting an older leave intent"));
	one_end(&o);
}

TEST(gossip_step, force_leave_and_prune)
{
	struct one o;
	one_begin(&o, "alpha");
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	one_dead(&o, "beta", 1, "gamma");
	struct gossip_event ev = {.kind = GE_FORCE_LEAVE, .tag = 4};
	ev.member.name = S("beta");
	one_step(&o, &ev);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_LEFT);
	CHECK(one_logged(&o, "serf: EventMemberLeave (forced): beta 127.8.1.2"));
	ev.member.prune = true;
	one_step(&o, &ev);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_NONE);
	CHECK_EQ(one_effect(&o, GX_DONE)->done.err, OK);
	one_end(&o);
}

TEST(gossip_step, failed_members_are_reaped_in_their_own_time)
{
	struct one o = {0};
	struct buf meta = {0};
	struct pair tags[] = {{S("role"), S("node")}, {S("dc"), S("dc1")}, {S("rc_tm"), S("2m")}};
	tags_put(&meta, (struct list){tags, 3});
	struct gossip_config c = one_config(&o, "alpha");
	c.timing.reconnect_timeout = NS_PER_H;
	one_begin_with(&o, &c);
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	one_alive_as(&o, "spot", "127.8.1.3:8301", 1, buf_view(&meta));
	one_dead(&o, "beta", 1, "gamma");
	one_dead(&o, "spot", 1, "gamma");
	one_pass(&o, 100 * NS_PER_S, GX_STOP);
	CHECK_EQ(one_status(&o, "spot", NULL), GOSSIP_FAILED);
	one_pass(&o, 60 * NS_PER_S, GX_STOP);
	CHECK_EQ(one_status(&o, "spot", NULL), GOSSIP_NONE);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_FAILED);
	CHECK(one_logged(&o, "serf: EventMemberReap: spot"));
	one_pass(&o, NS_PER_H, GX_STOP);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_NONE);
	buf_free(&meta);
	one_end(&o);
}

TEST(gossip_step, an_event_is_delivered_once)
{
	struct one o;
	one_begin(&o, "alpha");
	struct msg_user_event m = {7, S("deploy"), S("x"), false};
	one_user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	const struct gossip_effect *x = one_effect(&o, GX_USER_EVENT);
	ASSERT(x);
	CHECK_STR(x->user_event.name, "deploy");
	CHECK_EQ(x->user_event.ltime, 7);
	one_user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	CHECK(!one_effect(&o, GX_USER_EVENT));
	m.ltime = 1000;
	one_user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	CHECK(one_effect(&o, GX_USER_EVENT));
	m.ltime = 400;
	one_user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	CHECK(!one_effect(&o, GX_USER_EVENT));
	CHECK(one_logged(&o, "serf: received old event deploy from time 400 (current: 1001)"));
	one_end(&o);
}

TEST(gossip_step, tags_have_a_limit)
{
	struct one o = {0};
	struct fail f;
	char big[600];
	memset(big, 'x', sizeof big);
	struct pair tag = {S("role"), slice_at(big, sizeof big)};
	struct gossip_config c = one_config(&o, "alpha");
	c.tags = (struct list){&tag, 1};
	CHECK(!gossip_new(&c, &f));
	CHECK_STR(slice_of(f.text), "Encoded length of tags exceeds limit of 512 bytes");
	one_begin(&o, "alpha");
	struct gossip_event ev = {.kind = GE_TAGS, .tag = 2};
	ev.tags = (struct list){&tag, 1};
	one_step(&o, &ev);
	CHECK_EQ(one_effect(&o, GX_DONE)->done.err, ERR_INVALID);
	tag.val = S("other");
	one_step(&o, &ev);
	const struct gossip_effect *x = one_effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_UPDATE);
	one_end(&o);
}
