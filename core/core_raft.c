#include "core/agent/servers.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/core_parts.h"

/* A snapshot costs as much as there is in the tables, so it has to save as much: it is written when the log behind the
 * last one has grown to a part of that (hashicorp/raft: after 8192 entries, however large they and the tables are). Two
 * snapshots and the log so stay below three times the live set, and no server writes more than some times what its
 * clients do. */
enum { SNAPSHOT_PART = 4, SNAPSHOT_LEAST = 16 << 20, ENTRY_BYTES = 64 /* of an entry beside its data */ };
#define SNAPSHOT_INTERVAL (5 * NS_PER_S)

enum { RAFT_PROTOCOL_DEFAULT = 3, PROTOCOL_IDS = 3 };

/* Fronts say how long ago the leader was heard: not more exactly than this. */
#define CONTACT_NEWS (100 * NS_PER_MS)

/* ---- birth ---- */

static int protocol_of(const struct agent_config *config)
{
	return config->raft_protocol ? (int)config->raft_protocol : RAFT_PROTOCOL_DEFAULT;
}

struct slice core_raft_id(const struct core *c)
{
	return protocol_of(c->config) >= PROTOCOL_IDS ? c->config->node_id : slice_of(c->address);
}

/* Alone a server waits for nobody, whatever its timeouts. Those of -dev (35, 52 and 20 ms) would only make two of them
 * that join lose their leader at every hiccup: among peers they are what they are without -dev. */
static dur_ns among_peers(const struct core *c, dur_ns configured, dur_ns without_dev)
{
	return c->config->dev_mode && configured < without_dev ? without_dev : configured;
}

struct raft *core_raft_new(struct core *c, const struct core_options *from)
{
	char id[64];
	c->snapshot_least = from->snapshot_least ? from->snapshot_least : SNAPSHOT_LEAST;
	const struct raft_options o = {
	        .id = slice_cstr(core_raft_id(c), id, sizeof id),
	        .address = c->address,
	        .protocol = protocol_of(c->config),
	        .durable = from->durable,
	        .heartbeat_timeout = among_peers(c, c->config->raft_heartbeat_timeout, 5 * NS_PER_S),
	        .election_timeout = among_peers(c, c->config->raft_election_timeout, 5 * NS_PER_S),
	        .lease_timeout = among_peers(c, c->config->raft_leader_lease_timeout, 2500 * NS_PER_MS),
	        .seed = from->seed,
	        .log = c->log,
	        .kept = from->kept,
	};
	return raft_new(&o);
}

/* ---- recovery ---- */

void core_restored(struct core *c, const struct core_snapshot *s)
{
	raft_recover_snapshot(c->raft, s->index, s->term, s->servers, s->n, s->configuration);
}

void core_recover_hard(struct core *c, raft_term term, raft_term vote_term, struct slice vote, raft_index commit)
{
	raft_recover_hard(c->raft, term, vote_term, vote, commit);
}

void core_recover_floor(struct core *c, raft_term term, raft_index index)
{
	raft_recover_floor(c->raft, term, index);
}

static enum err replay(struct core *c, const struct raft_entry *e, struct fail *f)
{
	struct arena a = {0};
	struct apply_result result = {0};
	enum err err = OK;
	c->log_bytes += ENTRY_BYTES + e->data.n;
	if (e->type == RAFT_COMMAND)
		state_apply(&c->state, e->index, e->data, 0, &a, &result);
	if (result.kind == APPLY_BROKEN || result.kind == APPLY_NO_MEMORY)
		err = fail_set(f, result.kind == APPLY_BROKEN ? ERR_CORRUPT : ERR_NO_MEMORY,
		        "entry %llu of the log can't be applied: %.*s", (unsigned long long)e->index, PS(result.text));
	arena_free(&a);
	return err;
}

enum err core_replay(struct core *c, const struct raft_entry *e, struct fail *f)
{
	const struct raft_entry *next;
	enum err err = OK;
	raft_recover_entry(c->raft, e);
	while (!err && (next = raft_next(c->raft)))
		err = replay(c, next, f);
	return err;
}

/* ---- applying ---- */

