/* The log of a server that is alone: what core.c runs until it drives raft.h. */
#ifndef CORE_RAFT_SOLO_H
#define CORE_RAFT_SOLO_H

#include "core/base/buf.h"
#include "core/raft/raft.h"

struct solo {
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

void solo_init(struct solo *r, const char *id, const char *address, bool durable, struct logbuf *log);
void solo_free(struct solo *r);

/* What recovery found: a snapshot, the hard state, the last entry. Entries themselves are applied by the host of the
 * core (core_replay). Before solo_start. */
void solo_restore(struct solo *r, raft_term term, raft_index last, raft_term last_term, raft_index snapshot,
	raft_term snapshot_term);

/* Begins as a follower; `bootstrap`: writes the first configuration when the log is empty. */
void solo_start(struct solo *r, bool bootstrap);

/* The election timer fired: stands for election; alone in its configuration it wins at once. */
void solo_timeout(struct solo *r);

/* Takes an entry into the batch. Its index; 0 when not leading, RAFT_PENDING_MAX reached or no memory (*err says). */
raft_index solo_propose(struct solo *r, enum raft_entry_type type, struct slice data, void *tag, enum err *err);

/* Hands the batch to the log (EFF_APPEND), or counts it as logged at once when memory is enough. */
void solo_flush(struct solo *r, struct effects *out);

/* The log is durable up to `index`. */
void solo_logged(struct solo *r, raft_index index);

/* The next committed entry that was not applied; NULL when there is none. It counts as applied by the next call. */
const struct raft_entry *solo_next(struct solo *r);

/* Steps down: the log failed. Everything pending that is not committed is returned through solo_drop one by one. */
void solo_step_down(struct solo *r);
const struct raft_entry *solo_drop(struct solo *r);

#endif
