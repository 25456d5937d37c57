/* Packets: opening and sharing out what comes, wrapping what goes, the tick that tells on. */
#include "core/base/must.h"
#include "core/gossip/swim.h"

/* ---- out ---- */

static bool sealing(const struct gossip *g)
{
	return g->envelope.keys && keyring_on(g->envelope.keys);
}

static void emit(struct gossip *g, const struct gossip_addr *to, struct slice message, bool crc)
{
	g->envelope.crc = crc;
	struct gossip_effect *x = gossip_effect_add(g, GX_PACKET);
	x->packet.to = *to;
	x->packet.data = gossip_keep(g, packet_wrap(&g->envelope, message));
	g->packets_out++;
	g->bytes_out += x->packet.data.n;
}

void packet_send_bare(struct gossip *g, const struct gossip_addr *to, struct slice message, bool crc)
{
	emit(g, to, message, crc);
}

/* memberlist's limit leaves, without any loss, one message in fifty unheard by somebody in a pool of sixty, one in
 * sixteen in a pool of nine, until the next push/pull brings it. Four more, and twelve at least, make that one in
 * hundreds of thousands. Where a tick reaches everybody the limit is enough, and a leave ends sooner. */
enum { TELL_MORE = 4, TELL_LEAST = 12 };

static uint32_t tell_limit(const struct gossip *g, uint32_t n)
{
	uint32_t limit = retransmit_limit(g->c.timing.retransmit_mult, n);
	if (n <= g->c.timing.gossip_nodes + 1)
		return limit;
	return limit + TELL_MORE > TELL_LEAST ? limit + TELL_MORE : TELL_LEAST;
}

static void take_broadcasts(struct gossip *g, size_t *room)
{
	broadcasts_take(&g->told, &g->parts, false, room, tell_limit(g, g->order_n));
	uint32_t limit = tell_limit(g, serf_members(g));
	broadcasts_take(&g->serf.intents_told, &g->parts, true, room, limit);
	broadcasts_take(&g->serf.queries_told, &g->parts, true, room, limit);
	broadcasts_take(&g->serf.events_told, &g->parts, true, room, limit);
}

static void next_turn(struct gossip *g)
{
	broadcasts_turn(&g->told);
	broadcasts_turn(&g->serf.intents_told);
	broadcasts_turn(&g->serf.queries_told);
	broadcasts_turn(&g->serf.events_told);
}

static struct slice joined_parts(struct gossip *g)
{
	if (g->parts.n == 1)
		return buf_view(&g->parts.body);
	buf_reset(&g->packet, GOSSIP_KEEP);
	parts_put(&g->packet, &g->parts, true);
	MUST(!g->packet.failed);
	return buf_view(&g->packet);
}

void packet_send(struct gossip *g, const struct gossip_addr *to, struct slice message)
{
	size_t taken = message.n + PACKET_COMPOUND + (sealing(g) ? SEAL_OVERHEAD : 0);
	size_t room = taken < PACKET_BUDGET ? PACKET_BUDGET - taken : 0;
	parts_clear(&g->parts);
	parts_add(&g->parts, false, message);
	next_turn(g);
	take_broadcasts(g, &room);
	emit(g, to, joined_parts(g), false);
}

static bool hears_gossip(const struct gossip *g, const struct peer *p)
{
	if (is_self(g, p))
		return false;
	return !peer_dead_long(g, p);
}

/* One packet of what is to be told. False: there was nothing. */
static bool gossip_to(struct gossip *g, const struct peer *p)
{
	size_t room = PACKET_BUDGET - PACKET_COMPOUND - (keyring_on(&g->keys) ? SEAL_OVERHEAD : 0);
	parts_clear(&g->parts);
	take_broadcasts(g, &room);
	if (!g->parts.n)
		return false;
	emit(g, &p->card->addr, joined_parts(g), knows_crc(p));
	return true;
}

/* memberlist sends one packet to each. In a pool of ten thousand that is news of five members a second that all get to
 * hear; when fifty come, most would hear of most of them by a push/pull, minutes later. What members say of themselves
 * has several packets where one does not hold it: the same bytes in all, but sooner. */
enum { GOSSIP_BURST = 6 };

void swim_gossip(struct gossip *g)
{
	struct peer *to[16];
	unsigned k = g->c.timing.gossip_nodes;
	if (!g->told.n && !g->serf.intents_told.n && !g->serf.queries_told.n && !g->serf.events_told.n)
		return;
	k = peer_random(g, k < ARRAY_LEN(to) ? k : ARRAY_LEN(to), hears_gossip, to);
	for (unsigned i = 0; i < k; i++) {
		next_turn(g);
		for (unsigned n = 0; n < GOSSIP_BURST && gossip_to(g, to[i]); n++)
			if (!g->told.n && !g->serf.intents_told.n)
				break;
	}
}

/* ---- in ---- */

static void share_out(struct gossip *g, const struct gossip_addr *from, struct slice message, unsigned depth);

static void log_bad(struct gossip *g, const struct gossip_addr *from, const char *what, const char *why)
{
	char text[GOSSIP_ADDR_TEXT];
	gossip_addr_print(from, text);
	log_err(g->log, "memberlist: %s: %s from=%s", what, why, text);
}

