/* Raft: the replicated log as a step machine (Ongaro & Ousterhout 2014). Wire, names and log lines are those of
 * hashicorp/raft as Consul 1.0.8 has it: its servers and ours can share one log.
 *
 *              silence, or its connection closed        majority, own vote on disk
 *   FOLLOWER ------------------------------> CANDIDATE ---------------------------> LEADER
 *       ^        asks first (pre-vote)           |                                    |
 *       +----------- higher term, a leader ------+--- higher term, no quorum, disk ---+
 *
 * How it is driven. Everything that happens is told by a function that changes only what is in memory; raft_flush then
 * puts all that follows into the effects: what to append to the log, what to send, which answers are due. So all
 * requests and proposals of a turn share one append, one sync and one request a follower. A turn of the host:
 *
 *	raft_tick(r, now);                                  first, in each step: the only clock there is
 *	raft_propose / raft_request / raft_answer / …       any number
 *	raft_flush(r, out);
 *	while ((e = raft_next(r))) apply(e);
 *	while ((e = raft_drop(r))) refuse(e->tag);
 *	while (raft_verified(r, &tag, &newest)) …
 *	if (raft_installed(r, &i)) …                        a snapshot came: put it in place of everything
 *	(again from raft_flush while raft_unflushed(r))
 *	raft_flush_installs(r, out);                        last, when what is applied is what will be published
 *
 * Invariants, by number (tests/sim/raft_check.c looks at them after each step):
 *  1. At most one leader a term.                                                                    (election safety)
 *  2. Two logs that have an entry of the same index and term are equal up to it.                    (log matching)
 *  3. What is committed is in the log of every later leader.                                        (leader
 *completeness)
 *  4. Nobody applies two different entries as one index.                                            (state-machine
 *safety)
 *  5. A server votes for one candidate a term, crash or not; a vote, a term and entries are on disk before anybody
 *     hears of them.
 *  6. What was acknowledged stays.
 *  7. base <= applied <= commit <= last; logged <= last; an entry is applied once, in order of index.
 *
 * Beyond hashicorp/raft, unseen by its servers: a pre-vote (peers known to understand it are asked whether an election
 * could be won before the term is raised); a follower whose leader's connection was closed asks at once; requests go to
 * the followers while the own disk still syncs (the leader counts itself when its disk is done, like anybody else); a
 * leader without a quorum of voters within the lease steps down; followers may read the newest after one question.
 *
 * Entries. Proposed data is lent until the entry comes out of raft_next or raft_drop. With peers raft copies it; the
 * latest entries are kept for followers (RAFT_KEPT_ENTRIES, RAFT_KEPT_BYTES; more while one is catching up). Who needs
 * older ones gets a snapshot. Alone nothing is copied.
 *
 * The disk. Each EFF_APPEND has a sequence; raft_logged(sequence) says that it and all before are durable. A failed one
 * voids all that are under way: the host refuses, without looking at their data, all appends that were made before
 * raft_log_failed was told (raft tries once a second). A leader whose disk fails steps down.
 *
 * A client's restore puts a snapshot in place of everything, as an entry that leaves a hole behind the leader's last.
 * Like any entry it may have reached a few and then be overruled by a later leader who never had it; and nobody can
 * tell it from the snapshot of what is committed. So a snapshot counts for elections as what it is, the newest of our
 * log, but is `unproven` until an entry behind it is committed or a leader that has it says that it is. Until then:
 *
 *   reading    nobody reads the newest from it, nor is told that it is committed.
 *   following  a leader has to show that his log has it: the entry before his, or one of them, is it. Else the answer
 *              is that we have nothing (LastLog 0), and his snapshot takes its place, also one of an earlier index, or
 *              his log from entry 1.
 *   voting     what we lose by going back was acknowledged and may be a part of what is committed. Until our log is as
 *              new again as it was then (the `floor`, on disk before), nobody gets our vote whose log is older than
 *              that, nor do we stand ourselves.
 *
 * Thread: core. Units: nanoseconds of one monotonic clock. Memory: struct raft is opaque; what is handed out lives
 * until the next call of a function that is not const. Lack of memory: a proposal or request is refused; on the way of
 * an election MUST. */
