/* THE TABLE: everything that can be asked by name. */
#include "core/method/method.h"

#include "core/base/slice.h"

static const struct method *const methods[] = {
        &method_catalog_datacenters,
        &method_catalog_deregister,
        &method_catalog_node_services,
        &method_catalog_nodes,
        &method_catalog_register,
        &method_catalog_service_nodes,
        &method_catalog_services,
        &method_coordinate_datacenters,
        &method_coordinate_node,
        &method_coordinate_nodes,
        &method_coordinate_update,
        &method_health_node,
        &method_health_service_checks,
        &method_health_service_nodes,
        &method_health_state,
        &method_internal_event_fire,
        &method_internal_keyring,
        &method_internal_node_dump,
        &method_internal_node_info,
        &method_kvs_apply,
        &method_kvs_get,
        &method_kvs_list,
        &method_kvs_list_keys,
        &method_operator_autopilot_get,
        &method_operator_autopilot_set,
        &method_operator_raft_configuration,
        &method_operator_raft_remove_by_address,
        &method_operator_raft_remove_by_id,
        &method_operator_server_health,
        &method_query_apply,
        &method_query_execute,
        &method_query_execute_remote,
        &method_query_explain,
        &method_query_get,
        &method_query_list,
        &method_session_apply,
        &method_session_get,
        &method_session_list,
        &method_session_node,
        &method_session_renew,
        &method_status_leader,
        &method_status_peers,
        &method_status_ping,
        &method_status_raft_stats,
        &method_txn_apply,
        &method_txn_read,
};

/* What 1.0.8 knows beside these, without ACLs: all of it is off. */
static const char *const acl_names[] = {"ACL.Apply", "ACL.Bootstrap", "ACL.Get", "ACL.GetPolicy", "ACL.List"};

const struct method *method_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (slice_is(name, methods[i]->name))
			return methods[i];
	for (size_t i = 0; i < ARRAY_LEN(acl_names); i++)
		if (slice_is(name, acl_names[i]))
			return &method_acl_disabled;
	return NULL;
}

bool method_service_known(struct slice service)
{
	static const char *const services[] = {"ACL", "Catalog", "Coordinate", "Health", "Internal", "KVS", "Operator",
	        "PreparedQuery", "Session", "Status", "Txn"};
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (slice_is(service, services[i]))
			return true;
	return false;
}
