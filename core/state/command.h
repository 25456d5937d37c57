/* Commands as bytes, both ways: a type byte and the request in msgpack, byte for byte what Consul's servers put into
 * their Raft log. The whole request is there, the caller's token, too. These structs are also the arguments of the RPCs
 * that write. */
#ifndef CORE_STATE_COMMAND_H
#define CORE_STATE_COMMAND_H

#include "core/base/msgpack.h"
#include "core/state/acl_token.h"
#include "core/state/apply.h"
#include "core/state/prepared_query.h"
#include "core/state/txn.h"
#include "store/model.h"

struct register_request {
	struct slice datacenter, id, node, address;
	struct list tagged_addresses, node_meta;
	struct node_service *service;
	struct health_check *check;
	struct list checks; /* of struct health_check */
	bool skip_node_update;
	struct slice token;
};

struct deregister_request { /* the service, else the check, else the node */
	struct slice datacenter, node, service_id, check_id, token;
};

struct kvs_request {
	struct slice datacenter, op;
	struct dir_entry dir_entry;
	struct slice token;
};

struct session_request {
	struct slice datacenter, op; /* create, destroy */
	struct session session;
	struct slice token;
};

struct acl_request {
	struct slice datacenter, op; /* set, force-set, delete, bootstrap-init, bootstrap-now */
	struct acl acl;
	struct slice token;
};

struct tombstone_request {
	struct slice datacenter, op; /* reap */
	raft_index reap_index;
	struct slice token;
};

struct query_request {
	struct slice datacenter, op; /* create, update, delete */
	struct prepared_query *query;
	struct slice token;
};

struct txn_request {
	struct slice datacenter;
	struct list ops; /* of struct txn_op */
	struct slice token;
};

struct autopilot_request {
	struct slice datacenter;
	struct autopilot_config config;
	bool cas;
	struct slice token;
};

extern const struct schema register_request_schema, deregister_request_schema, kvs_request_schema,
        session_request_schema, acl_request_schema, tombstone_request_schema, query_request_schema, txn_request_schema,
        autopilot_request_schema;

/* The command's bytes at the end of `out`. Not for COMMAND_COORDINATES, whose body is a bare list. */
void command_write(struct buf *out, enum command_type type, const struct schema *s, const void *request);
/* entries: of struct coordinate_entry. Sets COMMAND_IGNORE as Consul does. */
void command_write_coordinates(struct buf *out, struct list entries);

/* The body (without the type byte) into `request`, which is cleared first. False: not decodable. Points into `body`. */
bool command_read(struct slice body, const struct schema *s, void *request, struct arena *a);
bool command_read_coordinates(struct slice body, struct arena *a, struct list *entries);

#endif
