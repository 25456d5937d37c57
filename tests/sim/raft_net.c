/* Connections as TCP gives them: bytes arrive whole and in order, late, or the connection ends; each end hears of that
 * in its own time, or not before it speaks. Where a way is cut, parcels wait. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "tests/sim/raft_world.h"

#define ANSWER_WITHIN (10 * NS_PER_S)

static struct slice copy(struct slice s)
{
	char *p = s.n ? malloc(s.n) : NULL;
	MUST(p || !s.n);
	if (s.n)
		memcpy(p, s.p, s.n);
	return slice_at(p, s.n);
}

static void parcel_free(struct parcel *p)
{
	free((void *)(uintptr_t)p->bytes.p);
	free((void *)(uintptr_t)p->state.p);
	free(p);
}

static void pump_later(struct world *w, struct conn *c, int dir, dur_ns after)
{
	if (c->pumping[dir])
		return;
	c->pumping[dir] = true;
	world_later(w, after, (struct hap){.kind = HAP_PUMP, .conn = c->id, .dir = dir});
}

/* dir 0: to the server, 1: back. */
static void put(struct world *w, struct conn *c, int dir, struct parcel p)
{
	struct parcel *mine = malloc(sizeof *mine);
	MUST(mine);
	p.next = NULL;
	p.earliest = w->now + world_some(w, w->delay_least, w->delay_most);
	*mine = p;
	*c->end[dir] = mine;
	c->end[dir] = &mine->next;
	pump_later(w, c, dir, c->first[dir]->earliest > w->now ? c->first[dir]->earliest - w->now : 0);
}

static void discard(struct conn *c, int dir)
{
	while (c->first[dir]) {
		struct parcel *p = c->first[dir];
		c->first[dir] = p->next;
		parcel_free(p);
	}
	c->end[dir] = &c->first[dir];
}

static struct conn *conn_of(struct world *w, uint64_t id)
{
	struct conn *c = w->conns;
	while (c && c->id != id)
		c = c->next;
	return c;
}

static struct conn *conn_open(struct world *w, struct node *from, struct node *to, uint8_t channel)
{
	for (struct conn *c = w->conns; c; c = c->next)
		if (c->from == from->number && c->to == to->number && c->channel == channel && c->open[0] &&
		        c->from_life == from->life)
			return c;
	struct conn *c = calloc(1, sizeof *c);
	MUST(c);
	*c = (struct conn){.next = w->conns, .id = ++w->conn_ids, .from = from->number, .to = to->number};
	c->from_life = from->life;
	c->to_life = to->life;
	c->channel = channel;
	c->open[0] = c->open[1] = true;
	c->end[0] = &c->first[0];
	c->end[1] = &c->first[1];
	c->asked_end = &c->asked;
	w->conns = c;
	return c;
}

/* One end lets go; the other hears of it behind what is on its way, if that still arrives. */
static void let_go(struct world *w, struct conn *c, int end)
{
	if (!c->open[end])
		return;
	c->open[end] = false;
	if (world_chance(w, 50))
		discard(c, end);
	put(w, c, end, (struct parcel){.close = true});
}

void net_send(struct world *w, struct node *from, const struct effect *e, struct slice state)
{
	struct node *to = node_named(w, e->raft.peer);
	if (!to) {
		world_break(w, "server %d sends to an unknown %.*s", from->number, PS(e->raft.peer));
		return;
	}
	if (!to->up && !w->cut[from->number][to->number] && !w->cut[to->number][from->number]) {
		struct hap h = {.kind = HAP_DIAL_FAILED, .node = from->number, .life = from->life};
		h.value = (uint64_t)to->number << 8 | e->raft.channel;
		world_later(w, world_some(w, w->delay_least, w->delay_most), h);
		return;
	}
	struct conn *c = conn_open(w, from, to, e->raft.channel);
	if (!c->unanswered++)
		c->since = w->now;
	if (!c->timed) {
		c->timed = true;
		world_later(w, ANSWER_WITHIN, (struct hap){.kind = HAP_TIMEOUT, .conn = c->id});
	}
	put(w, c, 0,
	        (struct parcel){
	                .tag = e->raft.tag, .sent = w->now, .bytes = copy(e->raft.bytes), .state = copy(state)});
}

