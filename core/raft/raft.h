/* Raft: the replicated log as a step machine (Ongaro & Ousterhout 2014; the wire and the names are hashicorp/raft's).
 *
 *              timeout            majority
 *   FOLLOWER ----------> CANDIDATE --------> LEADER
 *       ^                    |                  |
 *       +---- higher term ---+------------------+
 *
 * This is the part one server alone needs: election by its own vote, proposing, group commit, applying in order.
 * Everything proposed since the last flush is one batch: one append to the log, one sync, one commit.
 *
 * Invariants: (1) applied <= commit <= last; (2) an entry is committed only when it is durable here (`logged`); (3) a
 * leader's term never goes back; (4) entries are applied exactly once, in order of index.
 *
 * Thread: core. Entries' data is lent by whoever proposed it (a message) until it was applied. */
#ifndef CORE_RAFT_RAFT_H
#define CORE_RAFT_RAFT_H

#include "core/base/err.h"
#include "core/base/buf.h"
#include "core/base/logline.h"
#include "core/base/types.h"
#include "core/effect.h"
#include "core/raft/role.h"

/* hashicorp/raft's log types. */
enum raft_entry_type {
	RAFT_COMMAND = 0,
	RAFT_NOOP = 1,
	RAFT_ADD_PEER = 2,
	RAFT_REMOVE_PEER = 3,
	RAFT_BARRIER = 4,
	RAFT_CONFIGURATION = 5,
};

struct raft_entry {
	raft_index index;
	raft_term term;
	uint8_t type;
	struct slice data;
	void *tag; /* the proposer's: a message, or NULL */
};

enum { RAFT_PENDING_MAX = 65536 }; /* proposed and not yet applied; beyond it proposals are refused (ERR_FULL) */

struct raft {
	struct logbuf *log;
	char id[37], address[64];
	bool durable; /* a log thread syncs; else memory is enough */
	bool voter;   /* bootstrapped: we are a voter of our own configuration */

	enum raft_role role;
	raft_term term;
	struct slice voted_for;
	raft_index last, logged, sent, commit, applied;
	raft_term last_term, applied_term;
	raft_index snapshot;
	raft_term snapshot_term;
	raft_index first_of_term; /* of the no-op with which we began to lead */

	struct raft_entry *pending; /* ring of applied+1 … last */
	size_t cap;
	struct buf own; /* data of our own entries: the configuration */
};

void raft_init(struct raft *r, const char *id, const char *address, bool durable, struct logbuf *log);
void raft_free(struct raft *r);

/* What recovery found: a snapshot, the hard state, the last entry. Entries themselves are applied by the host of the
 * core (core_replay). Before raft_start. */
void raft_restore(struct raft *r, raft_term term, raft_index last, raft_term last_term, raft_index snapshot,
	raft_term snapshot_term);

/* Begins as a follower; `bootstrap`: writes the first configuration when the log is empty. */
void raft_start(struct raft *r, bool bootstrap);

/* The election timer fired: stands for election; alone in its configuration it wins at once. */
void raft_timeout(struct raft *r);

/* Takes an entry into the batch. Its index; 0 when not leading, RAFT_PENDING_MAX reached or no memory (*err says). */
raft_index raft_propose(struct raft *r, enum raft_entry_type type, struct slice data, void *tag, enum err *err);

/* Hands the batch to the log (EFF_APPEND), or counts it as logged at once when memory is enough. */
void raft_flush(struct raft *r, struct effects *out);

/* The log is durable up to `index`. */
void raft_logged(struct raft *r, raft_index index);

/* The next committed entry that was not applied; NULL when there is none. It counts as applied by the next call. */
const struct raft_entry *raft_next(struct raft *r);

/* Steps down: the log failed. Everything pending that is not committed is returned through raft_drop one by one. */
void raft_step_down(struct raft *r);
const struct raft_entry *raft_drop(struct raft *r);

#endif