static void take_compound(struct gossip *g, const struct gossip_addr *from, struct slice body, unsigned depth)
{
	struct compound c;
	const char *why;
	struct slice part;
	if (!compound_begin(&c, body, &why)) {
		log_bad(g, from, "Failed to decode compound request", why);
		return;
	}
	while (compound_next(&c, &part))
		share_out(g, from, part, depth + 1);
	if (c.at < c.n) {
		char text[GOSSIP_ADDR_TEXT];
		gossip_addr_print(from, text);
		log_warn(g->log, "memberlist: Compound request had %u truncated messages from=%s", c.n - c.at, text);
	}
}

static void take_compressed(struct gossip *g, const struct gossip_addr *from, struct slice body, unsigned depth)
{
	struct fail f;
	struct buf b = {0};
	if (packet_unpack(&b, body, PACKET_UNPACKED_MAX, &g->scratch, &f))
		log_bad(g, from, "Failed to decompress payload", f.text);
	else
		share_out(g, from, buf_view(&b), depth + 1);
	buf_free(&b);
}

/* suspect, alive, dead: one table of what is read and who takes it */
static void take_state(struct gossip *g, const struct gossip_addr *from, uint8_t type, struct slice body)
{
	static const char *const names[] = {
	        [SWIM_SUSPECT] = "suspect",
	        [SWIM_ALIVE] = "alive",
	        [SWIM_DEAD] = "dead",
	};
	union {
		struct msg_alive alive;
		struct msg_suspect suspect;
	} m;
	char what[64] = "Failed to decode ";
	const struct schema *s = type == SWIM_ALIVE ? &msg_alive_schema : &msg_suspect_schema;
	if (!message_get(body, s, &m, &g->scratch, NULL)) {
		strcat(strcat(what, names[type]), " message");
		log_bad(g, from, what, "msgpack decode error");
	} else if (type == SWIM_ALIVE) {
		swim_alive(g, &m.alive);
	} else if (type == SWIM_SUSPECT) {
		swim_suspect(g, &m.suspect);
	} else {
		swim_dead(g, &m.suspect);
	}
}

static void share_out(struct gossip *g, const struct gossip_addr *from, struct slice message, unsigned depth)
{
	if (!message.n || depth > PACKET_DEPTH_MAX)
		return;
	uint8_t type = (uint8_t)message.p[0];
	struct slice body = slice_from(message, 1);
	switch (type) {
	case SWIM_COMPOUND: take_compound(g, from, body, depth); break;
	case SWIM_COMPRESS: take_compressed(g, from, body, depth); break;
	case SWIM_PING: probe_take_ping(g, from, body); break;
	case SWIM_INDIRECT: probe_take_indirect(g, from, body); break;
	case SWIM_ACK: probe_take_ack(g, from, body); break;
	case SWIM_NACK: probe_take_nack(g, from, body); break;
	case SWIM_ALIVE:
		if (swim_alive_heard(g, message))
			return;
		/* fall through */
	case SWIM_SUSPECT:
	case SWIM_DEAD: take_state(g, from, type, body); break;
	case SWIM_USER: serf_message(g, body); break;
	default: {
		char text[GOSSIP_ADDR_TEXT];
		gossip_addr_print(from, text);
		log_err(g->log, "memberlist: msg type (%u) not supported from=%s", type, text);
	}
	}
}

/* The slot of an address, or else the one that was used longest ago. */
static struct refusal *refusal_of(struct gossip *g, const struct ip *ip)
{
	struct refusal *oldest = &g->refusals[0];
	for (unsigned i = 0; i < REFUSALS_MAX; i++) {
		struct refusal *r = &g->refusals[i];
		if (r->said && !memcmp(r->ip.b, ip->b, IP_BYTES))
			return r;
		if (r->said < oldest->said)
			oldest = r;
	}
	*oldest = (struct refusal){.ip = *ip};
	return oldest;
}

void swim_refused(struct gossip *g, const struct gossip_addr *from, const char *what, const char *why)
{
	struct refusal *r = refusal_of(g, &from->ip);
	if (r->said && g->now - r->said < NS_PER_MIN)
		return;
	r->said = g->now ? g->now : 1;
	log_bad(g, from, what, why);
}

static bool open_packet(struct gossip *g, const struct gossip_event *ev, struct slice *packet)
{
	struct fail f;
	*packet = ev->packet.data;
	if (!keyring_on(&g->keys))
		return true;
	buf_reset(&g->plain, GOSSIP_KEEP);
	buf_slice(&g->plain, ev->packet.data);
	if (g->plain.failed)
		return false;
	if (!seal_open(&g->keys, g->plain.p, g->plain.n, S_NONE, packet, &f) || g->c.accept_plain)
		return true;
	swim_refused(g, &ev->packet.from, "Decrypt packet failed", f.text);
	return false;
}

void swim_packet(struct gossip *g, const struct gossip_event *ev)
{
	struct slice packet;
	uint32_t got = 0, expected = 0;
	g->packets_in++;
	g->bytes_in += ev->packet.data.n;
	if (!open_packet(g, ev, &packet))
		return;
	if (packet_crc_off(&packet, &got, &expected))
		share_out(g, &ev->packet.from, packet, 0);
	else
		log_warn(g->log, "memberlist: Got invalid checksum for UDP packet: %x, %x", got, expected);
}
