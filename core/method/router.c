#include "core/method/router.h"

#include "core/base/slice.h"

#define FAILURE_KEPT (2 * NS_PER_MIN)
#define REUSE_MIN (120 * NS_PER_S)
enum { REUSE_JITTER = 2, MOVES_A_SECOND = 64 };

void router_init(struct router *r, uint64_t seed)
{
	*r = (struct router){.lot = seed};
}

/* FNV-1a, then mixed with the lot so that any bit of it turns the order over. */
static uint64_t hash(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3;
	return h;
}

static uint64_t place(const struct router *r, uint64_t server)
{
	uint64_t x = server ^ r->lot;
	x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

static mono_ns failed_at(const struct router *r, uint64_t server)
{
	for (unsigned i = 0; i < r->failed_n; i++)
		if (r->failed[i].server == server)
			return r->failed[i].at;
	return INT64_MIN;
}

struct rank {
	bool dead;
	mono_ns failed;
	uint64_t place;
};

static bool before(const struct rank *a, const struct rank *b)
{
	if (a->dead != b->dead)
		return b->dead;
	if (a->failed != b->failed)
		return a->failed < b->failed;
	return a->place < b->place;
}

const struct server *router_pick(const struct router *r, const struct db_root *db, struct slice own, struct slice dc)
{
	const struct server *first = NULL;
	struct rank best = {0};
	struct cursor c;
	if (slice_eq(own, dc))
		servers_lan(&c, db);
	else
		servers_of_datacenter(&c, db, dc);
	for (const struct server *s; (s = server_next(&c));) {
		uint64_t server = hash(s->address);
		struct rank rank = {!s->alive, failed_at(r, server), place(r, server)};
		if (first && !before(&rank, &best))
			continue;
		first = s;
		best = rank;
	}
	return first;
}

/* The oldest failure gives way to a new one. */
void router_failed(struct router *r, struct slice address, mono_ns now)
{
	uint64_t server = hash(address);
	unsigned at = r->failed_n, oldest = 0;
	for (unsigned i = 0; i < r->failed_n; i++) {
		if (r->failed[i].server == server)
			at = i;
		if (r->failed[i].at < r->failed[oldest].at)
			oldest = i;
	}
	if (at == ROUTER_FAILED_MAX)
		at = oldest;
	else if (at == r->failed_n)
		r->failed_n++;
	r->failed[at].server = server;
	r->failed[at].at = now;
}

bool router_resting(const struct router *r, struct slice address, mono_ns now)
{
	return failed_at(r, hash(address)) > now - NS_PER_S;
}

void router_rebalance(struct router *r, struct rand *rand, mono_ns now)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < r->failed_n; i++)
		if (r->failed[i].at > now - FAILURE_KEPT)
			r->failed[kept++] = r->failed[i];
	r->failed_n = kept;
	r->lot = rand_u64(rand);
}

dur_ns router_rebalance_after(struct rand *rand, size_t members, size_t servers)
{
	dur_ns least = REUSE_MIN + (dur_ns)rand_below(rand, REUSE_MIN / REUSE_JITTER);
	dur_ns spread = servers ? (dur_ns)(members / (MOVES_A_SECOND * servers)) * NS_PER_S : 0;
	return spread > least ? spread : least;
}
