/* What the real libraries and real agents wrote, through our codecs: byte for byte both ways. */
#include <math.h>
#include <stdlib.h>

#include "core/base/lzw.h"
#include "core/gossip/message.h"
#include "core/gossip/packet.h"
#include "core/gossip/suspicion.h"
#include "core/gossip/tags.h"
#include "core/gossip/vivaldi.h"
#include "tests/unit/gossip/lines.h"

TEST(gossip_lzw, packs_and_unpacks_as_go)
{
	struct lines l;
	lines_open(&l, "lzw.txt");
	while (lines_next(&l)) {
		struct slice plain = lines_hex(&l, 1), packed = lines_hex(&l, 2);
		struct buf b = {0};
		lzw_pack(&b, plain);
		CHECK_BYTES(l.word[0], buf_view(&b), packed);
		buf_reset(&b, 1 << 20);
		CHECK_EQ(lzw_unpack(&b, packed, plain.n, NULL), OK);
		CHECK_BYTES(l.word[0], buf_view(&b), plain);
		buf_reset(&b, 1 << 20);
		CHECK_EQ(lzw_unpack(&b, packed, plain.n - 1, NULL), ERR_INVALID);
		for (size_t cut = 0; cut < packed.n && cut < 200; cut++) {
			buf_reset(&b, 1 << 20);
			CHECK_EQ(lzw_unpack(&b, slice_cut(packed, 0, cut), plain.n, NULL), ERR_INVALID);
		}
		buf_free(&b);
	}
	lines_close(&l);
}

TEST(gossip_lzw, takes_back_what_it_packs)
{
	struct rand r;
	rand_seed(&r, 7);
	for (int i = 0; i < 300; i++) {
		size_t n = rand_below(&r, 20000), kinds = 1 + rand_below(&r, 256);
		struct buf in = {0}, packed = {0}, out = {0};
		for (size_t k = 0; k < n; k++)
			buf_char(&in, (char)rand_below(&r, kinds));
		lzw_pack(&packed, buf_view(&in));
		CHECK_EQ(lzw_unpack(&out, buf_view(&packed), n, NULL), OK);
		CHECK(slice_eq(buf_view(&in), buf_view(&out)));
		buf_free(&in);
		buf_free(&packed);
		buf_free(&out);
	}
}

/* The schema of a message by the first word of its name in the vectors. */
static const struct {
	const char *name;
	const struct schema *schema;
} kinds[] = {
        {"ping", &msg_ping_schema},
        {"indirect_ping", &msg_indirect_schema},
        {"ack", &msg_ack_schema},
        {"nack", &msg_nack_schema},
        {"suspect", &msg_suspect_schema},
        {"alive", &msg_alive_schema},
        {"dead", &msg_suspect_schema},
        {"err", &msg_err_schema},
        {"leave", &msg_intent_schema},
        {"join", &msg_intent_schema},
        {"user_event", &msg_user_event_schema},
        {"query", &msg_query_schema},
        {"query_response", &msg_response_schema},
        {"key_request", &msg_key_request_schema},
        {"key_response", &msg_key_response_schema},
        {"conflict_response", &msg_member_schema},
};

/* A byte slice that is empty but there has to stay so. */
static void keep_empty(struct slice name, void *message)
{
	if (slice_is(name, "key_request.list"))
		((struct msg_key_request *)message)->key = S("");
}

static void both_ways(struct lines *l, struct slice wire)
{
	struct slice rest = l->word[0], name = slice_next(&rest, '.');
	union {
		char bytes[512];
		max_align_t align;
	} m;
	const struct schema *s = NULL;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (slice_is(name, kinds[i].name))
			s = kinds[i].schema;
	if (!s || slice_is(l->word[0], "conflict_response.unknown"))
		return;
	ASSERT(s->size <= sizeof m);
	struct buf b = {0};
	CHECK(message_get(slice_from(wire, 1), s, m.bytes, &l->a, NULL));
	keep_empty(l->word[0], m.bytes);
	message_put(&b, (uint8_t)wire.p[0], s, m.bytes);
	CHECK_BYTES(l->word[0], buf_view(&b), wire);
	buf_free(&b);
}

TEST(gossip_message, every_kind_both_ways)
{
	struct lines l;
	unsigned n = 0;
	lines_open(&l, "messages.txt");
	for (; lines_next(&l); n++)
		both_ways(&l, lines_hex(&l, 1));
	CHECK_EQ(n, 38);
	lines_close(&l);
}

