/* The field tables of what is kept: see model.h. Names, order and flags are those of Consul 1.0.8, agent/structs. Where
 * its HTTP handlers turn nil into empty (Tags, ServiceTags, ServiceMeta) our readers do; others show the nil. */
#include "store/model.h"

#define RAFT_INDEX(type)                                                                                               \
	FIELD(type, create_index, "CreateIndex", F_UINT, 0), FIELD(type, modify_index, "ModifyIndex", F_UINT, 0)

static const struct field node_fields[] = {
        FIELD(struct node, id, "ID", F_STR, 0),
        FIELD(struct node, name, "Node", F_STR, 0),
        FIELD(struct node, address, "Address", F_STR, 0),
        FIELD(struct node, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct node, tagged_addresses, "TaggedAddresses", F_MAP, 0),
        FIELD(struct node, meta, "Meta", F_MAP, 0),
        RAFT_INDEX(struct node),
};
const struct schema node_schema = SCHEMA(struct node, "structs.Node", node_fields);

static const struct field service_node_fields[] = {
        FIELD(struct service_node, id, "ID", F_STR, 0),
        FIELD(struct service_node, node, "Node", F_STR, 0),
        FIELD(struct service_node, address, "Address", F_STR, 0),
        FIELD(struct service_node, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct service_node, tagged_addresses, "TaggedAddresses", F_MAP, 0),
        FIELD(struct service_node, node_meta, "NodeMeta", F_MAP, 0),
        FIELD(struct service_node, service_id, "ServiceID", F_STR, 0),
        FIELD(struct service_node, service_name, "ServiceName", F_STR, 0),
        FIELD(struct service_node, service_tags, "ServiceTags", F_STRS, 0),
        FIELD(struct service_node, service_address, "ServiceAddress", F_STR, 0),
        FIELD(struct service_node, service_meta, "ServiceMeta", F_MAP, 0),
        FIELD(struct service_node, service_port, "ServicePort", F_INT, 0),
        FIELD(struct service_node, service_enable_tag_override, "ServiceEnableTagOverride", F_BOOL, 0),
        RAFT_INDEX(struct service_node),
};
const struct schema service_node_schema = SCHEMA(struct service_node, "structs.ServiceNode", service_node_fields);

static const struct field node_service_fields[] = {
        FIELD(struct node_service, id, "ID", F_STR, 0),
        FIELD(struct node_service, service, "Service", F_STR, 0),
        FIELD(struct node_service, tags, "Tags", F_STRS, 0),
        FIELD(struct node_service, address, "Address", F_STR, 0),
        FIELD(struct node_service, meta, "Meta", F_MAP, 0),
        FIELD(struct node_service, port, "Port", F_INT, 0),
        FIELD(struct node_service, enable_tag_override, "EnableTagOverride", F_BOOL, 0),
        RAFT_INDEX(struct node_service),
};
const struct schema node_service_schema = SCHEMA(struct node_service, "structs.NodeService", node_service_fields);

static const struct field health_check_definition_fields[] = {
        FIELD(struct health_check_definition, http, "HTTP", F_STR, FF_OMITEMPTY),
        FIELD(struct health_check_definition, tls_skip_verify, "TLSSkipVerify", F_BOOL, FF_OMITEMPTY),
        FIELD(struct health_check_definition, header, "Header", F_MAP_STRS, FF_OMITEMPTY),
        FIELD(struct health_check_definition, method, "Method", F_STR, FF_OMITEMPTY),
        FIELD(struct health_check_definition, tcp, "TCP", F_STR, FF_OMITEMPTY),
        FIELD(struct health_check_definition, interval, "Interval", F_DURSTR, FF_OMITEMPTY),
        FIELD(struct health_check_definition, timeout, "Timeout", F_DURSTR, FF_OMITEMPTY),
        FIELD(struct health_check_definition, deregister_critical_service_after, "DeregisterCriticalServiceAfter",
                F_DURSTR, FF_OMITEMPTY),
};
const struct schema health_check_definition_schema =
        SCHEMA(struct health_check_definition, "structs.HealthCheckDefinition", health_check_definition_fields);

static const struct field health_check_fields[] = {
        FIELD(struct health_check, node, "Node", F_STR, 0),
        FIELD(struct health_check, check_id, "CheckID", F_STR, 0),
        FIELD(struct health_check, name, "Name", F_STR, 0),
        FIELD(struct health_check, status, "Status", F_STR, 0),
        FIELD(struct health_check, notes, "Notes", F_STR, 0),
        FIELD(struct health_check, output, "Output", F_STR, 0),
        FIELD(struct health_check, service_id, "ServiceID", F_STR, 0),
        FIELD(struct health_check, service_name, "ServiceName", F_STR, 0),
        FIELD(struct health_check, service_tags, "ServiceTags", F_STRS, 0),
        FIELD_SUB(struct health_check, definition, "Definition", F_STRUCT, 0, &health_check_definition_schema),
        RAFT_INDEX(struct health_check),
};
const struct schema health_check_schema = SCHEMA(struct health_check, "structs.HealthCheck", health_check_fields);