#ifndef CORE_RAFT_RAFT_H
#define CORE_RAFT_RAFT_H

#include "core/base/err.h"
#include "core/base/logline.h"
#include "core/base/types.h"
#include "core/effect.h"
#include "core/raft/role.h"

/* hashicorp/raft's log types. */
enum raft_entry_type {
	RAFT_COMMAND = 0,
	RAFT_NOOP = 1,
	RAFT_ADD_PEER = 2,    /* old: both carry the whole list of voters' addresses */
	RAFT_REMOVE_PEER = 3, /* … this is what protocols 0 to 2 write */
	RAFT_BARRIER = 4,
	RAFT_CONFIGURATION = 5,
};

struct raft_entry {
	raft_index index;
	raft_term term;
	uint8_t type;
	struct slice data;
	void *tag;              /* the proposer's: a message, or NULL */
	struct raft_chunk *own; /* raft's copy of the data lies here; NULL: lent */
};

/* Three kinds of connection to a peer, so that a beat never waits behind a sync or a snapshot. */
enum raft_channel { RAFT_BEAT /* heartbeats, votes */, RAFT_LOG /* AppendEntries, pipelined */, RAFT_INSTALL };

struct raft_server {
	struct slice id, address; /* "ip:port"; protocols 0 to 2: the id is the address */
	enum { RAFT_VOTER, RAFT_NONVOTER, RAFT_STAGING } suffrage;
};

enum {
	RAFT_PENDING_MAX = 65536,      /* proposed or received and not yet applied; beyond it refused (ERR_FULL) */
	RAFT_KEPT_ENTRIES = 16384,     /* applied entries kept for followers */
	RAFT_KEPT_BYTES = 8 << 20,     /* … and their data */
	RAFT_CATCHUP_BYTES = 64 << 20, /* … while a follower that answers is behind, or a snapshot is on its way */
	RAFT_INFLIGHT_MAX = 128,       /* requests under way to one follower */
	RAFT_BATCH_MAX = 64,           /* entries in one of them */
	RAFT_SERVERS_MAX = 256,
	RAFT_PROTOCOL_MAX = 3,
};

/* The texts are copied. Timeouts as configured, already scaled by raft_multiplier. */
struct raft_options {
	const char *id, *address;
	int protocol; /* 0 … 3 */
	bool durable; /* a log answers EFF_APPEND; else memory is enough and there is none */
	dur_ns heartbeat_timeout, election_timeout, lease_timeout; /* 0: 1 s, 1 s, 500 ms */
	uint64_t seed;
	struct logbuf *log;
	size_t kept; /* entries for followers; 0: RAFT_KEPT_ENTRIES. 16 times as many while one catches up */
};

struct raft;

struct raft *raft_new(const struct raft_options *o); /* NULL: no memory */
void raft_free(struct raft *r);

/* ---- before raft_start ---- */

/* What the newest snapshot says. Everything earlier is forgotten. */
void raft_recover_snapshot(struct raft *r, raft_index index, raft_term term, const struct raft_server *servers,
        size_t n, raft_index configuration);
/* What the log says of itself; before its entries. `commit` is the hint that was given with an append; 0: none. */
void raft_recover_hard(struct raft *r, raft_term term, raft_term vote_term, struct slice vote, raft_index commit);
/* … and the floor that was given with it; none: 0, 0. */
void raft_recover_floor(struct raft *r, raft_term term, raft_index index);
/* Each entry behind the snapshot, in order; copied. What is known to be committed (by the hint, or because the
 * configuration has no other voter than us) comes out of raft_next at once: empty that now and then on the way; the
 * rest waits for a leader's word. */
void raft_recover_entry(struct raft *r, const struct raft_entry *e);

