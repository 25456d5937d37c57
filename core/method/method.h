/* Everything that can be asked, in one table (method.c): name on the wire, request and reply by their field tables,
 * flags, handler. HTTP, DNS, 8400, RPC and the core's own calls end here. */
#ifndef CORE_METHOD_METHOD_H
#define CORE_METHOD_METHOD_H

#include "core/method/call.h"

enum method_flag {
	M_READ = 1 << 0,  /* request begins with a struct read_head, reply with a struct query_meta; may block */
	M_WRITE = 1 << 1, /* request begins with a struct write_head; becomes a message to the leader's core */
	M_LOCAL = 1 << 2, /* any server answers from what it has: no leader needed (Status, Coordinate.ListDatacenters …) */
	M_NO_BLOCK = 1 << 3, /* a read that never waits */
};

struct method {
	const char *name;
	const struct schema *request, *reply;
	unsigned flags;
	/* A read fills c->reply and notes what it looked at; a write checks and calls call_command. */
	enum err (*handler)(struct call *c);
};

/* NULL when there is none of that name. */
const struct method *method_find(struct slice name);

/* The rows, for those who know at compile time what they want. */
extern const struct method method_kvs_apply, method_kvs_get, method_kvs_list, method_kvs_list_keys,
	method_session_apply, method_session_get, method_session_list, method_session_node, method_session_renew,
	method_txn_apply, method_txn_read, method_status_leader, method_status_peers, method_catalog_register,
	method_catalog_deregister, method_catalog_datacenters, method_catalog_nodes, method_catalog_services,
	method_catalog_service_nodes, method_catalog_node_services, method_health_state, method_health_node,
	method_health_service_checks, method_health_service_nodes, method_internal_node_info,
	method_internal_node_dump, method_coordinate_datacenters, method_coordinate_nodes, method_coordinate_node,
	method_coordinate_update;

#endif
