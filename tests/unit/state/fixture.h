/* A state machine in a test: commands are written as bytes and applied, as the log would; each is published. */
#ifndef TEST_STATE_FIXTURE_H
#define TEST_STATE_FIXTURE_H

#include "core/state/apply.h"
#include "core/state/catalog.h"
#include "core/state/command.h"
#include "core/state/coordinates.h"
#include "core/state/health.h"
#include "core/state/kv.h"
#include "core/state/session.h"
#include "store/db.h"
#include "tests/test.h"

struct machine {
	struct db *db;
	struct state s;
	struct arena a;
	struct buf bytes;
	raft_index index; /* of the last command */
	mono_ns now;
	struct apply_result out;
};

/* Ids that differ in their last digits: session 1 is "00000000-0000-0000-0000-000000000001". */
struct slice test_uuid(struct machine *m, unsigned n);

void machine_begin(struct machine *m);
void machine_end(struct machine *m);
const struct db_root *machine_root(const struct machine *m);
bool machine_wakes(struct machine *m, struct watchset *ws); /* has something moved that a run noted? */

/* Applies at the next index; the result is in m->out. Returns the index. */
raft_index apply_bytes(struct machine *m, struct slice command);
raft_index apply(struct machine *m, enum command_type type, const struct schema *s, const void *request);

raft_index kvs(struct machine *m, const char *op, struct dir_entry e);
raft_index put_key(struct machine *m, const char *key, const char *value);
raft_index kv_drop(struct machine *m, const char *key);
raft_index kv_drop_tree(struct machine *m, const char *prefix);
bool kv_take(struct machine *m, const char *key, struct slice session); /* what the lock answered */

raft_index add_node(struct machine *m, const char *name, const char *address);
raft_index add_service(struct machine *m, const char *node, const char *id, const char *name);
raft_index add_check(struct machine *m, const char *node, const char *id, const char *service_id, const char *status);
raft_index drop(struct machine *m, const char *node, const char *service_id, const char *check_id);

struct session_spec {
	const char *node, *check, *behavior;
	dur_ns lock_delay;
};
struct slice add_session(struct machine *m, unsigned n, struct session_spec spec);
raft_index drop_session(struct machine *m, struct slice id);

/* Is every secondary row the image of a primary one, and the other way round? Says what is wrong. */
bool machine_consistent(struct machine *m);

/* All replicated tables as bytes: two machines are equal when these are. */
struct slice machine_dump(struct machine *m);

#endif
