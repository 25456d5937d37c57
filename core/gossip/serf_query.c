#include "core/gossip/serf_query.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/enc.h"
#include "core/base/must.h"
#include "core/base/pattern.h"
#include "core/gossip/probe.h"
#include "core/gossip/serf_key.h"
#include "core/gossip/tags.h"

enum { FILTER_NODE, FILTER_TAG, TIMEOUT_MULT = 16, RELAYS_OF_ANSWER_MAX = 16 };

/* ---- our queries under way ---- */

dur_ns serf_query_default_timeout(const struct gossip *g)
{
	uint32_t n = g->order_n - g->by_state[PEER_DEAD];
	return g->c.timing.gossip_interval * TIMEOUT_MULT * (dur_ns)ceil(log10(n + 1.0));
}

static struct query *query_new(struct gossip *g, enum query_kind kind, uint64_t tag)
{
	struct query *q = g->serf.queries_n < SERF_QUERIES_MAX ? calloc(1, sizeof *q) : NULL;
	if (!q)
		return NULL;
	q->kind = kind;
	q->tag = tag;
	q->ltime = g->serf.query_clock.at;
	q->id = (uint32_t)rand_below(&g->rand, UINT32_C(1) << 31);
	q->nodes = g->order_n - g->by_state[PEER_DEAD];
	map_init(&q->acks, rand_u64(&g->rand));
	map_init(&q->answers, rand_u64(&g->rand));
	serf_key_result_init(g, q);
	q->next = g->serf.queries;
	g->serf.queries = q;
	g->serf.queries_n++;
	return q;
}

static void names_free(struct map *names)
{
	size_t at = 0;
	for (void *name; (name = map_next(names, &at));)
		free(name);
	map_free(names);
}

static void query_free(struct gossip *g, struct query *q)
{
	struct query **at = &g->serf.queries;
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	g->serf.queries_n--;
	gossip_timer_stop(g, &q->timer);
	names_free(&q->acks);
	names_free(&q->answers);
	serf_key_result_free(q);
	free(q);
}

void serf_query_free(struct gossip *g)
{
	while (g->serf.queries)
		query_free(g, g->serf.queries);
	for (uint32_t i = 0; g->serf.query_ids && i < SERF_RING; i++)
		free(g->serf.query_ids[i].ids);
	free(g->serf.query_ids);
}

static bool query_known(const struct gossip *g, const struct query *q)
{
	const struct query *i = g->serf.queries;
	while (i && i != q)
		i = i->next;
	return i;
}

/* ---- the vote about our name ---- */

static void count_vote(struct gossip *g, struct query *q, struct slice payload)
{
	struct msg_member m;
	struct gossip_addr addr;
	if (!payload.n || payload.p[0] != SERF_CONFLICT_RESPONSE) {
		log_err(g->log, "serf: Invalid conflict query response type");
		return;
	}
	if (!message_get(slice_from(payload, 1), &msg_member_schema, &m, &g->scratch, NULL)) {
		log_err(g->log, "serf: Failed to decode conflict query response: msgpack decode error");
		return;
	}
	q->votes++;
	if (gossip_addr_read(m.addr, m.port, &addr) && gossip_addr_eq(&addr, &g->self->card->addr))
		q->votes_for_us++;
}

bool serf_query_rival_answered(struct gossip *g, uint32_t seq)
{
	for (struct query *q = g->serf.queries; q; q = q->next)
		if (q->kind == QUERY_VOTE && q->rival == seq)
			return q->rival_lives = true;
	return false;
}

static void close_vote(struct gossip *g, const struct query *q)
{
	g->serf.voting = false;
	if (q->votes_for_us >= q->votes / 2 + 1) {
		log_info(g->log, "serf: majority in name conflict resolution [%u / %u]", q->votes_for_us, q->votes);
		return;
	}
	if (!q->rival_lives) {
		log_info(g->log,
		        "serf: minority in name conflict resolution [%u / %u], but the other is silent: going on",
		        q->votes_for_us, q->votes);
		return;
	}
	log_warn(g->log, "serf: minority in name conflict resolution, quiting [%u / %u]", q->votes_for_us, q->votes);
	gossip_effect_add(g, GX_STOP);
}

