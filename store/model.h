/* What is kept: the structures of the catalog, the KV store, sessions …, and the field tables that describe them.
 *
 * Names and order are those of Consul's structs, so the same tables give the JSON of the HTTP API and the msgpack of
 * RPC, Raft and snapshots. A struct in the store lies in one item with everything it points to. */
#ifndef STORE_MODEL_H
#define STORE_MODEL_H

#include "core/base/schema.h"
#include "store/db.h"

struct node {
	struct slice id, name, address, datacenter;
	struct list tagged_addresses, meta; /* maps */
	raft_index create_index, modify_index;
};

/* A service instance as the catalog keeps it; node fields are filled in by reads that join. */
struct service_node {
	struct slice id, node, address, datacenter;
	struct list tagged_addresses, node_meta;
	struct slice service_id, service_name;
	struct list service_tags;
	struct slice service_address;
	struct list service_meta;
	int64_t service_port;
	bool service_enable_tag_override;
	raft_index create_index, modify_index;
};

struct node_service {
	struct slice id, service;
	struct list tags; /* strings */
	struct slice address;
	struct list meta; /* map */
	int64_t port;
	bool enable_tag_override;
	raft_index create_index, modify_index;
};

struct health_check_definition {
	struct slice http;
	bool tls_skip_verify;
	struct list header; /* map of lists */
	struct slice method, tcp;
	dur_ns interval, timeout, deregister_critical_service_after;
};

struct health_check {
	struct slice node, check_id, name, status, notes, output, service_id, service_name;
	struct list service_tags;
	struct health_check_definition definition;
	raft_index create_index, modify_index;
};

struct check_service_node {
	struct node *node;
	struct node_service *service;
	struct list checks; /* of struct health_check */
};

struct dir_entry { /* a KV entry as the API shows it */
	raft_index lock_index;
	struct slice key;
	uint64_t flags;
	struct slice value;
	struct slice session;
	raft_index create_index, modify_index;
};

struct session {
	struct slice id, name, node;
	struct list checks; /* strings */
	dur_ns lock_delay;
	struct slice behavior, ttl;
	raft_index create_index, modify_index;
};

struct coordinate {
	struct list vec; /* doubles */
	double error, adjustment, height;
};

struct coordinate_entry {
	struct slice node, segment;
	struct coordinate *coord;
};

struct tombstone {
	raft_index index;
};

struct acl {
	struct slice id, name, type, rules;
	raft_index create_index, modify_index;
};

struct autopilot_config {
	bool cleanup_dead_servers;
	dur_ns last_contact_threshold;
	uint64_t max_trailing_logs;
	dur_ns server_stabilization_time;
	struct slice redundancy_zone_tag;
	bool disable_upgrade_migration;
	struct slice upgrade_version_tag;
	raft_index create_index, modify_index;
};

extern const struct schema node_schema, service_node_schema, node_service_schema, health_check_definition_schema,
        health_check_schema, check_service_node_schema, dir_entry_schema, session_schema, coordinate_schema,
        coordinate_entry_schema, acl_schema, autopilot_config_schema;

/* Puts a struct into a new item: the struct and all it points to in one allocation. NULL: out of memory. */
struct item *model_item(struct db *db, struct slice key, const struct schema *s, const void *obj);

/* KV entries are compact: at most 64 bytes beyond key and value, the tree's share included. */
struct item *kv_item_new(struct db *db, const struct dir_entry *e);
/* A view of one; slices point into the item, the session's text into `session` (36 characters). */
void kv_item_view(const struct item *it, struct dir_entry *out, char session[static 37]);
raft_index kv_item_modify_index(const struct item *it);

/* Links of secondary trees: the payload is the key in the primary tree. */
struct item *link_item(struct db *db, struct slice key, struct slice primary);
struct slice link_target(const struct item *it);

#endif
