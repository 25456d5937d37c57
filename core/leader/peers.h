/* The servers of Raft's latest configuration, as fronts see them: TREE_RAFT_PEERS, in the configuration's order.
 *
 * Written by the core when the configuration changes, published with the world. Its index is in the world. */
#ifndef CORE_LEADER_PEERS_H
#define CORE_LEADER_PEERS_H

#include "core/raft/raft.h"
#include "store/db.h"

struct peer {
	struct slice id, address; /* "ip:port"; protocols 0 to 2: the id is the address */
	int64_t suffrage;         /* RAFT_VOTER, RAFT_NONVOTER, RAFT_STAGING */
};

/* Core thread: this is the configuration now. */
void peers_set(struct db *db, const struct raft_server *servers, size_t n);

/* for (peers_open(&c, root); (p = peers_next(&c));) … Valid while the root is. */
void peers_open(struct cursor *c, const struct db_root *r);
const struct peer *peers_next(struct cursor *c);
size_t peers_voters(const struct db_root *r);

#endif