/* ---- the end of a query ---- */

static void close_query(struct gossip *g, struct query *q)
{
	if (q->kind == QUERY_VOTE)
		close_vote(g, q);
	else if (q->kind == QUERY_KEY)
		serf_key_done(g, q);
	else
		gossip_done(g, q->tag, OK, S_NONE, (uint32_t)q->answers.n);
	query_free(g, q);
}

void serf_query_timeout(struct gossip *g, struct query *q)
{
	close_query(g, q);
}

/* ---- asking ---- */

static struct list encode_filters(struct gossip *g, struct list nodes, struct list tags)
{
	struct slice *filters = ARENA_ARRAY(&g->scratch, struct slice, tags.n + 1);
	const struct slice *names = nodes.items;
	const struct pair *pairs = tags.items;
	struct buf b = {0};
	uint32_t n = 0;
	MUST(filters);
	if (nodes.n) {
		buf_char(&b, FILTER_NODE);
		mp_put_array(&b, nodes.n);
		for (uint32_t i = 0; i < nodes.n; i++)
			mp_put_str(&b, names[i]);
		filters[n++] = arena_copy(&g->scratch, buf_view(&b));
	}
	for (uint32_t i = 0; i < tags.n; i++) {
		struct msg_filter_tag m = {pairs[i].key, pairs[i].val};
		b.n = 0;
		message_put(&b, FILTER_TAG, &msg_filter_tag_schema, &m);
		filters[n++] = arena_copy(&g->scratch, buf_view(&b));
	}
	buf_free(&b);
	return (struct list){n ? filters : NULL, n};
}

/* Registers, asks ourselves, tells the others. */
static void ask(struct gossip *g, struct query *q, struct msg_query *m)
{
	struct slice addr = gossip_addr_bytes(&g->self->card->addr);
	m->ltime = q->ltime;
	m->id = q->id;
	m->addr = addr;
	m->port = g->self->card->addr.port;
	m->flags = q->want_acks ? QUERY_ACK : 0;
	if (!m->timeout)
		m->timeout = serf_query_default_timeout(g);
	struct slice raw = message_make(g, SERF_QUERY, &msg_query_schema, m);
	if (raw.n > GOSSIP_QUERY_MAX) {
		gossip_done(g, q->tag, ERR_INVALID,
		        arena_str(&g->scratch, "query exceeds limit of %d bytes", GOSSIP_QUERY_MAX), 0);
		query_free(g, q);
		return;
	}
	g->serf.queries_told.max = serf_queue_max(g);
	broadcasts_add(&g->serf.queries_told, raw, NULL, 0);
	gossip_timer_set(g, &q->timer, TIMER_QUERY, g->now + m->timeout);
	serf_query_take(g, m);
	if (query_known(g, q) && q->kind == QUERY_KEY && q->answers.n >= q->nodes)
		close_query(g, q);
}

static struct query *begin(struct gossip *g, enum query_kind kind, uint64_t tag)
{
	struct query *q = query_new(g, kind, tag);
	if (!q && kind != QUERY_VOTE)
		gossip_done(g, tag, ERR_FULL, S("too many queries at once"), 0);
	return q;
}

void serf_query_send(struct gossip *g, const struct gossip_event *ev)
{
	struct query *q = begin(g, QUERY_APP, ev->tag);
	if (!q)
		return;
	q->want_acks = ev->query.ack;
	struct msg_query m = {.name = ev->query.name, .payload = ev->query.payload, .timeout = ev->query.timeout};
	m.relay = ev->query.relay;
	m.filters = encode_filters(g, ev->query.nodes, ev->query.tags);
	ask(g, q, &m);
}

