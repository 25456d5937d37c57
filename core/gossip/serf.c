#include "core/gossip/serf.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/num.h"
#include "core/gossip/serf_event.h"
#include "core/gossip/serf_query.h"
#include "core/gossip/swim.h"
#include "core/gossip/tags.h"

static struct slice word_joined(struct gossip *g, const struct peer *p)
{
	struct msg_intent m = {p->status_time, peer_name(p), false};
	return message_make(g, SERF_JOIN, &msg_intent_schema, &m);
}

void serf_init(struct gossip *g)
{
	struct serf *s = &g->serf;
	s->clock.at = s->event_clock.at = s->query_clock.at = 1;
	map_init(&s->intents, rand_u64(&g->rand));
	broadcasts_init(&s->intents_told, SERF_QUEUE_MIN);
	broadcasts_of_members(&s->intents_told, g, offsetof(struct peer, joined), word_joined);
	broadcasts_init(&s->events_told, SERF_QUEUE_MIN);
	broadcasts_init(&s->queries_told, SERF_QUEUE_MIN);
}

static void intents_free(struct serf *s)
{
	size_t at = 0;
	for (struct intent *i; (i = map_next(&s->intents, &at));)
		free(i);
	map_free(&s->intents);
}

void serf_free(struct gossip *g)
{
	struct serf *s = &g->serf;
	intents_free(s);
	broadcasts_free(&s->intents_told);
	broadcasts_free(&s->events_told);
	broadcasts_free(&s->queries_told);
	serf_event_free(g);
	serf_query_free(g);
}

uint32_t serf_members(const struct gossip *g)
{
	return g->roster.n - g->by_status[GOSSIP_NONE];
}

bool serf_others_alive(const struct gossip *g)
{
	uint32_t alive = g->by_status[GOSSIP_ALIVE];
	return alive > (g->self && g->self->status == GOSSIP_ALIVE);
}

uint32_t serf_queue_max(const struct gossip *g)
{
	uint32_t max = 2 * serf_members(g);
	return max > SERF_QUEUE_MIN ? max : SERF_QUEUE_MIN;
}

static void tell(struct gossip *g, struct broadcasts *q, struct slice message, uint32_t waiter)
{
	q->max = serf_queue_max(g);
	if (message.n <= GOSSIP_PACKET_MAX / 2)
		broadcasts_add(q, message, NULL, waiter);
}

void serf_send(struct gossip *g, const struct gossip_addr *to, struct slice message)
{
	struct buf b = {0};
	buf_char(&b, SWIM_USER);
	buf_slice(&b, message);
	if (!b.failed)
		packet_send_bare(g, to, buf_view(&b), false);
	buf_free(&b);
}

/* ---- memberlist's news ---- */

void serf_say(struct gossip *g, struct peer *p, enum gossip_change change)
{
	struct gossip_member *m = arena_alloc(&g->out->mem, sizeof *m);
	MUST(m);
	peer_view(g, p, m);
	m->name = gossip_keep(g, peer_name(p));
	m->meta = gossip_keep(g, card_meta(p->card));
	m->vsn = (const uint8_t *)gossip_keep(g, slice_at(p->card->vsn, VSN_BYTES)).p;
	if (m->coordinate)
		m->coordinate = (const void *)gossip_keep(g, slice_at(m->coordinate, sizeof *m->coordinate)).p;
	struct gossip_effect *x = gossip_effect_add(g, GX_MEMBER);
	x->member.change = change;
	x->member.member = m;
}

static void log_member(struct gossip *g, const char *what, const struct peer *p)
{
	char ip[IP_TEXT];
	ip_print(&p->card->addr.ip, ip);
	log_info(g->log, "serf: %s: %.*s %s", what, PS(peer_name(p)), ip);
}

/* What was said about it before we knew it. A goodbye is told on, although it is old: whoever is here in spite of it
 * (he was shown out while he could not be reached) must hear of it to take it back. Serf leaves that to chance. */
