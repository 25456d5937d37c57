/* What memberlist believes: alive, suspect and dead messages against what is known, and our own defence. */
#include <stdlib.h>

#include "core/base/must.h"
#include "core/gossip/joinable.h"
#include "core/gossip/swim.h"

static void tell(struct gossip *g, struct peer *p, uint8_t type, const struct msg_suspect *m, uint32_t waiter)
{
	peer_tell(g, p, message_make(g, type, &msg_suspect_schema, m), waiter);
}

/* ---- ourselves ---- */

/* min, max and current: memberlist 1…5, speaking 2; Serf 2…5, speaking 4. As Consul 0.7 to 1.0. */
static const uint8_t our_vsn[VSN_BYTES] = {1, 5, 2, 2, 5, 4};

/* What we say of ourselves from now on. */
static void show(struct gossip *g, struct slice meta)
{
	struct msg_alive m = {
	        .incarnation = g->incarnation,
	        .port = g->c.addr.port,
	        .node = g->c.name,
	        .addr = gossip_addr_bytes(&g->c.addr),
	        .meta = meta,
	        .vsn = slice_at(our_vsn, VSN_BYTES),
	};
	struct card *card = peer_card(g, &m, &g->c.addr);
	MUST(card);
	if (g->self) {
		peer_set_card(g, g->self, card);
	} else {
		g->self = peer_new(g, card);
		MUST(g->self && peer_enter(g, g->self));
	}
	g->self->incarnation = g->incarnation;
}

void swim_announce(struct gossip *g, uint32_t waiter)
{
	bool first = !g->self, same = !first && slice_eq(card_meta(g->self->card), buf_view(&g->own_meta));
	g->incarnation++;
	show(g, buf_view(&g->own_meta));
	struct peer *me = g->self;
	if (waiter)
		peer_tell(g, me, card_message(me->card), waiter);
	else
		peer_tell_card(g, me);
	if (first) {
		peer_set_state(g, me, PEER_ALIVE);
		serf_joined(g, me);
	} else if (!same) {
		serf_updated(g, me);
	}
}

/* Says that we live, with an incarnation above the accusation. */
static void refute(struct gossip *g, uint32_t accused)
{
	if (++g->incarnation <= accused && accused != UINT32_MAX)
		g->incarnation = accused + 1;
	show(g, gossip_keep(g, card_meta(g->self->card)));
	probe_score(g, 1);
	peer_tell_card(g, g->self);
}

void swim_outbid(struct gossip *g, uint32_t incarnation)
{
	if (incarnation >= g->self->incarnation)
		refute(g, incarnation);
}

/* ---- alive ---- */

static bool welcome(struct gossip *g, const struct msg_alive *m, const struct gossip_addr *addr)
{
	struct fail f;
	struct slice detail;
	struct candidate c = {m->node, m->meta, *addr, false};
	if (!joinable(&g->c, &c, 1, &g->scratch, &detail, NULL, &f))
		return true;
	log_warn(g->log, "memberlist: ignoring alive message for '%.*s': %s (%.*s)", PS(m->node), f.text, PS(detail));
	return false;
}

/* The name has a holder at another address. One who is dead or gone yields; one who seems alive is asked. */
static bool yields(struct gossip *g, struct peer *p, const struct msg_alive *m, const struct gossip_addr *addr)
{
	if (p->state == PEER_DEAD && !is_self(g, p)) {
		char old[GOSSIP_ADDR_TEXT], new[GOSSIP_ADDR_TEXT];
		gossip_addr_print(&p->card->addr, old);
		gossip_addr_print(addr, new);
		log_info(g->log, "memberlist: %.*s is at %s now, its holder at %s is gone", PS(m->node), new, old);
		p->incarnation = 0;
		return true;
	}
	char mine[GOSSIP_ADDR_TEXT], theirs[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&p->card->addr, mine);
	gossip_addr_print(addr, theirs);
	log_err(g->log, "memberlist: Conflicting address for %.*s. Mine: %s Theirs: %s", PS(m->node), mine, theirs);
	serf_conflict(g, p, addr);
	if (!is_self(g, p))
		claim_raise(g, p, m, addr);
	return false;
}