static void apply_command(struct core *c, const struct raft_entry *e, struct effects *out)
{
	struct message *m = e->tag;
	struct arena spare = {0};
	struct apply_result result = {0};
	state_apply(&c->state, e->index, e->data, c->now, m ? &m->mem : &spare, &result);
	MUST(result.kind != APPLY_BROKEN);
	duties_applied(&c->duties, db_working(c->db), e->index, e->data, &result, c->now);
	if (m) {
		m->result = result;
		if (result.kind == APPLY_NO_MEMORY) {
			m->err = ERR_NO_MEMORY;
			m->why = S("out of memory");
		}
	}
	arena_free(&spare);
	out->publish = true;
}

static void apply(struct core *c, const struct raft_entry *e, struct effects *out)
{
	const struct raft_state *s = raft_state(c->raft);
	struct message *m = e->tag;
	raft_index index = e->index;
	c->log_bytes += ENTRY_BYTES + e->data.n;
	switch (e->type) {
	case RAFT_COMMAND: apply_command(c, e, out); break;
	case RAFT_NOOP:
		if (s->role == RAFT_LEADER && index == s->first_of_term)
			core_leading_begin(c, out);
		break;
	case RAFT_ADD_PEER:
	case RAFT_REMOVE_PEER:
	case RAFT_CONFIGURATION: core_changes_applied(c); break;
	default: break;
	}
	if (m) {
		m->index = index;
		core_reply(c, m);
	}
}

/* ---- what the log says ---- */

static void drop(struct core *c)
{
	static const char why[] = "leadership lost while committing log";
	for (const struct raft_entry *e; (e = raft_drop(c->raft));) {
		struct message *m = e->tag;
		if (m && m->ask == ASK_RESTORE)
			core_restore_refuse(c, m, why);
		else if (m)
			core_refuse(c, m, ERR_FAILED, why);
	}
}

static void verified(struct core *c)
{
	void *tag;
	bool newest;
	while (raft_verified(c->raft, &tag, &newest)) {
		if (newest && (c->ready || raft_state(c->raft)->role != RAFT_LEADER))
			core_reply(c, tag);
		else
			core_refuse(c, tag, ERR_FAILED, "node is not the leader");
	}
}

/* Whom our fronts may send to: a leader of ours is one once it is ready. */
struct slice core_leader(const struct core *c)
{
	if (raft_state(c->raft)->role == RAFT_LEADER)
		return c->ready ? slice_of(c->address) : S_NONE;
	return raft_leader(c->raft);
}

static void leader_news(struct core *c, struct effects *out)
{
	const struct raft_state *s = raft_state(c->raft);
	struct core_seen *seen = &c->seen;
	struct slice leader = core_leader(c);
	/* Until a new leader serves it answers as the follower it was, from what it heard then. */
	mono_ns contact = s->role == RAFT_LEADER ? seen->contact : raft_leader_contact(c->raft);
	contact = contact < 0 ? 0 : contact;
	if (contact >= seen->contact + CONTACT_NEWS || contact < seen->contact) {
		seen->contact = contact;
		out->publish = true;
	}
	bool reads = raft_reads(c->raft);
	if (s->role == seen->role && s->term == seen->term && slice_is(leader, seen->leader) && reads == seen->reads)
		return;
	seen->reads = reads;
	seen->role = s->role;
	seen->term = s->term;
	slice_cstr(leader, seen->leader, sizeof seen->leader);
	out->publish = true;
}

/* With protocol 3 a server is where gossip says its id is; what the configuration says may be old. */
static void find_addresses(struct core *c, struct effects *out, size_t from)
{
	for (size_t i = from; i < out->n; i++) {
		struct effect *e = &out->items[i];
		if (e->kind != EFF_RAFT_SEND && e->kind != EFF_RAFT_INSTALL)
			continue;
		const struct server *s = server_by_id(db_working(c->db), e->raft.peer);
		if (s && !slice_eq(s->address, e->raft.address))
			e->raft.address = arena_copy(&out->mem, s->address);
	}
}

void core_raft_flush(struct core *c, struct effects *out)
{
	size_t from = out->n;
	raft_flush(c->raft, out);
	find_addresses(c, out, from);
	for (const struct raft_entry *e; (e = raft_next(c->raft));)
		apply(c, e, out);
	drop(c);
	core_restore_installed(c);
	const struct raft_state *s = raft_state(c->raft);
	if (c->ready && (s->role != RAFT_LEADER || s->term != c->ready_term))
		core_leading_end(c, out);
	verified(c);
	leader_news(c, out);
	core_changes_flush(c);
}

