/* What others ask of us: to take entries, to vote, to take a snapshot. The order of the checks is hashicorp/raft's
 * (wire/raft.md section 4); what an answer says is durable before it leaves. */
#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/raft/raft_machine.h"

/* ---- the leader speaks ---- */

/* A leader of this term, or of a later one, which then is ours. False: it is of an earlier one. */
static bool leader_heard(
        struct raft *r, struct raft_conn *c, raft_term term, struct slice leader, struct raft_reply *reply)
{
	if (term < r->s.term || !raft_members_name(leader))
		return false;
	if (term == r->s.term && r->s.role == RAFT_LEADER) {
		log_err(r->log, "raft: %.*s says that it leads in our own term %llu", PS(leader),
		        (unsigned long long)term);
		return false;
	}
	if (!slice_is(leader, r->leader))
		for (struct raft_conn *other = r->conns; other; other = other->next)
			other->leads = false;
	if (r->s.role != RAFT_FOLLOWER)
		raft_lead_set(r, leader);
	if (term > r->s.term || r->s.role != RAFT_FOLLOWER)
		raft_follow_become(r, term);
	raft_lead_set(r, leader);
	reply->answer.term = term;
	c->leads = true;
	r->contact = r->now;
	r->suspect = false;
	r->hurry_until = 0;
	r->refused = 0;
	r->silence = false;
	r->asking = ASK_NOTHING;
	r->deadline = r->now + r->patience;
	return true;
}

static void commit_to(struct raft *r, raft_index index)
{
	if (index <= r->s.commit)
		return;
	r->s.commit = index;
	raft_members_commit(r);
}

/* What requests of this term have shown to be the leader's log, too. */
static struct raft_shown *shown_now(struct raft *r)
{
	if (r->shown.term != r->s.term)
		r->shown = (struct raft_shown){.term = r->s.term};
	return &r->shown;
}

/* Only what we have of the leader's log is committed by its word; what comes later, when it comes. */
void raft_follow_told(struct raft *r, raft_index commit)
{
	struct raft_shown *s = shown_now(r);
	s->commit = commit > s->commit ? commit : s->commit;
	raft_index have = s->index < r->s.last ? s->index : r->s.last;
	raft_log_proven(r, s->commit < have ? s->commit : have);
	commit_to(r, s->commit < have ? s->commit : have);
}

/* ---- entries ---- */

/* Does the leader's log have the snapshot that ours begins with? Known only by one of its own index. */
static bool base_fits(const struct raft *r, const struct raft_wire_append *q)
{
	raft_index base = r->cache.base;
	if (!r->s.unproven || q->prev > base)
		return true;
	if (q->prev == base)
		return q->prev_term == r->cache.base_term;
	return base - q->prev <= q->n && q->entries[base - q->prev - 1].term == r->cache.base_term;
}

/* Is our log the leader's up to `prev`? What is no longer known was applied, so it is. */
static bool prev_fits(struct raft *r, const struct raft_wire_append *q)
{
	raft_term ours;
	if (q->prev > r->s.last) {
		log_warn(r->log, "raft: Failed to get previous log: %llu log not found (last: %llu)",
		        (unsigned long long)q->prev, (unsigned long long)r->s.last);
		return false;
	}
	if (!q->prev || !raft_cache_term(&r->cache, q->prev, &ours) || ours == q->prev_term)
		return true;
	log_warn(r->log, "raft: Previous log term mis-match: ours: %llu remote: %llu", (unsigned long long)ours,
	        (unsigned long long)q->prev_term);
	return false;
}

static bool entry_take(struct raft *r, const struct raft_entry *e)
{
	raft_term ours;
	if (e->index <= r->s.last) {
		if (!raft_cache_term(&r->cache, e->index, &ours) || ours == e->term)
			return true;
		if (e->index <= r->s.commit) {
			log_err(r->log, "raft: Refusing entry %llu of term %llu: another one is committed",
			        (unsigned long long)e->index, (unsigned long long)e->term);
			return false;
		}
		if (r->dropping >= e->index)
			return false; /* whoever proposed these is told first (raft_drop); the leader asks again */
		log_warn(r->log, "raft: Clearing log suffix from %llu to %llu", (unsigned long long)e->index,
		        (unsigned long long)r->s.last);
		raft_log_cut(r, e->index - 1);
	}
	if (e->index - r->s.applied > RAFT_PENDING_MAX || !raft_log_take(r, e, true))
		return false;
	raft_members_entry(r, e);
	return true;
}

static bool entries_take(struct raft *r, const struct raft_wire_append *q)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->entries[i].index != q->prev + 1 + i || !entry_take(r, &q->entries[i]))
			return false;
	return true;
}

/* The leader's log from its first entry on takes the place of a snapshot that it has not shown. */
static void begin_anew(struct raft *r)
{
	raft_log_floor(r);
	if (r->floor_sequence > r->durable)
		return;
	MUST(raft_members_set(&r->install_members, 0, NULL, 0));
	r->installing = r->install_new = true;
	r->install_term = r->s.term;
	r->install = (struct raft_install){0};
}