void serf_query_key(struct gossip *g, const struct gossip_event *ev)
{
	static const char *const names[] = {
	        [KEY_INSTALL] = "_serf_install-key",
	        [KEY_USE] = "_serf_use-key",
	        [KEY_REMOVE] = "_serf_remove-key",
	        [KEY_LIST] = "_serf_list-keys",
	};
	struct query *q = begin(g, QUERY_KEY, ev->tag);
	if (!q)
		return;
	struct buf b = {0};
	struct msg_key_request request = {ev->key.key.n ? ev->key.key : S("")};
	message_put(&b, SERF_KEY_REQUEST, &msg_key_request_schema, &request);
	struct msg_query m = {
	        .name = slice_of(names[ev->key.operation]), .payload = buf_view(&b), .relay = ev->key.relay};
	ask(g, q, &m);
	buf_free(&b);
}

void serf_query_vote(struct gossip *g, const struct gossip_addr *rival)
{
	struct query *q = begin(g, QUERY_VOTE, 0);
	if (!q)
		return;
	g->serf.voting = true;
	q->rival = ++g->seq;
	ping_send(g, rival, q->rival, g->c.name);
	struct msg_query m = {.name = S("_serf_conflict"), .payload = g->c.name};
	ask(g, q, &m);
}

/* ---- answering ---- */

static bool relays_well(const struct gossip *g, const struct peer *p)
{
	return !is_self(g, p) && p->status == GOSSIP_ALIVE && knows_crc(p);
}

static void relay_answer(struct gossip *g, const struct gossip_asked *to, struct slice raw)
{
	struct peer *through[RELAYS_OF_ANSWER_MAX];
	unsigned k = to->relay < RELAYS_OF_ANSWER_MAX ? to->relay : RELAYS_OF_ANSWER_MAX;
	if (!k || serf_members(g) < k + 1)
		return;
	struct buf b = {0};
	struct msg_relay m = {{gossip_addr_bytes(&to->from), S(""), to->from.port}};
	message_put(&b, SERF_RELAY, &msg_relay_schema, &m);
	buf_slice(&b, raw);
	if (b.failed || b.n > GOSSIP_QUERY_MAX) {
		log_err(g->log, "serf: failed to relay response: relayed response exceeds limit of %d bytes",
		        GOSSIP_QUERY_MAX);
		k = 0;
	}
	k = peer_random(g, k, relays_well, through);
	for (unsigned i = 0; i < k; i++)
		serf_send(g, &through[i]->card->addr, buf_view(&b));
	buf_free(&b);
}

static bool send_answer(struct gossip *g, const struct gossip_asked *to, struct slice payload, uint32_t flags)
{
	struct msg_response m = {to->ltime, to->id, flags, g->c.name, payload};
	struct buf b = {0};
	message_put(&b, SERF_RESPONSE, &msg_response_schema, &m);
	bool fits = !b.failed && b.n <= GOSSIP_QUERY_MAX;
	if (fits && gossip_addr_eq(&to->from, &g->self->card->addr))
		serf_query_take_response(g, &m);
	else if (fits)
		serf_send(g, &to->from, buf_view(&b));
	if (fits)
		relay_answer(g, to, buf_view(&b));
	buf_free(&b);
	return fits;
}

void serf_query_answer(struct gossip *g, const struct gossip_asked *to, struct slice payload)
{
	if (g->now > to->deadline)
		log_err(g->log, "serf: Failed to respond to query: response is past the deadline");
	else if (!send_answer(g, to, payload, 0))
		log_err(g->log, "serf: Failed to respond to query: response exceeds limit of %d bytes",
		        GOSSIP_QUERY_MAX);
}

void serf_query_respond(struct gossip *g, const struct gossip_event *ev)
{
	serf_query_answer(g, &ev->respond.to, ev->respond.payload);
}