/* What a host does with a peer that is silent for too long. */
void net_timeout(struct world *w, const struct hap *h)
{
	struct conn *c = conn_of(w, h->conn);
	struct node *n = c ? &w->nodes[c->from] : NULL;
	if (!c)
		return;
	c->timed = false;
	if (!n->up || n->life != c->from_life || !c->open[0] || !c->unanswered)
		return;
	if (w->now < c->since + ANSWER_WITHIN) {
		c->timed = true;
		world_later(w, c->since + ANSWER_WITHIN - w->now, *h);
		return;
	}
	let_go(w, c, 0);
	raft_tick(n->raft, w->now);
	raft_lost(n->raft, slice_of(w->nodes[c->to].id), c->channel);
	node_turn(w, n);
}

void net_dial_failed(struct world *w, const struct hap *h)
{
	struct node *n = &w->nodes[h->node];
	raft_tick(n->raft, w->now);
	raft_lost(n->raft, slice_of(w->nodes[h->value >> 8].id), (enum raft_channel)(h->value & 0xff));
	node_turn(w, n);
}

void net_drop(struct world *w, struct node *from, struct slice peer)
{
	for (struct conn *c = w->conns; c; c = c->next)
		if (c->from == from->number && c->from_life == from->life && slice_is(peer, w->nodes[c->to].id))
			let_go(w, c, 0);
}

void net_crashed(struct world *w, struct node *n)
{
	for (struct conn *c = w->conns; c; c = c->next) {
		if (c->from == n->number && c->from_life == n->life)
			let_go(w, c, 0);
		if (c->to == n->number && c->to_life == n->life)
			let_go(w, c, 1);
	}
}

void net_break(struct world *w)
{
	size_t n = 0;
	for (struct conn *c = w->conns; c; c = c->next)
		n += c->open[0] && c->open[1];
	if (!n)
		return;
	n = world_below(w, n);
	for (struct conn *c = w->conns; c; c = c->next) {
		if (!c->open[0] || !c->open[1] || n--)
			continue;
		discard(c, 0);
		discard(c, 1);
		/* Both ends hear it from the network. */
		put(w, c, 0, (struct parcel){.close = true});
		put(w, c, 1, (struct parcel){.close = true});
		return;
	}
}

/* Something in between resets all that this server has dialled: the others hear it, the server itself does not. */
void net_reset(struct world *w, struct node *n)
{
	uint64_t closed[64];
	size_t count = 0;
	for (struct conn *c = w->conns; c; c = c->next) {
		struct node *to = &w->nodes[c->to];
		if (c->from != n->number || !c->open[1] || !to->up || to->life != c->to_life ||
		        count == ARRAY_LEN(closed))
			continue;
		c->open[1] = false;
		closed[count++] = c->id;
	}
	while (count) {
		struct conn *c = conn_of(w, closed[--count]);
		if (!c)
			continue;
		struct node *to = &w->nodes[c->to];
		raft_tick(to->raft, w->now);
		raft_closed(to->raft, c->id);
		node_turn(w, to);
	}
}

/* ---- arrival ---- */

static raft_index asked_add(struct conn *c, const struct parcel *p)
{
	struct arena a = {0};
	struct raft_wire_request q;
	struct asked *mine = calloc(1, sizeof *mine);
	MUST(mine && raft_wire_read_request(p->bytes, &a, &q));
	mine->tag = p->tag;
	mine->sent = p->sent;
	mine->kind = q.kind;
	if (q.kind == RAFT_WIRE_APPEND) {
		mine->term = q.append.term;
		mine->shown = q.append.prev + q.append.n;
	} else if (q.kind == RAFT_WIRE_VOTE) {
		mine->term = q.vote.term;
		mine->prevote = q.vote.prevote;
		slice_cstr(q.vote.candidate, mine->candidate, sizeof mine->candidate);
	} else if (q.kind == RAFT_WIRE_INSTALL) {
		mine->term = q.install.term;
		mine->shown = q.install.last;
	}
	mine->state = (void *)(uintptr_t)p->state.p;
	*c->asked_end = mine;
	c->asked_end = &mine->next;
	arena_free(&a);
	return mine->shown;
}

static void asked_free(struct conn *c, bool state)
{
	while (c->asked) {
		struct asked *q = c->asked;
		c->asked = q->next;
		if (state)
			free(q->state);
		free(q);
	}
	c->asked_end = &c->asked;
}