static void on_append(struct raft *r, struct raft_conn *c, const struct raft_wire_append *q)
{
	struct raft_reply *reply = raft_inbound_reply(r, c, RAFT_WIRE_APPEND);
	if (!leader_heard(r, c, q->term, q->leader, reply))
		return;
	reply->wait = raft_log_wait_hard(r);
	bool beat = q->no_entries && !q->prev;
	if (!beat && r->installing)
		return; /* the log is about to be replaced */
	if (!beat && !base_fits(r, q)) {
		log_warn(r->log, "raft: The leader has shown nothing of our snapshot %llu of term %llu",
		        (unsigned long long)r->cache.base, (unsigned long long)r->cache.base_term);
		reply->answer.last_log = 0;
		reply->answer.no_backoff = q->prev > 0;
		if (!q->prev)
			begin_anew(r);
		return;
	}
	if (!prev_fits(r, q)) {
		reply->answer.no_backoff = true;
		return;
	}
	if (q->n && (r->disk_broken || !entries_take(r, q)))
		return;
	raft_index shown = q->prev + q->n;
	struct raft_shown *s = shown_now(r);
	s->index = shown > s->index ? shown : s->index;
	raft_follow_told(r, q->commit);
	reply->answer.success = true;
	uint64_t entries = raft_log_wait_entry(r, shown), hard = raft_log_wait_hard(r);
	reply->wait = entries > hard ? entries : hard;
}

/* ---- votes ---- */

static bool log_newer(struct raft *r, const struct raft_wire_vote *q)
{
	bool floor = raft_log_below_floor(r);
	raft_term last_term = floor ? r->floor_term : r->s.last_term;
	raft_index last = floor ? r->floor : r->s.last;
	bool term = last_term > q->last_term;
	bool index = last_term == q->last_term && last > q->last;
	if (term && !q->prevote)
		log_warn(r->log, "raft: Rejecting vote request from %.*s since our last term is greater (%llu, %llu)",
		        PS(q->candidate), (unsigned long long)last_term, (unsigned long long)q->last_term);
	if (index && !q->prevote)
		log_warn(r->log, "raft: Rejecting vote request from %.*s since our last index is greater (%llu, %llu)",
		        PS(q->candidate), (unsigned long long)last, (unsigned long long)q->last);
	return term || index;
}

/* Somebody else leads, and was heard of lately. */
static bool is_led(const struct raft *r, struct slice candidate)
{
	if (!r->leader[0] || slice_is(candidate, r->leader))
		return false;
	return r->s.role == RAFT_LEADER || (!r->suspect && r->now < r->contact + r->heartbeat_timeout);
}

static bool voted_for_other(const struct raft *r, raft_term term, struct slice candidate)
{
	return r->vote_term == term && r->vote[0] && !slice_is(candidate, r->vote);
}

static void on_prevote(struct raft *r, const struct raft_wire_vote *q, struct raft_reply *reply)
{
	reply->answer.success = !is_led(r, q->candidate) && q->term >= r->s.term &&
	                        !voted_for_other(r, q->term, q->candidate) && !log_newer(r, q) && !r->disk_broken;
}

static bool vote_grant(struct raft *r, const struct raft_wire_vote *q)
{
	if (r->vote_term == q->term && r->vote[0]) {
		log_info(r->log, "raft: Duplicate RequestVote for same term: %llu", (unsigned long long)q->term);
		if (voted_for_other(r, q->term, q->candidate))
			return false;
		log_warn(r->log, "raft: Duplicate RequestVote from candidate: %.*s", PS(q->candidate));
		return true;
	}
	if (log_newer(r, q) || r->disk_broken || !raft_members_name(q->candidate))
		return false;
	r->vote_term = q->term;
	slice_cstr(q->candidate, r->vote, sizeof r->vote);
	r->hard_changed = true;
	return true;
}

static void on_vote(struct raft *r, struct raft_conn *c, const struct raft_wire_vote *q)
{
	struct raft_reply *reply = raft_inbound_reply(r, c, RAFT_WIRE_VOTE);
	reply->with_peers = r->protocol < 2;
	if (q->prevote) {
		on_prevote(r, q, reply);
		return;
	}
	if (is_led(r, q->candidate)) {
		log_warn(r->log, "raft: Rejecting vote request from %.*s since we have a leader: %s", PS(q->candidate),
		        r->leader);
		return;
	}
	if (q->term < r->s.term)
		return;
	if (q->term > r->s.term) {
		r->leader[0] = 0;
		raft_follow_become(r, q->term);
		reply->answer.term = q->term;
	}
	if (vote_grant(r, q)) {
		reply->answer.success = true;
		r->contact = r->now;
		r->deadline = r->now + r->patience;
	}
	reply->wait = raft_log_wait_hard(r);
}

/* ---- snapshots ---- */

