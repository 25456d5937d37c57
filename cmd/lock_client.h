/* Holding a lock (one holder) or a slot of a semaphore (several) below a prefix, by the rules that all clients of
 * Consul share, so that they exclude one another: keys, flags and contents are the reference's.
 *
 * A lock is the key <prefix>/.lock, held by the session that acquired it. A semaphore has in the same key the JSON
 * {"Limit": n, "Holders": {session: true}}, changed by check-and-set, and beside it a key for each contender, named
 * and held by its session: a holder whose contender key is gone is dead. The flags of the key tell the two apart. */
#ifndef CMD_LOCK_CLIENT_H
#define CMD_LOCK_CLIENT_H

#include "cmd/kv_client.h"
#include "cmd/session_client.h"

struct lock {
	/* Set by the caller. */
	struct client *c;
	struct slice prefix;
	struct slice key; /* prefix/.lock */
	const char *name; /* of the session */
	uint64_t limit;   /* 1: a lock */
	dur_ns patience;  /* 0: try for ever */
	int64_t retries;  /* how many errors in a row lock_watch bears */

	struct session session;
};

/* Makes the session and waits for the lock. *held is false when the patience was over. */
enum err lock_acquire(struct lock *l, bool *held, struct fail *f);

/* Blocks until the lock is lost. For a thread of its own, with a client of its own. */
void lock_watch(const struct lock *l, struct client *c);

/* Gives it back and destroys the session. */
enum err lock_release(struct lock *l, struct fail *f);

/* Removes what is left of it unless somebody else holds it (*in_use). */
enum err lock_clean(struct lock *l, bool *in_use, struct fail *f);

#endif