static void arrive_at_server(struct world *w, struct conn *c, struct parcel *p)
{
	struct node *n = &w->nodes[c->to];
	bool alive = n->up && n->life == c->to_life && c->open[1];
	if (!alive) {
		if (!p->close && (!c->first[1] || !n->up))
			put(w, c, 1, (struct parcel){.close = true});
		return;
	}
	raft_tick(n->raft, w->now);
	if (p->close) {
		c->open[1] = false;
		raft_closed(n->raft, c->id);
	} else {
		raft_index before = raft_state(n->raft)->commit, shown = asked_add(c, p);
		raft_request(n->raft, c->id, p->bytes, p->state);
		if (n->shown_term != raft_state(n->raft)->term)
			n->shown = 0;
		n->shown_term = raft_state(n->raft)->term;
		n->shown = shown > n->shown ? shown : n->shown;
		if (raft_state(n->raft)->commit > before && raft_state(n->raft)->commit > n->shown)
			world_break(w, "server %d commits more than it was shown", n->number);
		p->state = S_NONE; /* lent until the answer */
	}
	node_turn(w, n);
}

static void arrive_back(struct world *w, struct conn *c, struct parcel *p)
{
	struct node *n = &w->nodes[c->from];
	if (!n->up || n->life != c->from_life || !c->open[0])
		return;
	struct slice peer = slice_of(w->nodes[c->to].id);
	raft_tick(n->raft, w->now);
	if (p->close) {
		let_go(w, c, 0);
		raft_lost(n->raft, peer, c->channel);
	} else {
		if (w->heard[c->from][c->to] < p->sent)
			w->heard[c->from][c->to] = p->sent;
		c->unanswered--;
		c->since = w->now;
		raft_answer(n->raft, peer, c->channel, p->tag, p->bytes);
	}
	node_turn(w, n);
}

static void conn_tidy(struct world *w, struct conn *c)
{
	bool held = false;
	for (struct asked *q = c->asked; q; q = q->next)
		held = held || q->state;
	bool gone = w->nodes[c->to].life != c->to_life || !w->nodes[c->to].up;
	if (c->open[0] || (c->open[1] && !gone) || c->first[0] || c->first[1] || (held && !gone))
		return;
	struct conn **at = &w->conns;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	asked_free(c, true);
	free(c);
}

void net_pump(struct world *w, const struct hap *h)
{
	struct conn *c = conn_of(w, h->conn);
	if (!c)
		return;
	int dir = h->dir;
	c->pumping[dir] = false;
	struct parcel *p = c->first[dir];
	bool cut = dir ? w->cut[c->to][c->from] : w->cut[c->from][c->to];
	if (p && (cut || p->earliest > w->now)) {
		pump_later(w, c, dir, cut ? world_some(w, 20 * NS_PER_MS, 300 * NS_PER_MS) : p->earliest - w->now);
		return;
	}
	if (p) {
		c->first[dir] = p->next;
		if (!c->first[dir])
			c->end[dir] = &c->first[dir];
		else
			pump_later(w, c, dir, 0);
		if (dir)
			arrive_back(w, c, p);
		else
			arrive_at_server(w, c, p);
		parcel_free(p);
	}
	conn_tidy(w, c);
}

void net_answer(struct world *w, struct node *at, uint64_t id, struct slice bytes)
{
	struct conn *c = conn_of(w, id);
	if (!c || c->to != at->number || c->to_life != at->life)
		return;
	if (!bytes.n) {
		let_go(w, c, 1);
		asked_free(c, true);
		return;
	}
	struct asked *q = c->asked;
	if (!q) {
		world_break(w, "server %d answers what nobody asked", at->number);
		return;
	}
	c->asked = q->next;
	if (!c->asked)
		c->asked_end = &c->asked;
	check_answer(w, at, q, bytes);
	free(q->state);
	if (c->open[1])
		put(w, c, 1, (struct parcel){.tag = q->tag, .sent = q->sent, .bytes = copy(bytes)});
	free(q);
}

void net_free(struct world *w)
{
	while (w->conns) {
		struct conn *c = w->conns;
		w->conns = c->next;
		discard(c, 0);
		discard(c, 1);
		asked_free(c, true);
		free(c);
	}
}
