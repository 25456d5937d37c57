/* One member alone: what it answers, asks for and logs, step by step. */
#include <stdlib.h>

#include "core/base/enc.h"
#include "core/gossip/gossip.h"
#include "core/gossip/joinable.h"
#include "core/gossip/message.h"
#include "core/gossip/packet.h"
#include "core/gossip/peers_file.h"
#include "core/gossip/tags.h"
#include "tests/unit/gossip/lines.h"

struct one {
	struct gossip *g;
	struct gossip_effects out;
	struct logbuf log;
	mono_ns now;
};

static const struct pair server_tags[] = {{S("role"), S("consul")}, {S("dc"), S("dc1")}, {S("id"), S("id-a")},
        {S("segment"), S("")}, {S("port"), S("8300")}, {S("vsn"), S("2")}, {S("build"), S("1.0.8:")}};

static struct gossip_addr addr_of(const char *text)
{
	struct gossip_addr a;
	ASSERT(gossip_addr_parse(slice_of(text), 8301, &a));
	return a;
}

static struct gossip_config config_of(struct one *o, const char *name)
{
	return (struct gossip_config){
	        .pool = GOSSIP_LAN,
	        .timing = gossip_lan,
	        .name = slice_of(name),
	        .addr = addr_of("127.8.1.1:8301"),
	        .bind_port = 8301,
	        .dc = S("dc1"),
	        .id = S("id-a"),
	        .tags = {(void *)(uintptr_t)server_tags, ARRAY_LEN(server_tags)},
	        .log = &o->log,
	        .seed = 1,
	};
}

static void step(struct one *o, struct gossip_event *ev)
{
	ev->now = o->now;
	gossip_step(o->g, ev, &o->out);
	CHECK(gossip_invariants(o->g));
}

static void begin_with(struct one *o, const struct gossip_config *c)
{
	o->g = gossip_new(c, NULL);
	ASSERT(o->g);
	o->now = 1000 * NS_PER_S;
	struct gossip_event ev = {.kind = GE_START};
	step(o, &ev);
}

static void begin(struct one *o, const char *name)
{
	*o = (struct one){0};
	struct gossip_config c = config_of(o, name);
	begin_with(o, &c);
}

static void end(struct one *o)
{
	gossip_free(o->g);
	gossip_effects_free(&o->out);
	buf_free(&o->log.lines);
}

static const struct gossip_effect *effect(const struct one *o, enum gossip_effect_kind kind)
{
	for (size_t i = 0; i < o->out.n; i++)
		if (o->out.items[i].kind == kind)
			return &o->out.items[i];
	return NULL;
}

static bool logged(const struct one *o, const char *text)
{
	return slice_search(buf_view(&o->log.lines), slice_of(text)) >= 0;
}

/* Lets time pass; true if an effect of that kind came (the last step's effects stay in o->out). */
static bool pass(struct one *o, dur_ns how_long, enum gossip_effect_kind until)
{
	mono_ns to = o->now + how_long;
	while (gossip_next(o->g) <= to) {
		o->now = gossip_next(o->g) > o->now ? gossip_next(o->g) : o->now;
		struct gossip_event ev = {.kind = GE_TIMER};
		step(o, &ev);
		if (effect(o, until))
			return true;
	}
	o->now = to;
	return false;
}

static void packet(struct one *o, const char *from, struct slice data)
{
	struct gossip_event ev = {.kind = GE_PACKET};
	ev.packet.from = addr_of(from);
	ev.packet.data = data;
	step(o, &ev);
}

static void message(struct one *o, const char *from, uint8_t type, const struct schema *s, const void *m)
{
	struct buf b = {0};
	message_put(&b, type, s, m);
	packet(o, from, buf_view(&b));
	buf_free(&b);
}

static void user(struct one *o, const char *from, uint8_t type, const struct schema *s, const void *m)
{
	struct buf b = {0};
	buf_char(&b, SWIM_USER);
	message_put(&b, type, s, m);
	packet(o, from, buf_view(&b));
	buf_free(&b);
}

