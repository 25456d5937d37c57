#include "core/state/table_index.h"

#include "core/state/key.h"
#include "core/state/put.h"

raft_index table_index(const struct db_root *r, struct slice table)
{
	const struct item *it = db_get(r, TREE_INDEX, table);
	return it ? *(const raft_index *)item_payload(it) : 0;
}

raft_index table_index_max(const struct db_root *r, struct slice one, struct slice other)
{
	raft_index a = table_index(r, one), b = table_index(r, other);
	return a > b ? a : b;
}

static void index_put(struct state *s, struct slice key, raft_index index)
{
	struct item *it = db_item_new(s->db, key, sizeof(raft_index));
	if (it)
		*(raft_index *)item_payload_new(it) = index;
	put_item(s, TREE_INDEX, it);
}

void table_index_set(struct state *s, struct slice table)
{
	if (table_index(db_working(s->db), table) != s->index)
		index_put(s, table, s->index);
}

void table_index_raise(struct state *s, struct slice table, raft_index to)
{
	const struct item *it = db_get(db_working(s->db), TREE_INDEX, table);
	if (!it || to > *(const raft_index *)item_payload(it))
		index_put(s, table, to);
}

static struct slice service_key(struct arena *a, struct slice service)
{
	return key_make(a, "xl", S("service."), service);
}

raft_index service_index(const struct db_root *r, struct slice service, enum service_index_scope scope, struct arena *a)
{
	const struct item *it = db_get(r, TREE_INDEX, service_key(a, service));
	if (it)
		return *(const raft_index *)item_payload(it);
	raft_index both = table_index_max(r, S("nodes"), S("services"));
	raft_index checks = scope == WITH_CHECKS ? table_index(r, S("checks")) : 0;
	return both > checks ? both : checks;
}

void service_index_set(struct state *s, struct slice service)
{
	struct slice key = service_key(&s->scratch, service);
	if (key.p)
		table_index_set(s, key);
}

void service_index_drop(struct state *s, struct slice service)
{
	struct slice key = service_key(&s->scratch, service);
	if (key.p)
		db_remove(s->db, TREE_INDEX, key);
}