static void apply_intent(struct gossip *g, struct peer *p)
{
	struct intent *i = map_get(&g->serf.intents, peer_name(p));
	if (!i)
		return;
	p->status_time = i->ltime;
	if (i->type != SERF_LEAVE)
		return;
	peer_set_status(g, p, GOSSIP_LEAVING);
	const struct msg_intent m = {i->ltime, peer_name(p), false};
	tell(g, &g->serf.intents_told, message_make(g, SERF_LEAVE, &msg_intent_schema, &m), 0);
}

void serf_joined(struct gossip *g, struct peer *p)
{
	bool new = p->status == GOSSIP_NONE;
	peer_set_status(g, p, GOSSIP_ALIVE);
	if (p->trouble)
		p->trouble->left_at = 0;
	if (new)
		apply_intent(g, p);
	log_member(g, "EventMemberJoin", p);
	serf_say(g, p, CHANGE_JOIN);
	peers_file_alive(g, p);
}

void serf_gone(struct gossip *g, struct peer *p)
{
	bool left = p->status == GOSSIP_LEAVING;
	if (!left && p->status != GOSSIP_ALIVE) {
		log_warn(g->log, "serf: Bad state when leave: %u", p->status);
		return;
	}
	peer_set_status(g, p, left ? GOSSIP_LEFT : GOSSIP_FAILED);
	peer_trouble(p)->left_at = g->now;
	log_member(g, left ? "EventMemberLeave" : "EventMemberFailed", p);
	serf_say(g, p, left ? CHANGE_LEAVE : CHANGE_FAILED);
	peers_file_not_alive(g, p);
}

void serf_updated(struct gossip *g, struct peer *p)
{
	if (p->status == GOSSIP_NONE)
		return;
	log_info(g->log, "serf: EventMemberUpdate: %.*s", PS(peer_name(p)));
	serf_say(g, p, CHANGE_UPDATE);
}

void serf_conflict(struct gossip *g, struct peer *mine, const struct gossip_addr *other)
{
	char theirs[GOSSIP_ADDR_TEXT], ours[GOSSIP_ADDR_TEXT];
	gossip_addr_print(other, theirs);
	gossip_addr_print(&mine->card->addr, ours);
	if (!is_self(g, mine)) {
		log_warn(g->log, "serf: Name conflict for '%.*s' both %s and %s are claiming", PS(peer_name(mine)),
		        ours, theirs);
		return;
	}
	log_err(g->log,
	        "serf: Node name conflicts with another node at %s. Names must be unique! (Resolution enabled: %s)",
	        theirs, g->c.resolve_conflicts ? "true" : "false");
	if (g->c.resolve_conflicts && !g->serf.voting)
		serf_query_vote(g, other);
}

/* ---- intents ---- */

static bool keep_intent(struct gossip *g, const struct msg_intent *m, uint8_t type)
{
	struct serf *s = &g->serf;
	struct intent *i = map_get(&s->intents, m->node);
	if (i && m->ltime <= i->ltime)
		return false;
	if (!i) {
		if (s->intents.n >= SERF_INTENTS_MAX || !m->node.n || m->node.n > GOSSIP_NAME_MAX)
			return false;
		i = malloc(sizeof *i + m->node.n);
		if (!i)
			return false;
		memcpy(i + 1, m->node.p, m->node.n);
		i->name = slice_at(i + 1, m->node.n);
		if (!map_put(&s->intents, i->name, i, NULL)) {
			free(i);
			return false;
		}
	}
	i->type = type;
	i->ltime = m->ltime;
	i->at = g->now;
	return true;
}

static void reap_one(struct gossip *g, struct peer *p)
{
	log_info(g->log, "serf: EventMemberReap: %.*s", PS(peer_name(p)));
	serf_say(g, p, CHANGE_REAP);
	peer_set_status(g, p, GOSSIP_NONE);
	free(p->path);
	p->path = NULL;
	broadcasts_drop_member(&g->serf.intents_told, p->number);
	peer_release(g, p);
}

