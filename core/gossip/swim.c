#include "core/gossip/swim.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/gossip/serf_event.h"
#include "core/gossip/serf_query.h"
#include "core/gossip/tags.h"

#define SERF_TIMING                                                                                                    \
	.reap_interval = 15 * NS_PER_S, .reconnect_interval = 30 * NS_PER_S, .reconnect_timeout = 72 * NS_PER_H,       \
	.tombstone_timeout = 24 * NS_PER_H, .intent_timeout = 5 * NS_PER_MIN, .broadcast_timeout = 5 * NS_PER_S,       \
	.queue_check_interval = 30 * NS_PER_S, .snapshot_interval = 500 * NS_PER_MS

/* Consul 1.0.8: memberlist/config.go, serf/config.go, agent/consul/config.go */
const struct gossip_timing gossip_lan = {
        .probe_interval = NS_PER_S,
        .probe_timeout = 500 * NS_PER_MS,
        .gossip_interval = 200 * NS_PER_MS,
        .gossip_to_dead = 30 * NS_PER_S,
        .push_pull_interval = 30 * NS_PER_S,
        .tcp_timeout = 10 * NS_PER_S,
        .gossip_nodes = 3,
        .indirect_checks = 3,
        .suspicion_mult = 4,
        .suspicion_max_mult = 6,
        .retransmit_mult = 4,
        .awareness_max = 8,
        SERF_TIMING,
};
const struct gossip_timing gossip_wan = {
        .probe_interval = 5 * NS_PER_S,
        .probe_timeout = 3 * NS_PER_S,
        .gossip_interval = 500 * NS_PER_MS,
        .gossip_to_dead = 60 * NS_PER_S,
        .push_pull_interval = 60 * NS_PER_S,
        .tcp_timeout = 30 * NS_PER_S,
        .gossip_nodes = 4,
        .indirect_checks = 3,
        .suspicion_mult = 6,
        .suspicion_max_mult = 6,
        .retransmit_mult = 4,
        .awareness_max = 8,
        SERF_TIMING,
};
const struct gossip_timing gossip_local = {
        .probe_interval = NS_PER_S,
        .probe_timeout = 200 * NS_PER_MS,
        .gossip_interval = 100 * NS_PER_MS,
        .gossip_to_dead = 15 * NS_PER_S,
        .push_pull_interval = 15 * NS_PER_S,
        .tcp_timeout = NS_PER_S,
        .gossip_nodes = 3,
        .indirect_checks = 1,
        .suspicion_mult = 3,
        .suspicion_max_mult = 6,
        .retransmit_mult = 2,
        .awareness_max = 8,
        SERF_TIMING,
};

/* ---- effects and commands ---- */

struct gossip_effect *gossip_effect_add(struct gossip *g, enum gossip_effect_kind kind)
{
	struct gossip_effects *out = g->out;
	if (out->n == out->cap) {
		out->cap = out->cap ? out->cap * 2 : 32;
		out->items = realloc(out->items, out->cap * sizeof *out->items);
		MUST(out->items);
	}
	struct gossip_effect *e = &out->items[out->n++];
	*e = (struct gossip_effect){.kind = kind};
	return e;
}

void gossip_effects_reset(struct gossip_effects *out)
{
	out->n = 0;
	if (out->cap * sizeof *out->items > GOSSIP_KEEP) {
		free(out->items);
		out->items = NULL;
		out->cap = 0;
	}
	arena_reset(&out->mem, GOSSIP_KEEP);
}

void gossip_effects_free(struct gossip_effects *out)
{
	free(out->items);
	arena_free(&out->mem);
	*out = (struct gossip_effects){0};
}

struct slice gossip_keep(struct gossip *g, struct slice s)
{
	struct slice copy = arena_copy(&g->out->mem, s);
	MUST(copy.p || !s.p);
	return copy;
}

void gossip_done(struct gossip *g, uint64_t tag, enum err e, struct slice text, uint32_t n)
{
	struct gossip_effect *x = gossip_effect_add(g, GX_DONE);
	x->done.tag = tag;
	x->done.err = e;
	x->done.text = gossip_keep(g, text);
	x->done.n = n;
}

