/* limits.rpc_rate: how many calls a second an agent that is no server makes of its servers, all its threads together.
 *
 * Lock-free: one number is the moment at which the bucket will be full again (GCRA). Any thread. */
#ifndef CORE_METHOD_RPC_LIMIT_H
#define CORE_METHOD_RPC_LIMIT_H

#include <stdatomic.h>

#include "core/base/types.h"

struct rpc_limit {
	dur_ns each; /* what a call costs; 0: no limit */
	dur_ns burst;
	_Atomic(mono_ns) full_at;
};

/* `rate` calls a second, negative: no limit; so many at once. */
void rpc_limit_init(struct rpc_limit *l, double rate, int64_t burst);
bool rpc_limit_allows(struct rpc_limit *l, mono_ns now);

#endif
