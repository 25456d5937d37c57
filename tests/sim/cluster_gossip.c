/* The pools of the agents: packets that are lost, doubled and late, streams in order until an end dies or the way is
 * cut. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/agent/gossip_config.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/cluster_world.h"

enum { LAN_PORT = 8301, WAN_PORT = 8302, JOINS_MAX = 32 };

struct stream {
	struct stream *next;
	struct host *host[2];
	unsigned life[2], pool;
	uint32_t id[2];
	mono_ns last[2]; /* nothing may overtake */
	bool closed[2];
	uint64_t number;
};

static void step(struct cluster *c, struct host *h, unsigned pool, struct gossip_event *ev);

const struct host *chat_host(const struct cluster *c, const struct gossip_addr *a)
{
	char text[24];
	const uint8_t *b = a->ip.b + 12;
	snprintf(text, sizeof text, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	for (unsigned i = 0; i < c->hosts_n; i++)
		if (!strcmp(c->hosts[i].ip, text))
			return &c->hosts[i];
	return NULL;
}

static struct host *host_at(struct cluster *c, const struct gossip_addr *a)
{
	const struct host *h = chat_host(c, a);
	return h ? &c->hosts[h->number] : NULL;
}

static struct gossip_addr address_of(const struct host *h, unsigned pool)
{
	struct gossip_addr a;
	MUST(gossip_addr_parse(slice_of(h->ip), pool == GOSSIP_LAN ? LAN_PORT : WAN_PORT, &a));
	return a;
}

/* ---- packets ---- */

static void on_packet(struct cluster *c, struct hap *e)
{
	struct host *from = &c->hosts[e->peer];
	struct gossip_event ev = {.kind = GE_PACKET};
	if (!wire_open(c, from, e->host) || !e->host->pools[e->pool])
		return;
	ev.packet.from = address_of(from, e->pool);
	ev.packet.data = buf_view(&e->bytes);
	step(c, e->host, e->pool, &ev);
}

static void send_packet(struct cluster *c, struct host *h, unsigned pool, const struct gossip_effect *x)
{
	struct host *to = host_at(c, &x->packet.to);
	if (!to || !to->up)
		return;
	for (unsigned copies = cluster_below(c, 1000) < c->loss ? 2 : 1; copies; copies--) {
		if (cluster_below(c, 1000) < c->loss)
			continue;
		struct hap *e = cluster_later(c, wire_delay(c, h, to), on_packet, to);
		e->peer = h->number;
		e->pool = pool;
		buf_slice(&e->bytes, x->packet.data);
	}
}

/* ---- streams ---- */

static struct stream *stream_numbered(struct cluster *c, uint64_t number)
{
	struct stream *s = c->streams;
	while (s && s->number != number)
		s = s->next;
	return s;
}

static struct stream *stream_of(struct cluster *c, const struct host *h, unsigned pool, uint32_t id, unsigned *side)
{
	for (struct stream *s = c->streams; s; s = s->next)
		for (*side = 0; *side < 2; ++*side)
			if (s->host[*side] == h && s->pool == pool && s->id[*side] == id && !s->closed[*side] &&
			        s->life[*side] == h->life)
				return s;
	return NULL;
}

static void stream_free(struct cluster *c, struct stream *s)
{
	struct stream **at = &c->streams;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

enum { OPEN = 1, OPENED, DATA, END };

static void on_stream(struct cluster *c, struct hap *e);

static void stream_send(struct cluster *c, struct stream *s, unsigned side, unsigned what, struct slice data)
{
	mono_ns at = c->now + wire_delay(c, s->host[!side], s->host[side]);
	s->last[side] = at > s->last[side] ? at : s->last[side] + 1;
	struct hap *e = cluster_later(c, s->last[side] - c->now, on_stream, s->host[side]);
	e->number = s->number;
	e->side = side;
	e->channel = what;
	buf_slice(&e->bytes, data);
}

static void on_stream(struct cluster *c, struct hap *e)
{
	struct stream *s = stream_numbered(c, e->number);
	struct gossip_event ev = {0};
	if (!s || s->closed[e->side] || !e->host->pools[s->pool] || !wire_open(c, s->host[!e->side], e->host))
		return; /* what is behind it never comes: they wait until their time is over */
	unsigned pool = s->pool;
	ev.stream.id = s->id[e->side];
	switch (e->channel) {
	case OPEN:
		ev.kind = GE_STREAM_OPENED;
		ev.stream.peer = address_of(s->host[0], s->pool);
		stream_send(c, s, 0, OPENED, S_NONE);
		break;
	case OPENED: ev.kind = GE_STREAM_OPENED; break;
	case DATA:
		ev.kind = GE_STREAM_DATA;
		ev.stream.data = buf_view(&e->bytes);
		break;
	default:
		ev.kind = GE_STREAM_CLOSED;
		s->closed[e->side] = true;
		if (s->closed[!e->side])
			stream_free(c, s);
	}
	step(c, e->host, pool, &ev);
}

static void open_stream(struct cluster *c, struct host *h, unsigned pool, const struct gossip_effect *x)
{
	struct host *to = host_at(c, &x->stream.to);
	if (!to || (to->up && (!to->pools[pool] || !wire_open(c, h, to) || !wire_open(c, to, h))))
		return; /* nothing comes back, ever: a time-out */
	struct stream *s = calloc(1, sizeof *s);
	MUST(s);
	*s = (struct stream){.next = c->streams, .host = {h, to}, .pool = pool, .number = ++c->numbers};
	s->life[0] = h->life;
	s->life[1] = to->life;
	s->id[0] = x->stream.id;
	s->id[1] = (uint32_t)s->number | GOSSIP_STREAM_THEIRS;
	c->streams = s;
	if (to->up)
		stream_send(c, s, 1, OPEN, S_NONE);
	else
		stream_send(c, s, 0, END, S_NONE);
}

static void write_stream(struct cluster *c, struct host *h, unsigned pool, const struct gossip_effect *x)
{
	unsigned side;
	struct stream *s = stream_of(c, h, pool, x->stream.id, &side);
	if (s)
		stream_send(c, s, !side, DATA, x->stream.data);
}

static void close_stream(struct cluster *c, struct host *h, unsigned pool, uint32_t id)
{
	unsigned side;
	struct stream *s = stream_of(c, h, pool, id, &side);
	if (!s)
		return;
	s->closed[side] = true;
	if (s->closed[!side])
		stream_free(c, s);
	else
		stream_send(c, s, !side, END, S_NONE);
}

/* ---- the file of peers ---- */

static void write_peers(struct host *h, unsigned pool, const struct gossip_effect *x)
{
	struct peers *p = &h->peers[pool];
	if (x->snapshot.replace)
		buf_reset(&p->bytes, 1 << 20);
	buf_slice(&p->bytes, x->snapshot.bytes);
	p->synced = x->snapshot.sync || x->snapshot.replace ? p->bytes.n : p->synced;
}

/* What was not synced is there in part. */
void chat_power_off(struct cluster *c, struct host *h)
{
	for (unsigned i = 0; i < POOLS; i++) {
		struct peers *p = &h->peers[i];
		p->bytes.n = p->synced + cluster_below(c, p->bytes.n - p->synced + 1);
	}
}

/* ---- steps ---- */

static void carry_out(struct cluster *c, struct host *h, unsigned pool, const struct gossip_effect *x)
{
	struct event ev = {.kind = EV_GOSSIP};
	switch (x->kind) {
	case GX_PACKET: send_packet(c, h, pool, x); break;
	case GX_STREAM_OPEN: open_stream(c, h, pool, x); break;
	case GX_STREAM_WRITE: write_stream(c, h, pool, x); break;
	case GX_STREAM_CLOSE: close_stream(c, h, pool, x->stream.id); break;
	case GX_KEYRING: break;
	case GX_SNAPSHOT: write_peers(h, pool, x); break;
	default:
		ev.gossip.pool = (int)pool;
		ev.gossip.effect = x;
		host_step(c, h, &ev);
	}
}

static void step(struct cluster *c, struct host *h, unsigned pool, struct gossip_event *ev)
{
	struct gossip_effects out = {0};
	ev->now = host_now(c, h);
	gossip_step(h->pools[pool], ev, &out);
	for (size_t i = 0; i < out.n; i++)
		carry_out(c, h, pool, &out.items[i]);
	gossip_effects_free(&out);
}

void chat_tick(struct cluster *c, struct host *h)
{
	struct gossip_event ev = {.kind = GE_TIMER};
	for (unsigned i = 0; i < POOLS; i++)
		if (h->pools[i] && gossip_next(h->pools[i]) <= host_now(c, h))
			step(c, h, i, &ev);
}

mono_ns chat_next(const struct host *h)
{
	mono_ns at = INT64_MAX;
	for (unsigned i = 0; i < POOLS; i++)
		if (h->pools[i] && gossip_next(h->pools[i]) < at)
			at = gossip_next(h->pools[i]);
	return at;
}

/* Names are those of hosts, or addresses. */
static bool resolve(struct cluster *c, struct slice name, unsigned pool, struct gossip_addr *out)
{
	for (unsigned i = 0; i < c->hosts_n; i++)
		if (slice_is(name, c->hosts[i].name)) {
			*out = address_of(&c->hosts[i], pool);
			return true;
		}
	return gossip_addr_parse(name, pool == GOSSIP_LAN ? LAN_PORT : WAN_PORT, out);
}

static void join(struct cluster *c, struct host *h, const struct effect *e)
{
	struct gossip_event ev = {.kind = GE_JOIN, .tag = e->gossip_join.tag};
	struct gossip_addr addrs[JOINS_MAX];
	const struct slice *names = e->gossip_join.names.items;
	unsigned pool = (unsigned)e->gossip_join.pool;
	for (uint32_t i = 0; i < e->gossip_join.names.n && ev.join.n < JOINS_MAX; i++)
		if (resolve(c, names[i], pool, &addrs[ev.join.n]))
			ev.join.n++;
	ev.join.addrs = addrs;
	step(c, h, pool, &ev);
}

void chat_command(struct cluster *c, struct host *h, const struct effect *e)
{
	if (e->kind == EFF_GOSSIP_JOIN)
		join(c, h, e);
	else
		step(c, h, (unsigned)e->gossip.pool, e->gossip.command);
}

/* ---- birth and death ---- */

void chat_start(struct cluster *c, struct host *h)
{
	for (unsigned i = 0; i < POOLS; i++) {
		struct arena a = {0};
		struct gossip_config config;
		struct fail f;
		if (gossip_config_of(&h->config, (enum gossip_pool)i, &a, &config)) {
			config.log = &h->log;
			config.seed = rand_u64(&c->rand);
			config.snapshot_bytes = buf_view(&h->peers[i].bytes);
			h->pools[i] = gossip_new(&config, &f);
			MUST(h->pools[i]);
		}
		arena_free(&a);
	}
}

void chat_stop(struct cluster *c, struct host *h)
{
	for (unsigned i = 0; i < POOLS; i++) {
		if (h->pools[i])
			gossip_free(h->pools[i]);
		h->pools[i] = NULL;
	}
	for (struct stream *s = c->streams, *next; s; s = next) {
		next = s->next;
		for (unsigned side = 0; side < 2; side++)
			if (s->host[side] == h && s->life[side] == h->life && !s->closed[side]) {
				s->closed[side] = true;
				if (s->closed[!side]) {
					stream_free(c, s);
					break;
				}
				stream_send(c, s, !side, END, S_NONE);
			}
	}
}

void chat_free(struct cluster *c)
{
	while (c->streams)
		stream_free(c, c->streams);
}
