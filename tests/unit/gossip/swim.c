/* What one member makes of memberlist's packets, and of its own clock. */
#include "core/gossip/message.h"
#include "tests/unit/gossip/one.h"

TEST(gossip_step, only_us_at_first)
{
	struct one o;
	one_begin(&o, "alpha");
	const struct gossip_effect *x = one_effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_JOIN);
	CHECK_STR(x->member.member->name, "alpha");
	CHECK(one_logged(&o, "[INFO] serf: EventMemberJoin: alpha 127.8.1.1\n"));
	CHECK_EQ(one_status(&o, "alpha", NULL), GOSSIP_ALIVE);
	one_end(&o);
}

TEST(gossip_step, a_ping_is_acked_to_where_it_came_from)
{
	struct one o;
	one_begin(&o, "alpha");
	struct msg_ping m = {7, S("alpha")};
	one_message(&o, "127.8.1.7:1234", SWIM_PING, &msg_ping_schema, &m);
	const struct gossip_effect *x = one_effect(&o, GX_PACKET);
	ASSERT(x);
	CHECK_EQ(x->packet.to.port, 1234);
	m.node = S("beta");
	one_message(&o, "127.8.1.7:1234", SWIM_PING, &msg_ping_schema, &m);
	CHECK(!one_effect(&o, GX_PACKET));
	CHECK(one_logged(&o, "[WARN] memberlist: Got ping for unexpected node 'beta' from=127.8.1.7:1234"));
	one_end(&o);
}

TEST(gossip_step, accusations_are_refuted_with_a_higher_incarnation)
{
	struct one o;
	struct gossip_member m;
	one_begin(&o, "alpha");
	struct msg_suspect s = {5, S("alpha"), S("beta")};
	one_message(&o, "127.8.1.7:8301", SWIM_SUSPECT, &msg_suspect_schema, &s);
	CHECK(one_logged(&o, "memberlist: Refuting a suspect message (from: beta)"));
	CHECK_EQ(one_status(&o, "alpha", &m), GOSSIP_ALIVE);
	CHECK_EQ(m.incarnation, 6);
	one_dead(&o, "alpha", 6, "beta");
	CHECK_EQ(one_status(&o, "alpha", &m), GOSSIP_ALIVE);
	CHECK_EQ(m.incarnation, 7);
	struct gossip_stats st;
	gossip_stats(o.g, &st);
	CHECK_EQ(st.health_score, 2);
	one_end(&o);
}

TEST(gossip_step, incarnations_decide)
{
	struct one o;
	struct gossip_member m;
	one_begin(&o, "alpha");
	one_alive(&o, "beta", "127.8.1.2:8301", 4);
	CHECK_EQ(one_status(&o, "beta", &m), GOSSIP_ALIVE);
	one_alive_as(&o, "beta", "127.8.1.2:8301", 4, S("same"));
	one_status(&o, "beta", &m);
	CHECK_EQ(m.meta.n, 0);
	one_alive_as(&o, "beta", "127.8.1.2:8301", 5, S("newer"));
	const struct gossip_effect *x = one_effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_UPDATE);
	one_dead(&o, "beta", 4, "gamma");
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_ALIVE);
	one_dead(&o, "beta", 5, "gamma");
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_FAILED);
	one_alive(&o, "beta", "127.8.1.2:8301", 5);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_FAILED);
	one_alive(&o, "beta", "127.8.1.2:8301", 6);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_ALIVE);
	one_end(&o);
}

TEST(gossip_step, an_alive_without_its_versions_is_ignored)
{
	struct one o;
	one_begin(&o, "alpha");
	struct msg_alive m = {1, 8301, S("beta"), S("\x7f\x08\x01\x02"), S_NONE, S("\x01\x05\x02")};
	one_message(&o, "127.8.1.2:8301", SWIM_ALIVE, &msg_alive_schema, &m);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_NONE);
	one_end(&o);
}

