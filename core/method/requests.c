#include "core/method/requests.h"

static const struct field query_options_fields[] = {
        FIELD(struct query_options, token, "Token", F_STR, 0),
        FIELD(struct query_options, min_index, "MinQueryIndex", F_UINT, 0),
        FIELD(struct query_options, max_query_time, "MaxQueryTime", F_DUR, 0),
        FIELD(struct query_options, allow_stale, "AllowStale", F_BOOL, 0),
        FIELD(struct query_options, require_consistent, "RequireConsistent", F_BOOL, 0),
        FIELD(struct query_options, max_stale, "MaxStaleDuration", F_DUR, 0),
};
const struct schema query_options_schema = SCHEMA(struct query_options, "structs.QueryOptions", query_options_fields);

static const struct field read_head_fields[] = {
        FIELD(struct read_head, datacenter, "Datacenter", F_STR, 0),
        FIELD_SUB(struct read_head, q, "QueryOptions", F_EMBED, 0, &query_options_schema),
};
const struct schema read_head_schema = SCHEMA(struct read_head, "structs.QueryOptions", read_head_fields);

static const struct field query_meta_fields[] = {
        FIELD(struct query_meta, index, "Index", F_UINT, 0),
        FIELD(struct query_meta, last_contact, "LastContact", F_DUR, 0),
        FIELD(struct query_meta, known_leader, "KnownLeader", F_BOOL, 0),
        FIELD(struct query_meta, consistency, "ConsistencyLevel", F_STR, 0),
};
const struct schema query_meta_schema = SCHEMA(struct query_meta, "structs.QueryMeta", query_meta_fields);

static const struct field query_source_fields[] = {
        FIELD(struct query_source, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct query_source, segment, "Segment", F_STR, 0),
        FIELD(struct query_source, node, "Node", F_STR, 0),
        FIELD(struct query_source, ip, "Ip", F_STR, 0),
};
const struct schema query_source_schema = SCHEMA(struct query_source, "structs.QuerySource", query_source_fields);

/* Every request of a read begins so, every reply too. */
#define HEAD(type) FIELD_SUB(type, head, "QueryOptions", F_EMBED, 0, &read_head_schema)
#define META(type) FIELD_SUB(type, meta, "QueryMeta", F_EMBED, 0, &query_meta_schema)
#define SOURCE(type) FIELD_SUB(type, source, "Source", F_STRUCT, 0, &query_source_schema)
#define FILTERS(type) FIELD(type, node_meta_filters, "NodeMetaFilters", F_MAP, 0)

static const struct field key_request_fields[] = {
        HEAD(struct key_request),
        FIELD(struct key_request, key, "Key", F_STR, 0),
};
const struct schema key_request_schema = SCHEMA(struct key_request, "structs.KeyRequest", key_request_fields);

static const struct field key_list_request_fields[] = {
        HEAD(struct key_list_request),
        FIELD(struct key_list_request, prefix, "Prefix", F_STR, 0),
        FIELD(struct key_list_request, seperator, "Seperator", F_STR, 0),
};
const struct schema key_list_request_schema =
        SCHEMA(struct key_list_request, "structs.KeyListRequest", key_list_request_fields);

static const struct field dc_request_fields[] = {
        HEAD(struct dc_request),
        FILTERS(struct dc_request),
        SOURCE(struct dc_request),
};
const struct schema dc_request_schema = SCHEMA(struct dc_request, "structs.DCSpecificRequest", dc_request_fields);

static const struct field service_request_fields[] = {
        HEAD(struct service_request),
        FILTERS(struct service_request),
        FIELD(struct service_request, service_name, "ServiceName", F_STR, 0),
        FIELD(struct service_request, service_tag, "ServiceTag", F_STR, 0),
        FIELD(struct service_request, tag_filter, "TagFilter", F_BOOL, 0),
        SOURCE(struct service_request),
};
const struct schema service_request_schema =
        SCHEMA(struct service_request, "structs.ServiceSpecificRequest", service_request_fields);

static const struct field node_request_fields[] = {
        HEAD(struct node_request),
        FIELD(struct node_request, node, "Node", F_STR, 0),
};
const struct schema node_request_schema =
        SCHEMA(struct node_request, "structs.NodeSpecificRequest", node_request_fields);

static const struct field state_request_fields[] = {
        HEAD(struct state_request),
        FILTERS(struct state_request),
        FIELD(struct state_request, state, "State", F_STR, 0),
        SOURCE(struct state_request),
};
const struct schema state_request_schema =
        SCHEMA(struct state_request, "structs.ChecksInStateRequest", state_request_fields);

