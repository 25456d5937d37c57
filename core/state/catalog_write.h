/* The catalog, written: what registering and deregistering does, and how nodes, services and checks fall together. Core
 * thread, while applying. Sentences and order of the checks are those of Consul 1.0.8 (agent/consul/state/catalog.go).
 *
 * What a function is given is written into (indexes, the copied service name) but never kept. */
#ifndef CORE_STATE_CATALOG_WRITE_H
#define CORE_STATE_CATALOG_WRITE_H

#include "core/base/err.h"
#include "core/state/command.h"

/* The node, then its service, then its checks; rows that would not change keep their index, checks always get a new
 * one. */
enum err catalog_register(struct state *s, struct register_request *req, struct fail *f);
/* The service when one is named, else the check, else the whole node. The absent is gone already: OK. */
enum err catalog_deregister(struct state *s, const struct deregister_request *req, struct fail *f);

enum err catalog_put_node(struct state *s, struct node *n, struct fail *f);
enum err catalog_remove_node(struct state *s, struct slice name, struct fail *f);

enum err catalog_put_service(struct state *s, struct slice node, const struct node_service *svc, struct fail *f);
enum err catalog_remove_service(struct state *s, struct slice node, struct slice service_id, struct fail *f);

enum err catalog_put_check(struct state *s, struct health_check *c, struct fail *f);
enum err catalog_remove_check(struct state *s, struct slice node, struct slice check_id, struct fail *f);

/* Looks at the rows written so far. NULL when absent; valid until the next write. */
const struct node *catalog_find_node(struct state *s, struct slice name);
const struct service_node *catalog_find_service(struct state *s, struct slice node, struct slice service_id);

/* structs.ValidateMetadata. Keys that begin with "consul-" are only for Consul itself: `reserved` lets them pass. */
enum err catalog_check_meta(struct list meta, bool reserved, struct fail *f);

#endif
