#include "core/state/catalog.h"

#include <stdlib.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/state/key.h"
#include "core/state/notice.h"
#include "core/state/rows.h"
#include "core/state/table_index.h"

bool catalog_has_tag(struct list tags, struct slice tag)
{
	const struct slice *t = tags.items;
	for (uint32_t i = 0; i < tags.n; i++)
		if (key_same_name(t[i], tag))
			return true;
	return false;
}

bool catalog_meta_matches(struct list node_meta, struct list filters)
{
	const struct pair *want = filters.items, *has = node_meta.items;
	for (uint32_t i = 0; i < filters.n; i++) {
		bool found = false;
		for (uint32_t j = 0; j < node_meta.n && !found; j++)
			found = slice_eq(has[j].key, want[i].key) && slice_eq(has[j].val, want[i].val);
		if (!found || !want[i].key.n) /* an empty key is in no index */
			return false;
	}
	return true;
}

void catalog_to_node_service(const struct service_node *sn, struct node_service *out)
{
	*out = (struct node_service){.id = sn->service_id,
	        .service = sn->service_name,
	        .tags = sn->service_tags,
	        .address = sn->service_address,
	        .meta = sn->service_meta,
	        .port = sn->service_port,
	        .enable_tag_override = sn->service_enable_tag_override,
	        .create_index = sn->create_index,
	        .modify_index = sn->modify_index};
}

/* ---- nodes ---- */

raft_index catalog_nodes(
        const struct db_root *r, struct watchset *ws, struct list meta, struct arena *a, struct list *nodes)
{
	struct rows rows = ROWS(a, struct node);
	struct cursor c;
	cursor_prefix(&c, r, TREE_NODES, S_NONE);
	watch_tree(ws, r, TREE_NODES);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct node *n = item_payload(it);
		struct node *to = catalog_meta_matches(n->meta, meta) ? rows_add(&rows) : NULL;
		if (to)
			*to = *n;
	}
	*nodes = rows_list(&rows);
	return table_index(r, S("nodes"));
}

static const struct node *node_at(const struct db_root *r, struct slice key)
{
	const struct item *it = db_get(r, TREE_NODES, key);
	return it ? item_payload(it) : NULL;
}

raft_index catalog_node(
        const struct db_root *r, struct watchset *ws, struct slice name, struct arena *a, const struct node **out)
{
	struct slice key = key_make(a, "l", name);
	const struct item *it = db_get(r, TREE_NODES, key);
	notice_key(ws, r, TREE_NODES, key, it);
	*out = it ? item_payload(it) : NULL;
	return table_index(r, S("nodes"));
}

const struct node *catalog_node_of_id(const struct db_root *r, struct slice id)
{
	const struct item *link = db_get(r, TREE_NODES_ID, id);
	return link ? node_at(r, link_target(link)) : NULL;
}

/* ---- names of services ---- */

struct name_tag {
	struct slice name, tag;
	bool has_tag;
};

/* A row for each tag of each instance under a prefix of TREE_SERVICES; one without a tag for an instance that has none.
 */
static void add_names(struct rows *rows, const struct db_root *r, struct slice prefix)
{
	struct cursor c;
	cursor_prefix(&c, r, TREE_SERVICES, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		const struct service_node *sn = item_payload(it);
		const struct slice *tags = sn->service_tags.items;
		struct name_tag *to = rows_add(rows);
		if (to)
			to->name = sn->service_name;
		for (uint32_t i = 0; i < sn->service_tags.n && (to = rows_add(rows)); i++)
			*to = (struct name_tag){.name = sn->service_name, .tag = tags[i], .has_tag = true};
	}
}

static int by_name_tag(const void *x, const void *y)
{
	const struct name_tag *a = x, *b = y;
	int c = slice_cmp(a->name, b->name);
	if (!c)
		c = (int)a->has_tag - (int)b->has_tag;
	return c ? c : slice_cmp(a->tag, b->tag);
}

/* Sorted rows into a map: each name once, each of its tags once. */
static struct list fold_names(struct rows *pairs, struct arena *a)
{
	struct rows services = ROWS(a, struct named_strs), tags = ROWS(a, struct slice);
	struct name_tag *p = (void *)pairs->items;
	if (pairs->n)
		qsort(p, pairs->n, sizeof *p, by_name_tag);
	for (uint32_t i = 0; i < pairs->n;) {
		struct named_strs *to = rows_add(&services);
		uint32_t first = i;
		tags = ROWS(a, struct slice);
		for (; i < pairs->n && slice_eq(p[i].name, p[first].name); i++) {
			if (!p[i].has_tag || (tags.n && slice_eq(p[i].tag, p[i - 1].tag)))
				continue;
			struct slice *tag = rows_add(&tags);
			if (tag)
				*tag = p[i].tag;
		}
		if (to)
			*to = (struct named_strs){
			        p[first].name, tags.n ? rows_list(&tags) : (struct list){list_empty, 0}};
	}
	return rows_list(&services);
}