static const char vsn_bytes[] = {1, 5, 2, 2, 5, 4};

static void alive_as(struct one *o, const char *name, const char *addr, uint32_t inc, struct slice meta)
{
	struct gossip_addr a = addr_of(addr);
	struct msg_alive m = {inc, a.port, slice_of(name), gossip_addr_bytes(&a), meta, slice_at(vsn_bytes, VSN_BYTES)};
	message(o, addr, SWIM_ALIVE, &msg_alive_schema, &m);
}

static void alive(struct one *o, const char *name, const char *addr, uint32_t inc)
{
	alive_as(o, name, addr, inc, S_NONE);
}

static void dead(struct one *o, const char *name, uint32_t inc, const char *from)
{
	struct msg_suspect m = {inc, slice_of(name), slice_of(from)};
	message(o, "127.8.1.9:8301", SWIM_DEAD, &msg_suspect_schema, &m);
}

static enum gossip_status status(const struct one *o, const char *name, struct gossip_member *m)
{
	struct gossip_member own;
	m = m ? m : &own;
	return gossip_find(o->g, slice_of(name), m) ? m->status : GOSSIP_NONE;
}

/* ---- memberlist ---- */

TEST(gossip_step, only_us_at_first)
{
	struct one o;
	begin(&o, "alpha");
	const struct gossip_effect *x = effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_JOIN);
	CHECK_STR(x->member.member->name, "alpha");
	CHECK(logged(&o, "[INFO] serf: EventMemberJoin: alpha 127.8.1.1\n"));
	CHECK_EQ(status(&o, "alpha", NULL), GOSSIP_ALIVE);
	end(&o);
}

TEST(gossip_step, a_ping_is_acked_to_where_it_came_from)
{
	struct one o;
	begin(&o, "alpha");
	struct msg_ping m = {7, S("alpha")};
	message(&o, "127.8.1.7:1234", SWIM_PING, &msg_ping_schema, &m);
	const struct gossip_effect *x = effect(&o, GX_PACKET);
	ASSERT(x);
	CHECK_EQ(x->packet.to.port, 1234);
	m.node = S("beta");
	message(&o, "127.8.1.7:1234", SWIM_PING, &msg_ping_schema, &m);
	CHECK(!effect(&o, GX_PACKET));
	CHECK(logged(&o, "[WARN] memberlist: Got ping for unexpected node 'beta' from=127.8.1.7:1234"));
	end(&o);
}

TEST(gossip_step, accusations_are_refuted_with_a_higher_incarnation)
{
	struct one o;
	struct gossip_member m;
	begin(&o, "alpha");
	struct msg_suspect s = {5, S("alpha"), S("beta")};
	message(&o, "127.8.1.7:8301", SWIM_SUSPECT, &msg_suspect_schema, &s);
	CHECK(logged(&o, "memberlist: Refuting a suspect message (from: beta)"));
	CHECK_EQ(status(&o, "alpha", &m), GOSSIP_ALIVE);
	CHECK_EQ(m.incarnation, 6);
	dead(&o, "alpha", 6, "beta");
	CHECK_EQ(status(&o, "alpha", &m), GOSSIP_ALIVE);
	CHECK_EQ(m.incarnation, 7);
	struct gossip_stats st;
	gossip_stats(o.g, &st);
	CHECK_EQ(st.health_score, 2);
	end(&o);
}

TEST(gossip_step, incarnations_decide)
{
	struct one o;
	struct gossip_member m;
	begin(&o, "alpha");
	alive(&o, "beta", "127.8.1.2:8301", 4);
	CHECK_EQ(status(&o, "beta", &m), GOSSIP_ALIVE);
	alive_as(&o, "beta", "127.8.1.2:8301", 4, S("same"));
	status(&o, "beta", &m);
	CHECK_EQ(m.meta.n, 0);
	alive_as(&o, "beta", "127.8.1.2:8301", 5, S("newer"));
	const struct gossip_effect *x = effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_UPDATE);
	dead(&o, "beta", 4, "gamma");
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_ALIVE);
	dead(&o, "beta", 5, "gamma");
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_FAILED);
	alive(&o, "beta", "127.8.1.2:8301", 5);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_FAILED);
	alive(&o, "beta", "127.8.1.2:8301", 6);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_ALIVE);
	end(&o);
}

