/* Operator.*: Raft's configuration, autopilot, health of the servers (agent/consul/operator_*_endpoint.go). */
#ifndef CORE_METHOD_OPERATOR_H
#define CORE_METHOD_OPERATOR_H

#include "core/leader/autopilot.h"
#include "core/method/method.h"
#include "core/method/requests.h"
#include "store/model.h"

struct operator_server {
	struct slice id, node, address;
	bool leader;
	struct slice protocol_version;
	bool voter;
};

struct raft_configuration {
	struct query_meta meta;
	struct list servers; /* of struct operator_server; nil: not bootstrapped */
	raft_index index;
};

struct raft_remove_peer_request {
	struct write_head head;
	struct slice id, address; /* one of them */
};

struct autopilot_reply {
	struct query_meta meta;
	struct autopilot_config config;
};

struct servers_health {
	struct query_meta meta;
	bool healthy;
	int64_t failure_tolerance;
	struct list
	        servers; /* of struct server_health (core/leader/autopilot.h), in the order of Raft's configuration */
};

extern const struct schema raft_configuration_schema; /* on the wire, and as JSON shows it */

#endif
