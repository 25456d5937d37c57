/* Finding the others: the joins of the configuration at the start, again and again where that is wanted, and the
 * servers of our LAN pool carried over into the WAN pool (flood join). Names are resolved anew by the host for every
 * try. Rules: Consul 1.0.8, agent/retry_join.go, agent/router/serf_flooder.go.
 *
 * Beyond those: whoever has lost all others asks the names of retry_join again every JOIN_ALONE_INTERVAL. Serf tries
 * the failed ones where they were, and only those; who was cut off while all others moved would never meet them again.
 */
#ifndef CORE_AGENT_JOIN_H
#define CORE_AGENT_JOIN_H

#include "core/base/types.h"
#include "core/gossip/gossip.h"

struct agent;

enum { JOIN_POOLS = GOSSIP_WAN + 1, JOIN_FLOODS_MAX = 16 };
#define JOIN_FLOOD_INTERVAL NS_PER_MIN
#define JOIN_ALONE_INTERVAL (30 * NS_PER_S) /* as Serf's reconnects */

/* A join that is tried until somebody answers. */
struct join_retry {
	int64_t attempts; /* that failed */
	mono_ns at;       /* of the next; INT64_MAX: none */
	mono_ns alone_at; /* when it is looked again whether all others are gone; INT64_MAX: never */
};

/* A server of the LAN that is being joined in the WAN. */
struct join_flood {
	char *name; /* NULL: free */
	char address[64];
};

struct joins {
	struct join_retry retry[JOIN_POOLS];
	struct join_flood floods[JOIN_FLOODS_MAX];
	mono_ns flood_at; /* INT64_MAX: we have no WAN pool */
};

void joins_init(struct joins *j);
void joins_free(struct joins *j);

/* What the configuration asks for. */
void joins_start(struct agent *a);
/* A server has come to the LAN pool. */
void joins_flood_soon(struct agent *a);
void joins_tick(struct agent *a);
mono_ns joins_next(const struct joins *j);

/* The end of a join with one of our own tags. */
void joins_done(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x);

/* "agent: (LAN) joining: [a b]", and how it went. */
void joins_log_begin(struct agent *a, enum gossip_pool pool, struct list names);
void joins_log_end(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x);

#endif