TEST(gossip_step, an_alive_without_its_versions_is_ignored)
{
	struct one o;
	begin(&o, "alpha");
	struct msg_alive m = {1, 8301, S("beta"), S("\x7f\x08\x01\x02"), S_NONE, S("\x01\x05\x02")};
	message(&o, "127.8.1.2:8301", SWIM_ALIVE, &msg_alive_schema, &m);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_NONE);
	end(&o);
}

TEST(gossip_step, a_dead_holder_yields_at_once)
{
	struct one o;
	struct gossip_member m;
	begin(&o, "alpha");
	alive(&o, "web", "127.8.1.2:8301", 9);
	dead(&o, "web", 9, "gamma");
	alive(&o, "web", "127.8.1.3:8301", 1);
	CHECK_EQ(status(&o, "web", &m), GOSSIP_ALIVE);
	struct gossip_addr new = addr_of("127.8.1.3:8301");
	CHECK(gossip_addr_eq(&m.addr, &new));
	end(&o);
}

TEST(gossip_step, a_living_holder_is_asked_and_keeps_his_name)
{
	struct one o;
	struct gossip_member m;
	struct gossip_addr old = addr_of("127.8.1.2:8301"), new = addr_of("127.8.1.3:8301");
	begin(&o, "alpha");
	alive(&o, "web", "127.8.1.2:8301", 9);
	alive(&o, "web", "127.8.1.3:8301", 1);
	CHECK(logged(&o, "Conflicting address for web. Mine: 127.8.1.2:8301 Theirs: 127.8.1.3:8301"));
	const struct gossip_effect *x = effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &old));
	struct msg_ack ack = {1, S_NONE};
	message(&o, "127.8.1.2:8301", SWIM_ACK, &msg_ack_schema, &ack);
	pass(&o, 500 * NS_PER_MS, GX_STOP);
	CHECK_EQ(status(&o, "web", &m), GOSSIP_ALIVE);
	CHECK(gossip_addr_eq(&m.addr, &old));
	/* silent, he loses it */
	alive(&o, "web", "127.8.1.3:8301", 2);
	pass(&o, 600 * NS_PER_MS, GX_STOP);
	CHECK_EQ(status(&o, "web", &m), GOSSIP_ALIVE);
	CHECK(gossip_addr_eq(&m.addr, &new));
	end(&o);
}

TEST(gossip_step, silence_is_suspected_then_dead)
{
	struct one o;
	begin(&o, "alpha");
	alive(&o, "beta", "127.8.1.2:8301", 1);
	mono_ns from = o.now;
	while (status(&o, "beta", NULL) == GOSSIP_ALIVE && o.now - from < 60 * NS_PER_S)
		pass(&o, 100 * NS_PER_MS, GX_STOP);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_FAILED);
	CHECK(o.now - from < 12 * NS_PER_S); /* a round, then the suspicion of two: 4 s */
	CHECK(logged(&o, "[DEBUG] memberlist: Failed ping: beta (timeout reached)"));
	CHECK(logged(&o, "[INFO] memberlist: Suspect beta has failed, no acks received"));
	CHECK(logged(&o, "[INFO] memberlist: Marking beta as failed, suspect timeout reached (0 peer confirmations)"));
	CHECK(logged(&o, "[INFO] serf: EventMemberFailed: beta 127.8.1.2"));
	end(&o);
}