/* With prune the member is forgotten as well, here and wherever our kind hears of it. */
static void prune(struct gossip *g, struct peer *p)
{
	if (p->state == PEER_DEAD)
		peer_forget(g, p);
	reap_one(g, p);
}

/* A later word about it: the joining that is told on is out of date. (It would be told with this time, and a leave of
 * the same time, which a push/pull does not tell from a join, would not be believed.) */
static void set_time(struct gossip *g, struct peer *p, uint64_t ltime)
{
	p->status_time = ltime;
	broadcasts_drop_member(&g->serf.intents_told, p->number);
}

static bool take_leave(struct gossip *g, const struct msg_intent *m)
{
	lamport_witness(&g->serf.clock, m->ltime);
	struct peer *p = peer_find(g, m->node);
	if (!p || p->status == GOSSIP_NONE)
		return keep_intent(g, m, SERF_LEAVE);
	bool staying = is_self(g, p) && !g->leaving; /* a goodbye of the time of our coming has to be taken back, too */
	if (m->ltime < p->status_time || (m->ltime == p->status_time && !staying))
		return false;
	if (staying) {
		log_debug(g->log, "serf: Refuting an older leave intent");
		serf_broadcast_join(g, g->serf.clock.at);
		return false;
	}
	bool gone = p->status == GOSSIP_FAILED || p->status == GOSSIP_LEFT;
	if (p->status == GOSSIP_ALIVE) {
		peer_set_status(g, p, GOSSIP_LEAVING);
		set_time(g, p, m->ltime);
		return true;
	}
	if (!gone || (p->status == GOSSIP_LEFT && !m->prune))
		return false;
	set_time(g, p, m->ltime);
	if (p->status == GOSSIP_FAILED) {
		peer_set_status(g, p, GOSSIP_LEFT);
		log_member(g, "EventMemberLeave (forced)", p);
		serf_say(g, p, CHANGE_LEAVE);
		peers_file_not_alive(g, p);
	}
	if (m->prune)
		prune(g, p);
	return true;
}

/* Whoever left and came back may be met with his old goodbye (apply_intent): those who heard then that he comes, but
 * leaves, hear when he stays after all. Serf says nothing, and Consul's leader finds him a minute later. */
static bool take_join(struct gossip *g, const struct msg_intent *m)
{
	lamport_witness(&g->serf.clock, m->ltime);
	struct peer *p = peer_find(g, m->node);
	if (!p || p->status == GOSSIP_NONE)
		return keep_intent(g, m, SERF_JOIN);
	if (m->ltime <= p->status_time)
		return false;
	set_time(g, p, m->ltime);
	if (p->status == GOSSIP_LEAVING) {
		peer_set_status(g, p, GOSSIP_ALIVE);
		serf_updated(g, p);
	}
	return true;
}

/* ---- our own ---- */

/* The join intent of a member is its word in the queue; of somebody unknown it is a message as any. */
static void tell_joined(struct gossip *g, struct slice node, struct slice message)
{
	struct peer *p = peer_find(g, node);
	if (!p || p->status == GOSSIP_NONE) {
		tell(g, &g->serf.intents_told, message, 0);
		return;
	}
	g->serf.intents_told.max = serf_queue_max(g);
	broadcasts_add_member(&g->serf.intents_told, p->number);
}

void serf_broadcast_join(struct gossip *g, uint64_t ltime)
{
	struct msg_intent m = {ltime, g->c.name, false};
	take_join(g, &m);
	tell(g, &g->serf.intents_told, message_make(g, SERF_JOIN, &msg_intent_schema, &m), 0);
}

void serf_leave(struct gossip *g, uint64_t tag)
{
	if (g->left || g->leaving) {
		gossip_done(g, tag, g->left ? OK : ERR_INVALID, g->left ? S_NONE : S("Leave already in progress"), 0);
		return;
	}
	g->leaving = true;
	peers_file_leave(g);
	struct msg_intent m = {g->serf.clock.at++, g->c.name, false};
	take_leave(g, &m);
	if (!serf_others_alive(g)) {
		swim_leave(g, tag);
		return;
	}
	uint32_t waiter = waiter_new(g, WAIT_LEAVE_INTENT, tag);
	tell(g, &g->serf.intents_told, message_make(g, SERF_LEAVE, &msg_intent_schema, &m), waiter);
}

