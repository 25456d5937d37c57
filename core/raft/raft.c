#include "core/raft/raft.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

enum { CATCHUP_TIMES = 16 };

static void raft_invariants(const struct raft *r)
{
	const struct raft_state *s = &r->s;
	MUST(r->cache.base <= s->applied && s->applied <= s->commit && s->commit <= s->last);
	MUST(s->logged <= s->last && r->handed <= s->last && s->last == r->cache.last);
	MUST(s->role != RAFT_LEADER || s->first_of_term <= s->last);
	MUST(r->vote_term <= s->term);
	MUST(!s->unproven || (s->applied == r->cache.base && s->commit == s->applied));
}

/* ---- birth ---- */

struct raft *raft_new(const struct raft_options *o)
{
	struct raft *r = calloc(1, sizeof *r);
	if (!r || !raft_cache_init(&r->cache)) {
		free(r);
		return NULL;
	}
	snprintf(r->id, sizeof r->id, "%s", o->id);
	snprintf(r->address, sizeof r->address, "%s", o->address);
	r->protocol = o->protocol;
	r->s.durable = o->durable;
	r->heartbeat_timeout = o->heartbeat_timeout ? o->heartbeat_timeout : NS_PER_S;
	r->election_timeout = o->election_timeout ? o->election_timeout : NS_PER_S;
	r->lease_timeout = o->lease_timeout ? o->lease_timeout : NS_PER_S / 2;
	r->log = o->log;
	r->kept = o->kept ? o->kept : RAFT_KEPT_ENTRIES;
	rand_seed(&r->rand, o->seed);
	map_init(&r->known, o->seed);
	r->cut = UINT64_MAX;
	r->deadline = r->disk_retry = RAFT_NEVER;
	r->contact = INT64_MIN;
	return r;
}

void raft_free(struct raft *r)
{
	if (!r)
		return;
	raft_answers_free(r);
	for (size_t i = 0; i < r->peers_n; i++)
		free(r->peers[i]);
	free(r->peers);
	raft_members_free(&r->latest);
	raft_members_free(&r->committed);
	raft_members_free(&r->install_members);
	raft_cache_free(&r->cache);
	arena_free(&r->scratch);
	size_t at = 0;
	for (void *k; (k = map_next(&r->known, &at));)
		free(k);
	map_free(&r->known);
	free(r->flights);
	free(r->checks);
	free(r);
}

/* ---- recovery ---- */

void raft_recover_snapshot(struct raft *r, raft_index index, raft_term term, const struct raft_server *servers,
        size_t n, raft_index configuration)
{
	raft_log_reset(r, index, term);
	MUST(raft_members_set(&r->latest, configuration, servers, n) &&
	        raft_members_set(&r->committed, configuration, servers, n));
	raft_members_changed(r);
	if (r->s.term < term)
		r->s.term = term;
}

void raft_recover_hard(struct raft *r, raft_term term, raft_term vote_term, struct slice vote, raft_index commit)
{
	if (r->s.term < term)
		r->s.term = term;
	if (raft_members_name(vote)) {
		r->vote_term = vote_term;
		slice_cstr(vote, r->vote, sizeof r->vote);
	}
	r->recover_commit = commit;
	raft_log_proven(r, commit);
}

void raft_recover_floor(struct raft *r, raft_term term, raft_index index)
{
	r->floor_term = term;
	r->floor = index;
}

void raft_recover_entry(struct raft *r, const struct raft_entry *e)
{
	arena_reset(&r->scratch, 0);
	MUST(e->index == r->s.last + 1 && raft_cache_add(&r->cache, e, true));
	r->s.last = r->s.logged = r->handed = e->index;
	r->s.last_term = e->term;
	if (r->s.term < e->term)
		r->s.term = e->term;
	raft_members_entry(r, e);
	if (e->index > r->recover_commit && !raft_members_alone(r))
		return;
	r->s.commit = e->index;
	r->s.unproven = false;
	raft_members_commit(r);
}

void raft_start(struct raft *r, mono_ns now)
{
	struct buf text = {0};
	r->now = now;
	r->started = true;
	if (raft_members_alone(r))
		r->s.unproven = false;
	raft_members_text(&text, &r->latest);
	log_info(r->log, "raft: Initial configuration (index=%llu): %.*s", (unsigned long long)r->latest.index,
	        PS(buf_view(&text)));
	buf_free(&text);
	log_info(r->log, "raft: Node at %s [Follower] entering Follower state (Leader: \"\")", r->address);
	raft_election_begin(r, r->s.last == 1 && r->s.term == 1);
}

