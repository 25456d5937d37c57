/* The members of the pools as fronts see them: gossip's news into TREE_MEMBERS_LAN and TREE_MEMBERS_WAN.
 *
 * A member stands there from its join until it is reaped, with the status and tags it had last. Core thread; the world
 * is to be published afterwards. */
#ifndef CORE_AGENT_MEMBERS_H
#define CORE_AGENT_MEMBERS_H

#include "core/gossip/gossip.h"
#include "store/db.h"

/* One GX_MEMBER. */
void members_take(struct db *db, enum gossip_pool pool, const struct gossip_effect *x);

#endif