/* Whose message this is; NULL when it is not to be believed. Whoever was unknown enters, dead as yet. */
static struct peer *peer_of(struct gossip *g, const struct msg_alive *m, const struct gossip_addr *addr)
{
	struct peer *p = peer_find(g, m->node);
	if (p && p->state != PEER_NONE)
		return gossip_addr_eq(&p->card->addr, addr) || yields(g, p, m, addr) ? p : NULL;
	if (!m->incarnation)
		return NULL;
	if (!p) {
		struct card *card = peer_card(g, m, addr);
		if (!card || !(p = peer_new(g, card))) {
			card_drop(g->c.cards, card);
			return NULL;
		}
	}
	if (peer_enter(g, p))
		return p;
	peer_release(g, p);
	return NULL;
}

static void alive_self(struct gossip *g, const struct msg_alive *m)
{
	struct peer *me = g->self;
	if (m->incarnation < me->incarnation)
		return;
	if (m->incarnation == me->incarnation && slice_eq(m->meta, card_meta(me->card)) &&
	        slice_eq(m->vsn, slice_at(me->card->vsn, VSN_BYTES)))
		return;
	refute(g, (uint32_t)m->incarnation);
	log_warn(g->log, "memberlist: Refuting an alive message");
}

static void accept_alive(struct gossip *g, struct peer *p, const struct msg_alive *m, const struct gossip_addr *addr)
{
	bool was_dead = p->state == PEER_DEAD, same = slice_eq(card_meta(p->card), m->meta);
	struct card *card = peer_card(g, m, addr);
	MUST(card);
	peer_trust(g, p);
	peer_set_card(g, p, card);
	p->incarnation = card->incarnation;
	if (!g->arriving)
		peer_tell_card(g, p);
	if (p->state != PEER_ALIVE)
		peer_set_state(g, p, PEER_ALIVE);
	if (was_dead)
		serf_joined(g, p);
	else if (!same)
		serf_updated(g, p);
}

/* Most of what comes was heard before: nothing more is looked at then. */
bool swim_alive_heard(const struct gossip *g, struct slice message)
{
	const struct peer *p = peer_find(g, card_name_in(message));
	return p && p->state <= PEER_SUSPECT && !is_self(g, p) && slice_eq(card_message(p->card), message);
}

/* Somebody whom we hold for dead is said to live, with an incarnation that proves nothing: he was started again where
 * he was, and those who had forgotten him believe it. He is told what we hold, to say better. */
static void accuse_to_his_face(struct gossip *g, struct peer *p)
{
	struct trouble *t = peer_trouble(p);
	struct msg_suspect m = {p->incarnation, peer_name(p), g->c.name};
	if (g->now < t->next_word)
		return;
	t->next_word = g->now + g->c.timing.probe_interval;
	packet_send(g, &p->card->addr, message_make(g, SWIM_SUSPECT, &msg_suspect_schema, &m));
}

static bool known(struct gossip *g, const struct msg_alive *m, const struct gossip_addr *addr)
{
	struct peer *p = peer_find(g, m->node);
	if (!p || p->state == PEER_NONE || is_self(g, p) || m->incarnation > p->incarnation ||
	        !gossip_addr_eq(&p->card->addr, addr))
		return false;
	if (p->state == PEER_DEAD)
		accuse_to_his_face(g, p);
	return true;
}

