#include "core/state/tombstone.h"

#include "core/state/put.h"
#include "core/state/rows.h"
#include "core/state/table_index.h"
#include "store/model.h"

static raft_index stone_index(const struct item *it)
{
	return ((const struct tombstone *)item_payload(it))->index;
}

raft_index tombstone_index(const struct db_root *r, struct slice prefix)
{
	raft_index highest = 0;
	struct cursor c;
	cursor_prefix(&c, r, TREE_TOMBSTONES, prefix);
	for (const struct item *it; (it = cursor_next(&c));)
		if (stone_index(it) > highest)
			highest = stone_index(it);
	return highest;
}

static void put(struct state *s, struct slice key, raft_index index)
{
	struct item *it = db_item_new(s->db, key, sizeof(struct tombstone));
	if (it)
		((struct tombstone *)item_payload_new(it))->index = index;
	put_item(s, TREE_TOMBSTONES, it);
}

void tombstone_put(struct state *s, struct slice key)
{
	put(s, key, s->index);
	table_index_set(s, S("tombstones"));
	s->tombstone = true;
}

void tombstone_reap(struct state *s, raft_index up_to)
{
	struct rows old = ROWS(&s->scratch, struct slice);
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), TREE_TOMBSTONES, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		if (stone_index(it) <= up_to)
			rows_add_key(&old, item_key(it));
	s->no_memory |= s->scratch.failed;
	for (uint32_t i = 0; !s->no_memory && i < old.n; i++)
		db_remove(s->db, TREE_TOMBSTONES, rows_key(&old, i));
}

void tombstone_restore(struct state *s, struct slice key, raft_index index)
{
	put(s, key, index);
	table_index_raise(s, S("tombstones"), index);
}
