/* Streams: answered as a real agent did, joined with, cut. */
#include <stdlib.h>

#include "core/base/enc.h"
#include "core/gossip/message.h"
#include "core/gossip/packet.h"
#include "tests/unit/gossip/lines.h"
#include "tests/unit/gossip/one.h"

static struct slice opened(struct buf *b, struct slice sent, const struct keyring *k, struct arena *a)
{
	struct slice text;
	struct buf bytes = {0};
	buf_slice(&bytes, sent);
	text = buf_view(&bytes);
	if (k && keyring_on(k))
		CHECK_EQ(seal_open(k, bytes.p + SEAL_FRAME, bytes.n - SEAL_FRAME, slice_at(bytes.p, SEAL_FRAME), &text,
		                 NULL),
		        OK);
	ASSERT(text.n && text.p[0] == SWIM_COMPRESS);
	CHECK_EQ(packet_unpack(b, slice_from(text, 1), GOSSIP_STATE_MAX, a, NULL), OK);
	buf_free(&bytes);
	return buf_view(b);
}

static void ask_stream(struct one *o, struct slice bytes, size_t piece)
{
	uint32_t id = GOSSIP_STREAM_THEIRS | 5;
	struct gossip_event ev = {.kind = GE_STREAM_OPENED};
	ev.stream.id = id;
	ev.stream.peer = one_addr("127.8.7.1:999");
	one_step(o, &ev);
	for (size_t at = 0; at < bytes.n; at += piece) {
		ev = (struct gossip_event){.kind = GE_STREAM_DATA};
		ev.stream.id = id;
		ev.stream.data = slice_cut(bytes, at, at + piece);
		one_step(o, &ev);
	}
	const struct gossip_effect *x = one_effect(o, GX_STREAM_CLOSE);
	CHECK(x && x->stream.id == id);
}

static void stream_case(struct lines *l, size_t piece)
{
	struct one o = {0};
	struct keyring k = {0};
	struct buf ours = {0}, theirs = {0};
	struct slice name = l->word[0], key, want = lines_hex(l, 2);
	bool sealed = slice_starts(name, S("encrypted-v")) || slice_is(name, "plain-to-encrypted");
	ASSERT(hex_get(S("000102030405060708090a0b0c0d0e0f"), &l->a, &key));
	struct gossip_config c = one_config(&o, slice_starts(name, S("tcp")) ? "pys" : "alpha");
	c.keys = (struct list){&key, sealed};
	if (sealed)
		keyring_add(&k, key, NULL);
	one_begin_with(&o, &c);
	ask_stream(&o, lines_hex(l, 1), piece);
	const struct gossip_effect *x = one_effect(&o, GX_STREAM_WRITE);
	CHECK_EQ(x != NULL, want.n > 0);
	if (x && want.n) {
		struct slice a = opened(&ours, x->stream.data, &k, &l->a), b = opened(&theirs, want, &k, &l->a);
		CHECK_EQ(a.p[0], b.p[0]);
		if (a.p[0] != SWIM_PUSH_PULL)
			CHECK_BYTES(name, a, b);
	}
	struct gossip_stats st;
	gossip_stats(o.g, &st);
	bool joined = slice_is(name, "join-ok") || slice_starts(name, S("encrypted-v"));
	CHECK_EQ(st.members, joined ? 2 : 1);
	if (slice_is(name, "wrong-dc")) {
		CHECK(one_logged(
		        &o, "Failed push/pull merge: Member 'x4' part of wrong datacenter 'dc2' from=127.8.7.1:999"));
		CHECK(one_logged(&o,
		        "serf: refused to join with 127.8.7.1:999: 'x4' at 127.8.7.11:8301 is of datacenter 'dc2', we "
		        "('alpha') are of 'dc1'"));
	}
	if (slice_is(name, "segment"))
		CHECK(one_logged(&o, "part of wrong segment 's1' (expected '')"));
	if (slice_is(name, "bad-vsn"))
		CHECK(one_logged(&o, "protocol version (6) is incompatible: [6, 5]"));
	buf_free(&ours);
	buf_free(&theirs);
	keyring_free(&k);
	one_end(&o);
}

TEST(gossip_step, streams_are_answered_as_a_real_agent_does)
{
	struct lines l;
	lines_open(&l, "stream_cases.txt");
	while (lines_next(&l)) {
		stream_case(&l, 1 << 20);
		stream_case(&l, 7);
	}
	lines_close(&l);
}

TEST(gossip_step, a_join_that_fails_says_so)
{
	struct one o;
	struct gossip_addr to = one_addr("127.8.1.5:8301");
	one_begin(&o, "alpha");
	struct gossip_event ev = {.kind = GE_JOIN, .tag = 3};
	ev.join.addrs = &to;
	ev.join.n = 1;
	one_step(&o, &ev);
	const struct gossip_effect *x = one_effect(&o, GX_STREAM_OPEN);
	ASSERT(x && gossip_addr_eq(&x->stream.to, &to));
	uint32_t id = x->stream.id;
	ev = (struct gossip_event){.kind = GE_STREAM_CLOSED};
	ev.stream.id = id;
	ev.stream.why = S("dial tcp 127.8.1.5:8301: connect: connection refused");
	one_step(&o, &ev);
	x = one_effect(&o, GX_DONE);
	ASSERT(x);
	CHECK_EQ(x->done.tag, 3);
	CHECK_EQ(x->done.err, ERR_FAILED);
	CHECK_STR(x->done.text, "1 error(s) occurred:\n\n* Failed to join 127.8.1.5: dial tcp 127.8.1.5:8301: connect: "
	                        "connection refused");
	one_end(&o);
}

TEST(gossip_step, a_stream_without_end_is_cut)
{
	struct one o;
	one_begin(&o, "alpha");
	struct gossip_event ev = {.kind = GE_STREAM_OPENED};
	ev.stream.id = GOSSIP_STREAM_THEIRS | 1;
	ev.stream.peer = one_addr("127.8.7.1:999");
	one_step(&o, &ev);
	mono_ns from = o.now;
	CHECK(one_pass(&o, 20 * NS_PER_S, GX_STREAM_CLOSE));
	CHECK_EQ(o.now - from, gossip_lan.tcp_timeout);
	one_end(&o);
}