void swim_alive(struct gossip *g, const struct msg_alive *m)
{
	struct gossip_addr addr;
	uint64_t port = m->port ? m->port : g->c.bind_port;
	bool ours = slice_eq(m->node, g->c.name);
	if (m->vsn.n != VSN_BYTES || !m->node.n || m->node.n > GOSSIP_NAME_MAX || m->meta.n > 2 * GOSSIP_META_MAX ||
	        m->incarnation > UINT32_MAX || !gossip_addr_read(m->addr, port, &addr))
		return;
	if ((ours && g->left) || known(g, m, &addr) || !welcome(g, m, &addr))
		return;
	struct msg_alive whole = *m;
	whole.port = port;
	struct peer *p = peer_of(g, &whole, &addr);
	if (!p)
		return;
	if (is_self(g, p))
		alive_self(g, &whole);
	else if (m->incarnation > p->incarnation)
		accept_alive(g, p, &whole, &addr);
}

/* ---- suspect ---- */

static void count_accusation(struct gossip *g, struct peer *accused, struct slice from)
{
	struct peer *accuser = peer_find(g, from);
	peer_trouble(accused)->accused++;
	if (accuser)
		peer_trouble(accuser)->accusations++;
}

static void doubt(struct gossip *g, struct peer *p, struct slice from)
{
	const struct gossip_timing *t = &g->c.timing;
	struct trouble *trouble = peer_trouble(p);
	struct suspicion *s = trouble->doubt = calloc(1, sizeof *s);
	MUST(s);
	suspicion_start(
	        s, g->now, name_hash(g, from), t->suspicion_mult, t->suspicion_max_mult, g->order_n, t->probe_interval);
	gossip_timer_set(g, &trouble->doubt_timer, TIMER_DOUBT, suspicion_deadline(s));
}

void swim_suspect(struct gossip *g, const struct msg_suspect *m)
{
	struct peer *p = peer_find(g, m->node);
	if (!p || p->state == PEER_NONE || m->incarnation < p->incarnation || m->incarnation > UINT32_MAX)
		return;
	struct trouble *t = p->trouble;
	if (t && t->doubt) {
		if (suspicion_confirm(t->doubt, name_hash(g, m->from))) {
			count_accusation(g, p, m->from);
			gossip_timer_set(g, &t->doubt_timer, TIMER_DOUBT, suspicion_deadline(t->doubt));
			tell(g, p, SWIM_SUSPECT, m, 0);
		}
		return;
	}
	if (p->state != PEER_ALIVE)
		return;
	count_accusation(g, p, m->from);
	if (is_self(g, p)) {
		refute(g, (uint32_t)m->incarnation);
		log_warn(g->log, "memberlist: Refuting a suspect message (from: %.*s)", PS(m->from));
		return;
	}
	tell(g, p, SWIM_SUSPECT, m, 0);
	p->incarnation = (uint32_t)m->incarnation;
	peer_set_state(g, p, PEER_SUSPECT);
	doubt(g, p, m->from);
}

/* ---- dead ---- */

void swim_dead(struct gossip *g, const struct msg_suspect *m)
{
	struct peer *p = peer_find(g, m->node);
	if (!p || p->state == PEER_NONE || m->incarnation < p->incarnation || m->incarnation > UINT32_MAX ||
	        p->state == PEER_DEAD)
		return;
	if (is_self(g, p) && !g->left) {
		refute(g, (uint32_t)m->incarnation);
		log_warn(g->log, "memberlist: Refuting a dead message (from: %.*s)", PS(m->from));
		return;
	}
	tell(g, p, SWIM_DEAD, m, is_self(g, p) ? g->leave_waiter : 0);
	peer_trust(g, p);
	p->incarnation = (uint32_t)m->incarnation;
	peer_set_state(g, p, PEER_DEAD);
	serf_gone(g, p);
	struct trouble *t = p->trouble;
	if (!t->claim)
		return;
	/* The newcomer's message must not take its place: others still believe in the old holder. */
	if (t->told != BROADCAST_NONE)
		broadcasts_disown(&g->told, t->told);
	claim_grant(g, t->claim);
}
