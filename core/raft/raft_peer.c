/* One peer of a leader: what is sent to it, and what its answers mean.
 *
 *            success                         mismatch, lost
 *   PROBE ------------> PIPELINE        any ----------------> PROBE
 *     |  what it needs is not kept
 *     +------------> BEHIND --sent--> INSTALL --success--> PROBE
 *
 * Beats go on their own connection and say only that we lead. */
#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

/* A follower hears of a commit with the next entries, or after this. */
#define NOTICE_AFTER (10 * NS_PER_MS)
/* Silence on the connection of entries; a slow disk is not silence. */
#define LOG_TIMEOUT (10 * NS_PER_S)
#define RETRY_LEAST (10 * NS_PER_MS)
enum { RETRY_DOUBLES = 6 };

/* As %v of a raft.Server. */
static const char *peer_text(struct raft_peer *p)
{
	snprintf(p->text, sizeof p->text, "{%s %s %s}", p->suffrage == RAFT_VOTER ? "Voter" : "Nonvoter", p->id,
	        p->address);
	return p->text;
}

/* ---- sending ---- */

void raft_peer_send(struct raft *r, struct raft_peer *p, enum raft_channel channel, uint64_t tag,
        const struct raft_wire_request *q, struct effects *out)
{
	struct buf b = {0};
	raft_wire_put_request(&b, q);
	struct effect *e = effect_add(out, channel == RAFT_INSTALL ? EFF_RAFT_INSTALL : EFF_RAFT_SEND);
	e->raft.peer = arena_copy(&out->mem, slice_of(p->id));
	e->raft.address = arena_copy(&out->mem, slice_of(p->address));
	e->raft.channel = (uint8_t)channel;
	e->raft.tag = tag;
	e->raft.index = r->s.applied;
	e->raft.term = r->s.applied_term;
	e->raft.bytes = arena_copy(&out->mem, buf_view(&b));
	MUST(!b.failed && e->raft.bytes.n && !out->mem.failed);
	buf_free(&b);
}

static dur_ns backoff(unsigned failures)
{
	return RETRY_LEAST << (failures < RETRY_DOUBLES ? failures : RETRY_DOUBLES);
}

void raft_peer_begin(struct raft *r, struct raft_peer *p)
{
	log_info(r->log, "raft: Added peer %s, starting replication", p->id);
	raft_peer_idle(p);
	p->mode = PEER_PROBE;
	p->next = r->s.last + 1;
	p->match = p->told = 0;
	p->failures = p->beat_failures = 0;
	p->step = 1;
	p->retry_at = p->beat_at = r->now;
	p->contact = r->now; /* it gets one lease to be heard */
	p->answered = INT64_MIN;
	p->round_sent = p->round_answered = 0;
}

void raft_peer_idle(struct raft_peer *p)
{
	p->flights_n = p->beats_n = 0;
	p->flights_bytes = 0;
	p->install = 0;
	p->asked = 0;
	p->retry_at = p->notice_at = p->beat_at = RAFT_NEVER;
}

static struct peer_flight *flight_at(struct raft_peer *p, unsigned i)
{
	return &p->flights[(p->flights_at + i) % RAFT_INFLIGHT_MAX];
}

static void flights_forget(struct raft_peer *p)
{
	p->flights_n = 0;
	p->flights_bytes = 0;
}

/* As many entries as one request takes, from p->next on. */
static size_t batch(const struct raft *r, const struct raft_peer *p, struct raft_entry *entries, size_t *bytes)
{
	size_t n = 0;
	*bytes = 0;
	for (raft_index i = p->next; i <= r->s.last && n < RAFT_BATCH_MAX; i++) {
		const struct raft_entry *e = raft_cache_at(&r->cache, i);
		if (n && *bytes + e->data.n > RAFT_REQUEST_BYTES)
			break;
		*bytes += e->data.n;
		entries[n++] = *e;
	}
	return n;
}