static const struct field check_service_node_fields[] = {
        FIELD_SUB(struct check_service_node, node, "Node", F_PTR, 0, &node_schema),
        FIELD_SUB(struct check_service_node, service, "Service", F_PTR, 0, &node_service_schema),
        FIELD_SUB(struct check_service_node, checks, "Checks", F_LIST, 0, &health_check_schema),
};
const struct schema check_service_node_schema =
        SCHEMA(struct check_service_node, "structs.CheckServiceNode", check_service_node_fields);

static const struct field dir_entry_fields[] = {
        FIELD(struct dir_entry, lock_index, "LockIndex", F_UINT, 0),
        FIELD(struct dir_entry, key, "Key", F_STR, 0),
        FIELD(struct dir_entry, flags, "Flags", F_UINT, 0),
        FIELD(struct dir_entry, value, "Value", F_BYTES, 0),
        FIELD(struct dir_entry, session, "Session", F_STR, FF_OMITEMPTY),
        RAFT_INDEX(struct dir_entry),
};
const struct schema dir_entry_schema = SCHEMA(struct dir_entry, "structs.DirEntry", dir_entry_fields);

static const struct field session_fields[] = {
        FIELD(struct session, id, "ID", F_STR, 0),
        FIELD(struct session, name, "Name", F_STR, 0),
        FIELD(struct session, node, "Node", F_STR, 0),
        FIELD(struct session, checks, "Checks", F_STRS, 0),
        FIELD(struct session, lock_delay, "LockDelay", F_DUR, 0),
        FIELD(struct session, behavior, "Behavior", F_STR, 0),
        FIELD(struct session, ttl, "TTL", F_STR, 0),
        RAFT_INDEX(struct session),
};
const struct schema session_schema = SCHEMA(struct session, "structs.Session", session_fields);

static const struct field coordinate_fields[] = {
        FIELD(struct coordinate, vec, "Vec", F_FLOATS, 0),
        FIELD(struct coordinate, error, "Error", F_FLOAT, 0),
        FIELD(struct coordinate, adjustment, "Adjustment", F_FLOAT, 0),
        FIELD(struct coordinate, height, "Height", F_FLOAT, 0),
};
const struct schema coordinate_schema = SCHEMA(struct coordinate, "coordinate.Coordinate", coordinate_fields);

static const struct field coordinate_entry_fields[] = {
        FIELD(struct coordinate_entry, node, "Node", F_STR, 0),
        FIELD(struct coordinate_entry, segment, "Segment", F_STR, 0),
        FIELD_SUB(struct coordinate_entry, coord, "Coord", F_PTR, 0, &coordinate_schema),
};
const struct schema coordinate_entry_schema =
        SCHEMA(struct coordinate_entry, "structs.Coordinate", coordinate_entry_fields);

static const struct field acl_fields[] = {
        FIELD(struct acl, id, "ID", F_STR, 0),
        FIELD(struct acl, name, "Name", F_STR, 0),
        FIELD(struct acl, type, "Type", F_STR, 0),
        FIELD(struct acl, rules, "Rules", F_STR, 0),
        RAFT_INDEX(struct acl),
};
const struct schema acl_schema = SCHEMA(struct acl, "structs.ACL", acl_fields);

static const struct field autopilot_config_fields[] = {
        FIELD(struct autopilot_config, cleanup_dead_servers, "CleanupDeadServers", F_BOOL, 0),
        FIELD(struct autopilot_config, last_contact_threshold, "LastContactThreshold", F_DUR, 0),
        FIELD(struct autopilot_config, max_trailing_logs, "MaxTrailingLogs", F_UINT, 0),
        FIELD(struct autopilot_config, server_stabilization_time, "ServerStabilizationTime", F_DUR, 0),
        FIELD(struct autopilot_config, redundancy_zone_tag, "RedundancyZoneTag", F_STR, 0),
        FIELD(struct autopilot_config, disable_upgrade_migration, "DisableUpgradeMigration", F_BOOL, 0),
        FIELD(struct autopilot_config, upgrade_version_tag, "UpgradeVersionTag", F_STR, 0),
        RAFT_INDEX(struct autopilot_config),
};
const struct schema autopilot_config_schema =
        SCHEMA(struct autopilot_config, "autopilot.Config", autopilot_config_fields);

struct item *model_item(struct db *db, struct slice key, const struct schema *s, const void *obj)
{
	size_t size = (s->size + 7) & ~(size_t)7;
	struct item *it = db_item_new(db, key, size + schema_extra_size(s, obj));
	if (it)
		schema_copy_to(s, item_payload_new(it), obj, (char *)item_payload_new(it) + size);
	return it;
}