TEST(gossip_step, pings_for_others_come_back_as_ack_or_nack)
{
	struct one o;
	struct gossip_addr asker = addr_of("127.8.1.7:8301");
	begin(&o, "alpha");
	struct msg_indirect m = {42, 8301, S("\x7f\x08\x01\x02"), S("beta"), true};
	message(&o, "127.8.1.7:8301", SWIM_INDIRECT, &msg_indirect_schema, &m);
	struct msg_ack ack = {1, S_NONE};
	message(&o, "127.8.1.2:8301", SWIM_ACK, &msg_ack_schema, &ack);
	const struct gossip_effect *x = effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &asker));
	message(&o, "127.8.1.7:8301", SWIM_INDIRECT, &msg_indirect_schema, &m);
	while (pass(&o, 600 * NS_PER_MS, GX_PACKET) && !gossip_addr_eq(&effect(&o, GX_PACKET)->packet.to, &asker))
		;
	x = effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &asker));
	end(&o);
}

/* ---- streams: as a real agent answered ---- */

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
	ev.stream.peer = addr_of("127.8.7.1:999");
	step(o, &ev);
	for (size_t at = 0; at < bytes.n; at += piece) {
		ev = (struct gossip_event){.kind = GE_STREAM_DATA};
		ev.stream.id = id;
		ev.stream.data = slice_cut(bytes, at, at + piece);
		step(o, &ev);
	}
	const struct gossip_effect *x = effect(o, GX_STREAM_CLOSE);
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
	struct gossip_config c = config_of(&o, slice_starts(name, S("tcp")) ? "pys" : "alpha");
	c.keys = (struct list){&key, sealed};
	if (sealed)
		keyring_add(&k, key, NULL);
	begin_with(&o, &c);
	ask_stream(&o, lines_hex(l, 1), piece);
	const struct gossip_effect *x = effect(&o, GX_STREAM_WRITE);
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
		CHECK(logged(
		        &o, "Failed push/pull merge: Member 'x4' part of wrong datacenter 'dc2' from=127.8.7.1:999"));
		CHECK(logged(&o,
		        "serf: refused to join with 127.8.7.1:999: 'x4' at 127.8.7.11:8301 is of datacenter 'dc2', we "
		        "('alpha') are of 'dc1'"));
	}
	if (slice_is(name, "segment"))
		CHECK(logged(&o, "part of wrong segment 's1' (expected '')"));
	if (slice_is(name, "bad-vsn"))
		CHECK(logged(&o, "protocol version (6) is incompatible: [6, 5]"));
	buf_free(&ours);
	buf_free(&theirs);
	keyring_free(&k);
	end(&o);
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
	struct gossip_addr to = addr_of("127.8.1.5:8301");
	begin(&o, "alpha");
	struct gossip_event ev = {.kind = GE_JOIN, .tag = 3};
	ev.join.addrs = &to;
	ev.join.n = 1;
	step(&o, &ev);
	const struct gossip_effect *x = effect(&o, GX_STREAM_OPEN);
	ASSERT(x && gossip_addr_eq(&x->stream.to, &to));
	uint32_t id = x->stream.id;
	ev = (struct gossip_event){.kind = GE_STREAM_CLOSED};
	ev.stream.id = id;
	ev.stream.why = S("dial tcp 127.8.1.5:8301: connect: connection refused");
	step(&o, &ev);
	x = effect(&o, GX_DONE);
	ASSERT(x);
	CHECK_EQ(x->done.tag, 3);
	CHECK_EQ(x->done.err, ERR_FAILED);
	CHECK_STR(x->done.text, "1 error(s) occurred:\n\n* Failed to join 127.8.1.5: dial tcp 127.8.1.5:8301: connect: "
	                        "connection refused");
	end(&o);
}

TEST(gossip_step, a_stream_without_end_is_cut)
{
	struct one o;
	begin(&o, "alpha");
	struct gossip_event ev = {.kind = GE_STREAM_OPENED};
	ev.stream.id = GOSSIP_STREAM_THEIRS | 1;
	ev.stream.peer = addr_of("127.8.7.1:999");
	step(&o, &ev);
	mono_ns from = o.now;
	CHECK(pass(&o, 20 * NS_PER_S, GX_STREAM_CLOSE));
	CHECK_EQ(o.now - from, gossip_lan.tcp_timeout);
	end(&o);
}

/* ---- keys ---- */

