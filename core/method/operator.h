/* Operator.*: Raft's configuration, autopilot, health of the servers (agent/consul/operator_*_endpoint.go). */
#ifndef CORE_METHOD_OPERATOR_H
#define CORE_METHOD_OPERATOR_H

#include "core/method/method.h"
#include "core/method/requests.h"
#include "store/model.h"

struct raft_server {
	struct slice id, node, address;
	bool leader;
	struct slice protocol_version;
	bool voter;
};

struct raft_configuration {
	struct query_meta meta;
	struct list servers; /* of struct raft_server; nil: not bootstrapped */
	raft_index index;
};

struct raft_remove_peer_request {
	struct slice datacenter;
	struct slice id, address; /* one of them */
	struct slice token;
};

struct autopilot_reply {
	struct query_meta meta;
	struct autopilot_config config;
};

struct server_health {
	struct slice id, name, address, serf_status, version;
	bool leader;
	dur_ns last_contact;
	raft_term last_term;
	raft_index last_index;
	bool healthy, voter;
	struct slice stable_since; /* RFC 3339, whole seconds, UTC */
};

struct servers_health {
	struct query_meta meta;
	bool healthy;
	int64_t failure_tolerance;
	struct list servers; /* of struct server_health */
};

/* As JSON shows them (package api), without the meta. */
extern const struct schema raft_configuration_schema, servers_health_schema;

extern const struct method method_operator_raft_configuration, method_operator_raft_remove_by_address,
        method_operator_raft_remove_by_id, method_operator_autopilot_get, method_operator_autopilot_set,
        method_operator_server_health;

#endif