void serf_force_leave(struct gossip *g, const struct gossip_event *ev)
{
	struct msg_intent m = {g->serf.clock.at++, ev->member.name, ev->member.prune};
	take_leave(g, &m);
	if (!serf_others_alive(g)) {
		gossip_done(g, ev->tag, OK, S_NONE, 0);
		return;
	}
	struct slice message = message_make(g, SERF_LEAVE, &msg_intent_schema, &m);
	tell(g, &g->serf.intents_told, message, waiter_new(g, WAIT_FORCE_LEAVE, ev->tag));
}

/* ---- keeping house ---- */

/* A member may say itself how long it is to be remembered after it failed: tag rc_tm, a duration. */
static dur_ns patience(const struct gossip *g, const struct peer *p)
{
	if (p->status == GOSSIP_LEFT)
		return g->c.timing.tombstone_timeout;
	dur_ns own = 0;
	struct slice tag = tags_find(card_meta(p->card), S("rc_tm"), NULL);
	if (tag.n && !dur_parse(tag, &own, NULL) && own > 0)
		return own;
	return g->c.timing.reconnect_timeout;
}

static void reap_intents(struct gossip *g)
{
	size_t at = 0;
	for (struct intent *i; (i = map_next(&g->serf.intents, &at));)
		if (g->now - i->at > g->c.timing.intent_timeout) {
			map_remove(&g->serf.intents, i->name);
			free(i);
		}
}

void serf_reap(struct gossip *g)
{
	uint32_t at = 0;
	for (struct peer *p; (p = peer_next(g, &at));) {
		bool gone = p->status == GOSSIP_FAILED || p->status == GOSSIP_LEFT;
		if (gone && !is_self(g, p) && g->now - p->trouble->left_at > patience(g, p))
			reap_one(g, p);
	}
	reap_intents(g);
}

static struct peer *nth_failed(struct gossip *g, uint64_t nth)
{
	uint32_t at = 0;
	for (struct peer *p; (p = peer_next(g, &at));)
		if (p->status == GOSSIP_FAILED && nth-- == 0)
			return p;
	return NULL;
}

void serf_reconnect(struct gossip *g)
{
	uint32_t failed = g->by_status[GOSSIP_FAILED];
	if (!failed || g->leaving)
		return;
	uint32_t alive = serf_members(g) - failed - g->by_status[GOSSIP_LEFT];
	if (rand_unit(&g->rand) > (double)failed / (alive ? alive : 1)) {
		log_debug(g->log, "serf: forgoing reconnect for random throttling");
		return;
	}
	struct peer *p = nth_failed(g, rand_below(&g->rand, failed));
	MUST(p);
	char addr[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&p->card->addr, addr);
	log_info(g->log, "serf: attempting reconnect to %.*s %s", PS(peer_name(p)), addr);
	exchange_join_own(g, JOIN_RECONNECT, &p->card->addr, NULL, 1);
}

static void check_queue(struct gossip *g, const char *name, struct broadcasts *q)
{
	uint32_t max = serf_queue_max(g), had = q->n;
	uint64_t dropped = q->dropped + broadcasts_prune(q, max);
	if (dropped)
		log_warn(g->log, "serf: %s queue depth (%llu) exceeds limit (%u), dropping messages!", name,
		        (unsigned long long)(had + q->dropped), max);
	q->dropped = 0;
}

void serf_check_queues(struct gossip *g)
{
	check_queue(g, "Intent", &g->serf.intents_told);
	check_queue(g, "Event", &g->serf.events_told);
	check_queue(g, "Query", &g->serf.queries_told);
}

/* ---- messages ---- */

