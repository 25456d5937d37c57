/* What only the leader does, and in which order it begins: barrier → everything of earlier terms is applied → sessions'
 * clocks → configuration of autopilot → members into the catalog (reconcile.h). Called by the core; writes go out
 * through it. */
#ifndef CORE_LEADER_DUTIES_H
#define CORE_LEADER_DUTIES_H

#include "core/agent/config.h"
#include "core/base/logline.h"
#include "core/leader/coordinate_batch.h"
#include "core/leader/session_ttl.h"
#include "core/leader/tombstone_gc.h"
#include "core/state/command.h"

struct duties {
	const struct agent_config *config;
	struct logbuf *log;
	struct session_ttl sessions;
	struct tombstone_gc tombstones;
	struct coordinate_batch coordinates;
	bool leading;
	bool id_awaited;   /* a member has the node id of one that lives: look again when somebody goes */
	mono_ns configure; /* when the configuration of autopilot is looked for again; INT64_MAX: it is written */
	/* Proposes a command; what the request points to need not outlive the call. The core's own function. */
	void (*submit)(void *host, enum command_type type, const struct schema *s, const void *request);
	void (*submit_bytes)(void *host, struct slice command);
	void *host;
};

void duties_init(struct duties *d, const struct agent_config *config, struct logbuf *log, uint64_t seed);
void duties_free(struct duties *d);

/* We lead, and everything committed before is applied: begin. */
void duties_begin(struct duties *d, const struct db_root *r, mono_ns now);
void duties_end(struct duties *d);

/* A command was applied: sessions come and go, tombstones are left. `command` with its type byte. */
void duties_applied(struct duties *d, const struct db_root *r, raft_index index, struct slice command,
        const struct apply_result *result, mono_ns now);

/* A node's place, for the next batch. */
void duties_coordinate(struct duties *d, const struct coordinate_entry *e, mono_ns now);

void duties_tick(struct duties *d, const struct db_root *r, mono_ns now);
mono_ns duties_next(const struct duties *d);

#endif
