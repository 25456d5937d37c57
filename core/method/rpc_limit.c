#include "core/method/rpc_limit.h"

void rpc_limit_init(struct rpc_limit *l, double rate, int64_t burst)
{
	bool limited = rate >= 0;
	/* none at all: the bucket is empty once the burst is gone, for as long as anybody can wait */
	double each = rate > 0 ? (double)NS_PER_S / rate : (double)NS_PER_H;
	l->each = limited ? (each < 1 ? 1 : each > (double)NS_PER_H ? NS_PER_H : (dur_ns)each) : 0;
	l->burst = l->each * (burst > 0 ? burst : 0);
	atomic_store(&l->full_at, INT64_MIN);
}

bool rpc_limit_allows(struct rpc_limit *l, mono_ns now)
{
	mono_ns seen = atomic_load_explicit(&l->full_at, memory_order_relaxed), then;
	if (!l->each)
		return true;
	do {
		then = (seen > now ? seen : now) + l->each;
		if (then - now > l->burst)
			return false;
	} while (!atomic_compare_exchange_weak(&l->full_at, &seen, then));
	return true;
}
