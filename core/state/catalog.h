/* The catalog, read: nodes, services, and which is where. Any thread, over one root.
 *
 * Names match without regard to case. Each function returns the index that Consul's state store returns for it, which
 * is not always the obvious one (README.md). Results are in `a` and may point into items: valid while the root is.
 * Empty results are nil lists. `ws` may be NULL. `meta` is a map (list of struct pair); a node matches when it has all
 * of them; an empty one matches every node. */
#ifndef CORE_STATE_CATALOG_H
#define CORE_STATE_CATALOG_H

#include "core/base/arena.h"
#include "store/model.h"
#include "store/watchset.h"

/* nodes: of struct node, by name. */
raft_index catalog_nodes(
        const struct db_root *r, struct watchset *ws, struct list meta, struct arena *a, struct list *nodes);

/* One node by its name; NULL when absent. Points into the item. Index of `nodes`. */
raft_index catalog_node(
        const struct db_root *r, struct watchset *ws, struct slice name, struct arena *a, const struct node **out);

/* Who has the id (its 16 bytes) now; NULL: nobody. */
const struct node *catalog_node_of_id(const struct db_root *r, struct slice id);

/* services: name → tags, of struct named_strs, sorted by name; tags unique, sorted (never nil). */
raft_index catalog_services(
        const struct db_root *r, struct watchset *ws, struct list meta, struct arena *a, struct list *services);

enum tag_filter { ANY_TAG, ONLY_TAG };

/* The instances of a service, by node, then service id. ONLY_TAG: those with the tag (without regard to case). */
struct service_walk {
	struct cursor at;
	const struct db_root *root;
	enum tag_filter filter;
	struct slice tag;
};
void service_walk_open(struct service_walk *w, const struct db_root *r, struct watchset *ws, struct slice service,
        enum tag_filter filter, struct slice tag, struct arena *a);
const struct service_node *service_walk_next(struct service_walk *w); /* NULL: no more */

/* Instances of a service joined with their nodes: of struct service_node, by node, then service id; tags and
 * service_meta never nil. ONLY_TAG: those with the tag (without regard to case). */
raft_index catalog_service_nodes(const struct db_root *r, struct watchset *ws, struct slice service,
        enum tag_filter filter, struct slice tag, struct arena *a, struct list *nodes);

/* One instance; NULL when absent. Index of `services`. */
raft_index catalog_node_service(const struct db_root *r, struct watchset *ws, struct slice node,
        struct slice service_id, struct arena *a, struct node_service **out);

/* A node found by name, else by the first characters of its id when just one node has them, and its services (struct
 * node_service, by id). Absent: *node is NULL and the index 0. */
raft_index catalog_node_services(const struct db_root *r, struct watchset *ws, struct slice name_or_id, struct arena *a,
        const struct node **node, struct list *services);

/* Everything about one node or about all, for the UI. Of struct node_info, by name. */
struct node_info {
	struct slice id, node, address;
	struct list tagged_addresses, meta;
	struct list services; /* of struct node_service */
	struct list checks;   /* of struct health_check */
};
extern const struct schema node_info_schema;
raft_index catalog_node_info(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *dump);
raft_index catalog_node_dump(const struct db_root *r, struct watchset *ws, struct arena *a, struct list *dump);

/* The services of a node: of struct node_service, by the lower case of their ids. */
struct list catalog_services_of_node(const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a);

/* The view of a stored instance as a node's service. Shallow. */
void catalog_to_node_service(const struct service_node *sn, struct node_service *out);

bool catalog_has_tag(struct list tags, struct slice tag);
bool catalog_meta_matches(struct list node_meta, struct list filters);

#endif
