#include "core/state/health.h"

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/key.h"
#include "core/state/notice.h"
#include "core/state/rows.h"
#include "core/state/table_index.h"

static const struct health_check *linked(const struct db_root *r, const struct item *link)
{
	const struct item *it = db_get(r, TREE_CHECKS, link_target(link));
	MUST(it);
	return item_payload(it);
}

static void add_check(struct rows *rows, const struct health_check *c)
{
	struct health_check *to = rows_add(rows);
	if (to)
		*to = *c;
}

raft_index health_checks_of_node(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *checks)
{
	struct rows rows = ROWS(a, struct health_check);
	struct slice prefix = key_make(a, "l0", node);
	struct cursor c;
	cursor_prefix(&c, r, TREE_CHECKS, prefix);
	notice_prefix(ws, r, TREE_CHECKS, prefix);
	for (const struct item *it; (it = cursor_next(&c));)
		add_check(&rows, item_payload(it));
	*checks = rows_list(&rows);
	return table_index(r, S("checks"));
}

raft_index health_check_of_node(const struct db_root *r, struct watchset *ws, struct slice node, struct slice check_id,
        struct arena *a, const struct health_check **out)
{
	struct slice key = key_make(a, "l0l", node, check_id);
	const struct item *it = db_get(r, TREE_CHECKS, key);
	notice_key(ws, r, TREE_CHECKS, key, it);
	*out = it ? item_payload(it) : NULL;
	return table_index(r, S("checks"));
}

/* Does the check's node have the metadata? Its node is watched either way: the answer may change. */
static bool node_matches(
        const struct db_root *r, struct watchset *ws, const struct health_check *c, struct list meta, struct arena *a)
{
	if (!meta.n)
		return true;
	struct slice key = key_make(a, "l", c->node);
	const struct item *it = db_get(r, TREE_NODES, key);
	notice_key(ws, r, TREE_NODES, key, it);
	return it && catalog_meta_matches(((const struct node *)item_payload(it))->meta, meta);
}

/* The checks behind the links under a prefix. */
static struct list checks_linked(const struct db_root *r, struct watchset *ws, enum db_tree t, struct slice prefix,
        struct list meta, struct arena *a)
{
	struct rows rows = ROWS(a, struct health_check);
	struct cursor c;
	cursor_prefix(&c, r, t, prefix);
	notice_prefix(ws, r, t, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct health_check *check = linked(r, it);
		if (node_matches(r, ws, check, meta, a))
			add_check(&rows, check);
	}
	return rows_list(&rows);
}

raft_index health_checks_of_service(const struct db_root *r, struct watchset *ws, struct slice service,
        struct list meta, struct arena *a, struct list *checks)
{
	*checks = checks_linked(r, ws, TREE_CHECKS_SERVICE, key_make(a, "l0", service), meta, a);
	return meta.n ? service_index(r, service, WITH_CHECKS, a) : table_index(r, S("checks"));
}

raft_index health_checks_in_state(const struct db_root *r, struct watchset *ws, struct slice state, struct list meta,
        struct arena *a, struct list *checks)
{
	struct slice prefix = slice_is(state, "any") ? S_NONE : key_make(a, "x0", state);
	*checks = checks_linked(r, ws, TREE_CHECKS_STATUS, prefix, meta, a);
	return meta.n ? table_index_max(r, S("nodes"), S("checks")) : table_index(r, S("checks"));
}

static void add_linked(struct rows *rows, const struct db_root *r, struct watchset *ws, struct slice prefix)
{
	struct cursor c;
	cursor_prefix(&c, r, TREE_CHECKS_NODE_SERVICE, prefix);
	watch_prefix(ws, r, TREE_CHECKS_NODE_SERVICE, prefix); /* the index does not hang on these: no neighbours */
	for (const struct item *it; (it = cursor_next(&c));)
		add_check(rows, linked(r, it));
}

/* One instance with its node and its checks; false when the arena is full. */
static bool fill(struct check_service_node *to, const struct db_root *r, struct watchset *ws,
        const struct service_node *sn, struct arena *a)
{
	struct slice key = key_make(a, "l", sn->node), of_node = key_make(a, "l00", sn->node),
	             of_service = key_make(a, "l0l0", sn->node, sn->service_id);
	to->service = arena_alloc(a, sizeof *to->service);
	if (a->failed)
		return false;
	const struct item *it = db_get(r, TREE_NODES, key);
	notice_key(ws, r, TREE_NODES, key, it);
	MUST(it);
	to->node = (struct node *)(uintptr_t)item_payload(it); /* only read: the struct serves requests, too */
	catalog_to_node_service(sn, to->service);
	struct rows checks = ROWS(a, struct health_check);
	add_linked(&checks, r, ws, of_node);
	add_linked(&checks, r, ws, of_service);
	to->checks = rows_list(&checks);
	return !a->failed;
}

raft_index health_service_nodes(const struct db_root *r, struct watchset *ws, struct slice service,
        enum tag_filter filter, struct slice tag, struct arena *a, struct list *nodes)
{
	struct rows rows = ROWS(a, struct check_service_node);
	struct service_walk walk;
	service_walk_open(&walk, r, ws, service, filter, tag, a);
	for (const struct service_node *sn; (sn = service_walk_next(&walk));) {
		struct check_service_node *to = rows_add(&rows);
		if (!to || !fill(to, r, ws, sn, a))
			break;
	}
	*nodes = rows_list(&rows);
	return service_index(r, service, WITH_CHECKS, a);
}
