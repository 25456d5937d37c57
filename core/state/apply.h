/* Applying: what each command of the Raft log does to the tables. THE TABLE (command type → function) is in the .c.
 *
 * Deterministic: equal logs give equal tables. The one thing from outside is `now`, used only for lock delays, which
 * are not replicated: every server keeps its own, and only the leader's count (delay.h).
 *
 * All or nothing: a command that fails (an error text, a transaction that does not go through) leaves no trace in the
 * tables. Errors are results, the entry stays committed.
 *
 * Thread: core. The change is visible to readers when the host publishes the db. */
#ifndef CORE_STATE_APPLY_H
#define CORE_STATE_APPLY_H

#include "core/base/arena.h"
#include "core/base/types.h"

struct acl;
struct db;
struct txn_response;

/* The first byte of a command, as in Consul's log. */
enum command_type {
	COMMAND_REGISTER = 0,
	COMMAND_DEREGISTER = 1,
	COMMAND_KVS = 2,
	COMMAND_SESSION = 3,
	COMMAND_ACL = 4,
	COMMAND_TOMBSTONE = 5,
	COMMAND_COORDINATES = 6,
	COMMAND_QUERY = 7,
	COMMAND_TXN = 8,
	COMMAND_AUTOPILOT = 9,
	COMMAND_ACL_BOOTSTRAP = 11, /* in snapshots only */
	COMMAND_IGNORE = 0x80,      /* flag: whoever does not know the type may skip it */
};

enum apply_kind {
	APPLY_NONE,  /* done; nothing to say */
	APPLY_BOOL,  /* cas, delete-cas, lock, unlock, acl bootstrap-init, autopilot cas */
	APPLY_ERROR, /* refused: `text` is the sentence; nothing changed */
	APPLY_TEXT,  /* the id of what was made: session create, acl set */
	APPLY_TXN,
	APPLY_ACL,       /* acl bootstrap-now */
	APPLY_NO_MEMORY, /* nothing changed; the entry must be applied again, or this server must stop */
	APPLY_BROKEN,    /* unknown type without COMMAND_IGNORE, or not decodable: this server can't follow the log */
};

struct apply_result {
	enum apply_kind kind;
	bool yes;
	bool tombstone;    /* it left tombstones at this index: the leader reaps them later */
	struct slice text; /* APPLY_ERROR, APPLY_TEXT, APPLY_BROKEN */
	struct txn_response *txn;
	struct acl *acl;
};

struct state {
	struct db *db;
	struct arena scratch; /* of the command being applied */
	raft_index index;     /* its index */
	mono_ns now;
	bool no_memory; /* while applying: something could not be stored */
	bool tombstone;
	mono_ns delays_swept;
};

void state_init(struct state *s, struct db *db);
void state_free(struct state *s); /* not the db */

/* Applies the command of log entry `index`. What the result points to is in `a` (or constant). */
void state_apply(struct state *s, raft_index index, struct slice command, mono_ns now, struct arena *a,
        struct apply_result *out);

/* The highest index of any replicated table: LastIndex of a snapshot. */
struct db_root;
raft_index state_last_index(const struct db_root *r);

#endif