void gossip_timer_set(struct gossip *g, struct gossip_timer *t, enum gossip_timer_kind kind, mono_ns at)
{
	t->kind = kind;
	MUST(heap_set(&g->timers, &t->node, at));
}

uint64_t name_hash(const struct gossip *g, struct slice name)
{
	return hash_bytes(g->roster.seed, name);
}

struct slice message_make(struct gossip *g, uint8_t type, const struct schema *s, const void *message)
{
	buf_reset(&g->message, GOSSIP_KEEP);
	message_put(&g->message, type, s, message);
	MUST(!g->message.failed);
	return buf_view(&g->message);
}

/* ---- those who wait for a broadcast ---- */

uint32_t waiter_new(struct gossip *g, enum waiting kind, uint64_t tag)
{
	struct waiter *w = g->waiters_n < GOSSIP_WAITERS_MAX ? calloc(1, sizeof *w) : NULL;
	if (!w) {
		gossip_done(g, tag, ERR_FULL, S("too many commands at once"), 0);
		return 0;
	}
	w->kind = kind;
	w->tag = tag;
	w->number = ++g->waiter_number;
	w->next = g->waiters;
	g->waiters = w;
	g->waiters_n++;
	gossip_timer_set(g, &w->timer, TIMER_WAITER, g->now + g->c.timing.broadcast_timeout);
	return w->number;
}

static void waiter_end(struct gossip *g, struct waiter *w, bool in_time)
{
	static const char *const late[] = {
	        [WAIT_LEAVE_INTENT] = "timeout while waiting for graceful leave",
	        [WAIT_LEAVE_DEAD] = "timeout waiting for leave broadcast",
	        [WAIT_FORCE_LEAVE] = "timed out broadcasting node removal",
	        [WAIT_TAGS] = "timeout waiting for update broadcast",
	};
	struct waiter **at = &g->waiters;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	g->waiters_n--;
	gossip_timer_stop(g, &w->timer);
	struct waiter end = *w;
	free(w);
	if (end.kind == WAIT_LEAVE_INTENT && in_time)
		swim_leave(g, end.tag);
	else
		gossip_done(g, end.tag, in_time ? OK : ERR_TIMEOUT, in_time ? S_NONE : slice_of(late[end.kind]), 0);
}

static void settle(struct gossip *g, struct broadcasts *q)
{
	while (q->finished_n) {
		uint32_t number = q->finished[--q->finished_n];
		for (struct waiter *w = g->waiters; w; w = w->next)
			if (w->number == number) {
				waiter_end(g, w, true);
				break;
			}
	}
}

void waiters_settle(struct gossip *g)
{
	settle(g, &g->serf.intents_told);
	settle(g, &g->told);
}

void swim_leave(struct gossip *g, uint64_t tag)
{
	bool others = g->by_state[PEER_ALIVE] + g->by_state[PEER_SUSPECT] > 1;
	g->left = true;
	g->leave_waiter = others ? waiter_new(g, WAIT_LEAVE_DEAD, tag) : 0;
	struct msg_suspect m = {g->self->incarnation, peer_name(g->self), S_NONE};
	swim_dead(g, &m);
	if (!others)
		gossip_done(g, tag, OK, S_NONE, 0);
}

/* ---- birth and death ---- */

static struct list copy_tags(struct arena *a, struct list tags)
{
	const struct pair *from = tags.items;
	struct pair *to = ARENA_ARRAY(a, struct pair, tags.n + 1);
	for (uint32_t i = 0; to && i < tags.n; i++)
		to[i] = (struct pair){arena_copy(a, from[i].key), arena_copy(a, from[i].val)};
	return (struct list){to, tags.n};
}

static void copy_config(struct gossip *g, const struct gossip_config *c)
{
	struct arena *a = &g->own;
	g->c = *c;
	g->c.name = arena_copy(a, c->name);
	g->c.dc = arena_copy(a, c->dc);
	g->c.id = arena_copy(a, c->id);
	g->c.segment = arena_copy(a, c->segment);
	g->c.tags = copy_tags(a, c->tags);
	g->c.keys = (struct list){0};
	g->c.snapshot_bytes = arena_copy(a, c->snapshot_bytes);
}