void core_raft_end(struct core *c, struct effects *out)
{
	size_t from = out->n;
	raft_flush_installs(c->raft, out);
	find_addresses(c, out, from);
	out->publish |= out->n > from;
}

/* ---- the servers ---- */

const struct raft_server *core_raft_servers(const struct core *c, size_t *n, raft_index *index)
{
	return raft_configuration(c->raft, n, index);
}

void core_raft_last(const struct core *c, raft_index *index, raft_term *term)
{
	const struct raft_state *s = raft_state(c->raft);
	*index = s->last;
	*term = s->last_term;
}

/* ---- snapshots ---- */

static bool is_worth_it(const struct core *c)
{
	size_t part = db_memory(c->db).used / SNAPSHOT_PART;
	return c->log_bytes >= (part > c->snapshot_least ? part : c->snapshot_least) && c->now >= c->snapshot_after;
}

void core_snapshot_maybe(struct core *c, struct effects *out)
{
	const struct raft_state *s = raft_state(c->raft);
	if (c->snapshot_look == INT64_MAX)
		return;
	if (c->now >= c->snapshot_look)
		c->snapshot_look = c->now + SNAPSHOT_INTERVAL;
	if (c->snapshotting || c->restore.what || !is_worth_it(c))
		return;
	c->log_bytes = 0;
	c->snapshotting = out->publish = true;
	c->snapshot_term = s->applied_term;
	struct effect *e = effect_add(out, EFF_SNAPSHOT);
	e->snapshot.index = s->applied;
	e->snapshot.term = s->applied_term;
	e->snapshot.servers = raft_configuration_applied(c->raft, &e->snapshot.n, &e->snapshot.configuration);
	log_info(c->log, "raft: Starting snapshot up to %llu", (unsigned long long)s->applied);
}

void core_snapshot_done(struct core *c, const struct event *ev, struct effects *out)
{
	c->snapshotting = false;
	if (c->restore.at) {
		core_restore_written(c, ev->why, out);
		return;
	}
	if (ev->why.n) {
		log_err(c->log, "raft: Failed to take snapshot: %.*s", PS(ev->why));
		c->log_bytes = SIZE_MAX / 2; /* it is wanted still */
		c->snapshot_after = c->now + SNAPSHOT_INTERVAL;
		return;
	}
	raft_snapshot_taken(c->raft, ev->index, c->snapshot_term);
	effect_add(out, EFF_LOG_FORGET)->snapshot.index = ev->index;
	log_info(c->log, "raft: Snapshot to %llu complete", (unsigned long long)ev->index);
}

/* ---- events ---- */

/* Only servers of ours understand the pre-vote. */
void core_raft_know(struct core *c)
{
	struct cursor at;
	const struct server *s;
	servers_lan(&at, db_working(c->db));
	while ((s = server_next(&at))) {
		raft_peer_prevote(c->raft, s->id, s->ours);
		raft_peer_prevote(c->raft, s->address, s->ours);
	}
}

void core_raft_start(struct core *c)
{
	if (!c->config->server_mode)
		return;
	core_begin_start(c);
	raft_start(c->raft, c->now);
	if (raft_state(c->raft)->durable)
		c->snapshot_look = c->now + SNAPSHOT_INTERVAL;
}

void core_raft_event(struct core *c, const struct event *ev, struct effects *out)
{
	switch (ev->kind) {
	case EV_LOGGED: raft_logged(c->raft, ev->sequence); break;
	case EV_LOG_FAILED:
		log_err(c->log, "raft: Failed to commit logs: %.*s", PS(ev->why));
		raft_log_failed(c->raft, ev->sequence, ev->last);
		break;
	case EV_RAFT_REQUEST:
		if (!core_yield(c, ev, out))
			raft_request(c->raft, ev->raft.conn, ev->raft.bytes, ev->raft.state);
		break;
	case EV_RAFT_ANSWER:
		raft_answer(c->raft, ev->raft.peer, (enum raft_channel)ev->raft.channel, ev->raft.tag, ev->raft.bytes);
		break;
	case EV_RAFT_LOST: raft_lost(c->raft, ev->raft.peer, (enum raft_channel)ev->raft.channel); break;
	case EV_RAFT_CLOSED: raft_closed(c->raft, ev->raft.conn); break;
	default: MUST(!"an event of Raft");
	}
}