raft_index catalog_services(
        const struct db_root *r, struct watchset *ws, struct list meta, struct arena *a, struct list *services)
{
	struct rows pairs = ROWS(a, struct name_tag);
	if (!meta.n) {
		watch_tree(ws, r, TREE_SERVICES);
		add_names(&pairs, r, S_NONE);
		*services = fold_names(&pairs, a);
		return table_index(r, S("services"));
	}
	struct list nodes;
	catalog_nodes(r, ws, meta, a, &nodes);
	for (uint32_t i = 0; i < nodes.n; i++) {
		struct slice prefix = key_make(a, "l0", ((const struct node *)nodes.items)[i].name);
		notice_prefix(ws, r, TREE_SERVICES, prefix);
		add_names(&pairs, r, prefix);
	}
	*services = fold_names(&pairs, a);
	return table_index_max(r, S("services"), S("nodes"));
}

/* ---- instances ---- */

/* The instance with what its node says of itself. */
static void join_node(struct service_node *sn, const struct node *n)
{
	MUST(n);
	sn->id = n->id;
	sn->address = n->address;
	sn->datacenter = n->datacenter;
	sn->tagged_addresses = n->tagged_addresses;
	sn->node_meta = n->meta;
	if (!sn->service_tags.items)
		sn->service_tags.items = list_empty;
	if (!sn->service_meta.items)
		sn->service_meta.items = list_empty;
}

void service_walk_open(struct service_walk *w, const struct db_root *r, struct watchset *ws, struct slice service,
        enum tag_filter filter, struct slice tag, struct arena *a)
{
	struct slice prefix = key_make(a, "l0", service);
	*w = (struct service_walk){.root = r, .filter = filter, .tag = tag};
	cursor_prefix(&w->at, r, TREE_SERVICES_NAME, prefix);
	notice_prefix(ws, r, TREE_SERVICES_NAME, prefix);
}

const struct service_node *service_walk_next(struct service_walk *w)
{
	for (const struct item *it; (it = cursor_next(&w->at));) {
		const struct service_node *sn = item_payload(db_get(w->root, TREE_SERVICES, link_target(it)));
		if (w->filter == ANY_TAG || catalog_has_tag(sn->service_tags, w->tag))
			return sn;
	}
	return NULL;
}

raft_index catalog_service_nodes(const struct db_root *r, struct watchset *ws, struct slice service,
        enum tag_filter filter, struct slice tag, struct arena *a, struct list *nodes)
{
	struct rows rows = ROWS(a, struct service_node);
	struct service_walk walk;
	service_walk_open(&walk, r, ws, service, filter, tag, a);
	for (const struct service_node *sn; (sn = service_walk_next(&walk));) {
		struct service_node *to = rows_add(&rows);
		struct slice node = key_make(a, "l", sn->node);
		if (!to || !node.p)
			break;
		watch_key(ws, r, TREE_NODES, node);
		*to = *sn;
		join_node(to, node_at(r, node));
	}
	*nodes = rows_list(&rows);
	return service_index(r, service, WITHOUT_CHECKS, a);
}

raft_index catalog_node_service(const struct db_root *r, struct watchset *ws, struct slice node,
        struct slice service_id, struct arena *a, struct node_service **out)
{
	struct slice key = key_make(a, "l0l", node, service_id);
	const struct item *it = db_get(r, TREE_SERVICES, key);
	notice_key(ws, r, TREE_SERVICES, key, it);
	*out = it ? ARENA_NEW(a, struct node_service) : NULL;
	if (*out)
		catalog_to_node_service(item_payload(it), *out);
	return table_index(r, S("services"));
}

struct list catalog_services_of_node(const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a)
{
	struct rows rows = ROWS(a, struct node_service);
	struct slice prefix = key_make(a, "l0", node);
	struct cursor c;
	cursor_prefix(&c, r, TREE_SERVICES, prefix);
	notice_prefix(ws, r, TREE_SERVICES, prefix);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct node_service *to = rows_add(&rows);
		if (to)
			catalog_to_node_service(item_payload(it), to);
	}
	return rows_list(&rows);
}

/* The one node whose id begins so; an odd last digit is left out. NULL: none, several, or not the beginning of an id.
 */
static const struct node *node_by_id_prefix(
        const struct db_root *r, struct watchset *ws, struct slice text, struct arena *a)
{
	struct uuid_bytes bytes;
	if (text.n < 2 || uuid_parse_prefix(slice_cut(text, 0, text.n & ~(size_t)1), &bytes, NULL) != OK)
		return NULL;
	struct slice prefix = key_make(a, "x", uuid_slice(&bytes));
	struct cursor c;
	cursor_prefix(&c, r, TREE_NODES_ID, prefix);
	notice_prefix(ws, r, TREE_NODES_ID, prefix);
	const struct item *it = cursor_next(&c);
	return it && !cursor_next(&c) ? node_at(r, link_target(it)) : NULL;
}

static int by_service_id(const void *x, const void *y)
{
	return slice_cmp(((const struct node_service *)x)->id, ((const struct node_service *)y)->id);
}

raft_index catalog_node_services(const struct db_root *r, struct watchset *ws, struct slice name_or_id, struct arena *a,
        const struct node **node, struct list *services)
{
	*services = (struct list){0};
	catalog_node(r, ws, name_or_id, a, node);
	if (!*node)
		*node = node_by_id_prefix(r, ws, name_or_id, a);
	if (!*node)
		return 0;
	*services = catalog_services_of_node(r, ws, (*node)->name, a);
	if (services->n) /* a map in Consul: sorted by the ids as they are written */
		qsort(services->items, services->n, sizeof(struct node_service), by_service_id);
	return table_index_max(r, S("nodes"), S("services"));
}
