#include "core/state/catalog_write.h"

#include "core/base/slice.h"
#include "core/base/text.h"
#include "core/state/catalog.h"
#include "core/state/coordinates.h"
#include "core/state/key.h"
#include "core/state/put.h"
#include "core/state/rows.h"
#include "core/state/session.h"
#include "core/state/table_index.h"

const struct node *catalog_find_node(struct state *s, struct slice name)
{
	const struct item *it = db_get(db_working(s->db), TREE_NODES, key_make(&s->scratch, "l", name));
	return it ? item_payload(it) : NULL;
}

static struct slice id_key(struct state *s, struct slice id)
{
	struct uuid_bytes bytes;
	return id.n && uuid_parse(id, &bytes, NULL) == OK ? key_make(&s->scratch, "x", uuid_slice(&bytes)) : S_NONE;
}

/* The node that has the id now. Its name must be the same to the letter: an id can't move, nor a node be renamed. */
static enum err owner_of_id(struct state *s, const struct node *n, const struct node **owner, struct fail *f)
{
	struct uuid_bytes bytes;
	if (uuid_parse(n->id, &bytes, f))
		return fail_wrap(f, "node lookup failed: index error");
	*owner = catalog_node_of_id(db_working(s->db), uuid_slice(&bytes));
	if (!*owner || slice_eq((*owner)->name, n->name))
		return OK;
	char id[64], name[FAIL_TEXT_MAX], existing[FAIL_TEXT_MAX];
	return fail_set(f, ERR_FAILED, "node ID %s for node %s aliases existing node %s",
	        quote_cstr(n->id, id, sizeof id), quote_cstr(n->name, name, sizeof name),
	        quote_cstr((*owner)->name, existing, sizeof existing));
}

enum err catalog_put_node(struct state *s, struct node *n, struct fail *f)
{
	const struct node *owner = NULL;
	if (n->id.n) {
		enum err err = owner_of_id(s, n, &owner, f);
		if (err)
			return err;
	}
	const struct node *now = catalog_find_node(s, n->name);
	owner = owner ? owner : now;
	if (!n->name.n)
		return fail_set(f, ERR_FAILED, "failed inserting node: object missing primary index");
	n->create_index = owner ? owner->create_index : s->index;
	n->modify_index = s->index;
	struct slice key = key_make(&s->scratch, "l", n->name);
	put_relink(s, TREE_NODES_ID, now ? id_key(s, now->id) : S_NONE, id_key(s, n->id), key);
	put_model(s, TREE_NODES, key, &node_schema, n);
	table_index_set(s, S("nodes"));
	return OK;
}

/* The last parts of the keys under "node 0": service ids or check ids, lower case, copied. */
static struct list ids_below(struct state *s, enum db_tree t, struct slice prefix)
{
	struct rows ids = ROWS(&s->scratch, struct slice);
	struct cursor c;
	cursor_prefix(&c, db_working(s->db), t, prefix);
	for (const struct item *it; (it = cursor_next(&c));)
		rows_add_key(&ids, slice_from(item_key(it), prefix.n));
	s->no_memory |= s->scratch.failed;
	return rows_list(&ids);
}

static enum err remove_below(struct state *s, struct slice name, struct fail *f)
{
	struct slice prefix = key_make(&s->scratch, "l0", name);
	struct list services = ids_below(s, TREE_SERVICES, prefix);
	enum err err = OK;
	for (uint32_t i = 0; i < services.n && !err; i++)
		err = catalog_remove_service(s, name, ((const struct slice *)services.items)[i], f);
	struct list checks = ids_below(s, TREE_CHECKS, prefix);
	for (uint32_t i = 0; i < checks.n && !err; i++)
		err = catalog_remove_check(s, name, ((const struct slice *)checks.items)[i], f);
	return err;
}

enum err catalog_remove_node(struct state *s, struct slice name, struct fail *f)
{
	if (!catalog_find_node(s, name))
		return OK;
	enum err err = remove_below(s, name, f);
	if (err || s->no_memory)
		return err;
	coordinates_node_gone(s, name);
	struct slice id = id_key(s, catalog_find_node(s, name)->id);
	if (id.p)
		db_remove(s->db, TREE_NODES_ID, id);
	db_remove(s->db, TREE_NODES, key_make(&s->scratch, "l", name));
	table_index_set(s, S("nodes"));
	return session_node_gone(s, name, f);
}
