#include "core/gossip/packet.h"

#include "core/base/crc.h"
#include "core/base/lzw.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/gossip.h"
#include "core/gossip/message.h"

/* ---- writing ---- */

void parts_clear(struct parts *p)
{
	buf_reset(&p->body, GOSSIP_KEEP);
	p->n = 0;
}

bool parts_add(struct parts *p, bool user, struct slice message)
{
	size_t n = message.n + user;
	if (p->n == PACKET_PARTS_MAX || n > UINT16_MAX)
		return false;
	if (user)
		buf_char(&p->body, SWIM_USER);
	buf_slice(&p->body, message);
	p->length[p->n++] = (uint16_t)n;
	return true;
}

void parts_put(struct buf *out, const struct parts *p, bool compound)
{
	if (compound || p->n != 1) {
		buf_char(out, SWIM_COMPOUND);
		buf_char(out, (char)p->n);
		for (unsigned i = 0; i < p->n; i++)
			buf_be16(out, p->length[i]);
	}
	buf_slice(out, buf_view(&p->body));
}

static void put_compressed(struct buf *out, struct buf *packed, struct slice message)
{
	buf_reset(packed, GOSSIP_KEEP);
	lzw_pack(packed, message);
	struct msg_compress m = {0, buf_view(packed)};
	message_put(out, SWIM_COMPRESS, &msg_compress_schema, &m);
}

/* The map of a compress message alone takes this much: shorter ones never gain. */
enum { COMPRESS_MIN = 24 };