/* Where does the pool believe this name to be? Not answered by the one it is about. */
static void answer_conflict(struct gossip *g, const struct gossip_asked *to, struct slice name)
{
	if (slice_eq(name, g->c.name))
		return;
	log_debug(g->log, "serf: Got conflict resolution query for '%.*s'", PS(name));
	struct buf b = {0};
	const struct peer *p = peer_find(g, name);
	if (p && p->status != GOSSIP_NONE) {
		struct msg_member m = {.name = peer_name(p),
		        .addr = gossip_addr_bytes(&p->card->addr),
		        .port = p->card->addr.port,
		        .status = p->status,
		        .swim_min = p->card->vsn[VSN_SWIM_MIN],
		        .swim_max = p->card->vsn[VSN_SWIM_MAX],
		        .swim = p->card->vsn[VSN_SWIM],
		        .serf_min = p->card->vsn[VSN_SERF_MIN],
		        .serf_max = p->card->vsn[VSN_SERF_MAX],
		        .serf = p->card->vsn[VSN_SERF]};
		tags_get(card_meta(p->card), &g->scratch, &m.tags);
		message_put(&b, SERF_CONFLICT_RESPONSE, &msg_member_schema, &m);
	} else {
		buf_char(&b, SERF_CONFLICT_RESPONSE);
		mp_put_nil(&b);
	}
	serf_query_answer(g, to, buf_view(&b));
	buf_free(&b);
}

static void internal(struct gossip *g, const struct gossip_asked *to, struct slice name, struct slice payload)
{
	if (slice_is(name, "conflict"))
		answer_conflict(g, to, payload);
	else if (!slice_is(name, "ping") && !serf_key_take(g, to, name, payload))
		log_warn(g->log, "serf: Unhandled internal query '%.*s'", PS(name));
}

static void hand_over(struct gossip *g, const struct gossip_asked *to, const struct msg_query *m)
{
	struct slice prefix = S("_serf_");
	peers_file_query(g, m->ltime);
	if (slice_starts(m->name, prefix)) {
		internal(g, to, slice_from(m->name, prefix.n), m->payload);
		return;
	}
	struct gossip_effect *x = gossip_effect_add(g, GX_QUERY);
	x->query.from = *to;
	x->query.name = gossip_keep(g, m->name);
	x->query.payload = gossip_keep(g, m->payload);
}

/* ---- filters ---- */

static bool names_us(struct gossip *g, struct slice body)
{
	struct mp_reader r = mp_read(body);
	bool found = false;
	for (uint32_t n = mp_array(&r); n && !r.failed; n--)
		found = slice_eq(mp_str(&r), g->c.name) || found;
	if (r.failed)
		log_warn(g->log, "serf: failed to decode filterNodeType: msgpack decode error");
	return found && !r.failed;
}

static bool tag_matches(struct gossip *g, struct slice body)
{
	struct msg_filter_tag m;
	struct pattern *p;
	struct fail f;
	if (!message_get(body, &msg_filter_tag_schema, &m, &g->scratch, NULL)) {
		log_warn(g->log, "serf: failed to decode filterTagType: msgpack decode error");
		return false;
	}
	if (pattern_compile(m.expr, &p, &f)) {
		log_warn(g->log, "serf: failed to compile filter regex (%.*s): %s", PS(m.expr), f.text);
		return false;
	}
	bool match = pattern_match(p, tags_find(buf_view(&g->own_meta), m.tag, NULL));
	pattern_free(p);
	return match;
}

static bool for_us(struct gossip *g, struct list filters)
{
	const struct slice *f = filters.items;
	for (uint32_t i = 0; i < filters.n; i++) {
		uint8_t type = f[i].n ? (uint8_t)f[i].p[0] : UINT8_MAX;
		struct slice body = slice_from(f[i], 1);
		if (type > FILTER_TAG) {
			log_warn(g->log, "serf: query has unrecognized filter type: %u", type);
			return false;
		}
		if (type == FILTER_NODE ? !names_us(g, body) : !tag_matches(g, body))
			return false;
	}
	return true;
}

/* ---- what comes ---- */