/* False: what comes before is not known any more. */
static bool send_entries(struct raft *r, struct raft_peer *p, struct effects *out)
{
	struct raft_entry entries[RAFT_BATCH_MAX];
	struct raft_wire_request q = {.kind = RAFT_WIRE_APPEND};
	size_t bytes;
	raft_term prev_term = 0;
	if (p->next > 1 && !raft_cache_term(&r->cache, p->next - 1, &prev_term))
		return false;
	if (p->next <= r->cache.base)
		return false;
	q.append = (struct raft_wire_append){.protocol = r->protocol,
	        .term = r->s.term,
	        .leader = slice_of(r->address),
	        .prev = p->next - 1,
	        .prev_term = prev_term,
	        .entries = entries,
	        .n = batch(r, p, entries, &bytes),
	        .commit = raft_log_committed(r)};
	struct peer_flight *f = flight_at(p, p->flights_n++);
	*f = (struct peer_flight){++r->tags, p->next - 1 + q.append.n, bytes, r->now};
	p->flights_bytes += bytes;
	p->told = q.append.commit;
	p->notice_at = RAFT_NEVER;
	if (p->mode == PEER_PIPELINE)
		p->next = f->last + 1;
	raft_peer_send(r, p, RAFT_LOG, f->tag, &q, out);
	return true;
}

static bool room(const struct raft_peer *p)
{
	return p->flights_n < RAFT_INFLIGHT_MAX && p->flights_bytes < RAFT_INFLIGHT_BYTES;
}

static void replicate(struct raft *r, struct raft_peer *p, struct effects *out)
{
	bool kept = true;
	if (p->mode == PEER_PROBE && !p->flights_n)
		kept = send_entries(r, p, out);
	while (p->mode == PEER_PIPELINE && kept && p->next <= r->s.last && room(p))
		kept = send_entries(r, p, out);
	if (!kept) {
		flights_forget(p);
		p->notice_at = RAFT_NEVER;
		p->mode = PEER_BEHIND;
		return;
	}
	if (p->mode != PEER_PIPELINE || p->told >= raft_log_committed(r))
		return;
	bool now = r->now >= p->notice_at || r->removed || p->left;
	if (now && room(p))
		send_entries(r, p, out);
	else if (p->notice_at == RAFT_NEVER)
		p->notice_at = r->now + NOTICE_AFTER;
}

/* Autopilot takes a server for ill that has not heard from its leader for 200 ms: hashicorp's leaders send something
 * every 50 to 100 ms, whatever the timeouts are. */
#define BEAT_MOST (100 * NS_PER_MS)

static void beat(struct raft *r, struct raft_peer *p, struct effects *out)
{
	struct raft_wire_request q = {.kind = RAFT_WIRE_APPEND};
	q.append = (struct raft_wire_append){
	        .protocol = r->protocol, .term = r->s.term, .leader = slice_of(r->address), .no_entries = true};
	p->beats[p->beats_n++] = (struct peer_beat){++r->tags, r->round, r->now};
	p->round_sent = r->round;
	dur_ns pause = r->heartbeat_timeout / 10;
	p->beat_at = r->now + (pause < BEAT_MOST ? pause : BEAT_MOST);
	raft_peer_send(r, p, RAFT_BEAT, r->tags, &q, out);
}

/* Has one that left the group heard that it did? */
bool raft_peer_done(const struct raft *r, const struct raft_peer *p)
{
	return p->match >= p->left && p->told >= p->left && r->s.commit >= p->left && !p->flights_n;
}

void raft_peer_flush(struct raft *r, struct raft_peer *p, struct effects *out)
{
	if (!p->listed && (!p->left || raft_peer_done(r, p)))
		return;
	bool due = r->now >= p->beat_at || (p->round_sent < r->round && r->now >= p->retry_at);
	if (due && p->beats_n < RAFT_BEATS_MAX)
		beat(r, p, out);
	if (r->now >= p->retry_at)
		replicate(r, p, out);
}

/* What a snapshot of now says of itself. Its size is not known yet. */
void raft_flush_installs(struct raft *r, struct effects *out)
{
	for (size_t i = 0; r->s.role == RAFT_LEADER && i < r->peers_n; i++) {
		struct raft_peer *p = r->peers[i];
		if (p->mode != PEER_BEHIND || r->now < p->retry_at || !r->s.applied)
			continue;
		struct raft_wire_request q = {.kind = RAFT_WIRE_INSTALL};
		struct buf peers = {0}, configuration = {0};
		raft_index index;
		size_t n;
		const struct raft_server *servers = raft_configuration_applied(r, &n, &index);
		raft_wire_put_peers(&peers, servers, n);
		raft_wire_put_configuration(&configuration, servers, n);
		q.install = (struct raft_wire_install){.protocol = r->protocol,
		        .version = 1,
		        .term = r->s.term,
		        .leader = slice_of(r->address),
		        .last = r->s.applied,
		        .last_term = r->s.applied_term,
		        .peers = buf_view(&peers),
		        .configuration = buf_view(&configuration),
		        .configuration_index = index};
		p->mode = PEER_INSTALL;
		p->install = ++r->tags;
		p->install_index = r->s.applied;
		raft_peer_send(r, p, RAFT_INSTALL, p->install, &q, out);
		buf_free(&peers);
		buf_free(&configuration);
	}
}

