#include "core/gossip/serf_event.h"

#include <stdlib.h>

#include "core/base/must.h"

static bool seen(const struct event_slot *slot, struct slice name, struct slice payload)
{
	for (const struct seen_event *e = slot->events; e; e = e->next)
		if (slice_eq(e->name, name) && slice_eq(e->payload, payload))
			return true;
	return false;
}

static void slot_clear(struct event_slot *slot)
{
	for (struct seen_event *e = slot->events, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	*slot = (struct event_slot){0};
}

static bool slot_add(struct event_slot *slot, struct slice name, struct slice payload)
{
	struct seen_event *e = slot->n < SERF_SLOT_MAX ? malloc(sizeof *e + name.n + payload.n) : NULL;
	if (!e)
		return false;
	char *text = (char *)(e + 1);
	memcpy(text, name.p ? name.p : "", name.n);
	memcpy(text + name.n, payload.p ? payload.p : "", payload.n);
	*e = (struct seen_event){NULL, {text, name.n}, {payload.p ? text + name.n : NULL, payload.n}};
	struct seen_event **last = &slot->events;
	while (*last)
		last = &(*last)->next;
	*last = e;
	slot->n++;
	return true;
}

static void deliver(struct gossip *g, const struct msg_user_event *m)
{
	struct gossip_effect *x = gossip_effect_add(g, GX_USER_EVENT);
	x->user_event.ltime = m->ltime;
	x->user_event.name = gossip_keep(g, m->name);
	x->user_event.payload = gossip_keep(g, m->payload);
	x->user_event.coalesce = m->coalesce;
	peers_file_event(g, m->ltime);
}

bool serf_event_take(struct gossip *g, const struct msg_user_event *m)
{
	struct serf *s = &g->serf;
	lamport_witness(&s->event_clock, m->ltime);
	if (m->ltime < s->event_min)
		return false;
	if (s->event_clock.at > SERF_RING && m->ltime < s->event_clock.at - SERF_RING) {
		log_warn(g->log, "serf: received old event %.*s from time %llu (current: %llu)", PS(m->name),
		        (unsigned long long)m->ltime, (unsigned long long)s->event_clock.at);
		return false;
	}
	if (!s->events && !(s->events = calloc(SERF_RING, sizeof *s->events)))
		return false;
	struct event_slot *slot = &s->events[m->ltime % SERF_RING];
	if (slot->events && slot->ltime == m->ltime) {
		if (seen(slot, m->name, m->payload))
			return false;
	} else {
		slot_clear(slot);
		slot->ltime = m->ltime;
	}
	if (!slot_add(slot, m->name, m->payload))
		return false;
	deliver(g, m);
	return true;
}

void serf_event_send(struct gossip *g, const struct gossip_event *ev)
{
	if (ev->user_event.name.n + ev->user_event.payload.n > GOSSIP_EVENT_MAX) {
		gossip_done(g, ev->tag, ERR_INVALID,
		        arena_str(&g->scratch, "user event exceeds limit of %d bytes", GOSSIP_EVENT_MAX), 0);
		return;
	}
	struct broadcasts *q = &g->serf.events_told;
	struct msg_user_event m = {
	        g->serf.event_clock.at++, ev->user_event.name, ev->user_event.payload, ev->user_event.coalesce};
	serf_event_take(g, &m);
	q->max = serf_queue_max(g);
	broadcasts_add(q, message_make(g, SERF_USER_EVENT, &msg_user_event_schema, &m), NULL, 0);
	gossip_done(g, ev->tag, OK, S_NONE, 0);
}

/* ---- push/pull ---- */

static void put_slot(struct buf *out, const struct event_slot *slot, struct arena *a)
{
	struct msg_event *events = ARENA_ARRAY(a, struct msg_event, slot->n + 1);
	struct msg_events m = {slot->ltime, {events, 0}};
	for (const struct seen_event *e = slot->events; e && events; e = e->next)
		events[m.events.n++] = (struct msg_event){e->name, e->payload};
	schema_mp_write(out, &msg_events_schema, &m);
}

void serf_event_put_ring(const struct gossip *g, struct buf *out)
{
	struct arena a = {0};
	mp_put_array(out, SERF_RING);
	for (uint32_t i = 0; i < SERF_RING; i++) {
		const struct event_slot *slot = g->serf.events ? &g->serf.events[i] : NULL;
		if (slot && slot->events)
			put_slot(out, slot, &a);
		else
			mp_put_nil(out);
	}
	arena_free(&a);
}

void serf_event_merge_ring(struct gossip *g, struct mp_reader *r)
{
	for (uint32_t n = mp_array(r); n && !r->failed; n--) {
		struct msg_events m = {0};
		if (mp_nil(r))
			continue;
		schema_mp_read(r, &msg_events_schema, &m, &g->scratch);
		const struct msg_event *events = m.events.items;
		for (uint32_t i = 0; i < m.events.n && !r->failed; i++) {
			struct msg_user_event one = {m.ltime, events[i].name, events[i].payload, false};
			serf_event_take(g, &one);
		}
	}
}

void serf_event_free(struct gossip *g)
{
	for (uint32_t i = 0; g->serf.events && i < SERF_RING; i++)
		slot_clear(&g->serf.events[i]);
	free(g->serf.events);
	g->serf.events = NULL;
}