/* ---- time ---- */

void raft_tick(struct raft *r, mono_ns now)
{
	r->now = now;
	if (!r->started)
		return;
	raft_lead_tick(r);
	raft_read_tick(r);
	raft_election_tick(r);
	for (size_t i = 0; i < r->peers_n; i++)
		r->peers[i]->drop |= now >= r->peers[i]->drop_at;
	raft_invariants(r);
}

mono_ns raft_next_tick(const struct raft *r)
{
	mono_ns at = r->disk_retry;
	if (!r->started)
		return RAFT_NEVER;
	mono_ns next = r->s.role == RAFT_LEADER ? raft_lead_next(r) : r->deadline;
	at = next < at ? next : at;
	next = raft_read_next(r);
	at = next < at ? next : at;
	for (size_t i = 0; i < r->peers_n; i++)
		at = r->peers[i]->drop_at < at ? r->peers[i]->drop_at : at;
	return at;
}

/* ---- proposals ---- */

raft_index raft_propose(struct raft *r, enum raft_entry_type type, struct slice data, void *tag, enum err *err)
{
	*err = r->s.role != RAFT_LEADER || r->removed         ? ERR_NO_LEADER
	       : r->s.last - r->s.applied >= RAFT_PENDING_MAX ? ERR_FULL
	                                                      : OK;
	if (*err)
		return 0;
	const struct raft_entry e = {
	        .index = r->s.last + 1, .term = r->s.term, .type = (uint8_t)type, .data = data, .tag = tag};
	if (!raft_log_take(r, &e, r->peers_n)) {
		*err = ERR_NO_MEMORY;
		return 0;
	}
	if (!r->peers_n)
		r->lent = e.index;
	return e.index;
}

/* Data that was lent goes back only when the log is done with it. */
const struct raft_entry *raft_drop(struct raft *r)
{
	if (r->s.role == RAFT_LEADER || !r->dropping)
		return NULL;
	for (; r->dropping > r->s.commit && r->dropping > r->cache.base; r->dropping--) {
		if (r->dropping > r->cache.last)
			continue;
		if (r->dropping <= r->lent && r->dropping > r->s.logged && r->flights_n)
			return NULL;
		struct raft_entry *e = raft_cache_at(&r->cache, r->dropping);
		if (!e->tag)
			continue;
		r->dropped = *e;
		e->tag = NULL;
		r->dropping--;
		return &r->dropped;
	}
	r->dropping = 0;
	if (r->drop_cut && r->s.last > r->s.logged && r->s.logged >= r->s.commit)
		raft_log_cut(r, r->s.logged);
	r->drop_cut = false;
	return NULL;
}

/* ---- applying ---- */

/* Somebody who answers gets what he lacks from memory, if he can keep up. */
static raft_index needed(const struct raft *r)
{
	raft_index least = r->s.applied;
	for (size_t i = 0; r->s.role == RAFT_LEADER && i < r->peers_n; i++) {
		const struct raft_peer *p = r->peers[i];
		raft_index has = p->mode == PEER_INSTALL ? p->install_index : p->match;
		bool alive = p->mode == PEER_INSTALL || r->now - p->contact < 10 * r->lease_timeout;
		if (p->listed && alive && p->mode != PEER_BEHIND && has < least)
			least = has;
	}
	return least;
}

static void cache_trim(struct raft *r)
{
	struct raft_cache *c = &r->cache;
	raft_index upto = r->s.applied;
	if (!r->peers_n) {
		raft_cache_forget(c, upto);
		return;
	}
	if (upto > r->s.logged)
		upto = r->s.logged;
	if (upto - c->base <= r->kept && c->bytes <= RAFT_KEPT_BYTES)
		return;
	raft_index need = needed(r);
	while (c->base < upto && (upto - c->base > r->kept || c->bytes > RAFT_KEPT_BYTES)) {
		bool wanted = c->base >= need;
		if (wanted && upto - c->base <= CATCHUP_TIMES * r->kept && c->bytes <= RAFT_CATCHUP_BYTES)
			return;
		raft_cache_forget(c, c->base + 1);
	}
}

/* What a majority has on disk a leader may answer before his own disk is done, if the data is not lent; a follower has
 * no reason to be ahead of his disk. */