static void forward(struct gossip *g, struct slice body)
{
	struct msg_relay m;
	struct slice rest;
	struct gossip_addr to;
	if (!message_get(body, &msg_relay_schema, &m, &g->scratch, &rest) ||
	        !gossip_addr_read(m.to.ip, (uint64_t)m.to.port, &to)) {
		log_err(g->log, "serf: Error decoding relay header: msgpack decode error");
		return;
	}
	char addr[GOSSIP_ADDR_TEXT];
	gossip_addr_print(&to, addr);
	log_debug(g->log, "serf: Relaying response to addr: %s", addr);
	serf_send(g, &to, rest);
}

/* What each type is read with, and how it is called in the log. */
static const struct {
	const struct schema *schema;
	const char *name, *type_name;
} kinds[] = {
        [SERF_LEAVE] = {&msg_intent_schema, "leave", "messageLeaveType"},
        [SERF_JOIN] = {&msg_intent_schema, "join", "messageJoinType"},
        [SERF_USER_EVENT] = {&msg_user_event_schema, "user event", "messageUserEventType"},
        [SERF_QUERY] = {&msg_query_schema, "query", "messageQueryType"},
        [SERF_RESPONSE] = {&msg_response_schema, "query response", "messageQueryResponseType"},
};

union any {
	struct msg_intent intent;
	struct msg_user_event event;
	struct msg_query query;
	struct msg_response response;
};

static struct slice subject(uint8_t type, const union any *m)
{
	return type == SERF_USER_EVENT ? m->event.name
	       : type == SERF_QUERY    ? m->query.name
	       : type == SERF_RESPONSE ? m->response.from
	                               : m->intent.node;
}

void serf_message(struct gossip *g, struct slice message)
{
	union any m;
	if (!message.n)
		return;
	uint8_t type = (uint8_t)message.p[0];
	struct slice body = slice_from(message, 1);
	if (type == SERF_RELAY) {
		forward(g, body);
		return;
	}
	if (type >= ARRAY_LEN(kinds) || !kinds[type].schema) {
		log_warn(g->log, "serf: Received message of unknown type: %u", type);
		return;
	}
	if (!message_get(body, kinds[type].schema, &m, &g->scratch, NULL)) {
		log_err(g->log, "serf: Error decoding %s message: msgpack decode error", kinds[type].name);
		return;
	}
	log_debug(g->log, "serf: %s: %.*s", kinds[type].type_name, PS(subject(type, &m)));
	struct broadcasts *q = &g->serf.intents_told;
	bool news = false;
	switch (type) {
	case SERF_LEAVE: news = take_leave(g, &m.intent); break;
	case SERF_JOIN:
		if (take_join(g, &m.intent))
			tell_joined(g, m.intent.node, message);
		break;
	case SERF_USER_EVENT:
		news = serf_event_take(g, &m.event);
		q = &g->serf.events_told;
		break;
	case SERF_QUERY:
		news = serf_query_take(g, &m.query);
		q = &g->serf.queries_told;
		break;
	default: serf_query_take_response(g, &m.response); break;
	}
	if (news)
		tell(g, q, message, 0);
}

/* ---- the user state of a push/pull ---- */

/* Who is still leaving is listed with those who have left. Serf lists the latter only: to whoever hears of the time of
 * the leave in between it is the time of a join, the leave itself is old news then, and its end is a failure. */
static bool said_goodbye(const struct peer *p)
{
	return p->status == GOSSIP_LEFT || p->status == GOSSIP_LEAVING;
}

void serf_put_state(struct gossip *g, struct buf *out)
{
	uint32_t at = 0;
	const struct peer *p;
	buf_char(out, SERF_PUSH_PULL);
	mp_put_map(out, 6);
	mp_put_str(out, S("EventLTime"));
	mp_put_u64(out, g->serf.event_clock.at);
	mp_put_str(out, S("Events"));
	serf_event_put_ring(g, out);
	mp_put_str(out, S("LTime"));
	mp_put_u64(out, g->serf.clock.at);
	mp_put_str(out, S("LeftMembers"));
	mp_put_array(out, g->by_status[GOSSIP_LEFT] + g->by_status[GOSSIP_LEAVING]);
	while ((p = peer_next(g, &at)))
		if (said_goodbye(p))
			mp_put_str(out, peer_name(p));
	mp_put_str(out, S("QueryLTime"));
	mp_put_u64(out, g->serf.query_clock.at);
	mp_put_str(out, S("StatusLTimes"));
	mp_put_map(out, serf_members(g));
	at = 0;
	while ((p = peer_next(g, &at))) {
		if (p->status == GOSSIP_NONE)
			continue;
		mp_put_str(out, peer_name(p));
		mp_put_u64(out, p->status_time);
	}
}

