/* The database: a fixed set of ordered trees behind one root, one writer, any number of readers without locks.
 *
 * The writer (core thread) changes a private working version and publishes it: from then on the root is immutable and
 * every reader that picks it up sees one consistent moment. A published root stays valid for a reader until that
 * reader's next quiescent point (store/epoch.h); a pinned one (snapshots to disk) until it is unpinned. Taking a root
 * costs nothing, publishing costs one small allocation.
 *
 * Each write transaction has a number, `version`, that grows. A tree remembers, for every subtree, the version of the
 * last change below it, deletions included; that is what blocking queries look at (store/watchset.h). Versions are not
 * Raft indexes: those are inside the items and in TREE_INDEX.
 *
 * Memory: everything comes from the db's slab. `db_memory` tells how much is held. A failed allocation makes the
 * operation answer false and leaves the working version as it was. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "core/base/types.h"
#include "store/item.h"

enum db_tree {
	/* the replicated state */
	TREE_KV,                  /* key                                → struct kv_item (compact, store/model.h) */
	TREE_TOMBSTONES,          /* key                                → struct tombstone */
	TREE_NODES,               /* lower(name)                        → struct node */
	TREE_NODES_ID,            /* id, as the bytes of the UUID       → link: key of the node */
	TREE_SERVICES,            /* lower(node) 0 lower(id)            → struct service_node */
	TREE_SERVICES_NAME,       /* lower(name) 0 lower(node) 0 lower(id) → link */
	TREE_CHECKS,              /* lower(node) 0 lower(check id)      → struct health_check */
	TREE_CHECKS_STATUS,       /* status 0 node 0 check              → link */
	TREE_CHECKS_SERVICE,      /* lower(service name) 0 node 0 check → link */
	TREE_CHECKS_NODE_SERVICE, /* node 0 lower(service id) 0 check → link; no service: checks of the node itself */
	TREE_SESSIONS,            /* id, as the bytes of the UUID       → struct session */
	TREE_SESSIONS_NODE,       /* lower(node) 0 id (bytes)           → link */
	TREE_SESSION_CHECKS,      /* node 0 check 0 session id (bytes)  → link */
	TREE_KV_SESSION,          /* session id (bytes) then key        → link: keys locked by a session */
	TREE_COORDINATES,         /* lower(node) 0 lower(segment)       → struct coordinate_entry */
	TREE_ACLS,                /* id                                 → struct acl */
	TREE_ACL_BOOTSTRAP,       /* "bootstrap"                        → struct acl_bootstrap (core/state/acl.h) */
	TREE_QUERIES, /* id, as the bytes of the UUID       → struct prepared_query (core/state/prepared_query.h) */
	TREE_QUERIES_NAME,    /* 'n' lower(name), 't' lower(name of a template) → link */
	TREE_QUERIES_SESSION, /* session id (bytes), query id (bytes) → link */
	TREE_AUTOPILOT,       /* "config"                           → struct autopilot_config */
	TREE_INDEX, /* table or "service.<name>"          → raft_index: the highest index of that table (key in lower
	               case) */
	/* this agent's own, not replicated, published the same way so that every front may read them */
	TREE_LOCAL_SERVICES, /* service id                         → struct local_service */
	TREE_LOCAL_CHECKS,   /* check id                           → struct local_check */
	TREE_MEMBERS_LAN,    /* name                               → struct member */
	TREE_MEMBERS_WAN,
	TREE_SERVERS_LAN,   /* name                               → struct server (core/agent/servers.h) */
	TREE_SERVERS_WAN,   /* datacenter 0 name                  → struct server */
	TREE_RAFT_PEERS,    /* place in Raft's configuration, big endian → struct peer (core/leader/peers.h) */
	TREE_SERVER_HEALTH, /* the same                       → struct server_health (core/leader/autopilot.h) */
	TREE_EVENTS,        /* big endian sequence                → struct user_event */
	TREE_LOCK_DELAYS,   /* key                                → mono_ns: until then nobody may lock it
	                       (core/state/delay.h) */
	TREE_COUNT
};

struct db;
struct db_root; /* immutable once published */

/* ---- reading: any thread, on a published root; the core thread also on db_working() ---- */

const struct item *db_get(const struct db_root *r, enum db_tree t, struct slice key); /* NULL when absent */
size_t db_count(const struct db_root *r, enum db_tree t);
const struct item *db_first(const struct db_root *r, enum db_tree t);