TEST(gossip_message, fields_are_where_they_belong)
{
	struct lines l;
	struct msg_query q = {0};
	struct msg_member m = {0};
	lines_open(&l, "messages.txt");
	while (lines_next(&l)) {
		struct slice body = slice_from(lines_hex(&l, 1), 1);
		if (slice_is(l.word[0], "query"))
			CHECK(message_get(body, &msg_query_schema, &q, &l.a, NULL));
		if (slice_is(l.word[0], "conflict_response"))
			CHECK(message_get(body, &msg_member_schema, &m, &l.a, NULL));
	}
	CHECK_EQ(q.ltime, 9);
	CHECK_EQ(q.id, 305419896);
	CHECK_EQ(q.port, 8301);
	CHECK_EQ(q.flags, QUERY_ACK | QUERY_NO_BROADCAST);
	CHECK_EQ(q.filters.n, 2);
	CHECK_STR(m.name, "n1");
	CHECK_EQ(m.status, 1);
	CHECK_EQ(m.tags.n, 1);
	lines_close(&l);
}

TEST(gossip_seal, opens_and_makes_what_memberlist_makes)
{
	struct lines l;
	struct rand random;
	rand_seed(&random, 1);
	lines_open(&l, "sealed.txt");
	while (lines_next(&l)) {
		struct keyring k = {0};
		struct slice plain = lines_hex(&l, 3), sealed = lines_hex(&l, 4), text, aad = S_NONE;
		unsigned version = (unsigned)l.word[1].p[0] - '0';
		struct fail f;
		struct buf b = {0};
		CHECK_EQ(keyring_add(&k, S("0123456789abcdef"), &f), OK); /* a key that does not fit comes first */
		CHECK_EQ(keyring_add(&k, lines_hex(&l, 2), &f), OK);
		if (slice_is(l.word[0], "stream")) {
			aad = slice_cut(sealed, 0, SEAL_FRAME);
			sealed = slice_from(sealed, SEAL_FRAME);
		}
		CHECK_EQ(sealed.n, seal_size(version, plain.n));
		buf_slice(&b, sealed);
		CHECK_EQ(seal_open(&k, b.p, b.n, aad, &text, &f), OK);
		CHECK_BYTES(l.word[0], text, plain);
		b.n = 0;
		buf_slice(&b, sealed);
		b.p[b.n / 2] ^= 1;
		CHECK_EQ(seal_open(&k, b.p, b.n, aad, &text, &f), ERR_DENIED);
		CHECK_STR(slice_of(f.text), "No installed keys could decrypt the message");
		b.n = 0;
		seal_put(&b, &k, version, plain, aad, &random);
		CHECK_EQ(b.n, sealed.n);
		CHECK_EQ(seal_open(&k, b.p, b.n, aad, &text, &f), OK);
		CHECK_BYTES(l.word[0], text, plain);
		buf_free(&b);
		keyring_free(&k);
	}
	lines_close(&l);
}

