#include "core/gossip/probe.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/gossip/serf_query.h"
#include "core/gossip/swim.h"

void probe_score(struct gossip *g, int change)
{
	int score = (int)g->score + change, max = (int)g->c.timing.awareness_max - 1;
	g->score = score < 0 ? 0 : score > max ? (uint32_t)max : (uint32_t)score;
}

void ping_send(struct gossip *g, const struct gossip_addr *to, uint32_t seq, struct slice name)
{
	struct msg_ping m = {seq, name};
	packet_send(g, to, message_make(g, SWIM_PING, &msg_ping_schema, &m));
}

/* ---- a round ---- */

/* The next of the round. On wrap-around the dead who were told long enough are forgotten, and the rest is shuffled. */
static void new_order(struct gossip *g)
{
	for (uint32_t i = 0; i < g->order_n;) {
		struct peer *p = peer_nth(g, i);
		if (!peer_dead_long(g, p) || is_self(g, p)) {
			i++;
			continue;
		}
		peer_forget(g, p);
		peer_release(g, p);
	}
	for (uint32_t i = g->order_n; i > 1; i--) {
		uint32_t with = (uint32_t)rand_below(&g->rand, i);
		uint32_t swap = g->order[i - 1];
		g->order[i - 1] = g->order[with];
		g->order[with] = swap;
		peer_nth(g, i - 1)->place = i - 1;
		peer_nth(g, with)->place = with;
	}
	g->probe.at = 0;
}

static struct peer *next_peer(struct gossip *g)
{
	for (uint32_t checked = 0; checked < g->order_n; checked++) {
		if (g->probe.at >= g->order_n) {
			new_order(g);
			continue;
		}
		struct peer *p = peer_nth(g, g->probe.at++);
		if (!is_self(g, p) && p->state != PEER_DEAD)
			return p;
	}
	return NULL;
}

/* One that does not look alive hears of the suspicion at once, to refute it. */
static void send_first(struct gossip *g, struct peer *p)
{
	if (p->state == PEER_ALIVE) {
		ping_send(g, &p->card->addr, g->probe.seq, peer_name(p));
		return;
	}
	struct msg_ping ping = {g->probe.seq, peer_name(p)};
	struct msg_suspect suspect = {p->incarnation, peer_name(p), g->c.name};
	parts_clear(&g->parts);
	parts_add(&g->parts, false, message_make(g, SWIM_PING, &msg_ping_schema, &ping));
	parts_add(&g->parts, false, message_make(g, SWIM_SUSPECT, &msg_suspect_schema, &suspect));
	buf_reset(&g->packet, GOSSIP_KEEP);
	parts_put(&g->packet, &g->parts, true);
	packet_send_bare(g, &p->card->addr, buf_view(&g->packet), knows_crc(p));
}

static void round_begin(struct gossip *g, struct peer *p)
{
	struct probe *r = &g->probe;
	const struct gossip_timing *t = &g->c.timing;
	r->stage = PROBE_DIRECT;
	r->peer = p;
	r->seq = ++g->seq;
	r->incarnation = p->incarnation;
	r->sent = g->now;
	r->deadline = g->now + t->probe_interval * (dur_ns)(g->score + 1);
	r->nacks_due = r->nacks = r->stream = 0;
	r->by_tcp = false;
	send_first(g, p);
	dur_ns first = t->probe_timeout < t->probe_interval ? t->probe_timeout : t->probe_interval;
	gossip_timer_set(g, &g->fixed[TIMER_ROUND], TIMER_ROUND, g->now + first);
}

void probe_tick(struct gossip *g)
{
	struct peer *p;
	if (g->probe.stage != PROBE_IDLE)
		g->probe.missed = true; /* one tick waits, as in a Go ticker */
	else if (!g->left && (p = next_peer(g)))
		round_begin(g, p);
}

static void round_end(struct gossip *g)
{
	struct probe *r = &g->probe;
	r->stage = PROBE_IDLE;
	r->peer = NULL;
	gossip_timer_stop(g, &g->fixed[TIMER_ROUND]);
	if (r->missed) {
		r->missed = false;
		probe_tick(g);
	}
}

