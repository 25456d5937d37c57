/* Connections of Raft: whole requests in order, late, or the connection ends; and the calls of net/rpc: late, lost, or
 * never sent. Where a way is cut nothing arrives; whoever waits there is told after a while, or not before he speaks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_wire.h"
#include "tests/sim/cluster_world.h"

struct host *wire_host(struct cluster *c, struct slice address)
{
	for (unsigned i = 0; i < c->hosts_n; i++)
		if (slice_is(address, c->hosts[i].address))
			return &c->hosts[i];
	return NULL;
}

dur_ns wire_delay(struct cluster *c, const struct host *from, const struct host *to)
{
	dur_ns far = from->dc != to->dc ? c->far : 0;
	if (!c->calm && cluster_below(c, 1000) < c->odd)
		return far + cluster_some(c, 50 * NS_PER_MS, 800 * NS_PER_MS);
	return far + cluster_some(c, 50 * NS_PER_US, c->delay_most);
}

bool wire_open(const struct cluster *c, const struct host *from, const struct host *to)
{
	return !c->cut[from->number][to->number];
}

static bool both_ways(const struct cluster *c, const struct host *a, const struct host *b)
{
	return wire_open(c, a, b) && wire_open(c, b, a);
}

/* ---- a connection ends ---- */

static void on_lost(struct cluster *c, struct hap *e)
{
	struct event ev = {.kind = EV_RAFT_LOST};
	ev.raft.peer = slice_of(c->hosts[e->peer].id);
	ev.raft.channel = (uint8_t)e->channel;
	host_step(c, e->host, &ev);
}

static void on_closed(struct cluster *c, struct hap *e)
{
	struct host *h = e->host;
	struct event ev = {.kind = EV_RAFT_CLOSED};
	for (unsigned i = 0; i < INCOMING_MAX; i++) {
		struct incoming *in = &h->in[i];
		if (in->conn != e->number)
			continue;
		in->gone = in->states_n > 0;
		if (!in->gone)
			in->conn = 0;
		ev.raft.conn = e->number;
		host_step(c, h, &ev);
		return;
	}
}

static void lose_after(struct cluster *c, struct host *h, struct host *peer, unsigned channel, dur_ns after)
{
	struct link *l = &h->links[peer->number][channel];
	if (l->open && peer->up)
		cluster_later(c, wire_delay(c, h, peer) + (wire_open(c, h, peer) ? 0 : after), on_closed, peer)
		        ->number = l->conn;
	*l = (struct link){0};
	struct hap *e = cluster_later(c, after, on_lost, h);
	e->peer = peer->number;
	e->channel = channel;
}

static void lose(struct cluster *c, struct host *h, struct host *peer, unsigned channel)
{
	lose_after(c, h, peer, channel, cluster_some(c, 10 * NS_PER_US, 5 * NS_PER_MS));
}

void wire_break(struct cluster *c, struct host *from, struct host *to)
{
	dur_ns after = cluster_some(c, NS_PER_MS, cluster_chance(c, 50) ? 20 * NS_PER_MS : 3 * NS_PER_S);
	for (unsigned k = 0; k < CHANNELS; k++)
		if (from->links[to->number][k].open)
			lose_after(c, from, to, k, after);
}

void wire_drop(struct cluster *c, struct host *h, const struct effect *e)
{
	for (unsigned i = 0; i < c->hosts_n; i++)
		for (unsigned k = 0; slice_is(e->raft.peer, c->hosts[i].id) && k < CHANNELS; k++) {
			struct link *l = &h->links[i][k];
			if (l->open && c->hosts[i].up)
				cluster_later(c, wire_delay(c, h, &c->hosts[i]), on_closed, &c->hosts[i])->number =
				        l->conn;
			*l = (struct link){0};
		}
}

/* ---- requests of Raft ---- */

static struct incoming *incoming_of(struct host *h, uint64_t conn)
{
	for (unsigned i = 0; i < INCOMING_MAX; i++)
		if (h->in[i].conn == conn)
			return &h->in[i];
	return NULL;
}

static void on_request(struct cluster *c, struct hap *e)
{
	struct host *h = e->host, *from = &c->hosts[e->peer];
	struct link *l = &from->links[h->number][e->channel];
	struct event ev = {.kind = EV_RAFT_REQUEST};
	if (!l->open || l->conn != e->number)
		return; /* the connection is gone */
	if (!wire_open(c, from, h)) {
		wire_break(c, from, h);
		return;
	}
	struct incoming *in = incoming_of(h, e->number);
	if (!in) {
		in = incoming_of(h, 0);
		MUST(in);
		*in = (struct incoming){.conn = e->number, .peer = e->peer, .channel = e->channel, .life = from->life};
	}
	ev.raft.conn = e->number;
	ev.raft.bytes = buf_view(&e->bytes);
	if (e->channel == RAFT_INSTALL) {
		MUST(in->states_n < INSTALLS_MAX);
		struct buf *state = &in->states[in->states_n++];
		*state = e->state;
		e->state = (struct buf){0};
		ev.raft.state = buf_view(state);
	}
	host_step(c, h, &ev);
}