TEST(gossip_step, a_dead_holder_yields_at_once)
{
	struct one o;
	struct gossip_member m;
	one_begin(&o, "alpha");
	one_alive(&o, "web", "127.8.1.2:8301", 9);
	one_dead(&o, "web", 9, "gamma");
	one_alive(&o, "web", "127.8.1.3:8301", 1);
	CHECK_EQ(one_status(&o, "web", &m), GOSSIP_ALIVE);
	struct gossip_addr new = one_addr("127.8.1.3:8301");
	CHECK(gossip_addr_eq(&m.addr, &new));
	one_end(&o);
}

TEST(gossip_step, a_living_holder_is_asked_and_keeps_his_name)
{
	struct one o;
	struct gossip_member m;
	struct gossip_addr old = one_addr("127.8.1.2:8301"), new = one_addr("127.8.1.3:8301");
	one_begin(&o, "alpha");
	one_alive(&o, "web", "127.8.1.2:8301", 9);
	one_alive(&o, "web", "127.8.1.3:8301", 1);
	CHECK(one_logged(&o, "Conflicting address for web. Mine: 127.8.1.2:8301 Theirs: 127.8.1.3:8301"));
	const struct gossip_effect *x = one_effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &old));
	struct msg_ack ack = {1, S_NONE};
	one_message(&o, "127.8.1.2:8301", SWIM_ACK, &msg_ack_schema, &ack);
	one_pass(&o, 500 * NS_PER_MS, GX_STOP);
	CHECK_EQ(one_status(&o, "web", &m), GOSSIP_ALIVE);
	CHECK(gossip_addr_eq(&m.addr, &old));
	/* silent, he loses it */
	one_alive(&o, "web", "127.8.1.3:8301", 2);
	one_pass(&o, 600 * NS_PER_MS, GX_STOP);
	CHECK_EQ(one_status(&o, "web", &m), GOSSIP_ALIVE);
	CHECK(gossip_addr_eq(&m.addr, &new));
	one_end(&o);
}

TEST(gossip_step, silence_is_suspected_then_dead)
{
	struct one o;
	one_begin(&o, "alpha");
	one_alive(&o, "beta", "127.8.1.2:8301", 1);
	mono_ns from = o.now;
	while (one_status(&o, "beta", NULL) == GOSSIP_ALIVE && o.now - from < 60 * NS_PER_S)
		one_pass(&o, 100 * NS_PER_MS, GX_STOP);
	CHECK_EQ(one_status(&o, "beta", NULL), GOSSIP_FAILED);
	CHECK(o.now - from < 12 * NS_PER_S); /* a round, then the suspicion of two: 4 s */
	CHECK(one_logged(&o, "[DEBUG] memberlist: Failed ping: beta (timeout reached)"));
	CHECK(one_logged(&o, "[INFO] memberlist: Suspect beta has failed, no acks received"));
	CHECK(one_logged(
	        &o, "[INFO] memberlist: Marking beta as failed, suspect timeout reached (0 peer confirmations)"));
	CHECK(one_logged(&o, "[INFO] serf: EventMemberFailed: beta 127.8.1.2"));
	one_end(&o);
}

TEST(gossip_step, pings_for_others_come_back_as_ack_or_nack)
{
	struct one o;
	struct gossip_addr asker = one_addr("127.8.1.7:8301");
	one_begin(&o, "alpha");
	struct msg_indirect m = {42, 8301, S("\x7f\x08\x01\x02"), S("beta"), true};
	one_message(&o, "127.8.1.7:8301", SWIM_INDIRECT, &msg_indirect_schema, &m);
	struct msg_ack ack = {1, S_NONE};
	one_message(&o, "127.8.1.2:8301", SWIM_ACK, &msg_ack_schema, &ack);
	const struct gossip_effect *x = one_effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &asker));
	one_message(&o, "127.8.1.7:8301", SWIM_INDIRECT, &msg_indirect_schema, &m);
	while (one_pass(&o, 600 * NS_PER_MS, GX_PACKET) &&
	        !gossip_addr_eq(&one_effect(&o, GX_PACKET)->packet.to, &asker))
		;
	x = one_effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &asker));
	one_end(&o);
}
