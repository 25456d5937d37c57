#include "tests/sim/gossip_net.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"

/* Something on its way. */
enum what { NODE_TIMER, PACKET, STREAM_OPEN, STREAM_OPENED, STREAM_DATA, STREAM_END };

struct delivery {
	struct heap_node timer;
	enum what what;
	uint32_t to, from;
	struct sim_stream *stream;
	unsigned side; /* of the stream, that it goes to */
	size_t n;
	char data[];
};

struct sim_stream {
	struct sim_stream *next;
	uint32_t node[2], id[2];
	mono_ns last[2]; /* nothing may overtake */
	bool closed[2];
	unsigned pending;
};

static void schedule(struct sim *s, struct heap_node *t, mono_ns at)
{
	MUST(heap_set(&s->heap, t, at));
}

/* ---- nodes ---- */

void sim_init(struct sim *s, const struct sim_config *c, uint64_t seed)
{
	*s = (struct sim){.c = *c};
	rand_seed(&s->rand, seed);
	s->now = NS_PER_S;
	s->sleep_max = 5 * NS_PER_S;
	s->log.level = getenv("SIM_LOG") ? LOG_DEBUG : LOG_ERR + 1;
	s->nodes = calloc(SIM_NODES_MAX, sizeof *s->nodes);
	MUST(s->nodes);
}