void wire_send(struct cluster *c, struct host *h, const struct effect *x)
{
	struct host *peer = wire_host(c, x->raft.address);
	bool install = x->kind == EFF_RAFT_INSTALL;
	unsigned channel = install ? RAFT_INSTALL : x->raft.channel;
	if (!peer || !slice_is(x->raft.peer, peer->id)) { /* nobody is there any more; hashicorp's address need not */
		for (unsigned i = 0; i < c->hosts_n; i++)
			if (slice_is(x->raft.peer, c->hosts[i].id))
				lose_after(c, h, &c->hosts[i], channel, cluster_some(c, NS_PER_MS, 100 * NS_PER_MS));
		return;
	}
	struct link *l = &h->links[peer->number][channel];
	if (!peer->up || !both_ways(c, h, peer) || l->count == LINK_MAX ||
	        (!c->calm && cluster_below(c, 3000) < c->odd)) {
		lose_after(
		        c, h, peer, channel, peer->up ? cluster_some(c, NS_PER_MS, 500 * NS_PER_MS) : 100 * NS_PER_US);
		return;
	}
	if (!l->open)
		*l = (struct link){.open = true, .conn = ++c->numbers, .arrives = c->now};
	mono_ns at = c->now + wire_delay(c, h, peer);
	l->arrives = at > l->arrives ? at : l->arrives + 1; /* heaps keep no order among equals */
	l->tags[(l->first + l->count++) % LINK_MAX] = x->raft.tag;
	struct hap *e = cluster_later(c, l->arrives - c->now, on_request, peer);
	e->number = l->conn;
	e->peer = h->number;
	e->channel = channel;
	if (install) {
		platter_state(db_published(core_db(h->core)), &e->state);
		MUST(raft_wire_sized(x->raft.bytes, (int64_t)e->state.n, &e->bytes));
	} else {
		buf_slice(&e->bytes, x->raft.bytes);
	}
}

/* ---- … and their answers ---- */

static void on_answer(struct cluster *c, struct hap *e)
{
	struct host *h = e->host, *from = &c->hosts[e->peer];
	struct link *l = &h->links[e->peer][e->channel];
	struct event ev = {.kind = EV_RAFT_ANSWER};
	if (!l->open || l->conn != e->number || !l->count)
		return;
	if (!wire_open(c, from, h)) {
		wire_break(c, h, from);
		return;
	}
	if (!e->bytes.n) {
		lose(c, h, from, e->channel);
		return;
	}
	ev.raft.peer = slice_of(from->id);
	ev.raft.channel = (uint8_t)e->channel;
	ev.raft.tag = l->tags[l->first];
	ev.raft.bytes = buf_view(&e->bytes);
	l->first = (l->first + 1) % LINK_MAX;
	l->count--;
	host_step(c, h, &ev);
}

void wire_answer(struct cluster *c, struct host *h, const struct effect *x)
{
	struct incoming *in = x->raft.conn ? incoming_of(h, x->raft.conn) : NULL;
	if (!in)
		return;
	struct host *peer = &c->hosts[in->peer];
	mono_ns at = c->now + wire_delay(c, h, peer);
	if (in->states_n) {
		buf_free(&in->states[0]);
		memmove(in->states, in->states + 1, --in->states_n * sizeof in->states[0]);
	}
	in->answers = at > in->answers ? at : in->answers + 1;
	struct hap *e = cluster_later(c, in->answers - c->now, on_answer, peer);
	e->life = in->life;
	e->number = x->raft.conn;
	e->peer = h->number;
	e->channel = in->channel;
	buf_slice(&e->bytes, x->raft.bytes);
	if (in->gone && !in->states_n)
		in->conn = 0;
}

/* ---- calls ---- */

