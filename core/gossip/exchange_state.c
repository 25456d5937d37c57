#include "core/gossip/exchange_state.h"

#include "core/base/must.h"
#include "core/gossip/joinable.h"

void exchange_put_state(struct gossip *g, struct buf *out, bool join)
{
	struct buf user = {0};
	serf_put_state(g, &user);
	struct msg_push_header h = {g->order_n, (int64_t)user.n, join};
	message_put(out, SWIM_PUSH_PULL, &msg_push_header_schema, &h);
	for (uint32_t i = 0; i < g->order_n; i++) {
		const struct peer *p = peer_nth(g, i);
		const struct card *c = p->card;
		struct msg_push_node m = {c->addr.port, p->incarnation, p->state, card_name(c),
		        gossip_addr_bytes(&c->addr), card_meta(c), slice_at(c->vsn, VSN_BYTES)};
		schema_mp_write(out, &msg_push_node_schema, &m);
	}
	buf_slice(out, buf_view(&user));
	buf_free(&user);
}

static enum err read_node(
        struct gossip *g, struct mp_reader *r, struct msg_push_node *m, struct gossip_addr *addr, struct fail *f)
{
	*m = (struct msg_push_node){0};
	schema_mp_read(r, &msg_push_node_schema, m, &g->scratch);
	if (!m->port)
		m->port = g->c.bind_port;
	if (r->failed)
		return fail_set(f, ERR_INVALID, "msgpack decode error");
	if (m->vsn.n != VSN_BYTES || !gossip_addr_read(m->addr, m->port, addr) || m->incarnation > UINT32_MAX)
		return fail_set(f, ERR_INVALID, "malformed state of node '%.*s'", PS(m->name));
	return OK;
}

enum err remote_state_read(struct gossip *g, struct slice body, struct remote_state *out, struct fail *f)
{
	struct msg_push_header h;
	struct slice rest;
	*out = (struct remote_state){0};
	if (!message_get(body, &msg_push_header_schema, &h, &g->scratch, &rest) || h.nodes < 0 || h.user_state < 0 ||
	        (uint64_t)h.nodes > rest.n || (uint64_t)h.nodes > GOSSIP_PEERS_MAX)
		return fail_set(f, ERR_INVALID, "msgpack decode error");
	out->n = (uint32_t)h.nodes;
	out->join = h.join;
	out->nodes = ARENA_ARRAY(&g->scratch, struct msg_push_node, out->n + 1);
	out->addrs = ARENA_ARRAY(&g->scratch, struct gossip_addr, out->n + 1);
	if (!out->nodes || !out->addrs)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	struct mp_reader r = mp_read(rest);
	for (uint32_t i = 0; i < out->n; i++) {
		enum err e = read_node(g, &r, &out->nodes[i], &out->addrs[i], f);
		if (e)
			return e;
	}
	if (mp_left(&r) < (uint64_t)h.user_state)
		return fail_set(f, ERR_INVALID, "unexpected EOF");
	out->user = slice_at(r.at, (size_t)h.user_state);
	return OK;
}

/* ---- versions: everybody must speak what everybody who is alive understands ---- */

struct versions {
	uint8_t swim_min, swim_max, serf_min, serf_max;
};

static void narrow(struct versions *v, const uint8_t vsn[static VSN_BYTES])
{
	v->swim_min = vsn[VSN_SWIM_MIN] > v->swim_min ? vsn[VSN_SWIM_MIN] : v->swim_min;
	v->swim_max = vsn[VSN_SWIM_MAX] < v->swim_max ? vsn[VSN_SWIM_MAX] : v->swim_max;
	v->serf_min = vsn[VSN_SERF_MIN] > v->serf_min ? vsn[VSN_SERF_MIN] : v->serf_min;
	v->serf_max = vsn[VSN_SERF_MAX] < v->serf_max ? vsn[VSN_SERF_MAX] : v->serf_max;
}

static enum err fits(const struct versions *v, struct slice name, const uint8_t vsn[static VSN_BYTES], struct fail *f)
{
	uint8_t swim = vsn[VSN_SWIM], serf = vsn[VSN_SERF];
	if (swim < v->swim_min || swim > v->swim_max)
		return fail_set(f, ERR_DENIED, "Node '%.*s' protocol version (%u) is incompatible: [%u, %u]", PS(name),
		        swim, v->swim_min, v->swim_max);
	if (serf < v->serf_min || serf > v->serf_max)
		return fail_set(f, ERR_DENIED, "Node '%.*s' delegate protocol version (%u) is incompatible: [%u, %u]",
		        PS(name), serf, v->serf_min, v->serf_max);
	return OK;
}

static enum err check_versions(const struct gossip *g, const struct remote_state *r, struct fail *f)
{
	struct versions v = {0, UINT8_MAX, 0, UINT8_MAX};
	enum err e = OK;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->nodes[i].state == PEER_ALIVE)
			narrow(&v, (const uint8_t *)r->nodes[i].vsn.p);
	for (uint32_t i = 0; i < g->order_n; i++)
		if (peer_nth(g, i)->state == PEER_ALIVE)
			narrow(&v, peer_nth(g, i)->card->vsn);
	for (uint32_t i = 0; i < r->n && !e; i++)
		e = fits(&v, r->nodes[i].name, (const uint8_t *)r->nodes[i].vsn.p, f);
	for (uint32_t i = 0; i < g->order_n && !e; i++)
		e = fits(&v, peer_name(peer_nth(g, i)), peer_nth(g, i)->card->vsn, f);
	return e;
}