uint32_t sim_add(struct sim *s, const char *name, const char *id)
{
	MUST(s->n < SIM_NODES_MAX);
	uint32_t i = s->n++;
	struct sim_node *node = &s->nodes[i];
	const uint8_t ip[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
	snprintf(node->name, sizeof node->name, "%s", name);
	snprintf(node->id, sizeof node->id, "%s", id ? id : name);
	node->addr = (struct gossip_addr){.ip = ip_of_v4(ip), .port = 8301};
	return i;
}

void sim_route(struct sim *s, uint32_t node, unsigned router)
{
	struct sim_node *n = &s->nodes[node];
	const uint8_t ip[4] = {192, 0, 2, (uint8_t)router};
	n->router = router;
	n->addr = (struct gossip_addr){.ip = ip_of_v4(ip), .port = (uint16_t)(8301 + 10 * node)};
	n->seen = n->addr;
	n->seen.port = (uint16_t)(40000 + node);
}

static bool index_of(const struct sim *s, const struct gossip_addr *a, uint32_t *out)
{
	const uint8_t *b = a->ip.b + 12;
	*out = (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	if (b[0] == 10)
		return *out < s->n;
	for (*out = 0; *out < s->n; ++*out)
		if (gossip_addr_eq(a, &s->nodes[*out].addr) || gossip_addr_eq(a, &s->nodes[*out].seen))
			return true;
	return false;
}

static void carry_out(struct sim *s, uint32_t i);

static uint32_t greater(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void look_at(struct sim *s, const struct sim_node *n)
{
	struct gossip_stats st;
	gossip_stats(n->g, &st);
	s->swim_queue = greater(s->swim_queue, st.swim_queue);
	s->serf_queue = greater(s->serf_queue, greater(st.intent_queue, greater(st.event_queue, st.query_queue)));
	if (!gossip_invariants(n->g))
		s->broken++;
}

void sim_event(struct sim *s, uint32_t node, struct gossip_event *ev)
{
	struct sim_node *n = &s->nodes[node];
	if (!n->g)
		return;
	ev->now = s->now + n->skew;
	s->log.now = s->now;
	gossip_step(n->g, ev, &s->effects);
	s->steps++;
	if (rand_below(&s->rand, 1 + s->n) == 0)
		look_at(s, n);
	carry_out(s, node);
	if (!n->g)
		return;
	mono_ns next = gossip_next(n->g) - n->skew;
	schedule(s, &n->timer, next > s->now ? next : s->now);
	if (s->log.lines.n) {
		fprintf(stderr, "%9.3f %s: %.*s", (double)s->now / 1e9, n->name, (int)s->log.lines.n, s->log.lines.p);
		s->log.lines.n = 0;
	}
}

void sim_start(struct sim *s, uint32_t node)
{
	struct sim_node *n = &s->nodes[node];
	struct slice key = S("0123456789abcdef");
	char forget[32];
	snprintf(forget, sizeof forget, "%llds", (long long)(n->forget / NS_PER_S));
	struct pair tags[] = {{S("role"), S("node")}, {S("dc"), S("dc1")}, {S("id"), slice_of(n->id)},
	        {S("segment"), S("")}, {S("build"), S("1.0.8:")}, {S("rc_tm"), slice_of(forget)}};
	uint32_t tags_n = s->c.consul ? ARRAY_LEN(tags) : 1;
	struct gossip_config c = {
	        .pool = s->c.consul ? GOSSIP_LAN : GOSSIP_OPEN,
	        .timing = s->c.timing,
	        .name = slice_of(n->name),
	        .addr = n->addr,
	        .bind_port = 8301,
	        .dc = S("dc1"),
	        .id = slice_of(n->id),
	        .tags = {tags, tags_n - (s->c.consul && !n->forget)},
	        .keys = {&key, s->c.encrypted},
	        .no_compression = !s->c.compress,
	        .log = &s->log,
	        .seed = rand_u64(&s->rand),
	        .cards = &s->cards,
	};
	MUST(!n->g);
	n->saw_left = n->stopped = false;
	n->g = gossip_new(&c, NULL);
	MUST(n->g);
	struct gossip_event ev = {.kind = GE_START};
	sim_event(s, node, &ev);
}

static void cut_streams(struct sim *s, uint32_t node);

void sim_stop(struct sim *s, uint32_t node)
{
	struct sim_node *n = &s->nodes[node];
	heap_remove(&s->heap, &n->timer);
	gossip_free(n->g);
	n->g = NULL;
	cut_streams(s, node);
}

void sim_sleep(struct sim *s, uint32_t node, dur_ns how_long)
{
	s->nodes[node].asleep_until = s->now + how_long;
}

void sim_jump(struct sim *s, uint32_t node, dur_ns ahead)
{
	struct sim_node *n = &s->nodes[node];
	n->skew += ahead;
	if (n->g)
		schedule(s, &n->timer, s->now);
}

void sim_join(struct sim *s, uint32_t node, uint32_t to)
{
	struct gossip_event ev = {.kind = GE_JOIN, .tag = 1};
	ev.join.addrs = &s->nodes[to].addr;
	ev.join.n = 1;
	sim_event(s, node, &ev);
}

/* ---- the wire ---- */

static bool cut_off(const struct sim *s, uint32_t from, uint32_t to)
{
	unsigned a = s->nodes[from].group, b = s->nodes[to].group;
	if (s->nodes[from].router && s->nodes[from].router == s->nodes[to].router && !s->hairpin && from != to)
		return true;
	return s->parted && a != b && (!s->one_way || a < b);
}

static bool hears(struct sim *s, uint32_t node)
{
	return !s->nodes[node].deaf || rand_unit(&s->rand) >= s->nodes[node].deaf;
}

static dur_ns delay(struct sim *s)
{
	return s->c.delay_min + (dur_ns)rand_below(&s->rand, (uint64_t)(s->c.delay_max - s->c.delay_min + 1));
}

static struct delivery *delivery_new(enum what what, uint32_t from, uint32_t to, struct slice data)
{
	struct delivery *d = calloc(1, sizeof *d + data.n);
	MUST(d);
	d->what = what;
	d->from = from;
	d->to = to;
	d->n = data.n;
	if (data.n)
		memcpy(d->data, data.p, data.n);
	return d;
}

static void send_packet(struct sim *s, uint32_t from, const struct gossip_effect *x)
{
	uint32_t to;
	s->packets++;
	s->bytes += x->packet.data.n;
	if (!index_of(s, &x->packet.to, &to) || cut_off(s, from, to))
		return;
	unsigned copies = rand_unit(&s->rand) < s->c.doubled ? 2 : 1;
	for (; copies; copies--)
		if (rand_unit(&s->rand) >= s->c.loss && hears(s, to)) {
			struct delivery *d = delivery_new(PACKET, from, to, x->packet.data);
			schedule(s, &d->timer, s->now + delay(s));
		}
}

static void stream_send(struct sim *s, struct sim_stream *t, unsigned side, enum what what, struct slice data)
{
	struct delivery *d = delivery_new(what, t->node[!side], t->node[side], data);
	mono_ns at = s->now + delay(s);
	if (at <= t->last[side])
		at = t->last[side] + 1;
	t->last[side] = at;
	d->stream = t;
	d->side = side;
	t->pending++;
	schedule(s, &d->timer, at);
}

static void open_stream(struct sim *s, uint32_t from, const struct gossip_effect *x)
{
	uint32_t to;
	struct sim_stream *t = calloc(1, sizeof *t);
	MUST(t);
	t->node[0] = from;
	t->id[0] = x->stream.id;
	t->next = s->streams;
	s->streams = t;
	if (!index_of(s, &x->stream.to, &to))
		to = from;
	t->node[1] = to;
	t->id[1] = ++s->stream_number | GOSSIP_STREAM_THEIRS;
	if (!cut_off(s, from, to) && !cut_off(s, to, from) && hears(s, from) && hears(s, to))
		stream_send(s, t, 1, STREAM_OPEN, S_NONE); /* else nothing comes back, ever: a time-out */
}

static struct sim_stream *stream_of(struct sim *s, uint32_t node, uint32_t id, unsigned *side)
{
	for (struct sim_stream *t = s->streams; t; t = t->next)
		for (*side = 0; *side < 2; ++*side)
			if (t->node[*side] == node && t->id[*side] == id && !t->closed[*side])
				return t;
	return NULL;
}

static void write_stream(struct sim *s, uint32_t node, const struct gossip_effect *x)
{
	unsigned side;
	struct sim_stream *t = stream_of(s, node, x->stream.id, &side);
	s->stream_bytes += x->stream.data.n;
	if (t && !cut_off(s, t->node[side], t->node[!side]))
		stream_send(s, t, !side, STREAM_DATA, x->stream.data);
}

static void close_stream(struct sim *s, uint32_t node, uint32_t id)
{
	unsigned side;
	struct sim_stream *t = stream_of(s, node, id, &side);
	if (!t)
		return;
	t->closed[side] = true;
	stream_send(s, t, !side, STREAM_END, S_NONE);
}

static void cut_streams(struct sim *s, uint32_t node)
{
	for (struct sim_stream *t = s->streams; t; t = t->next)
		for (unsigned side = 0; side < 2; side++)
			if (t->node[side] == node && !t->closed[side]) {
				t->closed[side] = true;
				stream_send(s, t, !side, STREAM_END, S_NONE);
			}
}

static void sweep_streams(struct sim *s)
{
	for (struct sim_stream **at = &s->streams; *at;) {
		struct sim_stream *t = *at;
		if (!t->pending && t->closed[0] && t->closed[1]) {
			*at = t->next;
			free(t);
		} else {
			at = &t->next;
		}
	}
}

/* ---- effects ---- */

static void note_done(struct sim_node *n, const struct gossip_effect *x)
{
	n->done_tag = x->done.tag;
	n->done_err = x->done.err;
	n->done_n = x->done.n;
	slice_cstr(x->done.text, n->done_text, sizeof n->done_text);
}

static void note_keys(struct sim_node *n, const struct gossip_keys *k)
{
	n->keys = *k;
	n->key_fewest = UINT32_MAX;
	for (uint32_t i = 0; i < k->key_n; i++)
		n->key_fewest = k->keys[i].n < n->key_fewest ? k->keys[i].n : n->key_fewest;
}

static void judge(struct sim *s, uint32_t by, const struct gossip_effect *x)
{
	uint32_t whom;
	if (x->member.change != CHANGE_FAILED || !index_of(s, &x->member.member->addr, &whom))
		return;
	s->nodes[by].failures_seen++;
	const struct sim_node *n = &s->nodes[whom];
	bool healthy = n->g && !n->slow && !n->deaf && !s->nodes[by].deaf;
	if (healthy && n->asleep_until <= s->now && !s->parted)
		s->false_deaths++;
	s->true_deaths += !n->g;
}

static void carry_out(struct sim *s, uint32_t i)
{
	/* Effects point into the instance's own arena; the list itself is shared by all: nothing here steps anybody. */
	for (size_t k = 0; k < s->effects.n; k++) {
		const struct gossip_effect *x = &s->effects.items[k];
		struct sim_node *n = &s->nodes[i];
		switch (x->kind) {
		case GX_PACKET: send_packet(s, i, x); break;
		case GX_STREAM_OPEN: open_stream(s, i, x); break;
		case GX_STREAM_WRITE: write_stream(s, i, x); break;
		case GX_STREAM_CLOSE: close_stream(s, i, x->stream.id); break;
		case GX_MEMBER: judge(s, i, x); break;
		case GX_USER_EVENT: n->events++; break;
		case GX_QUERY: n->queries++; break;
		case GX_DONE: note_done(n, x); break;
		case GX_KEYS: note_keys(n, x->keys.result); break;
		case GX_STOP: n->stopped = true; break;
		default: break;
		}
		if (s->watch)
			s->watch(s, i, x);
	}
}

/* ---- time ---- */

static struct gossip_addr source(const struct sim_node *n)
{
	return n->router ? n->seen : n->addr;
}

static void arrive_stream(struct sim *s, struct delivery *d)
{
	struct sim_stream *t = d->stream;
	unsigned side = d->side;
	struct sim_node *n = &s->nodes[t->node[side]];
	struct gossip_event ev = {0};
	t->pending--;
	ev.stream.id = t->id[side];
	ev.stream.data = slice_at(d->data, d->n);
	if (d->what == STREAM_OPEN && !n->g) {
		t->closed[side] = true;
		stream_send(s, t, 0, STREAM_END, S_NONE);
		return;
	}
	if (t->closed[side])
		return;
	switch (d->what) {
	case STREAM_OPEN:
		stream_send(s, t, 0, STREAM_OPENED, S_NONE);
		ev.kind = GE_STREAM_OPENED;
		ev.stream.peer = source(&s->nodes[t->node[0]]);
		break;
	case STREAM_OPENED: ev.kind = GE_STREAM_OPENED; break;
	case STREAM_DATA: ev.kind = GE_STREAM_DATA; break;
	default: ev.kind = GE_STREAM_CLOSED; t->closed[side] = true;
	}
	sim_event(s, t->node[side], &ev);
}

static void arrive(struct sim *s, struct delivery *d)
{
	struct sim_node *n = &s->nodes[d->to];
	if (n->asleep_until > s->now) {
		schedule(s, &d->timer, n->asleep_until);
		return;
	}
	if (d->what == PACKET) {
		struct gossip_event ev = {.kind = GE_PACKET};
		ev.packet.from = source(&s->nodes[d->from]);
		ev.packet.data = slice_at(d->data, d->n);
		sim_event(s, d->to, &ev);
	} else {
		arrive_stream(s, d);
	}
	free(d);
}

/* Lives through what it slept through, timer by timer. */
static void catch_up(struct sim *s, struct sim_node *n)
{
	dur_ns skew = n->skew;
	for (mono_ns due; n->g && (due = gossip_next(n->g) - skew) < s->now - NS_PER_MS;) {
		struct gossip_event ev = {.kind = GE_TIMER};
		n->skew = skew + due - s->now;
		sim_event(s, (uint32_t)(n - s->nodes), &ev);
	}
	n->skew = skew;
}

static void wake(struct sim *s, struct sim_node *n)
{
	if (n->asleep_until > s->now) {
		schedule(s, &n->timer, n->asleep_until);
		return;
	}
	if (s->plain)
		catch_up(s, n);
	if (n->slow && rand_below(&s->rand, 4) == 0)
		sim_sleep(s, (uint32_t)(n - s->nodes),
		        NS_PER_S / 2 + (dur_ns)rand_below(&s->rand, (uint64_t)s->sleep_max));
	struct gossip_event ev = {.kind = GE_TIMER};
	sim_event(s, (uint32_t)(n - s->nodes), &ev);
}

static bool is_node(const struct sim *s, const struct heap_node *t)
{
	const char *p = (const char *)t;
	return p >= (const char *)s->nodes && p < (const char *)(s->nodes + s->n);
}

void sim_run(struct sim *s, dur_ns how_long)
{
	mono_ns end = s->now + how_long;
	for (struct heap_node *t; (t = heap_first(&s->heap)) && t->key <= end;) {
		s->now = t->key > s->now ? t->key : s->now;
		heap_remove(&s->heap, t);
		if (is_node(s, t))
			wake(s, HEAP_OWNER(t, struct sim_node, timer));
		else
			arrive(s, HEAP_OWNER(t, struct delivery, timer));
	}
	s->now = end;
	sweep_streams(s);
}

dur_ns sim_until(struct sim *s, dur_ns at_most, bool (*done)(struct sim *s))
{
	mono_ns begin = s->now;
	while (s->now - begin < at_most) {
		if (done(s))
			return s->now - begin;
		sim_run(s, 50 * NS_PER_MS);
	}
	return done(s) ? s->now - begin : -1;
}

void sim_free(struct sim *s)
{
	while (s->heap.n) {
		struct heap_node *t = heap_first(&s->heap);
		heap_remove(&s->heap, t);
		if (!is_node(s, t))
			free(HEAP_OWNER(t, struct delivery, timer));
	}
	for (uint32_t i = 0; i < s->n; i++)
		if (s->nodes[i].g)
			gossip_free(s->nodes[i].g);
	for (struct sim_stream *t = s->streams, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	cards_free(&s->cards);
	heap_free(&s->heap);
	gossip_effects_free(&s->effects);
	buf_free(&s->log.lines);
	free(s->nodes);
}

/* ---- looking ---- */

bool sim_sees(const struct sim *s, uint32_t a, uint32_t b)
{
	struct gossip_member m;
	return s->nodes[a].g && gossip_find(s->nodes[a].g, slice_of(s->nodes[b].name), &m) &&
	       m.status == GOSSIP_ALIVE && gossip_addr_eq(&m.addr, &s->nodes[b].addr);
}

static bool together(const struct sim *s, uint32_t a, uint32_t b)
{
	return s->nodes[b].g && !(s->parted && s->nodes[a].group != s->nodes[b].group);
}

/* The numbers are cheap and mostly tell already. */
static bool counts_agree(const struct sim *s)
{
	uint32_t running[256] = {0};
	for (uint32_t i = 0; i < s->n; i++)
		if (s->nodes[i].g)
			running[s->parted ? s->nodes[i].group & 255 : 0]++;
	for (uint32_t i = 0; i < s->n; i++) {
		struct gossip_stats st;
		if (!s->nodes[i].g)
			continue;
		gossip_stats(s->nodes[i].g, &st);
		if (st.alive != running[s->parted ? s->nodes[i].group & 255 : 0])
			return false;
	}
	return true;
}

/* Names are unique in a view: as many as run, and each of them one who runs, are all who run. */
static bool sees_only_living(struct sim *s, uint32_t a)
{
	uint32_t at = 0, b;
	for (struct gossip_member m; gossip_member_next(s->nodes[a].g, &at, &m);) {
		if (m.status != GOSSIP_ALIVE)
			continue;
		if (!index_of(s, &m.addr, &b) || !together(s, a, b) || !slice_is(m.name, s->nodes[b].name) ||
		        !gossip_addr_eq(&m.addr, &s->nodes[b].addr))
			return false;
	}
	return true;
}

bool sim_converged(struct sim *s)
{
	if (!counts_agree(s))
		return false;
	for (uint32_t a = 0; a < s->n; a++)
		if (s->nodes[a].g && !sees_only_living(s, a))
			return false;
	return true;
}