void probe_abandon(struct gossip *g)
{
	g->probe.missed = false;
	if (g->probe.stage != PROBE_IDLE)
		round_end(g);
}

static bool helps(const struct gossip *g, const struct peer *p)
{
	return !is_self(g, p) && p != g->probe.peer && p->state == PEER_ALIVE;
}

static void go_indirect(struct gossip *g)
{
	struct probe *r = &g->probe;
	struct peer *helpers[INDIRECT_MAX], *p = r->peer;
	r->stage = PROBE_INDIRECT;
	gossip_timer_set(g, &g->fixed[TIMER_ROUND], TIMER_ROUND, r->deadline);
	if (!p)
		return;
	log_debug(g->log, "memberlist: Failed ping: %.*s (timeout reached)", PS(peer_name(p)));
	unsigned k = g->c.timing.indirect_checks;
	k = peer_random(g, k < INDIRECT_MAX ? k : INDIRECT_MAX, helps, helpers);
	struct msg_indirect m = {r->seq, p->card->addr.port, gossip_addr_bytes(&p->card->addr), peer_name(p), false};
	for (unsigned i = 0; i < k; i++) {
		m.nack = helpers[i]->card->vsn[VSN_SWIM_MAX] >= 4;
		r->nacks_due += m.nack;
		packet_send(g, &helpers[i]->card->addr, message_make(g, SWIM_INDIRECT, &msg_indirect_schema, &m));
	}
	if (p->card->vsn[VSN_SWIM_MAX] >= 3)
		exchange_ping(g, p, r->seq, r->deadline, &r->stream);
}

static void round_failed(struct gossip *g)
{
	struct probe *r = &g->probe;
	struct peer *p = r->peer;
	if (r->nacks_due)
		probe_score(g, (int)(r->nacks_due - (r->nacks < r->nacks_due ? r->nacks : r->nacks_due)));
	else
		probe_score(g, 1);
	if (!p)
		return;
	log_info(g->log, "memberlist: Suspect %.*s has failed, no acks received", PS(peer_name(p)));
	struct msg_suspect m = {r->incarnation, peer_name(p), g->c.name};
	swim_suspect(g, &m);
}

void probe_timer(struct gossip *g)
{
	struct probe *r = &g->probe;
	if (r->stage == PROBE_DIRECT && g->now < r->deadline) {
		go_indirect(g);
		return;
	}
	if (r->by_tcp && r->peer) {
		log_warn(g->log,
		        "memberlist: Was able to connect to %.*s but other probes failed, network may be misconfigured",
		        PS(peer_name(r->peer)));
		probe_score(g, -1);
	} else {
		round_failed(g);
	}
	round_end(g);
}

void probe_forget(struct gossip *g, const struct peer *p)
{
	if (g->probe.peer == p)
		g->probe.peer = NULL;
}

void probe_stream_ack(struct gossip *g, uint32_t stream, uint32_t seq)
{
	if (g->probe.stage == PROBE_INDIRECT && g->probe.stream == stream && g->probe.seq == seq)
		g->probe.by_tcp = true;
}

/* ---- what comes ---- */

static void bad(struct gossip *g, const struct gossip_addr *from, const char *what)
{
	char text[GOSSIP_ADDR_TEXT];
	gossip_addr_print(from, text);
	log_err(g->log, "memberlist: Failed to decode %s: msgpack decode error from=%s", what, text);
}

void probe_take_ping(struct gossip *g, const struct gossip_addr *from, struct slice body)
{
	struct msg_ping m;
	if (!message_get(body, &msg_ping_schema, &m, &g->scratch, NULL)) {
		bad(g, from, "ping request");
		return;
	}
	if (m.node.n && !slice_eq(m.node, g->c.name)) {
		char text[GOSSIP_ADDR_TEXT];
		gossip_addr_print(from, text);
		log_warn(g->log, "memberlist: Got ping for unexpected node '%.*s' from=%s", PS(m.node), text);
		return;
	}
	struct buf payload = {0};
	if (!g->c.no_coordinates)
		vivaldi_put(&payload, &g->vivaldi.at);
	struct msg_ack ack = {m.seq, payload.n ? buf_view(&payload) : S_NONE};
	packet_send(g, from, message_make(g, SWIM_ACK, &msg_ack_schema, &ack));
	buf_free(&payload);
}