struct slice packet_wrap(struct envelope *e, struct slice message)
{
	struct buf *a = &e->scratch[0], *b = &e->scratch[1];
	buf_reset(a, GOSSIP_KEEP);
	if (e->crc) /* room for it, filled in below */
		buf_bytes(a, "\0\0\0\0\0", PACKET_CRC);
	size_t head = a->n;
	if (e->compress && message.n >= COMPRESS_MIN)
		put_compressed(a, b, message);
	if (a->n == head || a->n - head >= message.n) {
		a->n = head;
		buf_slice(a, message);
	}
	struct slice packet = buf_view(a);
	if (e->crc && !a->failed) {
		uint32_t crc = crc32_ieee(0, a->p + PACKET_CRC, a->n - PACKET_CRC);
		const uint8_t bytes[] = {
		        SWIM_CRC, (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
		memcpy(a->p, bytes, sizeof bytes);
	}
	if (!e->keys || !keyring_on(e->keys))
		return packet;
	buf_reset(b, GOSSIP_KEEP);
	seal_put(b, e->keys, 1, packet, S_NONE, e->random);
	return buf_view(b);
}

struct slice stream_wrap(struct envelope *e, struct slice message)
{
	struct buf *a = &e->scratch[0], *b = &e->scratch[1];
	buf_reset(a, GOSSIP_KEEP);
	if (e->compress)
		put_compressed(a, b, message);
	else
		buf_slice(a, message);
	if (!e->keys || !keyring_on(e->keys))
		return buf_view(a);
	buf_reset(b, GOSSIP_KEEP);
	buf_char(b, SWIM_ENCRYPT);
	buf_be32(b, (uint32_t)seal_size(1, a->n));
	char frame[SEAL_FRAME];
	if (b->failed)
		return S_NONE;
	memcpy(frame, b->p, sizeof frame);
	seal_put(b, e->keys, 1, buf_view(a), slice_at(frame, sizeof frame), e->random);
	return buf_view(b);
}

/* ---- reading ---- */

static uint32_t be(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;
	while (n--)
		v = v << 8 | *p++;
	return v;
}

bool compound_begin(struct compound *c, struct slice body, const char **why)
{
	*c = (struct compound){0};
	if (!body.n) {
		*why = "missing compound length byte";
		return false;
	}
	c->n = (uint8_t)body.p[0];
	if (body.n - 1 < (size_t)c->n * 2) {
		*why = "truncated len slice";
		return false;
	}
	c->lengths = (const uint8_t *)body.p + 1;
	c->rest = slice_from(body, 1 + (size_t)c->n * 2);
	return true;
}

bool compound_next(struct compound *c, struct slice *part)
{
	if (c->at == c->n)
		return false;
	size_t n = be(c->lengths + (size_t)c->at * 2, 2);
	if (n > c->rest.n)
		return false;
	*part = slice_cut(c->rest, 0, n);
	c->rest = slice_from(c->rest, n);
	c->at++;
	return true;
}

enum err packet_unpack(struct buf *out, struct slice body, size_t limit, struct arena *a, struct fail *f)
{
	struct msg_compress m;
	if (!message_get(body, &msg_compress_schema, &m, a, NULL))
		return fail_set(f, ERR_INVALID, "malformed compress message");
	if (m.algo != 0)
		return fail_set(f, ERR_INVALID, "Cannot decompress unknown algorithm %llu", (unsigned long long)m.algo);
	return lzw_unpack(out, m.bytes, limit, f);
}

bool packet_crc_off(struct slice *packet, uint32_t *got, uint32_t *expected)
{
	if (packet->n < PACKET_CRC || packet->p[0] != SWIM_CRC)
		return true;
	struct slice body = slice_from(*packet, PACKET_CRC);
	*got = crc32_ieee(0, body.p, body.n);
	*expected = be((const uint8_t *)packet->p + 1, 4);
	*packet = body;
	return *got == *expected;
}

/* ---- streams ---- */

enum { STAGE_TYPE, STAGE_HEADER, STAGE_NODES };

/* One msgpack value from s->at on: moves s->at behind it. False: it is not whole, or (*bad) can't be one. */
static bool value_whole(struct stream_scan *s, struct slice bytes, bool *bad)
{
	if (bytes.n == s->at)
		return false;
	size_t n = mp_scan(&s->value, slice_from(bytes, s->at), GOSSIP_STATE_MAX);
	*bad = n == SIZE_MAX;
	if (n == 0 || n == SIZE_MAX)
		return false;
	s->at += n;
	s->value = MP_SCAN;
	return true;
}

static size_t sealed_whole(struct slice bytes)
{
	if (bytes.n < SEAL_FRAME)
		return 0;
	size_t n = be((const uint8_t *)bytes.p + 1, 4);
	if (n > STREAM_SEALED_MAX)
		return SIZE_MAX;
	return bytes.n < SEAL_FRAME + n ? 0 : SEAL_FRAME + n;
}

/* The header of a push/pull or user message says how much follows it. */
static bool read_header(struct stream_scan *s, struct slice bytes, uint8_t type)
{
	struct arena none = {0}; /* these headers hold no lists */
	struct slice body = slice_cut(bytes, 1, s->at);
	int64_t nodes = 0, user = 0;
	bool ok = true;
	if (type == SWIM_PUSH_PULL) {
		struct msg_push_header h;
		ok = message_get(body, &msg_push_header_schema, &h, &none, NULL);
		nodes = h.nodes;
		user = h.user_state;
	} else if (type == SWIM_USER) {
		struct msg_user_header h;
		ok = message_get(body, &msg_user_header_schema, &h, &none, NULL);
		user = h.length;
	}
	s->nodes = (uint64_t)nodes;
	s->user = (uint64_t)user;
	return ok && nodes >= 0 && user >= 0 && nodes <= GOSSIP_STATE_MAX && user <= GOSSIP_STATE_MAX;
}

size_t stream_whole(struct stream_scan *s, struct slice bytes)
{
	bool bad = false;
	if (!bytes.n)
		return 0;
	uint8_t type = (uint8_t)bytes.p[0];
	if (type == SWIM_ENCRYPT)
		return sealed_whole(bytes);
	if (s->stage == STAGE_TYPE) {
		*s = (struct stream_scan){.stage = STAGE_HEADER, .at = 1, .value = MP_SCAN};
		if (type != SWIM_PING && type != SWIM_ACK && type != SWIM_PUSH_PULL && type != SWIM_USER &&
		        type != SWIM_COMPRESS && type != SWIM_ERR)
			return 1; /* whoever asked will see the type and hang up */
	}
	if (s->stage == STAGE_HEADER) {
		if (!value_whole(s, bytes, &bad))
			return bad ? SIZE_MAX : 0;
		if (!read_header(s, bytes, type))
			return SIZE_MAX;
		s->stage = STAGE_NODES;
	}
	for (; s->nodes; s->nodes--)
		if (!value_whole(s, bytes, &bad))
			return bad || bytes.n > GOSSIP_STATE_MAX ? SIZE_MAX : 0;
	return bytes.n - s->at < s->user ? 0 : s->at + (size_t)s->user;
}
