/* Whom to ask: which server of a datacenter a call goes to. One router a thread.
 *
 * Servers stand in an order of the router's own, drawn by lot; the first is asked. One that failed goes to the end, so
 * that the next is asked; after a while the lot is drawn anew, so that load moves to servers that came later
 * (Consul 1.0.8: agent/router/manager.go). The servers themselves are in the published trees (core/agent/servers.h):
 * nothing has to be kept in step. Memory: fixed; what is forgotten is only that a server failed long ago. */
#ifndef CORE_METHOD_ROUTER_H
#define CORE_METHOD_ROUTER_H

#include "core/agent/servers.h"
#include "core/base/rand.h"

enum { ROUTER_FAILED_MAX = 32 };

struct rpc_limit;

struct router {
	uint64_t lot;
	struct rpc_limit *limit; /* of calls to the servers; NULL: none */
	struct {
		uint64_t server; /* its address, hashed */
		mono_ns at;
	} failed[ROUTER_FAILED_MAX];
	unsigned failed_n;
};

void router_init(struct router *r, uint64_t seed);

/* The server to ask in the datacenter `dc`: of the LAN pool when that is `own`, else of the WAN pool. Those that gossip
 * thinks alive come first, then those that did not fail, or longest ago. NULL: there is none. */
const struct server *router_pick(const struct router *r, const struct db_root *db, struct slice own, struct slice dc);

/* It could not be reached or knows no leader: others first from now on. */
void router_failed(struct router *r, struct slice address, mono_ns now);

/* Has it failed within the last second? Then one does not run into it again at once. */
bool router_resting(const struct router *r, struct slice address, mono_ns now);

/* Draws the lot anew; failures of long ago are forgotten. */
void router_rebalance(struct router *r, struct rand *rand, mono_ns now);
/* How long until the next time: 2 to 3 minutes, longer in large pools (the servers would feel it). */
dur_ns router_rebalance_after(struct rand *rand, size_t members, size_t servers);

#endif