static void rpc_free(struct cluster *c, struct rpc *r)
{
	struct rpc **at = &c->rpcs;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

static struct rpc *rpc_of(struct cluster *c, uint64_t number)
{
	struct rpc *r = c->rpcs;
	while (r && r->number != number)
		r = r->next;
	return r;
}

static void rpc_end(struct cluster *c, struct rpc *r, enum answer_kind kind, struct slice body, const char *text)
{
	struct rpc k = *r;
	struct call_answer a = {.kind = kind, .body = body, .text = slice_of(text)};
	rpc_free(c, r);
	a.from = slice_of(k.address);
	if (!k.from->up || k.from->life != k.from_life)
		return;
	if (!k.core) {
		asked_forwarded(c, k.from, k.asked, &a);
		return;
	}
	struct event ev = {.kind = EV_CALL_DONE};
	ev.call.tag = k.tag;
	ev.call.answer = &a;
	host_step(c, k.from, &ev);
}

static void on_rpc_lost(struct cluster *c, struct hap *e)
{
	struct rpc *r = rpc_of(c, e->number);
	if (r && e->tag)
		rpc_end(c, r, ANSWER_UNREACHABLE, S_NONE, "rpc error getting client: failed to get conn: dial tcp");
	else if (r)
		rpc_end(c, r, ANSWER_LOST, S_NONE, "rpc error making call: EOF");
}

static void rpc_lost(struct cluster *c, struct rpc *r, dur_ns after, bool unsent)
{
	struct hap *e = cluster_later(c, after, on_rpc_lost, r->from);
	e->number = r->number;
	e->tag = unsent;
}

/* Bytes: four of the method's length, the method, the arguments. */
static void on_rpc(struct cluster *c, struct hap *e)
{
	struct rpc *r = rpc_of(c, e->number);
	uint32_t n;
	if (!r)
		return;
	if (!wire_open(c, r->from, e->host)) {
		rpc_lost(c, r, cluster_some(c, NS_PER_S, 5 * NS_PER_S), false);
		return;
	}
	memcpy(&n, e->bytes.p, sizeof n);
	struct asked *a = asked_new(c, e->host, slice_at(e->bytes.p + sizeof n, n),
	        slice_at(e->bytes.p + sizeof n + n, e->bytes.n - sizeof n - n));
	a->call = r->number;
	asked_run(c, a);
}

void wire_call(struct cluster *c, struct host *from, const struct call_forward *what, uint64_t asked, uint64_t tag)
{
	struct host *to = wire_host(c, what->to);
	struct rpc *r = calloc(1, sizeof *r);
	MUST(r);
	*r = (struct rpc){.next = c->rpcs, .number = ++c->numbers, .asked = asked, .tag = tag, .core = !asked};
	c->rpcs = r;
	slice_cstr(what->to, r->address, sizeof r->address);
	r->from = from;
	r->from_life = from->life;
	if (!to || !to->up || !to->server || !both_ways(c, from, to)) {
		rpc_lost(c, r, to && !to->up ? NS_PER_MS : cluster_some(c, NS_PER_MS, NS_PER_S), true);
		return;
	}
	r->to = to;
	r->to_life = to->life;
	struct hap *e = cluster_later(c, wire_delay(c, from, to), on_rpc, to);
	uint32_t n = (uint32_t)what->method.n;
	e->number = r->number;
	buf_bytes(&e->bytes, &n, sizeof n);
	buf_slice(&e->bytes, what->method);
	buf_slice(&e->bytes, what->args);
}

static void on_rpc_answer(struct cluster *c, struct hap *e)
{
	struct rpc *r = rpc_of(c, e->number);
	if (!r)
		return;
	if (!wire_open(c, r->to, r->from))
		rpc_lost(c, r, cluster_some(c, NS_PER_S, 5 * NS_PER_S), false);
	else if (e->state.n)
		rpc_end(c, r, ANSWER_ERROR, S_NONE, e->state.p);
	else
		rpc_end(c, r, ANSWER_REPLY, buf_view(&e->bytes), "");
}

void wire_called(struct cluster *c, struct host *at, uint64_t call, struct slice error, struct slice body)
{
	struct rpc *r = rpc_of(c, call);
	if (!r)
		return;
	if (!c->calm && cluster_below(c, 2000) < c->odd) {
		rpc_lost(c, r, wire_delay(c, at, r->from), false);
		return;
	}
	struct hap *e = cluster_later(c, wire_delay(c, at, r->from), on_rpc_answer, r->from);
	e->number = call;
	buf_slice(&e->bytes, body);
	if (error.n)
		buf_fmt(&e->state, "rpc error making call: %.*s%c", PS(error), 0);
}

void wire_free(struct cluster *c)
{
	while (c->rpcs)
		rpc_free(c, c->rpcs);
}

/* ---- an end dies ---- */

void wire_crashed(struct cluster *c, struct host *h)
{
	for (unsigned i = 0; i < c->hosts_n; i++)
		for (unsigned k = 0; k < CHANNELS; k++) {
			struct host *o = &c->hosts[i];
			if (h->links[i][k].open && o->up)
				cluster_later(c, wire_delay(c, h, o), on_closed, o)->number = h->links[i][k].conn;
			h->links[i][k] = (struct link){0};
			if (o->links[h->number][k].open && o->up)
				lose(c, o, h, k);
		}
	for (unsigned i = 0; i < INCOMING_MAX; i++)
		while (h->in[i].states_n)
			buf_free(&h->in[i].states[--h->in[i].states_n]);
	memset(h->in, 0, sizeof h->in);
	for (struct rpc *r = c->rpcs, *next; r; r = next) {
		next = r->next;
		if (r->to == h && r->to_life == h->life)
			rpc_lost(c, r, wire_delay(c, h, r->from), false);
		else if (r->from == h && r->from_life == h->life)
			rpc_free(c, r);
	}
}