/* ---- answers ---- */

static void failed(struct raft *r, struct raft_peer *p)
{
	p->retry_at = r->now + backoff(p->failures++);
}

static void probe(struct raft *r, struct raft_peer *p)
{
	if (p->mode == PEER_PIPELINE) {
		log_info(r->log, "raft: aborting pipeline replication to peer %s", peer_text(p));
		p->next = p->match + 1;
	}
	flights_forget(p);
	p->mode = PEER_PROBE;
	p->notice_at = RAFT_NEVER;
	p->step = 1;
}

static bool newer_term(struct raft *r, struct raft_peer *p, raft_term term)
{
	if (term <= r->s.term)
		return false;
	log_err(r->log, "raft: peer %s has newer term, stopping replication", peer_text(p));
	raft_follow_become(r, term);
	return true;
}

static void matched(struct raft *r, struct raft_peer *p, raft_index index)
{
	p->failures = 0;
	if (p->match < index)
		p->match = index;
	raft_lead_commit(r);
}

static void accepted(struct raft *r, struct raft_peer *p, const struct peer_flight *f)
{
	p->answered = f->sent > p->answered ? f->sent : p->answered;
	if (p->mode == PEER_PROBE) {
		p->mode = PEER_PIPELINE;
		p->next = f->last + 1;
		log_info(r->log, "raft: pipelining replication to peer %s", peer_text(p));
	}
	matched(r, p, f->last);
}

/* Back to where its log may end, and from there in growing steps: the reference answers a different term with its own
 * last index, which says nothing about where the logs part. */
static void rejected(struct raft *r, struct raft_peer *p, const struct raft_wire_answer *a)
{
	raft_index was = p->mode == PEER_PIPELINE ? p->match + 1 : p->next, step = p->step;
	probe(r, p);
	raft_index next = was > step ? was - step : 1;
	p->next = a->last_log + 1 < next ? a->last_log + 1 : next;
	p->step = a->last_log + 1 < next ? 1 : step * 2;
	if (a->no_backoff)
		p->failures = 0;
	else
		failed(r, p);
	log_warn(r->log, "raft: AppendEntries to %s rejected, sending older logs (next: %llu)", peer_text(p),
	        (unsigned long long)p->next);
}

static void on_entries(struct raft *r, struct raft_peer *p, uint64_t tag, const struct raft_wire_answer *a)
{
	const struct peer_flight f = *flight_at(p, 0);
	if (!p->flights_n || f.tag != tag)
		return; /* of before the last mismatch */
	p->flights_at = (p->flights_at + 1) % RAFT_INFLIGHT_MAX;
	p->flights_n--;
	p->flights_bytes -= f.bytes;
	if (a->error.n) {
		log_err(r->log, "raft: Failed to AppendEntries to %s: %.*s", peer_text(p), PS(a->error));
		probe(r, p);
		failed(r, p);
		return;
	}
	if (newer_term(r, p, a->term))
		return;
	p->contact = r->now;
	if (a->success)
		accepted(r, p, &f);
	else
		rejected(r, p, a);
}

static bool on_beat(struct raft *r, struct raft_peer *p, uint64_t tag, const struct raft_wire_answer *a)
{
	unsigned i = 0;
	while (i < p->beats_n && p->beats[i].tag != tag)
		i++;
	if (i == p->beats_n)
		return false;
	const struct peer_beat b = p->beats[i];
	p->beats_n -= i + 1;
	memmove(p->beats, p->beats + i + 1, p->beats_n * sizeof b);
	if (a->error.n) {
		log_err(r->log, "raft: Failed to heartbeat to %s: %.*s", p->address, PS(a->error));
		p->beat_at = r->now + backoff(p->beat_failures++);
		return true;
	}
	if (newer_term(r, p, a->term))
		return true;
	p->contact = r->now;
	p->beat_failures = 0;
	if (!a->success)
		return true;
	p->answered = b.sent > p->answered ? b.sent : p->answered;
	p->round_answered = b.round > p->round_answered ? b.round : p->round_answered;
	return true;
}

