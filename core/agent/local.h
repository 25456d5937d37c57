/* The services and checks of this agent: what is true here. The catalog has to follow (sync.h).
 *
 * What others may see lies in the db, TREE_LOCAL_SERVICES and TREE_LOCAL_CHECKS, by id, and is published with the
 * world. What only keeping in step needs is beside it: struct local_entry, one an id. An entry outlives its service or
 * check until the catalog has forgotten it, too (`deleted`). Rules: Consul 1.0.8, agent/local/state.go.
 *
 * Thread: core. Pointers to rows are valid until the next write. */
#ifndef CORE_AGENT_LOCAL_H
#define CORE_AGENT_LOCAL_H

#include "core/agent/config.h"
#include "core/base/err.h"
#include "core/base/heap.h"
#include "core/base/logline.h"
#include "core/base/map.h"
#include "core/base/rand.h"
#include "store/model.h"

/* The rows; also what the files of the data directory hold, as JSON. */
struct local_service {
	struct slice token;
	struct node_service service;
};
struct local_check {
	struct health_check check;
	struct check_definition *type; /* how it is found out; NULL: maintenance */
	struct slice token;
};
extern const struct schema local_service_schema, local_check_schema;

struct local_entry {
	struct local_entry *next; /* of those that are out of step */
	bool queued;              /* it is in that list */
	bool in_sync, deleted;
	bool persisted;           /* there is a file of it; whoever writes one sets this after the put */
	uint64_t change;          /* number of the last change: an answer to an older one says nothing */
	uint64_t seen;            /* number of the last comparison that found it in the catalog */
	struct slice token;       /* what the row had, for removing it from the catalog */
	struct local_entry *ride; /* while a pass is made: of a service, the checks that go with it */
	/* checks only */
	mono_ns critical_since; /* INT64_MAX: it is not critical */
	struct heap_node defer; /* when an output that changed alone is carried over */
	struct slice id;        /* behind the struct */
	char bytes[];
};

struct local {
	struct db *db;
	const struct agent_config *config;
	struct logbuf *log;
	struct rand *rand;
	struct map services, checks;                   /* id → struct local_entry */
	struct local_entry *services_out, *checks_out; /* out of step */
	struct heap deferred;
	uint64_t changes, compares;          /* how many there were */
	uint32_t service_count, check_count; /* not deleted */
	bool node_in_sync;
	bool changed; /* there is something to carry over; whoever does it clears this */
};

void local_init(struct local *l, struct db *db, const struct agent_config *c, struct rand *r, struct logbuf *log);
void local_free(struct local *l);

/* NULL when absent. */
const struct local_service *local_service_get(const struct db_root *r, struct slice id);
const struct local_check *local_check_get(const struct db_root *r, struct slice id);

/* Puts or replaces; false: out of memory. */
bool local_service_put(struct local *l, const struct local_service *s);
/* The check begins anew: not critical since any time, nothing deferred. Its service must be there when it names one. */
enum err local_check_put(struct local *l, const struct local_check *c, mono_ns now, struct fail *f);
/* False when there is none. The entry stays, deleted, until the catalog knows. */
bool local_service_remove(struct local *l, struct slice id);
bool local_check_remove(struct local *l, struct slice id);

/* A check's new state. A change of the output alone is carried over only after half to one and a half of
 * check_update_interval. */
void local_check_update(struct local *l, struct slice id, struct slice status, struct slice output, mono_ns now);

/* A service's tags are now those of the catalog (EnableTagOverride); it stays in step. */
bool local_service_tags(struct local *l, struct slice id, struct list tags);

/* Metadata of our node: what is configured, and the network segment. A map in the arena. */
struct list local_metadata(const struct agent_config *c, struct arena *a);

/* Carries over what was deferred until now. */
void local_tick(struct local *l, mono_ns now);
mono_ns local_next(const struct local *l);

/* ---- for sync.c ---- */
struct local_entry *local_entry_of_service(const struct local *l, struct slice id);
struct local_entry *local_entry_of_check(const struct local *l, struct slice id);
/* Something of the catalog that we do not have: an entry that is only to be deleted. */
struct local_entry *local_service_stranger(struct local *l, struct slice id);
struct local_entry *local_check_stranger(struct local *l, struct slice id);
/* Marks as out of step. */
void local_service_out(struct local *l, struct local_entry *e);
void local_check_out(struct local *l, struct local_entry *e);
/* Puts what could not be carried over back into the list; that alone starts no pass. */
void local_service_again(struct local *l, struct local_entry *e);
void local_check_again(struct local *l, struct local_entry *e);
/* Forgets a deleted entry. Precondition: it is in no list. */
void local_service_forget(struct local *l, struct local_entry *e);
void local_check_forget(struct local *l, struct local_entry *e);
void local_check_undefer(struct local *l, struct local_entry *e);

#endif
