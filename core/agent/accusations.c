#include "core/agent/accusations.h"

#include <stdlib.h>

#include "core/base/slice.h"

static int by_pool_and_name(const void *a, const void *b)
{
	const struct accusations *x = a, *y = b;
	return x->wan != y->wan ? x->wan - y->wan : slice_cmp(x->node, y->node);
}

static uint32_t count(const struct gossip *g)
{
	struct gossip_stats stats = {0};
	if (g)
		gossip_stats(g, &stats);
	return stats.members;
}

static void add_pool(const struct gossip *g, bool wan, struct list *out, struct arena *a)
{
	struct accusations *all = out->items;
	struct gossip_member m;
	uint32_t at = 0;
	while (g && gossip_member_next(g, &at, &m))
		if (m.accusations || m.accused)
			all[out->n++] = (struct accusations){arena_copy(a, m.name), wan, m.accusations, m.accused};
}

void accusations_ask(const struct gossip *const pools[], struct message *m)
{
	struct list *out = ARENA_NEW(&m->mem, struct list);
	uint32_t most = count(pools[GOSSIP_LAN]) + count(pools[GOSSIP_WAN]);
	struct accusations *all = ARENA_ARRAY(&m->mem, struct accusations, most + 1);
	m->reply = out;
	if (!out || !all) {
		m->err = ERR_NO_MEMORY;
		m->why = S("out of memory");
		return;
	}
	out->items = all;
	add_pool(pools[GOSSIP_LAN], false, out, &m->mem);
	add_pool(pools[GOSSIP_WAN], true, out, &m->mem);
	qsort(all, out->n, sizeof *all, by_pool_and_name);
}