TEST(gossip_step, a_wrong_key_is_said_once_a_minute)
{
	struct one o = {0};
	struct slice key = S("0123456789abcdef");
	struct gossip_config c = config_of(&o, "alpha");
	c.keys = (struct list){&key, 1};
	begin_with(&o, &c);
	buf_reset(&o.log.lines, 0);
	for (int i = 0; i < 50; i++)
		packet(&o, "127.8.1.6:8301", S("\x01garbage that nobody has sealed with a key of ours"));
	struct slice lines = buf_view(&o.log.lines);
	CHECK_EQ(slice_find(lines, '\n'), (ptrdiff_t)lines.n - 1);
	CHECK(logged(&o, "Decrypt packet failed: No installed keys could decrypt the message from=127.8.1.6:8301"));
	o.now += 61 * NS_PER_S;
	packet(&o, "127.8.1.6:8301", S("\x01garbage that nobody has sealed with a key of ours"));
	CHECK(o.log.lines.n > lines.n);
	end(&o);
}

static const struct gossip_effect *key_command(struct one *o, enum key_operation operation, struct slice key)
{
	struct gossip_event ev = {.kind = GE_KEY, .tag = 8};
	ev.key.operation = operation;
	ev.key.key = key;
	step(o, &ev);
	return effect(o, GX_DONE);
}

TEST(gossip_step, key_operations_of_one)
{
	struct one o = {0};
	struct slice key = S("0123456789abcdef"), two = S("fedcba9876543210");
	struct gossip_config c = config_of(&o, "alpha");
	c.keys = (struct list){&key, 1};
	begin_with(&o, &c);
	const struct gossip_effect *x = key_command(&o, KEY_INSTALL, two);
	ASSERT(x);
	CHECK_EQ(x->done.err, OK);
	CHECK_STR(effect(&o, GX_KEYRING)->keyring,
	        "[\n  \"MDEyMzQ1Njc4OWFiY2RlZg==\",\n  \"ZmVkY2JhOTg3NjU0MzIxMA==\"\n]");
	x = key_command(&o, KEY_REMOVE, key);
	ASSERT(x);
	CHECK_STR(x->done.text, "1/1 nodes reported failure");
	const struct gossip_keys *r = effect(&o, GX_KEYS)->keys.result;
	CHECK_EQ(r->message_n, 1);
	CHECK_STR(r->messages[0].val, "Removing the primary key is not allowed");
	x = key_command(&o, KEY_LIST, S_NONE);
	ASSERT(x);
	CHECK_EQ(effect(&o, GX_KEYS)->keys.result->key_n, 2);
	end(&o);
}

TEST(gossip_step, keys_without_encryption)
{
	struct one o;
	begin(&o, "alpha");
	const struct gossip_effect *x = key_command(&o, KEY_LIST, S_NONE);
	ASSERT(x);
	CHECK_STR(x->done.text, "1/1 nodes reported failure");
	CHECK_STR(effect(&o, GX_KEYS)->keys.result->messages[0].val, "Keyring is empty (encryption not enabled)");
	end(&o);
}

/* ---- Serf ---- */

static void leave_intent(struct one *o, const char *name, uint64_t ltime, bool prune)
{
	struct msg_intent m = {ltime, slice_of(name), prune};
	user(o, "127.8.1.9:8301", SERF_LEAVE, &msg_intent_schema, &m);
}

TEST(gossip_step, goodbye_then_death_is_left)
{
	struct one o;
	begin(&o, "alpha");
	alive(&o, "beta", "127.8.1.2:8301", 1);
	leave_intent(&o, "beta", 10, false);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_LEAVING);
	dead(&o, "beta", 1, "");
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_LEFT);
	const struct gossip_effect *x = effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_LEAVE);
	end(&o);
}

