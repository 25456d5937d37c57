/* /v1/status/ (agent/status_endpoint.go). */
#include "core/api/http_status.h"

#include "core/agent/config.h"
#include "core/base/json.h"
#include "core/method/requests.h"

static bool ask(struct http_call *hc, const struct method *m, struct list_reply *reply, enum api_state *state)
{
	struct dc_request q = {.head.datacenter = hc->api->world->config->datacenter}; /* ?dc= is ignored */
	return http_read(hc, m, &q, reply, state);
}

enum api_state http_status_leader(struct http_call *hc)
{
	struct list_reply reply = {0};
	enum api_state state;
	if (!ask(hc, &method_status_leader, &reply, &state))
		return state;
	const struct slice *leader = reply.items.items;
	json_string(http_json_begin(hc), reply.items.n ? leader[0] : S_NONE);
	return http_json_end(hc);
}

enum api_state http_status_peers(struct http_call *hc)
{
	struct list_reply reply = {0};
	enum api_state state;
	if (!ask(hc, &method_status_peers, &reply, &state))
		return state;
	http_json_strings(hc, reply.items);
	return http_json_end(hc);
}
