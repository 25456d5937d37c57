/* The core: all machines of an agent together, as one step function without any system beneath it.
 *
 * The host (cmd/agent/core_thread.c, or the simulator) gathers what happened, calls core_step for each event, then
 * core_flush once: that makes the turn's writes one batch. Then it carries out the effects in order: if `publish` is
 * set it takes core_world first, so that whoever gets an answer can read his own write.
 *
 * What an event points to lives until the step returns; what an effect points to lives until the next step. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "core/agent/config.h"
#include "core/base/logline.h"
#include "core/base/rand.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/message.h"
#include "core/raft/raft.h"
#include "core/state/apply.h"
#include "core/world.h"
#include "store/epoch.h"

struct core;

struct core_options {
	const struct agent_config *config;
	struct epoch *epoch;
	struct logbuf *log;
	uint64_t seed;
	bool durable;          /* a log thread answers EFF_APPEND */
	size_t snapshot_least; /* bytes of the log that are worth a snapshot; 0: as it was measured (core_raft.c) */
	size_t kept;           /* entries for followers that are behind; 0: Raft's own number */
};

struct core *core_new(const struct core_options *o);
void core_free(struct core *c);

/* The pools, for looking only (NULL: there is none such); before EV_START. They outlive the core's last step. */
void core_pools(struct core *c, const struct gossip *lan, const struct gossip *wan);

/* Recovery, before EV_START: the state as a snapshot left it, entries of the log behind it in order, files. */
struct state *core_state(struct core *c);
struct core_snapshot {
	raft_index index;
	raft_term term;
	const struct raft_server *servers; /* its configuration */
	size_t n;
	raft_index configuration;
};
void core_restored(struct core *c, const struct core_snapshot *s);
/* What the log says of itself, before its entries; `commit`: up to there at least they are committed. */
void core_recover_hard(struct core *c, raft_term term, raft_term vote_term, struct slice vote, raft_index commit);
void core_recover_floor(struct core *c, raft_term term, raft_index index);
/* What is known to be committed is applied, the rest waits for a leader's word. */
enum err core_replay(struct core *c, const struct raft_entry *e, struct fail *f);
void core_restore_file(struct core *c, struct slice name, struct slice bytes);

void core_step(struct core *c, const struct event *ev, struct effects *out);
void core_flush(struct core *c, mono_ns now, struct effects *out);

/* When EV_TICK is wanted at the latest; INT64_MAX: never. */
mono_ns core_next(const struct core *c);

/* The world of now, of the published root (call db_publish before): fills *w completely. */
struct db *core_db(struct core *c);
void core_world(const struct core *c, struct world *w);

#endif
