/* /v1/acl/ (agent/acl_endpoint.go). */
#include "core/api/http_acl.h"

#include "core/agent/config.h"

/* Without a datacenter that keeps the tokens there are none. With one, this agent can't answer for it. */
enum api_state http_acl(struct http_call *hc)
{
	if (!hc->api->world->config->acl_datacenter.n)
		return http_text(hc, 401, "ACL support disabled");
	return http_failed(hc, ERR_FAILED, S("ACLs are not served by this agent"));
}