static enum err encode_tags(struct gossip *g, struct list tags, struct fail *f)
{
	struct buf b = {0};
	tags_put(&b, tags);
	if (b.n + TAGS_MARK_BYTES <= GOSSIP_META_MAX) /* real tags may fill it */
		tags_mark(&b);
	if (b.failed || b.n > GOSSIP_META_MAX) {
		buf_free(&b);
		return fail_set(f, ERR_INVALID, "Encoded length of tags exceeds limit of %d bytes", GOSSIP_META_MAX);
	}
	buf_free(&g->own_meta);
	g->own_meta = b;
	return OK;
}

static enum err take_keys(struct gossip *g, struct list keys, struct fail *f)
{
	const struct slice *k = keys.items;
	enum err e = OK;
	for (uint32_t i = 0; i < keys.n && !e; i++)
		e = keyring_add(&g->keys, k[i], f);
	return e;
}

static struct slice word_alive(struct gossip *g, const struct peer *p)
{
	(void)g;
	return card_message(p->card);
}

struct gossip *gossip_new(const struct gossip_config *c, struct fail *f)
{
	struct gossip *g = calloc(1, sizeof *g);
	if (!g) {
		fail_set(f, ERR_NO_MEMORY, "out of memory");
		return NULL;
	}
	copy_config(g, c);
	g->log = c->log;
	rand_seed(&g->rand, c->seed);
	roster_init(&g->roster, rand_u64(&g->rand), rand_u64(&g->rand));
	broadcasts_init(&g->told, UINT32_MAX);
	broadcasts_of_members(&g->told, g, offsetof(struct peer, alive), word_alive);
	vivaldi_init(&g->vivaldi);
	g->envelope.random = &g->rand;
	g->envelope.compress = !c->no_compression;
	if (!c->send_plain)
		g->envelope.keys = &g->keys;
	serf_init(g);
	bool named = c->name.n > 0 && c->name.n <= GOSSIP_NAME_MAX;
	if (!named)
		fail_set(f, ERR_INVALID, "a member needs a name of 1 to %d bytes", GOSSIP_NAME_MAX);
	if (!named || encode_tags(g, c->tags, f) || take_keys(g, c->keys, f)) {
		gossip_free(g);
		return NULL;
	}
	return g;
}

static void peers_free(struct gossip *g)
{
	uint32_t at = 0;
	while (g->order_n)
		peer_forget(g, peer_nth(g, g->order_n - 1));
	for (struct peer *p; (p = peer_next(g, &at));) {
		peer_set_status(g, p, GOSSIP_NONE);
		peer_release(g, p);
	}
	roster_free(&g->roster);
	free(g->order);
}

void gossip_free(struct gossip *g)
{
	exchange_free(g);
	relays_free(g);
	id_claims_free(g);
	serf_free(g);
	broadcasts_free(&g->told);
	peers_free(g);
	for (struct waiter *w = g->waiters, *next; w; w = next) {
		next = w->next;
		gossip_timer_stop(g, &w->timer);
		free(w);
	}
	heap_free(&g->timers);
	keyring_free(&g->keys);
	buf_free(&g->envelope.scratch[0]);
	buf_free(&g->envelope.scratch[1]);
	buf_free(&g->parts.body);
	buf_free(&g->message);
	buf_free(&g->packet);
	buf_free(&g->plain);
	buf_free(&g->own_meta);
	arena_free(&g->own);
	arena_free(&g->scratch);
	free(g);
}

/* ---- start ---- */

/* A ticker begins after a random part of its interval, so that members don't march in step. */
static void tick_begin(struct gossip *g, enum gossip_timer_kind kind, dur_ns interval, bool spread)
{
	if (interval > 0)
		gossip_timer_set(g, &g->fixed[kind], kind,
		        g->now + interval + (spread ? (dur_ns)rand_below(&g->rand, (uint64_t)interval) : 0));
}