TEST(gossip_step, intents_may_come_first)
{
	struct one o;
	begin(&o, "alpha");
	leave_intent(&o, "beta", 10, false);
	alive(&o, "beta", "127.8.1.2:8301", 1);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_LEAVING);
	struct msg_intent m = {11, S("beta"), false};
	user(&o, "127.8.1.9:8301", SERF_JOIN, &msg_intent_schema, &m);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_ALIVE);
	const struct gossip_effect *x = effect(&o, GX_MEMBER); /* he is told of as leaving: he stays after all */
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_UPDATE);
	CHECK_EQ(x->member.member->status, GOSSIP_ALIVE);
	leave_intent(&o, "beta", 11, false);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_ALIVE);
	end(&o);
}

TEST(gossip_step, force_leave_and_prune)
{
	struct one o;
	begin(&o, "alpha");
	alive(&o, "beta", "127.8.1.2:8301", 1);
	dead(&o, "beta", 1, "gamma");
	struct gossip_event ev = {.kind = GE_FORCE_LEAVE, .tag = 4};
	ev.member.name = S("beta");
	step(&o, &ev);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_LEFT);
	CHECK(logged(&o, "serf: EventMemberLeave (forced): beta 127.8.1.2"));
	ev.member.prune = true;
	step(&o, &ev);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_NONE);
	CHECK_EQ(effect(&o, GX_DONE)->done.err, OK);
	end(&o);
}

TEST(gossip_step, failed_members_are_reaped_in_their_own_time)
{
	struct one o = {0};
	struct buf meta = {0};
	struct pair tags[] = {{S("role"), S("node")}, {S("dc"), S("dc1")}, {S("rc_tm"), S("2m")}};
	tags_put(&meta, (struct list){tags, 3});
	struct gossip_config c = config_of(&o, "alpha");
	c.timing.reconnect_timeout = NS_PER_H;
	begin_with(&o, &c);
	alive(&o, "beta", "127.8.1.2:8301", 1);
	alive_as(&o, "spot", "127.8.1.3:8301", 1, buf_view(&meta));
	dead(&o, "beta", 1, "gamma");
	dead(&o, "spot", 1, "gamma");
	pass(&o, 100 * NS_PER_S, GX_STOP);
	CHECK_EQ(status(&o, "spot", NULL), GOSSIP_FAILED);
	pass(&o, 60 * NS_PER_S, GX_STOP);
	CHECK_EQ(status(&o, "spot", NULL), GOSSIP_NONE);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_FAILED);
	CHECK(logged(&o, "serf: EventMemberReap: spot"));
	pass(&o, NS_PER_H, GX_STOP);
	CHECK_EQ(status(&o, "beta", NULL), GOSSIP_NONE);
	buf_free(&meta);
	end(&o);
}

TEST(gossip_step, an_event_is_delivered_once)
{
	struct one o;
	begin(&o, "alpha");
	struct msg_user_event m = {7, S("deploy"), S("x"), false};
	user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	const struct gossip_effect *x = effect(&o, GX_USER_EVENT);
	ASSERT(x);
	CHECK_STR(x->user_event.name, "deploy");
	CHECK_EQ(x->user_event.ltime, 7);
	user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	CHECK(!effect(&o, GX_USER_EVENT));
	m.ltime = 1000;
	user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	CHECK(effect(&o, GX_USER_EVENT));
	m.ltime = 400;
	user(&o, "127.8.1.2:8301", SERF_USER_EVENT, &msg_user_event_schema, &m);
	CHECK(!effect(&o, GX_USER_EVENT));
	CHECK(logged(&o, "serf: received old event deploy from time 400 (current: 1001)"));
	end(&o);
}

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
	user(o, "127.8.1.2:8301", SERF_QUERY, &msg_query_schema, &q);
}

