#include "core/state/coordinates.h"

#include <math.h>

#include "core/state/key.h"
#include "core/state/notice.h"
#include "core/state/put.h"
#include "core/state/rows.h"
#include "core/state/table_index.h"

static struct list entries_below(const struct db_root *r, struct watchset *ws, struct slice prefix, struct arena *a)
{
	struct rows rows = ROWS(a, struct coordinate_entry);
	struct cursor c;
	cursor_prefix(&c, r, TREE_COORDINATES, prefix);
	notice_prefix(ws, r, TREE_COORDINATES, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct coordinate_entry *to = rows_add(&rows);
		if (to)
			*to = *(const struct coordinate_entry *)item_payload(it);
	}
	return rows_list(&rows);
}

raft_index coordinates_all(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *entries)
{
	*entries = entries_below(r, ws, S_NONE, a);
	return table_index(r, S("coordinates"));
}

raft_index coordinates_of_node(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *entries)
{
	*entries = entries_below(r, ws, key_make(a, "l0", node), a);
	return table_index(r, S("coordinates"));
}

bool coordinate_valid(const struct coordinate *c)
{
	const double *v = c->vec.items;
	for (uint32_t i = 0; i < c->vec.n; i++)
		if (!isfinite(v[i]))
			return false;
	return isfinite(c->error) && isfinite(c->adjustment) && isfinite(c->height);
}

static void put(struct state *s, const struct coordinate_entry *e)
{
	put_model(s, TREE_COORDINATES, key_make(&s->scratch, "l0l", e->node, e->segment), &coordinate_entry_schema, e);
}

/* Old clients sent numbers that are none, and a node may be gone by now: both mend themselves with the next batch. */
void coordinates_update(struct state *s, struct list entries)
{
	const struct coordinate_entry *e = entries.items;
	for (uint32_t i = 0; i < entries.n; i++)
		if (e[i].coord && coordinate_valid(e[i].coord) &&
		        db_get(db_working(s->db), TREE_NODES, key_make(&s->scratch, "l", e[i].node)))
			put(s, &e[i]);
	table_index_set(s, S("coordinates"));
}

void coordinates_node_gone(struct state *s, struct slice node)
{
	struct slice prefix = key_make(&s->scratch, "l0", node);
	if (prefix.p && db_remove_prefix(s->db, TREE_COORDINATES, prefix))
		table_index_set(s, S("coordinates"));
}

void coordinates_restore(struct state *s, struct list entries)
{
	const struct coordinate_entry *e = entries.items;
	for (uint32_t i = 0; i < entries.n; i++)
		if (e[i].coord && coordinate_valid(e[i].coord) && e[i].node.n)
			put(s, &e[i]);
	table_index_raise(s, S("coordinates"), s->index);
}
