#include "core/agent/config_merge.h"

#include "core/base/slice.h"

static struct list items_join(struct list x, struct list y, size_t size, struct arena *a)
{
	if (!x.n)
		return y.items ? y : x;
	if (!y.n)
		return x;
	char *all = arena_alloc(a, (x.n + (size_t)y.n) * size);
	if (!all)
		return x;
	memcpy(all, x.items, x.n * size);
	memcpy(all + x.n * size, y.items, y.n * size);
	return (struct list){all, x.n + y.n};
}

struct list config_merge_pairs(struct list under, struct list over, struct arena *a)
{
	const struct pair *u = under.items, *o = over.items;
	struct pair *all = ARENA_ARRAY(a, struct pair, under.n + (size_t)over.n);
	uint32_t i = 0, j = 0, n = 0;
	while (all && (i < under.n || j < over.n)) {
		int order = i == under.n ? 1 : j == over.n ? -1 : slice_cmp(u[i].key, o[j].key);
		all[n++] = order < 0 ? u[i] : o[j];
		i += order <= 0;
		j += order >= 0;
	}
	return (struct list){all, n};
}

static void tables_join(struct config_slot *to, const struct config_slot *from, size_t width, struct arena *a)
{
	size_t n = to->set ? to->tables.count : 0, more = from->tables.count;
	struct config_slot *all = ARENA_ARRAY(a, struct config_slot, (n + more) * width);
	if (!all)
		return;
	if (n)
		memcpy(all, to->tables.items, n * width * sizeof(*all));
	if (more)
		memcpy(all + n * width, from->tables.items, more * width * sizeof(*all));
	to->tables.items = all;
	to->tables.count = n + more;
	to->set = true;
}

static void slot_merge(
        const struct config_key *key, struct config_slot *to, const struct config_slot *from, struct arena *a)
{
	if (!from->set)
		return;
	bool was = to->set;
	switch (key->type) {
	case CT_STRS: to->l = was ? items_join(to->l, from->l, sizeof(struct slice), a) : from->l; break;
	case CT_OBJECTS: to->l = was ? items_join(to->l, from->l, sizeof(struct value), a) : from->l; break;
	case CT_MAP: to->l = was ? config_merge_pairs(to->l, from->l, a) : from->l; break;
	case CT_TABLES: tables_join(to, from, key->sub->n, a); break;
	default: *to = *from; break;
	}
	to->set = true;
}

/* `one` becomes the last of `many`, both of the same source, so that a later source can't replace it. */
static void single_to_list(struct config_slot *slots, const char *one, const char *many, struct arena *a)
{
	struct config_slot *single = config_slot_of(&config_keys, slots, one);
	struct config_slot *list = config_slot_of(&config_keys, slots, many);
	const struct config_key *key = &config_keys.rows[list - slots];
	if (!single->set)
		return;
	struct config_slot as_list = {.set = true, .tables = {single->table, 1}};
	tables_join(list, &as_list, key->sub->n, a);
	single->set = false;
}

void config_merge(struct config_slot *to, struct config_slot *from, struct arena *a)
{
	single_to_list(from, "check", "checks", a);
	single_to_list(from, "service", "services", a);
	for (size_t i = 0; i < config_keys.n; i++)
		slot_merge(&config_keys.rows[i], &to[i], &from[i], a);
}