TEST(gossip_step, queries_are_acked_delivered_and_filtered)
{
	struct one o;
	begin(&o, "alpha");
	question(&o, 1, (struct list){0});
	CHECK(effect(&o, GX_QUERY) && effect(&o, GX_PACKET));
	question(&o, 1, (struct list){0});
	CHECK(!effect(&o, GX_QUERY));
	struct slice mine = {"\x00\x91\xa5"
	                     "alpha",
	                     8},
	             other = {"\x00\x91\xa4"
	                      "beta",
	                     7};
	question(&o, 2, (struct list){&mine, 1});
	CHECK(effect(&o, GX_QUERY));
	question(&o, 3, (struct list){&other, 1});
	CHECK(!effect(&o, GX_QUERY));
	struct buf b = {0};
	struct msg_filter_tag t = {S("role"), S("^con")};
	message_put(&b, 1, &msg_filter_tag_schema, &t);
	struct slice tag = buf_view(&b);
	question(&o, 4, (struct list){&tag, 1});
	CHECK(effect(&o, GX_QUERY));
	struct slice odd = S("\x09");
	question(&o, 5, (struct list){&odd, 1});
	CHECK(!effect(&o, GX_QUERY));
	CHECK(logged(&o, "serf: query has unrecognized filter type: 9"));
	buf_free(&b);
	end(&o);
}

TEST(gossip_step, our_query_collects_answers_until_its_time_is_over)
{
	struct one o;
	begin(&o, "alpha");
	alive(&o, "beta", "127.8.1.2:8301", 1);
	struct gossip_event ev = {.kind = GE_QUERY, .tag = 12};
	ev.query.name = S("ask");
	ev.query.ack = true;
	step(&o, &ev);
	CHECK_STR(effect(&o, GX_RESPONSE)->response.from, "alpha");
	struct gossip_asked to = effect(&o, GX_QUERY)->query.from;
	struct msg_response r = {to.ltime, to.id, 0, S("beta"), S("fine")};
	user(&o, "127.8.1.2:8301", SERF_RESPONSE, &msg_response_schema, &r);
	CHECK_STR(effect(&o, GX_RESPONSE)->response.payload, "fine");
	user(&o, "127.8.1.2:8301", SERF_RESPONSE, &msg_response_schema, &r);
	CHECK(!effect(&o, GX_RESPONSE));
	CHECK(pass(&o, 10 * NS_PER_S, GX_DONE));
	CHECK_EQ(effect(&o, GX_DONE)->done.n, 1);
	CHECK_EQ(effect(&o, GX_DONE)->done.tag, 12);
	end(&o);
}

TEST(gossip_step, a_lost_vote_about_the_name_ends_us)
{
	struct one o = {0};
	struct gossip_config c = config_of(&o, "alpha");
	c.resolve_conflicts = true;
	begin_with(&o, &c);
	alive(&o, "beta", "127.8.1.2:8301", 1);
	alive(&o, "alpha", "127.8.1.77:8301", 1);
	CHECK(logged(&o, "serf: Node name conflicts with another node at 127.8.1.77:8301. Names must be unique!"));
	const struct gossip_addr rival = addr_of("127.8.1.77:8301");
	const struct gossip_effect *x = effect(&o, GX_PACKET);
	ASSERT(x && gossip_addr_eq(&x->packet.to, &rival));
	struct msg_ack ack = {1, S_NONE};
	message(&o, "127.8.1.77:8301", SWIM_ACK, &msg_ack_schema, &ack);
	CHECK(pass(&o, 10 * NS_PER_S, GX_STOP));
	CHECK(logged(&o, "serf: minority in name conflict resolution, quiting [0 / 0]"));
	end(&o);
}

TEST(gossip_step, a_vote_lost_to_one_who_is_silent_ends_nobody)
{
	struct one o = {0};
	struct gossip_config c = config_of(&o, "alpha");
	c.resolve_conflicts = true;
	begin_with(&o, &c);
	alive(&o, "alpha", "127.8.1.77:8301", 1);
	CHECK(!pass(&o, 10 * NS_PER_S, GX_STOP));
	CHECK(logged(&o, "serf: minority in name conflict resolution [0 / 0], but the other is silent: going on"));
	end(&o);
}

/* ---- who may join ---- */

static struct slice tags_text(struct arena *a, const char *role, const char *dc, const char *id)
{
	struct buf b = {0};
	struct pair tags[] = {{S("role"), slice_of(role)}, {S("dc"), slice_of(dc)}, {S("id"), slice_of(id)},
	        {S("port"), S("8300")}, {S("vsn"), S("2")}, {S("build"), S("1.0.8:")}};
	tags_put(&b, (struct list){tags, ARRAY_LEN(tags)});
	struct slice s = arena_copy(a, buf_view(&b));
	buf_free(&b);
	return s;
}