/* Where the parts of it begin: clocks first, then those who left, then the others, then events, whatever their order
 * on the wire. */
struct state_parts {
	uint64_t event_time, time, query_time;
	struct mp_reader events, left, status;
	bool has_events;
};

static bool read_parts(struct slice body, struct state_parts *out)
{
	struct mp_reader r = mp_read(body);
	*out = (struct state_parts){.left = mp_read(S_NONE), .status = mp_read(S_NONE)};
	for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
		struct slice key = mp_str(&r);
		struct mp_reader value = r;
		if (slice_is(key, "EventLTime"))
			out->event_time = mp_u64(&value);
		else if (slice_is(key, "LTime"))
			out->time = mp_u64(&value);
		else if (slice_is(key, "QueryLTime"))
			out->query_time = mp_u64(&value);
		else if (slice_is(key, "LeftMembers"))
			out->left = r;
		else if (slice_is(key, "StatusLTimes"))
			out->status = r;
		else if (slice_is(key, "Events")) {
			out->events = r;
			out->has_events = true;
		}
		mp_skip(&r);
		r.failed = r.failed || value.failed;
	}
	return !r.failed;
}

/* Those who left, by name; the pair's value stays empty. */
static struct list read_left(struct gossip *g, struct mp_reader r)
{
	uint32_t n = mp_array(&r);
	struct pair *names = ARENA_ARRAY(&g->scratch, struct pair, n + 1);
	uint32_t got = 0;
	for (; names && got < n && !r.failed; got++)
		names[got].key = mp_str(&r);
	struct list l = {names, got};
	return schema_map_sort(&l, sizeof *names, &g->scratch) ? l : (struct list){names, 0};
}

static bool listed(struct list names, struct slice name)
{
	const struct pair *p = names.items;
	uint32_t low = 0, high = names.n;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = slice_cmp(p[middle].key, name);
		if (!order)
			return true;
		*(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
	}
	return false;
}

static void merge_status(struct gossip *g, struct mp_reader r, struct list left, bool leaving)
{
	for (uint32_t n = mp_map(&r); n && !r.failed; n--) {
		struct msg_intent m = {.node = mp_str(&r)};
		m.ltime = mp_u64(&r);
		if (r.failed || listed(left, m.node) != leaving)
			continue;
		if (leaving)
			take_leave(g, &m);
		else
			take_join(g, &m);
	}
}

void serf_merge_state(struct gossip *g, struct slice state, bool ignore_old)
{
	struct state_parts parts;
	if (!state.n || state.p[0] != SERF_PUSH_PULL) {
		log_err(g->log, "serf: Remote state has bad type prefix: %u", state.n ? (uint8_t)state.p[0] : 0);
		return;
	}
	if (!read_parts(slice_from(state, 1), &parts)) {
		log_err(g->log, "serf: Failed to decode remote state: msgpack decode error");
		return;
	}
	if (parts.time)
		lamport_witness(&g->serf.clock, parts.time - 1);
	if (parts.event_time)
		lamport_witness(&g->serf.event_clock, parts.event_time - 1);
	if (parts.query_time)
		lamport_witness(&g->serf.query_clock, parts.query_time - 1);
	struct list left = read_left(g, parts.left);
	merge_status(g, parts.status, left, true);
	merge_status(g, parts.status, left, false);
	if (ignore_old && parts.event_time > g->serf.event_min)
		g->serf.event_min = parts.event_time;
	if (parts.has_events)
		serf_event_merge_ring(g, &parts.events);
}
