/* PreparedQuery.*: definitions, what a name resolves to, and running it (Consul 1.0.8:
 * agent/consul/prepared_query_endpoint.go). */
#ifndef CORE_METHOD_PREPARED_QUERY_H
#define CORE_METHOD_PREPARED_QUERY_H

#include "core/method/method.h"
#include "core/method/requests.h"
#include "core/state/prepared_query.h"

struct query_one_request {
	struct read_head head;
	struct slice id;
};
struct query_execute_request {
	struct read_head head;
	struct slice id_or_name;
	int64_t limit;              /* above 0: most nodes in the answer */
	struct query_source source; /* whom to be near to */
	struct query_source agent;  /* who was asked first: "_agent" */
};
/* The whole query, for another datacenter does not have it. */
struct query_remote_request {
	struct read_head head;
	struct prepared_query query;
	int64_t limit;
};

struct indexed_queries {
	struct query_meta meta;
	struct list queries; /* of struct prepared_query */
};
struct query_execute_reply {
	struct query_meta meta;
	struct slice service;
	struct list nodes; /* of struct check_service_node */
	struct {
		struct slice ttl;
	} dns;
	struct slice datacenter; /* where the nodes are */
	int64_t failovers;       /* so many other datacenters were asked */
};
struct query_explain_reply {
	struct query_meta meta;
	struct prepared_query query; /* filled in, if it is a template */
};

extern const struct schema query_execute_reply_schema, query_explain_reply_schema;

/* What is said of one that does not exist (ERR_ABSENT). From another server it comes with words before it, and then it
 * is an error like others, as in Consul. */
#define QUERY_NOT_FOUND "Query not found"

#endif
