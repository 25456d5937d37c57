/* Health checks, read. Any thread, over one root; rules as in catalog.h. Lists are of struct health_check. */
#ifndef CORE_STATE_HEALTH_H
#define CORE_STATE_HEALTH_H

#include "core/state/catalog.h"

/* By check id. */
raft_index health_checks_of_node(
        const struct db_root *r, struct watchset *ws, struct slice node, struct arena *a, struct list *checks);
raft_index health_check_of_node(const struct db_root *r, struct watchset *ws, struct slice node, struct slice check_id,
        struct arena *a, const struct health_check **out);
/* By node, then check id. `meta` as in catalog.h; with one the index is that of the service. */
raft_index health_checks_of_service(const struct db_root *r, struct watchset *ws, struct slice service,
        struct list meta, struct arena *a, struct list *checks);
/* By status, node, check id. "any" is every state; names of states match exactly. */
raft_index health_checks_in_state(const struct db_root *r, struct watchset *ws, struct slice state, struct list meta,
        struct arena *a, struct list *checks);

/* Instances of a service with their node and checks (those of the node first, then those of the instance): of struct
 * check_service_node, by node, then service id. Nodes point into items. */
raft_index health_service_nodes(const struct db_root *r, struct watchset *ws, struct slice service,
        enum tag_filter filter, struct slice tag, struct arena *a, struct list *nodes);

#endif
