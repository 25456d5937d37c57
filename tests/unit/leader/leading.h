/* A leader whose writes are applied at once, and servers that it knows of. */
#ifndef TEST_LEADER_LEADING_H
#define TEST_LEADER_LEADING_H

#include "core/gossip/gossip.h"
#include "core/leader/duties.h"
#include "core/state/apply.h"
#include "tests/test.h"

struct leading {
	struct agent_config config; /* node "me" of dc1 */
	struct logbuf log;
	struct db *db;
	struct state state;
	struct duties duties;
	raft_index index;
	unsigned writes, refused;
	struct slice id;    /* of the member that the test speaks of */
	struct gossip *lan; /* a pool of its own, where the test makes one; writes may be refused then */
	struct gossip_effects out;
};

void leading_begin(struct leading *l, enum log_level level);
void leading_end(struct leading *l);

/* A member with these tags (a list of struct pair, sorted) enters the table of servers, or changes there. */
void leading_server(struct db *db, const char *name, const char *ip, struct list tags, enum gossip_status status,
        enum gossip_change change);

#endif