/* The first configuration of a new group, as entry 1 of term 1. ERR_INVALID: there is a log or a snapshot already, or
 * the list is wrong; *f says which. Also after raft_start (bootstrap_expect), on a follower without configuration. */
enum err raft_bootstrap(struct raft *r, const struct raft_server *servers, size_t n, struct fail *f);

/* Begins as a follower. The only voter of its configuration leads in the next step. */
void raft_start(struct raft *r, mono_ns now);

/* ---- what happens ---- */

/* The time of this step; fires what is due. First in every step. */
void raft_tick(struct raft *r, mono_ns now);
mono_ns raft_next_tick(const struct raft *r); /* when it is wanted at the latest; INT64_MAX: never */

/* Takes an entry into the batch. Its index; 0 and *err: ERR_NO_LEADER, ERR_FULL, ERR_NO_MEMORY. */
raft_index raft_propose(struct raft *r, enum raft_entry_type type, struct slice data, void *tag, enum err *err);

/* Changes the configuration by one server. The entry (with the tag) comes out of raft_next when it is committed.
 * ERR_NO_LEADER; ERR_FULL: one is under way, or nothing of this term is committed yet: try again later; ERR_INVALID
 * with hashicorp/raft's text. `address` is for the first two. */
enum raft_change { RAFT_ADD_VOTER, RAFT_ADD_NONVOTER, RAFT_DEMOTE, RAFT_REMOVE };
raft_index raft_change(
        struct raft *r, enum raft_change kind, struct slice id, struct slice address, void *tag, struct fail *f);

/* For a read that must be newest (raft_read.c): is it so here? A leader asks all voters by a beat, a follower asks its
 * leader, with the next flush; the result comes by raft_verified, in order. Newest: what was applied when it comes out
 * has all that anybody had been told of when raft_verify was called. Else somebody else has to be asked. Alone the
 * answer is there at once. */
void raft_verify(struct raft *r, void *tag);
bool raft_verified(struct raft *r, void **tag, bool *newest);
/* Is a follower likely to get a yes? Not if its leader is none of ours, who don't know the question. */
bool raft_reads(const struct raft *r);

/* One whole request of an incoming connection (type byte and msgpack); `state`: what followed an InstallSnapshot, lent
 * until EFF_RAFT_ANSWER of this conn comes out, even when the connection is gone by then. Answers of a connection leave
 * in the order of its requests; an empty one: close it (it sent nonsense, or the answer can't be given). */
void raft_request(struct raft *r, uint64_t conn, struct slice bytes, struct slice state);
/* An incoming connection is gone, and not because we closed it. */
void raft_closed(struct raft *r, uint64_t conn);

/* The answer to the EFF_RAFT_SEND or EFF_RAFT_INSTALL of that tag. */
void raft_answer(struct raft *r, struct slice peer, enum raft_channel channel, uint64_t tag, struct slice bytes);
/* An outgoing connection was refused, closed or timed out: all requests under way on it are lost. A host whose
 * connection is merely silent need not notice: raft drops peers (EFF_RAFT_DROP) that leave beats unanswered. */
void raft_lost(struct raft *r, struct slice peer, enum raft_channel channel);

/* The log is durable up to the append of that sequence. */
void raft_logged(struct raft *r, uint64_t sequence);
/* The append of that sequence failed; the log now ends at entry `last`. Once for each append that was under way, or
 * once for all. */
void raft_log_failed(struct raft *r, uint64_t sequence, raft_index last);

/* What gossip says of a peer: it is one of ours, and understands the pre-vote and a follower's question (raft_read.c).
 * Unknown peers count as granting the one, and are not asked the other. */
void raft_peer_prevote(struct raft *r, struct slice id, bool understands);

/* Leaves leadership, if there is any: to let somebody else lead before leaving, or because the state can't be kept. */
void raft_step_down(struct raft *r);

/* ---- what follows ---- */

