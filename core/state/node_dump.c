#include "core/state/catalog.h"

#include "core/state/health.h"
#include "core/state/key.h"
#include "core/state/rows.h"
#include "core/state/table_index.h"

static const struct field node_info_fields[] = {
        FIELD(struct node_info, id, "ID", F_STR, 0),
        FIELD(struct node_info, node, "Node", F_STR, 0),
        FIELD(struct node_info, address, "Address", F_STR, 0),
        FIELD(struct node_info, tagged_addresses, "TaggedAddresses", F_MAP, 0),
        FIELD(struct node_info, meta, "Meta", F_MAP, 0),
        FIELD_SUB(struct node_info, services, "Services", F_LIST, 0, &node_service_schema),
        FIELD_SUB(struct node_info, checks, "Checks", F_LIST, 0, &health_check_schema),
};
const struct schema node_info_schema = SCHEMA(struct node_info, "structs.NodeInfo", node_info_fields);

static raft_index dump_index(const struct db_root *r)
{
	raft_index both = table_index_max(r, S("nodes"), S("services")), checks = table_index(r, S("checks"));
	return both > checks ? both : checks;
}

static void add_node(
        struct rows *rows, const struct db_root *r, struct watchset *ws, const struct node *n, struct arena *a)
{
	struct node_info *to = rows_add(rows);
	if (!to)
		return;
	*to = (struct node_info){.id = n->id,
	        .node = n->name,
	        .address = n->address,
	        .tagged_addresses = n->tagged_addresses,
	        .meta = n->meta};
	to->services = catalog_services_of_node(r, ws, n->name, a);
	health_checks_of_node(r, ws, n->name, a, &to->checks);
}

raft_index catalog_node_info(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *dump)
{
	struct rows rows = ROWS(a, struct node_info);
	const struct node *n;
	catalog_node(r, ws, node, a, &n);
	if (n)
		add_node(&rows, r, ws, n, a);
	*dump = rows_list(&rows);
	return dump_index(r);
}

raft_index catalog_node_dump(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *dump)
{
	struct rows rows = ROWS(a, struct node_info);
	struct cursor c;
	cursor_prefix(&c, r, TREE_NODES, S_NONE);
	watch_tree(ws, r, TREE_NODES);
	watch_tree(ws, r, TREE_SERVICES);
	watch_tree(ws, r, TREE_CHECKS);
	for (const struct item *it; (it = cursor_next(&c));)
		add_node(&rows, r, NULL, item_payload(it), a);
	*dump = rows_list(&rows);
	return dump_index(r);
}