static void on_install(struct raft *r, struct raft_peer *p, uint64_t tag, const struct raft_wire_answer *a)
{
	if (p->mode != PEER_INSTALL || p->install != tag)
		return;
	p->mode = PEER_PROBE;
	p->install = 0;
	if (a->error.n)
		log_err(r->log, "raft: Failed to send snapshot to %s: %.*s", peer_text(p), PS(a->error));
	else if (newer_term(r, p, a->term))
		return;
	p->contact = r->now;
	if (a->success && !a->error.n) {
		p->next = p->install_index + 1;
		p->step = 1;
		matched(r, p, p->install_index);
		return;
	}
	if (!a->error.n)
		log_warn(r->log, "raft: InstallSnapshot to %s rejected", peer_text(p));
	failed(r, p);
}

void raft_answer(struct raft *r, struct slice peer, enum raft_channel channel, uint64_t tag, struct slice bytes)
{
	static const enum raft_wire_kind kinds[] = {RAFT_WIRE_APPEND, RAFT_WIRE_APPEND, RAFT_WIRE_INSTALL};
	struct raft_peer *p = raft_peer_by_id(r, peer);
	if (!p)
		return;
	bool vote = channel == RAFT_BEAT && p->asked && p->asked == tag;
	bool read = channel == RAFT_BEAT && r->read_tag && r->read_tag == tag;
	struct raft_wire_answer a;
	if (!raft_wire_read_answer(bytes, vote ? RAFT_WIRE_VOTE : read ? RAFT_WIRE_READ : kinds[channel], &a)) {
		p->drop = true; /* it does not speak our language */
		return;
	}
	if (vote)
		raft_election_answer(r, p, &a);
	else if (read)
		raft_read_answer(r, &a);
	else if (r->s.role != RAFT_LEADER)
		return;
	else if (channel == RAFT_LOG)
		on_entries(r, p, tag, &a);
	else if (channel == RAFT_INSTALL)
		on_install(r, p, tag, &a);
	else
		on_beat(r, p, tag, &a);
	raft_lead_lease(r);
}

void raft_lost(struct raft *r, struct slice peer, enum raft_channel channel)
{
	struct raft_peer *p = raft_peer_by_id(r, peer);
	if (!p)
		return;
	if (channel == RAFT_BEAT) {
		raft_election_lost(r, p);
		raft_read_lost(r, peer);
	}
	if (r->s.role != RAFT_LEADER)
		return;
	p->told = 0; /* it may have started anew, and not know what is committed */
	if (channel == RAFT_BEAT) {
		p->beats_n = 0;
		p->beat_at = r->now + backoff(p->beat_failures++);
		if (p->beat_failures == 1)
			log_err(r->log, "raft: Failed to heartbeat to %s: connection lost", p->address);
	} else if (channel == RAFT_LOG && p->flights_n) {
		if (!p->failures)
			log_err(r->log, "raft: Failed to AppendEntries to %s: connection lost", peer_text(p));
		probe(r, p);
		failed(r, p);
	} else if (channel == RAFT_INSTALL && p->mode == PEER_INSTALL) {
		log_err(r->log, "raft: Failed to send snapshot to %s: connection lost", peer_text(p));
		p->mode = PEER_PROBE;
		failed(r, p);
	}
}

/* ---- in time ---- */

static mono_ns beats_overdue(const struct raft *r, const struct raft_peer *p)
{
	return p->beats_n ? p->beats[0].sent + 2 * r->heartbeat_timeout : RAFT_NEVER;
}

static mono_ns entries_overdue(struct raft_peer *p)
{
	return p->flights_n ? flight_at(p, 0)->sent + LOG_TIMEOUT : RAFT_NEVER;
}

/* A connection that swallows everything is closed, so that the next attempt may find another way. */
void raft_peer_tick(struct raft *r, struct raft_peer *p)
{
	if (r->now >= beats_overdue(r, p) || r->now >= entries_overdue(p))
		p->drop = true;
}

mono_ns raft_peer_next(const struct raft *r, struct raft_peer *p)
{
	mono_ns at = p->beats_n < RAFT_BEATS_MAX ? p->beat_at : RAFT_NEVER;
	mono_ns all[] = {p->mode == PEER_PIPELINE && room(p) ? p->notice_at : RAFT_NEVER, beats_overdue(r, p),
	        entries_overdue(p), p->retry_at > r->now ? p->retry_at : RAFT_NEVER};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		at = all[i] < at ? all[i] : at;
	return at;
}