/* All that is to be done: EFF_APPEND, EFF_RAFT_SEND, EFF_RAFT_ANSWER, EFF_RAFT_DROP. */
void raft_flush(struct raft *r, struct effects *out);
bool raft_unflushed(
        const struct raft *r); /* something was proposed or has to be answered since then, or can be applied */
/* EFF_RAFT_INSTALL for followers that need a snapshot: of exactly what is applied now and published by this turn. Not
 * to be called while the tables differ from raft_state()->applied (a restore is under way). */
void raft_flush_installs(struct raft *r, struct effects *out);

/* The next committed entry that was not applied; NULL when there is none. It counts as applied by this call; its data
 * lives until the next. */
const struct raft_entry *raft_next(struct raft *r);
/* A leader that stepped down gives back the proposals that were not committed, latest first; NULL: no more. They may be
 * committed nevertheless by a later leader. */
const struct raft_entry *raft_drop(struct raft *r);

/* A leader sent a snapshot that has to take the place of tables and log: true once for each. The host writes it to disk
 * in place of the log (EFF_SNAPSHOT with `state`), restores the tables, and says how it went; until then requests with
 * entries are refused. `why`: what the leader is told when it failed (empty: it did not). Entries and appends that were
 * under way before are gone. */
struct raft_install {
	raft_index index; /* 0: none came, but everything begins anew: no state, no servers, no log */
	raft_term term;
	const struct raft_server *servers;
	size_t n;
	raft_index configuration;
	struct slice state;
};
bool raft_installed(struct raft *r, struct raft_install *out);
void raft_install_done(struct raft *r, struct slice why);
/* It has to be given up, whoever leads sends it again if he must: a later term began since it came (it may be of no
 * majority then, and we may have voted for somebody who never had it), or the floor is not on disk yet. */
bool raft_install_stale(const struct raft *r);

/* The leader's own tables and log were replaced by a snapshot of this index, in the current term (`snapshot restore`):
 * there is a hole in the log, so every follower gets a snapshot. Precondition: index > last, all applied, leading. */
void raft_replaced(struct raft *r, raft_index index);
/* A snapshot up to there is on disk. */
void raft_snapshot_taken(struct raft *r, raft_index index, raft_term term);

/* ---- what is so ---- */

struct raft_state {
	enum raft_role role;
	bool voter; /* of the latest configuration */
	bool durable;
	raft_term term;
	raft_index last, logged, commit, applied;
	raft_term last_term, applied_term;
	raft_index snapshot;
	raft_term snapshot_term;
	bool unproven; /* what is applied is a snapshot that may not be committed; applied and commit are its index */
	raft_index first_of_term; /* of the no-op with which we began to lead */
	mono_ns lease_until; /* leader: followers answered so recently that we lead until then, were clocks equal */
};
const struct raft_state *raft_state(const struct raft *r);

/* The latest configuration, committed or not; *index may be NULL. */
const struct raft_server *raft_configuration(const struct raft *r, size_t *n, raft_index *index);
/* The one that belongs to what is applied: for a snapshot of it. */
const struct raft_server *raft_configuration_applied(const struct raft *r, size_t *n, raft_index *index);
/* Is the latest configuration committed? */
bool raft_configuration_stable(const struct raft *r);

/* Whom we follow, or ourselves; empty: nobody is known. The id is empty when it is in no configuration. */
struct slice raft_leader(const struct raft *r);
struct slice raft_leader_id(const struct raft *r);
/* When the leader was last heard; now, if we lead; INT64_MIN: never. */
mono_ns raft_leader_contact(const struct raft *r);

/* What a leader knows of each peer, voters or not. False: no more, or not leading. */
struct raft_peer_state {
	struct slice id, address;
	raft_index match, next;
	mono_ns contact; /* the last answer of any kind; INT64_MIN: none yet */
	bool installing;
};
bool raft_peer_at(const struct raft *r, size_t i, struct raft_peer_state *out);

#endif