static const struct field session_request_one_fields[] = {
        HEAD(struct session_request_one),
        FIELD(struct session_request_one, session, "Session", F_STR, 0),
};
const struct schema session_request_one_schema =
        SCHEMA(struct session_request_one, "structs.SessionSpecificRequest", session_request_one_fields);

#define INDEXED(type, member, go_name, ftype, sub_schema)                                                              \
	{                                                                                                              \
		META(struct type), FIELD_SUB(struct type, member, go_name, ftype, 0, sub_schema)                       \
	}

static const struct field indexed_entries_fields[] =
        INDEXED(indexed_entries, entries, "Entries", F_LIST, &dir_entry_schema);
const struct schema indexed_entries_schema =
        SCHEMA(struct indexed_entries, "structs.IndexedDirEntries", indexed_entries_fields);

static const struct field indexed_keys_fields[] = INDEXED(indexed_keys, keys, "Keys", F_STRS, NULL);
const struct schema indexed_keys_schema = SCHEMA(struct indexed_keys, "structs.IndexedKeyList", indexed_keys_fields);

static const struct field indexed_nodes_fields[] = INDEXED(indexed_nodes, nodes, "Nodes", F_LIST, &node_schema);
const struct schema indexed_nodes_schema = SCHEMA(struct indexed_nodes, "structs.IndexedNodes", indexed_nodes_fields);

static const struct field indexed_services_fields[] = INDEXED(indexed_services, services, "Services", F_MAP_STRS, NULL);
const struct schema indexed_services_schema =
        SCHEMA(struct indexed_services, "structs.IndexedServices", indexed_services_fields);

static const struct field indexed_service_nodes_fields[] =
        INDEXED(indexed_service_nodes, nodes, "ServiceNodes", F_LIST, &service_node_schema);
const struct schema indexed_service_nodes_schema =
        SCHEMA(struct indexed_service_nodes, "structs.IndexedServiceNodes", indexed_service_nodes_fields);

_Static_assert(offsetof(struct named_service, service) == sizeof(struct slice), "a row of F_MAP_OF");
static const struct field node_services_fields[] = {
        FIELD_SUB(struct node_services, node, "Node", F_PTR, 0, &node_schema),
        FIELD_SUB(struct node_services, services, "Services", F_MAP_OF, 0, &node_service_schema),
};
const struct schema node_services_schema = SCHEMA(struct node_services, "structs.NodeServices", node_services_fields);

static const struct field indexed_node_services_fields[] =
        INDEXED(indexed_node_services, node_services, "NodeServices", F_PTR, &node_services_schema);
const struct schema indexed_node_services_schema =
        SCHEMA(struct indexed_node_services, "structs.IndexedNodeServices", indexed_node_services_fields);

static const struct field indexed_checks_fields[] =
        INDEXED(indexed_checks, checks, "HealthChecks", F_LIST, &health_check_schema);
const struct schema indexed_checks_schema =
        SCHEMA(struct indexed_checks, "structs.IndexedHealthChecks", indexed_checks_fields);

static const struct field indexed_check_service_nodes_fields[] =
        INDEXED(indexed_check_service_nodes, nodes, "Nodes", F_LIST, &check_service_node_schema);
const struct schema indexed_check_service_nodes_schema = SCHEMA(
        struct indexed_check_service_nodes, "structs.IndexedCheckServiceNodes", indexed_check_service_nodes_fields);

static const struct field indexed_node_dump_fields[] =
        INDEXED(indexed_node_dump, dump, "Dump", F_LIST, &node_info_schema);
const struct schema indexed_node_dump_schema =
        SCHEMA(struct indexed_node_dump, "structs.IndexedNodeDump", indexed_node_dump_fields);

static const struct field indexed_sessions_fields[] =
        INDEXED(indexed_sessions, sessions, "Sessions", F_LIST, &session_schema);
const struct schema indexed_sessions_schema =
        SCHEMA(struct indexed_sessions, "structs.IndexedSessions", indexed_sessions_fields);

static const struct field indexed_coordinates_fields[] =
        INDEXED(indexed_coordinates, coordinates, "Coordinates", F_LIST, &coordinate_entry_schema);
const struct schema indexed_coordinates_schema =
        SCHEMA(struct indexed_coordinates, "structs.IndexedCoordinates", indexed_coordinates_fields);
