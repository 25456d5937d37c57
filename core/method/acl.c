/* ACL.* as long as there are none: what the reference says with acl_datacenter unset. */
#include "core/method/method.h"
#include "core/method/requests.h"

static enum err disabled(struct call *c)
{
	return call_fail(c, ERR_FAILED, "ACL support disabled");
}

const struct method method_acl_disabled = {"ACL", &dc_request_schema, NULL, M_READ | M_LOCAL | M_NO_BLOCK, disabled};