static void rejoin(struct gossip *g)
{
	struct previous_peer *previous;
	uint32_t n, wanted = 0;
	peers_file_read(
	        g->c.snapshot_bytes, g->c.rejoin_after_leave, &g->scratch, g->log, &g->peers_file, &previous, &n);
	struct gossip_addr *addrs = ARENA_ARRAY(&g->scratch, struct gossip_addr, n + 1);
	struct slice *names = ARENA_ARRAY(&g->scratch, struct slice, n + 1);
	if (g->c.snapshot_bytes.n) {
		g->serf.event_min = g->peers_file.event_clock + 1;
		g->serf.query_min = g->peers_file.query_clock + 1;
	}
	lamport_witness(&g->serf.clock, g->peers_file.clock);
	lamport_witness(&g->serf.event_clock, g->peers_file.event_clock);
	lamport_witness(&g->serf.query_clock, g->peers_file.query_clock);
	for (uint32_t i = 0; i < n && addrs && names; i++) {
		uint32_t with = (uint32_t)rand_below(&g->rand, i + 1);
		struct previous_peer swap = previous[i];
		previous[i] = previous[with];
		previous[with] = swap;
	}
	for (uint32_t i = 0; i < n && addrs && names; i++) {
		names[wanted] = previous[i].name;
		if (!slice_eq(previous[i].name, g->c.name) && gossip_addr_parse(previous[i].addr, 0, &addrs[wanted]))
			wanted++;
	}
	if (wanted)
		exchange_join_own(g, JOIN_REJOIN, addrs, names, wanted);
}

static void start(struct gossip *g)
{
	const struct gossip_timing *t = &g->c.timing;
	MUST(!g->started);
	g->started = true;
	if (g->c.snapshot)
		rejoin(g); /* reads the clocks first; the joins themselves are only asked for */
	swim_announce(g, 0);
	tick_begin(g, TIMER_PROBE, t->probe_interval, true);
	tick_begin(g, TIMER_GOSSIP, t->gossip_interval, true);
	tick_begin(g, TIMER_PUSH_PULL, t->push_pull_interval, true);
	tick_begin(g, TIMER_REAP, t->reap_interval, false);
	tick_begin(g, TIMER_RECONNECT, t->reconnect_interval, false);
	tick_begin(g, TIMER_QUEUES, t->queue_check_interval, false);
	if (g->c.snapshot)
		tick_begin(g, TIMER_SNAPSHOT, t->snapshot_interval, false);
}

/* ---- timers ---- */

/* The next tick counts from the one that was due, so that the pace holds; after a long sleep from now. */
static void tick_again(struct gossip *g, enum gossip_timer_kind kind, dur_ns interval)
{
	struct gossip_timer *t = &g->fixed[kind];
	mono_ns next = t->node.key + interval;
	gossip_timer_set(g, t, kind, next > g->now ? next : g->now + interval);
}

static void fire_fixed(struct gossip *g, enum gossip_timer_kind kind)
{
	const struct gossip_timing *t = &g->c.timing;
	switch (kind) {
	case TIMER_PROBE:
		tick_again(g, kind, t->probe_interval);
		probe_tick(g);
		break;
	case TIMER_GOSSIP:
		tick_again(g, kind, t->gossip_interval);
		swim_gossip(g);
		break;
	case TIMER_PUSH_PULL:
		tick_again(g, kind, push_pull_wait(t->push_pull_interval, g->order_n));
		exchange_tick(g);
		break;
	case TIMER_REAP:
		tick_again(g, kind, t->reap_interval);
		serf_reap(g);
		break;
	case TIMER_RECONNECT:
		tick_again(g, kind, t->reconnect_interval);
		serf_reconnect(g);
		break;
	case TIMER_QUEUES:
		tick_again(g, kind, t->queue_check_interval);
		serf_check_queues(g);
		break;
	case TIMER_SNAPSHOT:
		tick_again(g, kind, t->snapshot_interval);
		peers_file_clock(g);
		break;
	default: probe_timer(g); break;
	}
}