TEST(gossip_seal, ring_keeps_its_rules)
{
	struct keyring k = {0};
	struct fail f;
	struct buf b = {0};
	struct slice one = S("0123456789abcdef"), two = S("fedcba9876543210fedcba98");
	CHECK_EQ(keyring_add(&k, S("short"), &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "key size must be 16, 24 or 32 bytes");
	keyring_add(&k, one, &f);
	keyring_add(&k, two, &f);
	keyring_add(&k, two, &f);
	CHECK_EQ(k.n, 2);
	CHECK_EQ(keyring_remove(&k, one, &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "Removing the primary key is not allowed");
	CHECK_EQ(keyring_use(&k, S("0000000000000000"), &f), ERR_INVALID);
	CHECK_STR(slice_of(f.text), "Requested key is not in the keyring");
	CHECK_EQ(keyring_use(&k, two, &f), OK);
	CHECK_EQ(keyring_remove(&k, one, &f), OK);
	keyring_put_json(&b, &k);
	CHECK_STR(buf_view(&b), "[\n  \"ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4\"\n]");
	buf_free(&b);
	keyring_free(&k);
}

static long long num(struct slice s)
{
	char text[64];
	return strtoll(slice_cstr(s, text, sizeof text), NULL, 10);
}

TEST(gossip_formulas, are_memberlists)
{
	struct lines l;
	lines_open(&l, "formulas.txt");
	while (lines_next(&l)) {
		long long a = num(l.word[1]), b = num(l.word[2]), c = num(l.word[3]), d = num(l.word[4]),
		          e = num(l.word[5]), want = num(l.word[6]);
		if (slice_is(l.word[0], "suspicionTimeout"))
			CHECK_EQ(suspicion_min((uint32_t)a, (uint32_t)b, c), want);
		else if (slice_is(l.word[0], "retransmitLimit"))
			CHECK_EQ(retransmit_limit((uint32_t)a, (uint32_t)b), want);
		else if (slice_is(l.word[0], "pushPullScale"))
			CHECK_EQ(push_pull_wait(a, (uint32_t)b), want);
		else
			CHECK_EQ(suspicion_wait((uint32_t)a, (uint32_t)b, d, e) - c, want);
	}
	lines_close(&l);
}

static double real(struct slice s)
{
	char text[64];
	return strtod(slice_cstr(s, text, sizeof text), NULL);
}

static struct vivaldi_point point_of(const struct slice *w)
{
	struct vivaldi_point p = {.error = real(w[8]), .adjustment = real(w[9]), .height = real(w[10])};
	for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
		p.vec[i] = real(w[i]);
	return p;
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-15 + 1e-12 * fabs(b);
}

TEST(gossip_vivaldi, moves_as_serf_does)
{
	struct lines l;
	struct vivaldi v;
	struct vivaldi_samples samples[26] = {0};
	struct rand r;
	rand_seed(&r, 1);
	vivaldi_init(&v);
	lines_open(&l, "vivaldi.txt");
	while (lines_next(&l)) {
		struct vivaldi_point other = point_of(l.word + 3), after = point_of(l.word + 14);
		CHECK(vivaldi_update(&v, &samples[l.word[0].p[0] - 'a'], &other, num(l.word[1]), &r));
		for (int i = 0; i < VIVALDI_DIMENSIONS; i++)
			CHECK(near(v.at.vec[i], after.vec[i]));
		CHECK(near(v.at.error, after.error));
		CHECK(near(v.at.adjustment, after.adjustment));
		CHECK(near(v.at.height, after.height));
		CHECK_EQ(vivaldi_distance(&v.at, &other), num(l.word[2]));
	}
	lines_close(&l);
}

TEST(gossip_vivaldi, refuses_nonsense)
{
	struct vivaldi v, before;
	struct vivaldi_samples s = {0};
	struct rand r;
	rand_seed(&r, 1);
	vivaldi_init(&v);
	before = v;
	struct vivaldi_point p = v.at;
	CHECK(!vivaldi_update(&v, &s, &p, -1, &r));
	CHECK(!vivaldi_update(&v, &s, &p, 11 * NS_PER_S, &r));
	p.height = NAN;
	CHECK(!vivaldi_update(&v, &s, &p, NS_PER_MS, &r));
	CHECK(!memcmp(&v, &before, sizeof v));
}

/* ---- packets: take them apart down to messages, put them together again ---- */

struct shape {
	struct arena *a;
	struct buf text;
	unsigned messages, bad;
};

static const char *const type_names[] = {"ping", "indirect_ping", "ack", "suspect", "alive", "dead", "push_pull",
        "compound", "user", "compress", "encrypt", "nack", "crc", "err"};

static const struct schema *const swim_schemas[] = {
        [SWIM_PING] = &msg_ping_schema,
        [SWIM_INDIRECT] = &msg_indirect_schema,
        [SWIM_ACK] = &msg_ack_schema,
        [SWIM_SUSPECT] = &msg_suspect_schema,
        [SWIM_ALIVE] = &msg_alive_schema,
        [SWIM_DEAD] = &msg_suspect_schema,
        [SWIM_NACK] = &msg_nack_schema,
};
static const struct schema *const serf_schemas[] = {
        [SERF_LEAVE] = &msg_intent_schema,
        [SERF_JOIN] = &msg_intent_schema,
        [SERF_USER_EVENT] = &msg_user_event_schema,
        [SERF_QUERY] = &msg_query_schema,
        [SERF_RESPONSE] = &msg_response_schema,
};

static void same_again(struct shape *s, struct slice message, const struct schema *schema)
{
	union {
		char bytes[512];
		max_align_t align;
	} m;
	struct buf b = {0};
	struct slice rest;
	CHECK(message_get(slice_from(message, 1), schema, m.bytes, s->a, &rest));
	CHECK_EQ(rest.n, 0);
	message_put(&b, (uint8_t)message.p[0], schema, m.bytes);
	/* an empty payload comes back as nil: the only difference there may be */
	if (b.n == message.n)
		CHECK_BYTES(slice_of(schema->name), buf_view(&b), message);
	else
		s->bad++;
	buf_free(&b);
	s->messages++;
}

static void leaf(struct shape *s, struct slice message)
{
	uint8_t type = (uint8_t)message.p[0];
	if (type == SWIM_USER) {
		struct slice user = slice_from(message, 1);
		uint8_t serf = (uint8_t)user.p[0];
		if (serf < ARRAY_LEN(serf_schemas) && serf_schemas[serf])
			same_again(s, user, serf_schemas[serf]);
	} else {
		CHECK(type < ARRAY_LEN(swim_schemas) && swim_schemas[type]);
		same_again(s, message, swim_schemas[type]);
	}
}

static void unwrap(struct shape *s, struct slice message)
{
	struct compound c;
	struct slice part;
	const char *why;
	uint8_t type = (uint8_t)message.p[0];
	if (type == SWIM_COMPOUND) {
		struct parts p = {0};
		CHECK(compound_begin(&c, slice_from(message, 1), &why));
		while (compound_next(&c, &part)) {
			CHECK(parts_add(&p, false, part));
			unwrap(s, part);
		}
		CHECK_EQ(c.at, c.n);
		CHECK_EQ(c.rest.n, 0);
		struct buf again = {0};
		parts_put(&again, &p, true);
		CHECK_BYTES(S("compound"), buf_view(&again), message);
		buf_free(&again);
		buf_free(&p.body);
	} else if (type == SWIM_COMPRESS) {
		struct buf plain = {0};
		struct envelope e = {.compress = true};
		CHECK_EQ(packet_unpack(&plain, slice_from(message, 1), PACKET_UNPACKED_MAX, s->a, NULL), OK);
		CHECK_BYTES(S("compress"), packet_wrap(&e, buf_view(&plain)), message);
		unwrap(s, buf_view(&plain));
		buf_free(&plain);
		buf_free(&e.scratch[0]);
		buf_free(&e.scratch[1]);
	} else {
		leaf(s, message);
	}
}

TEST(gossip_packet, of_real_agents_apart_and_together)
{
	struct lines l;
	struct shape s = {0};
	unsigned n = 0;
	lines_open(&l, "packets.txt");
	s.a = &l.a;
	for (; lines_next(&l); n++) {
		struct keyring k = {0};
		struct slice packet = lines_hex(&l, 3), plain = packet;
		struct buf b = {0};
		uint32_t got, expected;
		if (!slice_is(l.word[1], "-")) {
			CHECK_EQ(keyring_add(&k, lines_hex(&l, 1), NULL), OK);
			buf_slice(&b, packet);
			CHECK_EQ(seal_open(&k, b.p, b.n, S_NONE, &plain, NULL), OK);
		}
		bool crc = plain.p[0] == SWIM_CRC;
		CHECK_EQ(crc, slice_starts(l.word[2], S("crc")));
		struct slice inner = plain;
		CHECK(packet_crc_off(&inner, &got, &expected));
		unwrap(&s, inner);
		struct envelope e = {.crc = crc};
		if (crc)
			CHECK_BYTES(S("crc"), packet_wrap(&e, inner), plain);
		buf_free(&e.scratch[0]);
		buf_free(&b);
		keyring_free(&k);
	}
	CHECK(n > 60);
	CHECK(s.messages > 100);
	CHECK_EQ(s.bad, 0);
	CHECK_EQ(ARRAY_LEN(type_names), SWIM_ERR + 1);
	lines_close(&l);
}

TEST(gossip_packet, a_bad_crc_is_seen)
{
	struct envelope e = {.crc = true};
	struct slice p = packet_wrap(&e, S("hello"));
	uint32_t got, expected;
	e.scratch[0].p[p.n - 1] ^= 1;
	CHECK(!packet_crc_off(&p, &got, &expected));
	CHECK(got != expected);
	buf_free(&e.scratch[0]);
}

TEST(gossip_packet, a_compound_cut_anywhere_keeps_its_first_parts)
{
	struct parts p = {0};
	struct buf b = {0};
	struct slice part;
	const char *why;
	parts_add(&p, false, S("one"));
	parts_add(&p, true, S("two"));
	parts_add(&p, false, S("three"));
	parts_put(&b, &p, true);
	for (size_t cut = 1; cut <= b.n; cut++) {
		struct compound c;
		unsigned n = 0;
		if (!compound_begin(&c, slice_cut(buf_view(&b), 1, cut), &why))
			continue;
		while (compound_next(&c, &part))
			n++;
		CHECK_EQ(n, cut >= b.n ? 3 : cut >= b.n - 5 ? 2 : cut >= b.n - 9 ? 1 : 0);
	}
	buf_free(&b);
	buf_free(&p.body);
}

TEST(gossip_packet, streams_of_real_agents)
{
	struct lines l;
	lines_open(&l, "streams.txt");
	while (lines_next(&l)) {
		struct slice bytes = lines_hex(&l, 2), want = lines_hex(&l, 3), message;
		struct keyring k = {0};
		struct buf b = {0}, plain = {0};
		struct rand random;
		struct envelope e = {.compress = true, .keys = &k, .random = &random};
		rand_seed(&random, 5);
		/* whole only with the last byte, however it comes */
		struct stream_scan scan = {0};
		for (size_t n = 1; n < bytes.n; n += n < 40 ? 1 : 37)
			CHECK_EQ(stream_whole(&scan, slice_cut(bytes, 0, n)), 0);
		CHECK_EQ(stream_whole(&scan, bytes), bytes.n);
		scan = (struct stream_scan){0};
		for (size_t n = 1; n < want.n; n += 3)
			CHECK_EQ(stream_whole(&scan, slice_cut(want, 0, n)), 0);
		CHECK_EQ(stream_whole(&scan, want), want.n);
		buf_slice(&b, bytes);
		message = buf_view(&b);
		if (!slice_is(l.word[1], "-")) {
			CHECK_EQ(keyring_add(&k, lines_hex(&l, 1), NULL), OK);
			CHECK_EQ(seal_open(&k, b.p + SEAL_FRAME, b.n - SEAL_FRAME, slice_at(b.p, SEAL_FRAME), &message,
			                 NULL),
			        OK);
		}
		CHECK_EQ(message.p[0], SWIM_COMPRESS);
		CHECK_EQ(packet_unpack(&plain, slice_from(message, 1), 1 << 20, &l.a, NULL), OK);
		CHECK_BYTES(l.word[0], buf_view(&plain), want);
		struct slice again = stream_wrap(&e, want);
		if (keyring_on(&k))
			CHECK_EQ(again.n, bytes.n);
		else
			CHECK_BYTES(l.word[0], again, bytes);
		buf_free(&b);
		buf_free(&plain);
		buf_free(&e.scratch[0]);
		buf_free(&e.scratch[1]);
		keyring_free(&k);
	}
	lines_close(&l);
}

TEST(gossip_tags, both_forms)
{
	struct arena a = {0};
	struct list tags;
	struct buf b = {0};
	bool there;
	struct pair in[] = {{S("role"), S("consul")}, {S("dc"), S("dc1")}, {S("empty"), S("")}};
	tags_put(&b, (struct list){in, 3});
	CHECK(tags_get(buf_view(&b), &a, &tags));
	const struct pair *p = tags.items;
	CHECK_EQ(tags.n, 3);
	CHECK_STR(p[0].key, "dc");
	CHECK_STR(p[2].val, "consul");
	CHECK_STR(tags_find(buf_view(&b), S("dc"), NULL), "dc1");
	CHECK_EQ(tags_find(buf_view(&b), S("empty"), &there).n, 0);
	CHECK(there);
	CHECK_EQ(tags_find(buf_view(&b), S("none"), &there).n, 0);
	CHECK(!there);
	CHECK(tags_get(S("web"), &a, &tags));
	CHECK_STR(((struct pair *)tags.items)->key, "role");
	CHECK_STR(tags_find(S("web"), S("role"), NULL), "web");
	buf_free(&b);
	arena_free(&a);
}

TEST(gossip_tags, server)
{
	struct server_tags s;
	struct buf b = {0};
	struct pair in[] = {{S("role"), S("consul")}, {S("dc"), S("dc1")}, {S("port"), S("8300")}, {S("vsn"), S("2")},
	        {S("build"), S("1.0.8:")}, {S("expect"), S("3")}};
	tags_put(&b, (struct list){in, 6});
	CHECK(tags_server(buf_view(&b), &s));
	CHECK_EQ(s.port, 8300);
	CHECK_EQ(s.expect, 3);
	CHECK_EQ(s.raft_vsn, 0);
	CHECK_EQ(s.version[0], 1);
	CHECK_EQ(s.version[2], 8);
	CHECK(!s.bootstrap);
	in[4].val = S("dev");
	buf_reset(&b, 0);
	tags_put(&b, (struct list){in, 6});
	CHECK(!tags_server(buf_view(&b), &s));
	in[4].val = S("v0.7.5-x");
	in[2].val = S("x");
	buf_reset(&b, 0);
	tags_put(&b, (struct list){in, 6});
	CHECK(!tags_server(buf_view(&b), &s));
	buf_free(&b);
}
