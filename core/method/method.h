/* Everything that can be asked, in one table (method.c): name on the wire, request and reply by their field tables,
 * flags, handler. HTTP, DNS, 8400, RPC and the core's own calls end here. */
#ifndef CORE_METHOD_METHOD_H
#define CORE_METHOD_METHOD_H

#include "core/method/call.h"

enum method_flag {
	M_READ = 1 << 0,  /* request begins with a struct read_head, reply with a struct query_meta; may block */
	M_WRITE = 1 << 1, /* request begins with a struct write_head; becomes a message to the leader's core (M_LOCAL:
	                     to ours) */
	M_LOCAL = 1 << 2, /* any server answers from what it has, without a leader (Status.Peers …) */
	M_NO_BLOCK = 1 << 3,   /* a read that never waits */
	M_NO_REQUEST = 1 << 4, /* nothing is asked but the name: no datacenter either */
	M_TWICE = 1 << 5,      /* a write that does no harm when it is done twice */
	M_ANYWHERE = 1 << 7,   /* any server answers, whatever datacenter the request names */
	M_NEWEST = 1 << 6,     /* a read that only the leader answers, once it is ready, whatever was asked for */
};

/* What a reply is on the wire. */
enum method_shape {
	SHAPE_STRUCT, /* a map by the reply's schema; without one the empty map */
	SHAPE_BOOL,   /* of a write */
	SHAPE_TEXT,   /* one text, bare: of a read the first of a struct list_reply, of a write its result's */
	SHAPE_TEXTS,  /* a list of texts: a struct list_reply; of a write its message's reply is a struct list */
	SHAPE_LIST,   /* a list of structs by the schema: the same */
};

/* Replies that are no map on the wire. */
struct list_reply {
	struct query_meta meta;
	struct list items;
};

struct method {
	const char *name;
	const struct schema *request;
	const struct schema *reply; /* SHAPE_LIST: of an item; of a read by SHAPE_STRUCT: begins with a query_meta */
	unsigned flags;
	/* A read fills c->reply and notes what it looked at; a write checks and calls call_command. */
	enum err (*handler)(struct call *c);
	enum method_shape shape;
	/* Of a write by SHAPE_STRUCT with a schema: its reply struct out of the message that was answered. */
	void (*reply_of)(const struct message *m, void *reply, struct arena *a);
	/* Of such a write, or by SHAPE_BOOL where the bool does not always mean something: what another server replied
	 * (the struct, or a bool) into c->message, as if it had been answered here. */
	void (*take_reply)(struct call *c, const void *reply);
};

/* NULL when there is none of that name. */
const struct method *method_find(struct slice name);
/* Is it "Service.Method" with a service that we have? For the texts of errors. */
bool method_service_known(struct slice service);

/* ---- as bytes: what net/rpc carries (method_wire.c) ---- */

/* The request's struct out of its bytes, and room for the reply's; NULL: not decodable or no memory. */
void *method_read_request(const struct method *m, struct slice args, struct arena *a);
void *method_new_reply(const struct method *m, struct arena *a);
void method_write_request(const struct method *m, const void *request, struct buf *out);
/* A read's reply; a write's out of its message. */
void method_write_reply(const struct method *m, const void *reply, struct buf *out);
void method_write_result(const struct method *m, const struct message *msg, struct buf *out);
/* Another server's reply into c->reply, or into c->message of a write. False: not decodable. */
bool method_read_reply(struct call *c, struct slice body);

/* The rows, for those who know at compile time what they want. */
extern const struct method method_kvs_apply, method_kvs_get, method_kvs_list, method_kvs_list_keys,
        method_session_apply, method_session_get, method_session_list, method_session_node, method_session_renew,
        method_txn_apply, method_txn_read, method_status_leader, method_status_peers, method_catalog_register,
        method_catalog_deregister, method_catalog_datacenters, method_catalog_nodes, method_catalog_services,
        method_catalog_service_nodes, method_catalog_node_services, method_health_state, method_health_node,
        method_health_service_checks, method_health_service_nodes, method_internal_node_info, method_internal_node_dump,
        method_internal_event_fire, method_internal_keyring, method_internal_keyring_far, method_coordinate_datacenters,
        method_coordinate_nodes, method_coordinate_node, method_coordinate_update, method_status_ping,
        method_status_raft_stats, method_acl_disabled, method_operator_raft_configuration,
        method_operator_raft_remove_by_address, method_operator_raft_remove_by_id, method_operator_autopilot_get,
        method_operator_autopilot_set, method_operator_server_health, method_query_apply, method_query_get,
        method_query_list, method_query_explain, method_query_execute, method_query_execute_remote;

#endif