TEST(gossip_joinable, sentences)
{
	struct arena a = {0};
	struct one o = {0};
	struct fail f;
	struct slice detail;
	struct gossip_config us = config_of(&o, "alpha");
	struct candidate c[2] = {{S("b"), tags_text(&a, "node", "dc1", "id-b"), addr_of("10.0.0.2:8301"), false},
	        {S("c"), tags_text(&a, "node", "dc1", "id-b"), addr_of("10.0.0.3:8301"), true}};
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), OK); /* the dead hold no id */
	c[1].dead = false;
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'c' has conflicting node ID 'id-b' with member 'b'");
	c[1].meta = tags_text(&a, "node", "dc1", "id-a");
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'c' has conflicting node ID 'id-a' with this agent's ID");
	c[1].meta = tags_text(&a, "consul", "dc2", "id-c");
	CHECK_EQ(joinable(&us, c, 2, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'c' part of wrong datacenter 'dc2'");
	CHECK_STR(detail, "'c' at 10.0.0.3:8301 is of datacenter 'dc2', we ('alpha') are of 'dc1'");
	us.pool = GOSSIP_WAN;
	CHECK_EQ(joinable(&us, c + 1, 1, &a, &detail, NULL, &f), OK);
	CHECK_EQ(joinable(&us, c, 1, &a, &detail, NULL, &f), ERR_DENIED);
	CHECK_STR(slice_of(f.text), "Member 'b' is not a server");
	arena_free(&a);
}

/* ---- the snapshot file ---- */

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
	struct gossip_config c = config_of(&o, "alpha");
	c.snapshot = true;
	c.snapshot_bytes = S("alive: beta 127.8.1.2:8301\nalive: alpha 127.8.1.1:8301\nclock: 40\n");
	begin_with(&o, &c);
	const struct gossip_effect *x = effect(&o, GX_STREAM_OPEN);
	ASSERT(x);
	struct gossip_addr beta = addr_of("127.8.1.2:8301");
	CHECK(gossip_addr_eq(&x->stream.to, &beta));
	CHECK_STR(effect(&o, GX_SNAPSHOT)->snapshot.bytes, "alive: alpha 127.8.1.1:8301\n");
	struct gossip_stats st;
	gossip_stats(o.g, &st);
	CHECK_EQ(st.member_time, 41);
	struct gossip_event ev = {.kind = GE_LEAVE, .tag = 1};
	step(&o, &ev);
	CHECK_STR(effect(&o, GX_SNAPSHOT)->snapshot.bytes, "leave\n");
	CHECK(effect(&o, GX_SNAPSHOT)->snapshot.sync);
	CHECK_EQ(effect(&o, GX_DONE)->done.tag, 1);
	end(&o);
}

TEST(gossip_step, tags_have_a_limit)
{
	struct one o = {0};
	struct fail f;
	char big[600];
	memset(big, 'x', sizeof big);
	struct pair tag = {S("role"), slice_at(big, sizeof big)};
	struct gossip_config c = config_of(&o, "alpha");
	c.tags = (struct list){&tag, 1};
	CHECK(!gossip_new(&c, &f));
	CHECK_STR(slice_of(f.text), "Encoded length of tags exceeds limit of 512 bytes");
	begin(&o, "alpha");
	struct gossip_event ev = {.kind = GE_TAGS, .tag = 2};
	ev.tags = (struct list){&tag, 1};
	step(&o, &ev);
	CHECK_EQ(effect(&o, GX_DONE)->done.err, ERR_INVALID);
	tag.val = S("other");
	step(&o, &ev);
	const struct gossip_effect *x = effect(&o, GX_MEMBER);
	ASSERT(x);
	CHECK_EQ(x->member.change, CHANGE_UPDATE);
	end(&o);
}
