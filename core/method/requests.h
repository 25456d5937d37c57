/* What the reads are asked and answer: the structs of Consul's RPC, described in requests.c. Requests begin with a
 * read_head, replies with a query_meta. Writes are described beside their commands (core/state/command.h). */
#ifndef CORE_METHOD_REQUESTS_H
#define CORE_METHOD_REQUESTS_H

#include "core/method/call.h"
#include "core/state/catalog.h"
#include "store/model.h"

/* Where a question comes from: for sorting by distance (?near=). */
struct query_source {
	struct slice datacenter, segment, node, ip;
};

struct key_request {
	struct read_head head;
	struct slice key;
};
struct key_list_request {
	struct read_head head;
	struct slice prefix, seperator; /* spelt as in Consul */
};
struct dc_request {
	struct read_head head;
	struct list node_meta_filters; /* map */
	struct query_source source;
};
struct service_request {
	struct read_head head;
	struct list node_meta_filters;
	struct slice service_name, service_tag;
	bool tag_filter;
	struct query_source source;
};
struct node_request {
	struct read_head head;
	struct slice node;
};
struct state_request {
	struct read_head head;
	struct list node_meta_filters;
	struct slice state;
	struct query_source source;
};
struct session_request_one {
	struct read_head head;
	struct slice session;
};
struct event_fire_request {
	struct read_head head;
	struct slice name, payload; /* msgpack of a struct user_event */
};
struct event_fire_reply {
	struct query_meta meta;
};

struct indexed_entries {
	struct query_meta meta;
	struct list entries; /* of struct dir_entry */
};
struct indexed_keys {
	struct query_meta meta;
	struct list keys; /* of struct slice */
};
struct indexed_nodes {
	struct query_meta meta;
	struct list nodes; /* of struct node */
};
struct indexed_services {
	struct query_meta meta;
	struct list services; /* of struct named_strs: name → tags */
};
struct indexed_service_nodes {
	struct query_meta meta;
	struct list nodes; /* of struct service_node */
};
/* A map entry: service id → service. */
struct named_service {
	struct slice key;
	struct node_service service;
};
struct node_services {
	struct node *node;
	struct list services; /* of struct named_service */
};
struct indexed_node_services {
	struct query_meta meta;
	struct node_services *node_services; /* NULL: no such node */
};
struct indexed_checks {
	struct query_meta meta;
	struct list checks; /* of struct health_check */
};
struct indexed_check_service_nodes {
	struct query_meta meta;
	struct list nodes; /* of struct check_service_node */
};
struct indexed_node_dump {
	struct query_meta meta;
	struct list dump; /* of struct node_info */
};
struct indexed_sessions {
	struct query_meta meta;
	struct list sessions; /* of struct session */
};
struct indexed_coordinates {
	struct query_meta meta;
	struct list coordinates; /* of struct coordinate_entry */
};

extern const struct schema query_options_schema, query_meta_schema, read_head_schema, query_source_schema,
        key_request_schema, key_list_request_schema, dc_request_schema, service_request_schema, node_request_schema,
        state_request_schema, session_request_one_schema, indexed_entries_schema, indexed_keys_schema,
        indexed_nodes_schema, indexed_services_schema, indexed_service_nodes_schema, node_services_schema,
        indexed_node_services_schema, indexed_checks_schema, indexed_check_service_nodes_schema,
        indexed_node_dump_schema, indexed_sessions_schema, indexed_coordinates_schema;

#endif
