/* Keys over a client: what the commands kv, lock and exec need of /v1/kv. */
#ifndef CMD_KV_CLIENT_H
#define CMD_KV_CLIENT_H

#include "cmd/client.h"

struct kv_pair {
	struct slice key, value, session; /* value.p == NULL: null */
	uint64_t flags;
	raft_index create_index, modify_index, lock_index;
};

/* How a read waits and what it accepts. All zero: the newest now. */
struct kv_wait {
	raft_index index; /* wait for something newer; 0: do not wait */
	dur_ns wait;      /* at most this long; 0: as long as the server likes */
	bool consistent;
	bool stale;
};

/* *found is false when there is no such key. *index (may be NULL) is that of the answer. */
enum err kv_client_get(struct client *c, struct slice key, const struct kv_wait *w, struct kv_pair *out, bool *found,
        raft_index *index, struct fail *f);
enum err kv_client_list(struct client *c, struct slice prefix, const struct kv_wait *w, struct kv_pair **out, size_t *n,
        raft_index *index, struct fail *f);
enum err kv_keys(struct client *c, struct slice prefix, const char *separator, const struct kv_wait *w,
        struct slice **out, size_t *n, raft_index *index, struct fail *f);

enum kv_write { KV_SET, KV_CAS, KV_ACQUIRE, KV_RELEASE };

/* Writes value and flags; modify_index counts for KV_CAS, session for the last two. *done: what the server said. */
enum err kv_put(struct client *c, enum kv_write how, const struct kv_pair *p, bool *done, struct fail *f);

enum kv_removal { KV_DELETE, KV_DELETE_CAS, KV_DELETE_TREE };

enum err kv_remove(
        struct client *c, enum kv_removal how, struct slice key, raft_index modify_index, bool *done, struct fail *f);

#endif