static bool can_apply(const struct raft *r)
{
	if (r->s.applied >= r->s.commit)
		return false;
	if (r->s.applied < r->s.logged)
		return true;
	const struct raft_entry *e = raft_cache_at(&r->cache, r->s.applied + 1);
	return r->s.role == RAFT_LEADER && (e->own || !e->data.n);
}

const struct raft_entry *raft_next(struct raft *r)
{
	cache_trim(r);
	if (!can_apply(r))
		return NULL;
	r->s.applied++;
	const struct raft_entry *e = raft_cache_at(&r->cache, r->s.applied);
	r->s.applied_term = e->term;
	return e;
}

/* ---- what follows ---- */

static void peers_drop(struct raft *r, struct effects *out)
{
	for (size_t i = 0; i < r->peers_n; i++) {
		struct raft_peer *p = r->peers[i];
		bool gone = !p->listed && (r->s.role != RAFT_LEADER || !p->left || raft_peer_done(r, p));
		if (!p->drop && !gone)
			continue;
		struct effect *e = effect_add(out, EFF_RAFT_DROP);
		e->raft.peer = arena_copy(&out->mem, slice_of(p->id));
		MUST(e->raft.peer.n);
		p->drop = false;
		p->drop_at = RAFT_NEVER;
		for (enum raft_channel c = RAFT_BEAT; c <= RAFT_INSTALL; c++)
			raft_lost(r, slice_of(p->id), c);
		if (gone) {
			free(p);
			r->peers[i--] = r->peers[--r->peers_n];
		}
	}
}

void raft_flush(struct raft *r, struct effects *out)
{
	peers_drop(r, out);
	raft_log_flush(r, out);
	raft_election_flush(r, out);
	raft_lead_flush(r, out);
	raft_read_flush(r, out);
	raft_inbound_flush(r, out);
	raft_invariants(r);
}

bool raft_unflushed(const struct raft *r)
{
	return (raft_log_dirty(r) && !r->disk_broken) || can_apply(r);
}

/* ---- snapshots ---- */

void raft_replaced(struct raft *r, raft_index index)
{
	MUST(r->s.role == RAFT_LEADER && r->s.applied == r->s.last && index > r->s.last);
	raft_log_reset(r, index, r->s.term);
	r->s.unproven = !raft_members_alone(r);
	for (size_t i = 0; i < r->peers_n; i++)
		if (r->peers[i]->mode == PEER_PIPELINE) {
			r->peers[i]->mode = PEER_BEHIND;
			r->peers[i]->flights_n = 0;
			r->peers[i]->flights_bytes = 0;
		}
}

void raft_snapshot_taken(struct raft *r, raft_index index, raft_term term)
{
	r->s.snapshot = index;
	r->s.snapshot_term = term;
}

/* ---- what is so ---- */

const struct raft_state *raft_state(const struct raft *r)
{
	return &r->s;
}

struct slice raft_leader(const struct raft *r)
{
	return slice_of(r->leader);
}

struct slice raft_leader_id(const struct raft *r)
{
	for (size_t i = 0; i < r->latest.n; i++)
		if (slice_is(r->latest.servers[i].address, r->leader))
			return r->latest.servers[i].id;
	return S_NONE;
}

mono_ns raft_leader_contact(const struct raft *r)
{
	return r->s.role == RAFT_LEADER ? r->now : r->contact;
}

void raft_peer_prevote(struct raft *r, struct slice id, bool understands)
{
	struct raft_peer *p = raft_peer_by_id(r, id);
	struct raft_known *k = map_get(&r->known, id);
	if (p)
		p->prevote = understands;
	if (!k && understands && r->known.n < RAFT_KNOWN_MAX && (k = malloc(sizeof *k + id.n))) {
		k->n = id.n;
		memcpy(k->id, id.p, id.n);
		if (!map_put(&r->known, slice_at(k->id, k->n), k, NULL)) {
			free(k);
			return;
		}
	}
	if (k)
		k->prevote = understands;
}

bool raft_peer_at(const struct raft *r, size_t i, struct raft_peer_state *out)
{
	if (r->s.role != RAFT_LEADER || i >= r->peers_n)
		return false;
	const struct raft_peer *p = r->peers[i];
	*out = (struct raft_peer_state){
	        .id = slice_of(p->id),
	        .address = slice_of(p->address),
	        .match = p->match,
	        .next = p->next,
	        .contact = p->contact,
	        .installing = p->mode == PEER_BEHIND || p->mode == PEER_INSTALL,
	};
	return true;
}