static void learn_distance(struct gossip *g, struct peer *p, struct slice payload, dur_ns rtt)
{
	struct vivaldi_point point;
	const char *why;
	if (!payload.n || g->c.no_coordinates)
		return;
	if (!vivaldi_get(payload, &g->scratch, &point, &why)) {
		if (why)
			log_err(g->log, "serf: %s: %u", why, (uint8_t)payload.p[0]);
		return;
	}
	bool keep = pool_keeps_points(g);
	if (!p->path && !(p->path = calloc(1, sizeof *p->path + keep * sizeof point)))
		return;
	if (vivaldi_update(&g->vivaldi, &p->path->samples, &point, rtt, &g->rand)) {
		if (keep)
			p->path->point[0] = point;
	} else {
		log_trace(g->log, "serf: Rejected coordinate from %.*s", PS(peer_name(p)));
	}
}

static void relay_drop(struct gossip *g, struct relay *r)
{
	struct relay **at = &g->relays.first;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	g->relays.n--;
	gossip_timer_stop(g, &r->timer);
	free(r);
}

static void relay_ack(struct gossip *g, uint32_t seq)
{
	for (struct relay *r = g->relays.first; r; r = r->next) {
		if (r->seq != seq)
			continue;
		struct msg_ack ack = {r->their_seq, S_NONE};
		packet_send(g, &r->asker, message_make(g, SWIM_ACK, &msg_ack_schema, &ack));
		relay_drop(g, r);
		return;
	}
}

void probe_take_ack(struct gossip *g, const struct gossip_addr *from, struct slice body)
{
	struct msg_ack m;
	struct probe *r = &g->probe;
	if (!message_get(body, &msg_ack_schema, &m, &g->scratch, NULL)) {
		bad(g, from, "ack response");
		return;
	}
	if (r->stage == PROBE_IDLE || r->seq != m.seq) {
		id_claim_answered(g, (uint32_t)m.seq);
		if (!claim_answered(g, (uint32_t)m.seq) && !serf_query_rival_answered(g, (uint32_t)m.seq))
			relay_ack(g, (uint32_t)m.seq);
		return;
	}
	if (r->stage == PROBE_DIRECT && r->peer)
		learn_distance(g, r->peer, m.payload, g->now - r->sent);
	probe_score(g, -1);
	round_end(g);
}

void probe_take_nack(struct gossip *g, const struct gossip_addr *from, struct slice body)
{
	struct msg_nack m;
	if (!message_get(body, &msg_nack_schema, &m, &g->scratch, NULL))
		bad(g, from, "nack response");
	else if (g->probe.stage == PROBE_INDIRECT && g->probe.seq == m.seq)
		g->probe.nacks++;
}

/* ---- for others ---- */

void probe_take_indirect(struct gossip *g, const struct gossip_addr *from, struct slice body)
{
	struct msg_indirect m;
	struct gossip_addr to;
	if (!message_get(body, &msg_indirect_schema, &m, &g->scratch, NULL) ||
	        !gossip_addr_read(m.target, m.port ? m.port : g->c.bind_port, &to)) {
		bad(g, from, "indirect ping request");
		return;
	}
	struct relay *r = g->relays.n < RELAYS_MAX ? calloc(1, sizeof *r) : NULL;
	if (!r)
		return;
	*r = (struct relay){
	        .next = g->relays.first, .seq = ++g->seq, .their_seq = (uint32_t)m.seq, .asker = *from, .nack = m.nack};
	g->relays.first = r;
	g->relays.n++;
	gossip_timer_set(g, &r->timer, TIMER_RELAY, g->now + g->c.timing.probe_timeout);
	ping_send(g, &to, r->seq, m.node);
}

void relay_timeout(struct gossip *g, struct relay *r)
{
	if (r->nack) {
		struct msg_nack m = {r->their_seq};
		packet_send(g, &r->asker, message_make(g, SWIM_NACK, &msg_nack_schema, &m));
	}
	relay_drop(g, r);
}

void relays_free(struct gossip *g)
{
	while (g->relays.first)
		relay_drop(g, g->relays.first);
}
