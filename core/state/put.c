#include "core/state/put.h"

#include "core/base/slice.h"
#include "core/state/rows.h"

void put_item(struct state *s, enum db_tree t, struct item *it)
{
	if (it && !s->scratch.failed && db_put(s->db, t, it))
		return;
	if (it)
		db_item_drop(s->db, it);
	s->no_memory = true;
}

void put_model(struct state *s, enum db_tree t, struct slice key, const struct schema *schema, const void *obj)
{
	put_item(s, t, model_item(s->db, key, schema, obj));
}

void put_link(struct state *s, enum db_tree t, struct slice key, struct slice primary)
{
	put_item(s, t, link_item(s->db, key, primary));
}

void put_relink(struct state *s, enum db_tree t, struct slice was, struct slice now, struct slice primary)
{
	if (was.p && !(now.p && slice_eq(was, now)))
		db_remove(s->db, t, was);
	if (now.p)
		put_link(s, t, now, primary);
}

struct list put_targets(struct state *s, enum db_tree t, struct slice prefix)
{
	struct rows rows = ROWS(&s->scratch, struct slice);
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), t, prefix);
	for (const struct item *it; (it = cursor_next(&c));)
		rows_add_key(&rows, link_target(it));
	s->no_memory |= s->scratch.failed;
	return rows_list(&rows);
}