static void doubt_over(struct gossip *g, struct peer *p)
{
	log_info(g->log, "memberlist: Marking %.*s as failed, suspect timeout reached (%u peer confirmations)",
	        PS(peer_name(p)), peer_doubt(p)->heard);
	struct msg_suspect m = {p->incarnation, peer_name(p), g->c.name};
	swim_dead(g, &m);
}

static void fire(struct gossip *g, struct gossip_timer *t)
{
	switch (t->kind) {
	case TIMER_DOUBT: doubt_over(g, HEAP_OWNER(t, struct trouble, doubt_timer)->peer); break;
	case TIMER_CLAIM: claim_timer(g, HEAP_OWNER(t, struct claim, timer)); break;
	case TIMER_ID_CLAIM: id_claim_timer(g, HEAP_OWNER(t, struct id_claim, timer)); break;
	case TIMER_JOIN: exchange_join_again(g, HEAP_OWNER(t, struct join, timer)); break;
	case TIMER_RELAY: relay_timeout(g, HEAP_OWNER(t, struct relay, timer)); break;
	case TIMER_STREAM: exchange_timeout(g, HEAP_OWNER(t, struct stream, timer)); break;
	case TIMER_WAITER: waiter_end(g, HEAP_OWNER(t, struct waiter, timer), false); break;
	case TIMER_QUERY: serf_query_timeout(g, (struct query *)(void *)t); break;
	default: fire_fixed(g, t->kind); break;
	}
}

/* We were asleep (a stopped machine, a starved process): what we waited for may lie unread in the socket. So nobody is
 * doubted for our sleep: suspicions go on where they stood, the probe under way does not count, and we trust ourselves
 * a little less. */
static void slept(struct gossip *g, dur_ns late)
{
	log_debug(g->log, "memberlist: slept for %lld ms", (long long)(late / NS_PER_MS));
	probe_score(g, 1);
	probe_abandon(g);
	for (uint32_t i = 0; i < g->order_n; i++) {
		struct trouble *t = peer_nth(g, i)->trouble;
		if (!t || !t->doubt)
			continue;
		t->doubt->start += late;
		gossip_timer_set(g, &t->doubt_timer, TIMER_DOUBT, suspicion_deadline(t->doubt));
	}
}

static void timers(struct gossip *g)
{
	struct heap_node *first = heap_first(&g->timers);
	if (first && g->now - first->key >= g->c.timing.probe_timeout)
		slept(g, g->now - first->key);
	for (struct heap_node *n; (n = heap_first(&g->timers)) && n->key <= g->now;) {
		heap_remove(&g->timers, n);
		fire(g, HEAP_OWNER(n, struct gossip_timer, node));
	}
}

mono_ns gossip_next(const struct gossip *g)
{
	struct heap_node *n = heap_first(&g->timers);
	return n ? n->key : INT64_MAX;
}

/* ---- the step ---- */

static void tags_changed(struct gossip *g, const struct gossip_event *ev)
{
	struct fail f;
	if (encode_tags(g, ev->tags, &f)) {
		gossip_done(g, ev->tag, f.code, slice_of(f.text), 0);
		return;
	}
	bool others = serf_others_alive(g);
	uint32_t waiter = others ? waiter_new(g, WAIT_TAGS, ev->tag) : 0;
	swim_announce(g, waiter);
	if (!others)
		gossip_done(g, ev->tag, OK, S_NONE, 0);
}

