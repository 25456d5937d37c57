/* User events: small messages to all agents of a datacenter, of which each keeps the newest that concern it, in
 * TREE_EVENTS (key: a number that grows, big endian). Rules: Consul 1.0.8, agent/user_event.go. */
#ifndef CORE_AGENT_USER_EVENTS_H
#define CORE_AGENT_USER_EVENTS_H

#include "core/agent/config.h"
#include "core/base/logline.h"
#include "core/base/rand.h"
#include "store/model.h"

enum { USER_EVENTS_MAX = 256, USER_EVENT_VERSION = 1 };

/* The schema gives JSON for HTTP (Go's names) and the msgpack in which an event travels (short names). */
struct user_event {
	struct slice id, name;
	struct slice payload;                                 /* p == NULL: nil */
	struct slice node_filter, service_filter, tag_filter; /* regular expressions; empty: everybody */
	int64_t version;
	uint64_t ltime; /* not on the wire: the gossip message has it */
};
extern const struct schema user_event_schema;

struct user_events {
	struct db *db;
	const struct agent_config *config;
	struct logbuf *log;
	struct rand *rand;
	uint64_t next; /* number of the next that is kept */
};

void user_events_init(
        struct user_events *u, struct db *db, const struct agent_config *c, struct rand *r, struct logbuf *log);

/* "Invalid node filter: …" */
enum err user_event_check(const struct user_event *e, struct fail *f);

/* Before it is fired: sets version, and the id if it has none. The payload of the gossip message, in the arena. */
struct slice user_event_stamp(struct user_events *u, struct user_event *e, struct arena *a);
/* The payload of an event that came to us, our own included: kept if its filters name us. True: it asks us to run
 * something instead, and *run (in the arena) says what (remote_exec.h). */
bool user_events_take(
        struct user_events *u, uint64_t ltime, struct slice payload, struct arena *mem, struct user_event *run);

/* The index that a list ending with this event has: the halves of its id, one over the other. */
uint64_t user_event_index(struct slice id);

#endif
