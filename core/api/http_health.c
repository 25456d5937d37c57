/* /v1/health/ (agent/health_endpoint.go). */
#include "core/api/http_health.h"
#include "core/api/http_translate.h"

#include "core/base/num.h"
#include "core/base/slice.h"
#include "core/method/requests.h"

static void tags_not_nil(struct list checks)
{
	struct health_check *items = checks.items;
	for (uint32_t i = 0; i < checks.n; i++)
		if (!items[i].service_tags.items)
			items[i].service_tags.items = list_empty;
}

static enum api_state show_checks(struct http_call *hc, const struct method *m, void *request)
{
	struct indexed_checks reply = {0};
	enum api_state state;
	if (!http_read_meta(hc, m, request, &reply, &reply.meta, &state))
		return state;
	tags_not_nil(reply.checks);
	return http_json_items(hc, &health_check_schema, reply.checks);
}

enum api_state http_health_state(struct http_call *hc)
{
	struct state_request q = {.node_meta_filters = params_meta(hc)};
	params_source(hc, &q.source);
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	q.state = http_rest(hc);
	return q.state.n ? show_checks(hc, &method_health_state, &q) : http_text(hc, 400, "Missing check state");
}

enum api_state http_health_node(struct http_call *hc)
{
	struct node_request q = {0};
	return params_node(hc, &q) ? show_checks(hc, &method_health_node, &q) : API_ANSWERED;
}

enum api_state http_health_checks(struct http_call *hc)
{
	struct service_request q = {.node_meta_filters = params_meta(hc)};
	params_source(hc, &q.source);
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	q.service_name = http_rest(hc);
	return q.service_name.n ? show_checks(hc, &method_health_service_checks, &q)
	                        : http_text(hc, 400, "Missing service name");
}

/* ?passing, ?passing=true … False: the value is no boolean. */
static bool only_passing(const struct http_call *hc, bool *out)
{
	struct slice val = param_get(hc, "passing");
	*out = param_has(hc, "passing");
	return !val.n || !num_bool(val, out, NULL);
}

static bool all_pass(struct list checks)
{
	const struct health_check *items = checks.items;
	for (uint32_t i = 0; i < checks.n; i++)
		if (!slice_is(items[i].status, "passing"))
			return false;
	return true;
}

/* As Consul does it: the last takes the place of the one that goes, so the order changes in the same way. */
static void drop_failing(struct list *nodes)
{
	struct check_service_node *items = nodes->items;
	for (uint32_t i = 0; i < nodes->n;) {
		if (all_pass(items[i].checks))
			i++;
		else
			items[i] = items[--nodes->n];
	}
}

enum api_state http_health_service(struct http_call *hc)
{
	struct service_request q = {0};
	struct indexed_check_service_nodes reply = {0};
	enum api_state state;
	bool passing;
	if (!params_service(hc, &q))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_health_service_nodes, &q, &reply, &reply.meta, &state))
		return state;
	if (!only_passing(hc, &passing)) {
		buf_reset(&hc->ans->headers, SIZE_MAX);
		BUF_LIT(&hc->ans->headers, "Vary: Accept-Encoding\r\n");
		return http_text(hc, 400, "Invalid value for ?passing");
	}
	if (passing)
		drop_failing(&reply.nodes);
	http_translate_checked(hc, q.head.datacenter, reply.nodes);
	struct check_service_node *nodes = reply.nodes.items;
	for (uint32_t i = 0; i < reply.nodes.n; i++) {
		if (!nodes[i].checks.items)
			nodes[i].checks.items = list_empty;
		tags_not_nil(nodes[i].checks);
		if (nodes[i].service && !nodes[i].service->tags.items)
			nodes[i].service->tags.items = list_empty;
	}
	return http_json_items(hc, &check_service_node_schema, reply.nodes);
}