void gossip_step(struct gossip *g, const struct gossip_event *ev, struct gossip_effects *out)
{
	gossip_effects_reset(out);
	arena_reset(&g->scratch, GOSSIP_KEEP);
	g->out = out;
	g->now = ev->now;
	switch (ev->kind) {
	case GE_START: start(g); break;
	case GE_TIMER: timers(g); break;
	case GE_PACKET: swim_packet(g, ev); break;
	case GE_STREAM_OPENED: exchange_opened(g, ev); break;
	case GE_STREAM_DATA: exchange_data(g, ev); break;
	case GE_STREAM_CLOSED: exchange_closed(g, ev); break;
	case GE_JOIN: exchange_join(g, ev); break;
	case GE_LEAVE: serf_leave(g, ev->tag); break;
	case GE_FORCE_LEAVE: serf_force_leave(g, ev); break;
	case GE_USER_EVENT: serf_event_send(g, ev); break;
	case GE_QUERY: serf_query_send(g, ev); break;
	case GE_RESPOND: serf_query_respond(g, ev); break;
	case GE_KEY: serf_query_key(g, ev); break;
	case GE_TAGS: tags_changed(g, ev); break;
	case GE_TIMEOUTS: g->c.timing.reconnect_timeout = ev->timeouts.reconnect; break;
	}
	waiters_settle(g);
	g->out = NULL;
}

/* ---- looking ---- */

bool gossip_member_next(const struct gossip *g, uint32_t *at, struct gossip_member *out)
{
	struct peer *p;
	do
		p = peer_next(g, at);
	while (p && p->status == GOSSIP_NONE);
	if (p)
		peer_view(g, p, out);
	return p;
}

bool gossip_find(const struct gossip *g, struct slice name, struct gossip_member *out)
{
	struct peer *p = peer_find(g, name);
	if (!p || p->status == GOSSIP_NONE)
		return false;
	peer_view(g, p, out);
	return true;
}

const struct vivaldi_point *gossip_coordinate(const struct gossip *g)
{
	return &g->vivaldi.at;
}

void gossip_stats(const struct gossip *g, struct gossip_stats *out)
{
	*out = (struct gossip_stats){
	        .members = serf_members(g),
	        .failed = g->by_status[GOSSIP_FAILED],
	        .left = g->by_status[GOSSIP_LEFT],
	        .alive = g->by_status[GOSSIP_ALIVE],
	        .health_score = g->score,
	        .member_time = g->serf.clock.at,
	        .event_time = g->serf.event_clock.at,
	        .query_time = g->serf.query_clock.at,
	        .intent_queue = g->serf.intents_told.n,
	        .event_queue = g->serf.events_told.n,
	        .query_queue = g->serf.queries_told.n,
	        .swim_queue = g->told.n,
	        .coordinate_resets = g->vivaldi.resets,
	        .packets_in = g->packets_in,
	        .packets_out = g->packets_out,
	        .bytes_in = g->bytes_in,
	        .bytes_out = g->bytes_out,
	        .encrypted = keyring_on(&g->keys),
	};
}

/* The numbers are those of README.md. */
bool gossip_invariants(const struct gossip *g)
{
	uint32_t states[PEER_NONE + 1] = {0}, in_order = 0;
	uint32_t at = 0;
	for (const struct peer *p; (p = peer_next(g, &at));) {
		states[p->state]++;
		in_order += p->state != PEER_NONE;
		if (p->state == PEER_NONE && p->status == GOSSIP_NONE)
			return false; /* 1: nobody is kept whom nobody knows */
		if ((peer_doubt(p) != NULL) != (p->state == PEER_SUSPECT))
			return false; /* 2: suspect members, and only they, have a deadline */
		if (p->state != PEER_NONE && peer_nth(g, p->place) != p)
			return false; /* 3 */
		if (p->alive.queued && p->trouble && p->trouble->told != BROADCAST_NONE)
			return false; /* 4: one message about each */
	}
	if (!broadcasts_invariants(&g->told) || !broadcasts_invariants(&g->serf.intents_told))
		return false;
	if (memcmp(states, g->by_state, sizeof states) != 0 || in_order != g->order_n)
		return false; /* 3: the probing order holds each record once */
	if (g->told.n > g->order_n + 8 || g->serf.intents_told.n > serf_queue_max(g) ||
	        g->serf.events_told.n > serf_queue_max(g) || g->serf.queries_told.n > serf_queue_max(g))
		return false;                                                       /* 5: queues are bounded */
	return g->score < g->c.timing.awareness_max && g->streams.n <= STREAMS_MAX; /* 6 */
}