/* Is one of those who share an id being asked whether he is still there? */
static bool clash_is_asked(struct gossip *g, const struct clash *clash)
{
	bool asked = clash->one && id_claim_raise(g, clash->one->name, &clash->one->addr);
	if (clash->other)
		asked |= id_claim_raise(g, clash->other->name, &clash->other->addr);
	return asked;
}

static enum err check_joinable(
        struct gossip *g, const struct remote_state *r, const struct gossip_addr *from, bool served, struct fail *f)
{
	struct slice detail;
	struct clash clash;
	struct candidate *c = ARENA_ARRAY(&g->scratch, struct candidate, r->n + 1);
	if (!c)
		return fail_set(f, ERR_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < r->n; i++)
		c[i] = (struct candidate){r->nodes[i].name, r->nodes[i].meta, r->addrs[i],
		        r->nodes[i].state == PEER_DEAD || id_claim_silent(g, r->nodes[i].name, &r->addrs[i])};
	enum err e = joinable(&g->c, c, r->n, &g->scratch, &detail, &clash, f);
	if (!served && clash_is_asked(g, &clash))
		return fail_set(f, ERR_TIMEOUT, "waiting for the holder of a node ID");
	if (e) {
		char addr[GOSSIP_ADDR_TEXT];
		gossip_addr_print(from, addr);
		log_warn(g->log, "serf: refused to join with %s: %.*s", addr, PS(detail));
	}
	return e;
}

/* ---- merging ---- */

/* Whose node id we have was asked before we came, and was silent: all are told, or they would see two with one id until
 * somebody probes it. If it lives after all it refutes. */
static void bury(struct gossip *g, const struct msg_push_node *n, const struct gossip_addr *addr)
{
	struct msg_suspect m = {n->incarnation, n->name, g->c.name};
	if (!id_claim_news(g, n->name, addr))
		return;
	log_info(g->log, "memberlist: Marking %.*s as failed, silent while we have its node id", PS(n->name));
	swim_dead(g, &m);
	if (!peer_find(g, n->name)) /* as a rule: who shares our id is not let in */
		broadcasts_add(&g->told, message_make(g, SWIM_DEAD, &msg_suspect_schema, &m), NULL, 0);
}

/* `newcomer`: it was us who came. Then a holder of our name, from before, has to be outbid. */
static void merge_node(struct gossip *g, const struct msg_push_node *n, const struct gossip_addr *addr, bool newcomer)
{
	if (n->state == PEER_ALIVE) {
		if (newcomer && slice_eq(n->name, g->c.name) && !gossip_addr_eq(&g->self->card->addr, addr))
			swim_outbid(g, (uint32_t)n->incarnation);
		struct msg_alive m = {n->incarnation, n->port, n->name, n->addr, n->meta, n->vsn};
		swim_alive(g, &m);
		if (newcomer)
			bury(g, n, addr);
		return;
	}
	/* Rather suspect than dead: it may refute. What is said of a holder at another address is about somebody else,
	 * unless it is about us, who must outbid the incarnation. */
	const struct peer *p = peer_find(g, n->name);
	struct msg_suspect m = {n->incarnation, n->name, g->c.name};
	if (p && (is_self(g, p) || gossip_addr_eq(&p->card->addr, addr)))
		swim_suspect(g, &m);
}

/* The first state from a pool: nothing of it is news to the pool, so it is not told on; in a pool of a thousand that
 * would be a thousand messages from each who comes. But what the pool told while it did not know us yet we have missed:
 * hence another look, soon. */
static void arrive(struct gossip *g)
{
	dur_ns soon = g->c.timing.push_pull_interval / 8;
	g->arriving = true;
	struct gossip_timer *t = &g->fixed[TIMER_PUSH_PULL];
	mono_ns at = g->now + soon + (dur_ns)rand_below(&g->rand, (uint64_t)soon + 1);
	if (t->node.place && t->node.key > at)
		gossip_timer_set(g, t, TIMER_PUSH_PULL, at);
}

enum err remote_state_merge(struct gossip *g, const struct remote_state *r, const struct gossip_addr *from,
        bool joining, bool served, bool ignore_old, struct fail *f)
{
	enum err e = check_versions(g, r, f);
	if (!e && joining)
		e = check_joinable(g, r, from, served, f);
	if (e)
		return e;
	if (joining && !served && g->order_n == 1)
		arrive(g);
	for (uint32_t i = 0; i < r->n; i++)
		merge_node(g, &r->nodes[i], &r->addrs[i], joining && !served);
	g->arriving = false;
	if (r->user.n)
		serf_merge_state(g, r->user, joining && ignore_old);
	return OK;
}