/* In order of the keys' bytes. Valid while the root is; on db_working() until the next write. On the caller's stack. */
enum { CURSOR_LEVELS = 24 };
struct branch;
struct cursor { /* inside is the tree's own, see tree_walk.c */
	const struct branch *stack[CURSOR_LEVELS];
	uint8_t next[CURSOR_LEVELS];
	uint8_t depth, bottom;
	bool forgot;
	const struct item *last;
	uintptr_t top, down;
	size_t entered; /* branches come to so far */
};
/* All items whose key starts with `prefix` (empty: all). */
void cursor_prefix(struct cursor *c, const struct db_root *r, enum db_tree t, struct slice prefix);
/* All items whose key is >= from. */
void cursor_from(struct cursor *c, const struct db_root *r, enum db_tree t, struct slice from);
const struct item *cursor_next(struct cursor *c); /* NULL at the end */

/* The version of the last transaction that changed the item with just this key (or made it come or go), or of a larger
 * neighbourhood: never earlier than the truth, so a look may wake for nothing but never sleeps through a change. */
uint64_t db_version_of_key(const struct db_root *r, enum db_tree t, struct slice key);
/* … that changed anything whose key starts with `prefix`. */
uint64_t db_version_of_prefix(const struct db_root *r, enum db_tree t, struct slice prefix);
uint64_t db_version(const struct db_root *r); /* of the whole root */

/* ---- writing: core thread only ---- */

struct epoch;
struct db *db_new(struct epoch *e); /* NULL: no memory. The epoch tells when old versions may be freed; NULL: at once */
void db_free(struct db *db);
const struct db_root *db_working(const struct db *db); /* what the writer sees now; changes under the next write */

/* A new item of `payload_n` bytes of payload, key copied in, payload not cleared; NULL when out of memory. Fill
 * the payload through item_payload_new, then insert it, or give it back with db_item_drop. */
struct item *db_item_new(struct db *db, struct slice key, size_t payload_n);
static inline void *item_payload_new(struct item *it)
{
	return (char *)it + ITEM_PAYLOAD_AT(it->key_n);
}
void db_item_drop(struct db *db, struct item *it);

/* Inserts or replaces; the replaced item is retired. False: out of memory, nothing changed, the item still the
 * caller's. */
bool db_put(struct db *db, enum db_tree t, struct item *it);
/* Removes; true if it was there. (Out of memory while copying the path: MUST not happen, a reserve is kept.) */
bool db_remove(struct db *db, enum db_tree t, struct slice key);
/* Removes all under a prefix at once; how many. Cost: the nodes on the edge, and retiring what is inside. */
size_t db_remove_prefix(struct db *db, enum db_tree t, struct slice prefix);

/* All or nothing inside the working version: a savepoint freezes what is there; undo returns to it. No nesting. */
void db_savepoint(struct db *db);
void db_undo(struct db *db); /* back to the savepoint */
void db_keep(struct db *db); /* forget the savepoint */

/* Makes the working version the published one and begins the next transaction; frees what no reader can see. Does NOT
 * advance the epoch: readers may still pick up the root before. What this publication retires is stamped with the
 * current epoch; the host first makes the new root reachable (one atomic store of its world), then calls epoch_advance.
 */
const struct db_root *db_publish(struct db *db);
/* Frees a slice of what no reader can see; true if more could be freed right now. db_publish does that too: this is for
 * a host with an idle turn. */
bool db_reclaim(struct db *db);
const struct db_root *db_published(const struct db *db);

/* Keeps a published root alive beyond the readers' quiescent points (a snapshot being written on another thread). The
 * unpin is done by the core thread. At most DB_PINS_MAX at a time, else NULL. */
enum { DB_PINS_MAX = 8 };
const struct db_root *db_pin(struct db *db);
void db_unpin(struct db *db, const struct db_root *r);

struct db_memory {
	size_t held;    /* bytes taken from the system */
	size_t used;    /* of these, by live and retired items and nodes */
	size_t retired; /* waiting for readers */
};
struct db_memory db_memory(const struct db *db);

/* All trees of a root are in order and their versions sound. Slow: looks every key up. */
bool db_invariants(const struct db_root *r);
/* For tests: lets `skip` allocations pass, then `count` fail. What must not fail goes to the reserve then. */
void db_fail_memory(struct db *db, long skip, long count);

#endif