/* Notes the id; false when it was there, or there is no room. */
static bool note(struct gossip *g, const struct msg_query *m)
{
	struct serf *s = &g->serf;
	if (!s->query_ids && !(s->query_ids = calloc(SERF_RING, sizeof *s->query_ids)))
		return false;
	struct query_slot *slot = &s->query_ids[m->ltime % SERF_RING];
	if (slot->ltime != m->ltime)
		slot->n = 0;
	slot->ltime = m->ltime;
	for (uint32_t i = 0; i < slot->n; i++)
		if (slot->ids[i] == m->id)
			return false;
	uint32_t *ids = slot->n < SERF_SLOT_MAX ? realloc(slot->ids, (slot->n + 1) * sizeof *ids) : NULL;
	if (!ids)
		return false;
	slot->ids = ids;
	ids[slot->n++] = (uint32_t)m->id;
	return true;
}

bool serf_query_take(struct gossip *g, const struct msg_query *m)
{
	struct serf *s = &g->serf;
	lamport_witness(&s->query_clock, m->ltime);
	if (m->ltime < s->query_min)
		return false;
	if (s->query_clock.at > SERF_RING && m->ltime < s->query_clock.at - SERF_RING) {
		log_warn(g->log, "serf: received old query %.*s from time %llu (current: %llu)", PS(m->name),
		        (unsigned long long)m->ltime, (unsigned long long)s->query_clock.at);
		return false;
	}
	struct gossip_asked to = {.ltime = m->ltime, .id = (uint32_t)m->id, .relay = (uint8_t)m->relay};
	if (!gossip_addr_read(m->addr, m->port, &to.from) || !note(g, m))
		return false;
	bool news = !(m->flags & QUERY_NO_BROADCAST);
	if (!for_us(g, m->filters))
		return news;
	to.deadline = m->timeout > 0 && m->timeout < INT64_MAX - g->now ? g->now + m->timeout : g->now;
	if (m->flags & QUERY_ACK)
		send_answer(g, &to, S_NONE, QUERY_ACK);
	hand_over(g, &to, m);
	return news;
}

static struct query *query_of(struct gossip *g, const struct msg_response *m)
{
	struct query *q = g->serf.queries;
	while (q && q->ltime != m->ltime)
		q = q->next;
	if (!q)
		log_warn(g->log, "serf: reply for non-running query (LTime: %llu, ID: %llu) From: %.*s",
		        (unsigned long long)m->ltime, (unsigned long long)m->id, PS(m->from));
	else if (q->id != m->id)
		log_warn(g->log, "serf: query reply ID mismatch (Local: %u, Response: %llu)", q->id,
		        (unsigned long long)m->id);
	return q && q->id == m->id ? q : NULL;
}

/* Nobody counts twice: relays bring copies. */
static bool note_answer(struct map *who, struct slice name, uint32_t max)
{
	if (map_get(who, name) || who->n >= max)
		return false;
	char *copy = malloc(name.n + 1);
	if (!copy)
		return false;
	memcpy(copy, name.p, name.n);
	copy[name.n] = 0;
	if (map_put(who, slice_at(copy, name.n), copy, NULL))
		return true;
	free(copy);
	return false;
}

void serf_query_take_response(struct gossip *g, const struct msg_response *m)
{
	struct query *q = query_of(g, m);
	bool ack = m->flags & QUERY_ACK;
	if (!q || !m->from.n || (ack && !q->want_acks) || !note_answer(ack ? &q->acks : &q->answers, m->from, q->nodes))
		return;
	if (q->kind == QUERY_APP) {
		struct gossip_effect *x = gossip_effect_add(g, GX_RESPONSE);
		x->response.tag = q->tag;
		x->response.from = gossip_keep(g, m->from);
		x->response.payload = gossip_keep(g, m->payload);
		x->response.ack = ack;
	} else if (q->kind == QUERY_VOTE) {
		count_vote(g, q, m->payload);
	} else {
		serf_key_count(g, q, m->from, m->payload);
		if (q->answers.n >= q->nodes && q->timer.node.place)
			gossip_timer_set(g, &q->timer, TIMER_QUERY, g->now); /* nobody is missing: the end is now */
	}
}
