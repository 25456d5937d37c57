/* One server, its neighbours and its disk played by the test: of the group "one" (us), "two", "three" at 10.0.0.1 to
 * .3. The effects of a turn stay in `out` until the next. */
#ifndef TEST_RAFT_RIG_H
#define TEST_RAFT_RIG_H

#include "core/raft/raft.h"
#include "core/raft/raft_wire.h"
#include "tests/test.h"

#define ME "10.0.0.1:8300"
#define TWO "10.0.0.2:8300"
#define THREE "10.0.0.3:8300"

extern const struct raft_server rig_group[3];
extern struct logbuf rig_quiet;

struct rig {
	struct raft *r;
	struct effects out;
	mono_ns now;
	struct arena a;
};

/* Started, with a group of so many (0: none yet); rig_leader: one of three, elected by "two"; rig_restored: it has
 * taken over a client's restore, which nobody else has yet. */
struct rig rig_of(int protocol, bool durable, size_t servers);
struct rig rig_leader(void);
struct rig rig_restored(void);
void rig_free(struct rig *g);

/* Time passes, timers fire; what the turn brought forth replaces what the one before did. */
void rig_turn(struct rig *g, dur_ns later);
/* What was to be appended is on disk. */
void rig_logged(struct rig *g);

/* The nth effect of a kind; NULL: none. */
const struct effect *rig_effect(const struct rig *g, enum effect_kind kind, size_t nth);

/* The nth request that we sent on the channel of beats, read into `q`; NULL: there is none. */
const struct effect *rig_asked(struct rig *g, struct raft_wire_request *q, size_t nth);

/* A peer asks, and the nth answer to it. */
void rig_request(struct rig *g, uint64_t conn, struct raft_wire_request q);
struct raft_wire_answer rig_answered(struct rig *g, enum raft_wire_kind kind, size_t nth);
/* A peer's answer to the nth request that was sent. */
void rig_answer(struct rig *g, size_t nth, enum raft_wire_kind kind, struct raft_wire_answer a);

/* Requests of "two" that leads, and of a candidate. */
struct raft_wire_request rig_append(raft_term term, raft_index prev, raft_term prev_term,
        const struct raft_entry *entries, size_t n, raft_index commit);
struct raft_wire_request rig_beat(raft_term term);
struct raft_wire_request rig_vote(raft_term term, const char *candidate, raft_index last, raft_term last_term);

#endif
