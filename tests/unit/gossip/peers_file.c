/* The file that remembers whom to join again. */
#include "core/gossip/peers_file.h"

#include "tests/unit/gossip/one.h"

TEST(gossip_peers_file, what_a_real_agent_left_behind)
{
	struct arena a = {0};
	struct logbuf log = {0};
	struct peers_file f;
	struct previous_peer *p;
	uint32_t n;
	struct slice text =
	        S("alive: gs1 127.8.3.1:8301\nevent-clock: 1\nalive: g c1 127.8.3.2:8301\nalive: g75 127.8.3.4:8301\n"
	          "clock: 1\nevent-clock: 4\nnot-alive: g75\ncoordinate: {}\n# c\nodd\nclock: 3\nalive: cut");
	peers_file_read(text, false, &a, &log, &f, &p, &n);
	CHECK_EQ(n, 2);
	CHECK_EQ(f.clock, 3);
	CHECK_EQ(f.event_clock, 4);
	CHECK(slice_search(buf_view(&log.lines), S("serf: Unrecognized snapshot line: odd")) >= 0);
	struct slice left = S("alive: a 1.2.3.4:1\nclock: 9\nleave\nclock: 3\n");
	peers_file_read(left, false, &a, &log, &f, &p, &n);
	CHECK_EQ(n, 0);
	CHECK_EQ(f.clock, 3);
	peers_file_read(left, true, &a, &log, &f, &p, &n);
	CHECK_EQ(n, 1);
	buf_free(&log.lines);
	arena_free(&a);
}

TEST(gossip_peers_file, is_written_and_used)
{
	struct one o = {0};
	struct gossip_config c = one_config(&o, "alpha");
	c.snapshot = true;
	c.snapshot_bytes = S("alive: beta 127.8.1.2:8301\nalive: alpha 127.8.1.1:8301\nclock: 40\n");
	one_begin_with(&o, &c);
	const struct gossip_effect *x = one_effect(&o, GX_STREAM_OPEN);
	ASSERT(x);
	struct gossip_addr beta = one_addr("127.8.1.2:8301");
	CHECK(gossip_addr_eq(&x->stream.to, &beta));
	CHECK_STR(one_effect(&o, GX_SNAPSHOT)->snapshot.bytes, "alive: alpha 127.8.1.1:8301\n");
	struct gossip_stats st;
	gossip_stats(o.g, &st);
	CHECK_EQ(st.member_time, 41);
	struct gossip_event ev = {.kind = GE_LEAVE, .tag = 1};
	one_step(&o, &ev);
	CHECK_STR(one_effect(&o, GX_SNAPSHOT)->snapshot.bytes, "leave\n");
	CHECK(one_effect(&o, GX_SNAPSHOT)->snapshot.sync);
	CHECK_EQ(one_effect(&o, GX_DONE)->done.tag, 1);
	one_end(&o);
}