static void reply_error(struct raft_reply *reply, const char *why)
{
	snprintf(reply->error, sizeof reply->error, "%s", why);
	reply->answer.error = slice_of(reply->error);
	reply->answer.success = false;
}

static bool install_members(struct raft *r, const struct raft_wire_install *q)
{
	struct raft_server *servers;
	struct fail f;
	size_t n;
	bool read = q->version ? raft_wire_read_configuration(q->configuration, &r->scratch, &servers, &n)
	                       : raft_wire_read_peers(q->peers, &r->scratch, &servers, &n);
	raft_index index = q->version ? q->configuration_index : q->last;
	return read && !raft_members_check(servers, n, &f) && raft_members_set(&r->install_members, index, servers, n);
}

static const char *install_begin(struct raft *r, const struct raft_wire_install *q, struct slice state)
{
	if (r->installing)
		return "another snapshot is being installed";
	if (state.n != (uint64_t)q->size)
		return "short read";
	if (!install_members(r, q))
		return "failed to create snapshot: the configuration can't be understood";
	if (r->s.unproven && q->last < r->cache.base)
		raft_log_floor(r);
	r->installing = r->install_new = true;
	r->install_term = r->s.term;
	r->install = (struct raft_install){.index = q->last,
	        .term = q->last_term,
	        .servers = r->install_members.servers,
	        .n = r->install_members.n,
	        .configuration = r->install_members.index,
	        .state = state};
	return NULL;
}

static void on_install(struct raft *r, struct raft_conn *c, const struct raft_wire_install *q, struct slice state)
{
	struct raft_reply *reply = raft_inbound_reply(r, c, RAFT_WIRE_INSTALL);
	char why[64];
	raft_term ours;
	reply->answer.protocol = 0; /* the reference never fills it in */
	if (q->version < 0 || q->version > 1) {
		snprintf(why, sizeof why, "unsupported snapshot version %lld", (long long)q->version);
		reply_error(reply, why);
		return;
	}
	if (q->term < r->s.term)
		log_info(r->log, "raft: Ignoring installSnapshot request with older term of %llu vs currentTerm %llu",
		        (unsigned long long)q->term, (unsigned long long)r->s.term);
	if (!leader_heard(r, c, q->term, q->leader, reply))
		return;
	/* What is behind a snapshot of ours is the leader's log, and so what is his snapshot of that is committed. If
	 * our log has it, too, there is nothing to replace. */
	bool have = q->last <= r->s.commit && !r->s.unproven;
	if (!have && q->last <= r->s.last && raft_cache_term(&r->cache, q->last, &ours) && ours == q->last_term) {
		raft_log_proven(r, q->last > r->cache.base ? q->last : 0);
		commit_to(r, q->last);
		have = true;
	}
	if (have) {
		reply->answer.success = true;
		uint64_t entry = raft_log_wait_entry(r, q->last), hard = raft_log_wait_hard(r);
		reply->wait = entry > hard ? entry : hard;
		return;
	}
	const char *not = install_begin(r, q, state);
	if (not ) {
		reply_error(reply, not );
		return;
	}
	reply->held = true;
	r->install_reply = reply;
}

bool raft_installed(struct raft *r, struct raft_install *out)
{
	bool new = r->install_new;
	r->install_new = false;
	if (new)
		*out = r->install;
	return new;
}

bool raft_install_stale(const struct raft *r)
{
	return r->installing && (r->s.term != r->install_term || r->floor_sequence > r->durable);
}

void raft_install_done(struct raft *r, struct slice why)
{
	MUST(r->installing);
	r->installing = r->install_new = false;
	struct raft_reply *reply = r->install_reply;
	r->install_reply = NULL;
	if (reply)
		reply->held = false;
	if (why.n && reply) {
		char text[sizeof reply->error];
		reply_error(reply, slice_cstr(why, text, sizeof text));
	}
	if (why.n)
		return;
	const struct raft_members *m = &r->install_members;
	raft_log_reset(r, r->install.index, r->install.term);
	MUST(raft_members_set(&r->committed, m->index, m->servers, m->n) &&
	        raft_members_set(&r->latest, m->index, m->servers, m->n));
	raft_members_changed(r);
	r->hard_changed = true; /* the answer waits for an append that is behind the end of the old log */
	if (reply) {
		log_info(r->log, "raft: Installed remote snapshot");
		reply->answer.success = true;
		reply->wait = raft_log_wait_hard(r);
	}
	r->contact = r->now;
	r->deadline = r->now + r->patience;
}

void raft_follow_request(struct raft *r, struct raft_conn *c, const struct raft_wire_request *q, struct slice state)
{
	switch (q->kind) {
	case RAFT_WIRE_APPEND: on_append(r, c, &q->append); break;
	case RAFT_WIRE_VOTE: on_vote(r, c, &q->vote); break;
	case RAFT_WIRE_INSTALL: on_install(r, c, &q->install, state); break;
	case RAFT_WIRE_READ: raft_read_request(r, c, &q->read); break;
	}
}
