/* THE TABLE of HTTP: pattern, verbs, handler (agent/http_oss.go). As in net/http's ServeMux the longest pattern wins;
 * here the order does: what is specific stands before its prefix, what is frequent stands first. */
#include "core/api/http.h"
#include "core/api/http_acl.h"
#include "core/api/http_agent.h"
#include "core/api/http_catalog.h"
#include "core/api/http_coordinate.h"
#include "core/api/http_event.h"
#include "core/api/http_health.h"
#include "core/api/http_kv.h"
#include "core/api/http_operator.h"
#include "core/api/http_query.h"
#include "core/api/http_session.h"
#include "core/api/http_snapshot.h"
#include "core/api/http_status.h"
#include "core/api/http_txn.h"
#include "core/api/http_ui.h"
#include "core/base/slice.h"

#define GET VERB(HTTP_GET)
#define PUT VERB(HTTP_PUT)
#define DELETE VERB(HTTP_DELETE)
#define POST VERB(HTTP_POST)
/* 1.0 takes only PUT; clients of 0.x, still in use, send GET. */
#define OLD_PUT (GET | PUT)

static const struct route routes[] = {
        {"/v1/kv/", GET | PUT | DELETE, http_kv},
        {"/v1/health/service/", GET, http_health_service},
        {"/v1/health/node/", GET, http_health_node},
        {"/v1/health/checks/", GET, http_health_checks},
        {"/v1/health/state/", GET, http_health_state},
        {"/v1/catalog/service/", GET, http_catalog_service},
        {"/v1/catalog/services", GET, http_catalog_services},
        {"/v1/catalog/nodes", GET, http_catalog_nodes},
        {"/v1/catalog/node/", GET, http_catalog_node},
        {"/v1/catalog/datacenters", GET, http_catalog_datacenters},
        {"/v1/catalog/register", PUT, http_catalog_register},
        {"/v1/catalog/deregister", PUT, http_catalog_deregister},
        {"/v1/query/", 0, http_query},
        {"/v1/query", GET | POST, http_queries},
        {"/v1/session/create", PUT, http_session_create},
        {"/v1/session/destroy/", PUT, http_session_destroy},
        {"/v1/session/renew/", PUT, http_session_renew},
        {"/v1/session/info/", GET, http_session_info},
        {"/v1/session/node/", GET, http_session_node},
        {"/v1/session/list", GET, http_session_list},
        {"/v1/agent/self", GET, http_agent_self},
        {"/v1/agent/members", GET, http_agent_members},
        {"/v1/agent/services", GET, http_agent_services},
        {"/v1/agent/checks", GET, http_agent_checks},
        {"/v1/agent/metrics", GET, http_agent_metrics},
        {"/v1/agent/monitor", GET, http_agent_monitor},
        {"/v1/agent/service/register", PUT, http_agent_service_register},
        {"/v1/agent/service/deregister/", OLD_PUT, http_agent_service_deregister},
        {"/v1/agent/service/maintenance/", PUT, http_agent_service_maintenance},
        {"/v1/agent/check/register", PUT, http_agent_check_register},
        {"/v1/agent/check/deregister/", OLD_PUT, http_agent_check_deregister},
        {"/v1/agent/check/pass/", OLD_PUT, http_agent_check_pass},
        {"/v1/agent/check/warn/", OLD_PUT, http_agent_check_warn},
        {"/v1/agent/check/fail/", OLD_PUT, http_agent_check_fail},
        {"/v1/agent/check/update/", PUT, http_agent_check_update},
        {"/v1/agent/maintenance", PUT, http_agent_maintenance},
        {"/v1/agent/join/", OLD_PUT, http_agent_join},
        {"/v1/agent/leave", PUT, http_agent_leave},
        {"/v1/agent/force-leave/", OLD_PUT, http_agent_force_leave},
        {"/v1/agent/reload", PUT, http_agent_reload},
        {"/v1/agent/token/", PUT, http_agent_token},
        {"/v1/event/fire/", PUT, http_event_fire},
        {"/v1/event/list", GET, http_event_list},
        {"/v1/internal/ui/nodes", GET, http_ui_nodes},
        {"/v1/internal/ui/node/", GET, http_ui_node},
        {"/v1/internal/ui/services", GET, http_ui_services},
        {"/v1/coordinate/datacenters", GET, http_coordinate_datacenters},
        {"/v1/coordinate/nodes", GET, http_coordinate_nodes},
        {"/v1/coordinate/node/", GET, http_coordinate_node},
        {"/v1/coordinate/update", PUT, http_coordinate_update},
        {"/v1/txn", PUT, http_txn},
        {"/v1/status/leader", GET, http_status_leader},
        {"/v1/status/peers", GET, http_status_peers},
        {"/v1/operator/raft/configuration", GET, http_operator_raft_configuration},
        {"/v1/operator/raft/recover", PUT, http_operator_raft_recover},
        {"/v1/operator/raft/peer", DELETE, http_operator_raft_peer},
        {"/v1/operator/autopilot/configuration", GET | PUT, http_operator_autopilot_configuration},
        {"/v1/operator/autopilot/health", GET, http_operator_autopilot_health},
        {"/v1/operator/keyring", GET | POST | PUT | DELETE, http_operator_keyring},
        {"/v1/snapshot", GET | PUT, http_snapshot},
        {"/v1/acl/bootstrap", PUT, http_acl},
        {"/v1/acl/create", PUT, http_acl},
        {"/v1/acl/update", PUT, http_acl},
        {"/v1/acl/destroy/", PUT, http_acl},
        {"/v1/acl/info/", GET, http_acl},
        {"/v1/acl/clone/", PUT, http_acl},
        {"/v1/acl/list", GET, http_acl},
        {"/v1/acl/replication", GET, http_acl},
};

static bool fits(const char *pattern, struct slice path)
{
	size_t n = strlen(pattern);
	if (pattern[n - 1] == '/')
		return path.n >= n && !memcmp(path.p, pattern, n);
	return path.n == n && !memcmp(path.p, pattern, n);
}

const struct route *route_find(struct slice path)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (fits(routes[i].pattern, path))
			return &routes[i];
	return NULL;
}

bool route_wants_slash(struct slice path)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		size_t n = strlen(routes[i].pattern);
		if (routes[i].pattern[n - 1] == '/' && path.n == n - 1 && !memcmp(path.p, routes[i].pattern, n - 1))
			return true;
	}
	return false;
}
