/* The leader keeps the catalog in step with the LAN pool: who is alive is registered with a passing check serfHealth,
 * who failed has it critical, who left or was reaped is deregistered (Consul 1.0.8: agent/consul/leader.go).
 *
 * At the beginning of leadership and once a minute everything is compared, which also finds those who were reaped while
 * nobody led; in between each change of a member is followed. What is in step already is not written again.
 *
 * Beyond the reference: a member with the node id of another that failed or left takes its place at once; the old one
 * is deregistered with its services. */
#ifndef CORE_LEADER_RECONCILE_H
#define CORE_LEADER_RECONCILE_H

#include "core/gossip/gossip.h"
#include "core/leader/duties.h"

#define RECONCILE_INTERVAL NS_PER_MIN

/* All members of the pool, and all nodes of the catalog that gossip no longer knows. */
void reconcile_all(struct duties *d, const struct db_root *r, const struct gossip *lan);

/* One change. True when something was written: that may be on its way for a while, and what comes meanwhile is compared
 * with what was there before, so the member should be looked at again. */
bool reconcile_member(
        struct duties *d, const struct db_root *r, const struct gossip *lan, const struct gossip_effect *x);

/* One member, if the pool knows it. */
void reconcile_named(struct duties *d, const struct db_root *r, const struct gossip *lan, struct slice name);

#endif
