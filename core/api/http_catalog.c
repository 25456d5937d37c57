/* /v1/catalog/ (agent/catalog_endpoint.go). */
#include "core/api/http_catalog.h"
#include "core/api/http_translate.h"

#include "core/agent/config.h"
#include "core/base/json.h"
#include "core/base/mapstructure.h"
#include "core/base/slice.h"
#include "core/base/value.h"
#include "core/method/requests.h"
#include "core/state/command.h"

static void done(struct http_call *hc, struct message *m)
{
	if (m->result.kind == APPLY_ERROR)
		http_failed(hc, ERR_FAILED, m->result.text);
	else
		http_bool(hc, true);
}

/* The body alone says which datacenter (?dc= is ignored). */
enum api_state http_catalog_register(struct http_call *hc)
{
	static const char *const durations[] = {"interval", "timeout", "deregistercriticalserviceafter"};
	struct register_request q = {0};
	struct value body;
	struct fail f;
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : http_durations(hc, &body, durations, ARRAY_LEN(durations), &f);
	e = e ? e : mapstructure_read(&register_request_schema, &body, &q, &hc->api->arena, &f);
	if (e)
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	if (!q.datacenter.n)
		q.datacenter = hc->api->world->config->datacenter;
	q.token = params_token(hc);
	return http_send(hc, &method_catalog_register, &q, done);
}

enum api_state http_catalog_deregister(struct http_call *hc)
{
	struct deregister_request q = {0};
	struct value body;
	struct fail f;
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : mapstructure_read(&deregister_request_schema, &body, &q, &hc->api->arena, &f);
	if (e)
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	if (!q.datacenter.n)
		q.datacenter = hc->api->world->config->datacenter;
	q.token = params_token(hc);
	return http_send(hc, &method_catalog_deregister, &q, done);
}

static void show_datacenters(struct http_call *hc, struct message *m)
{
	http_json_strings(hc, *(const struct list *)m->reply);
	http_json_end(hc);
}

enum api_state http_catalog_datacenters(struct http_call *hc)
{
	struct dc_request q = {.head.datacenter = hc->api->world->config->datacenter};
	return http_send(hc, &method_catalog_datacenters, &q, show_datacenters);
}

enum api_state http_catalog_nodes(struct http_call *hc)
{
	struct dc_request q = {.node_meta_filters = params_meta(hc)};
	struct indexed_nodes reply = {0};
	enum api_state state;
	params_source(hc, &q.source);
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_catalog_nodes, &q, &reply, &reply.meta, &state))
		return state;
	http_translate_nodes(hc, q.head.datacenter, reply.nodes);
	return http_json_items(hc, &node_schema, reply.nodes);
}

enum api_state http_catalog_services(struct http_call *hc)
{
	struct dc_request q = {.node_meta_filters = params_meta(hc)};
	struct indexed_services reply = {0};
	enum api_state state;
	if (!params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_catalog_services, &q, &reply, &reply.meta, &state))
		return state;
	const struct named_strs *items = reply.services.items;
	unsigned indent = http_indent(hc);
	struct buf *b = http_json_begin(hc);
	buf_char(b, '{');
	for (uint32_t i = 0; i < reply.services.n; i++) {
		if (i)
			buf_char(b, ',');
		json_newline(b, indent, 1);
		json_string(b, items[i].key);
		buf_cstr(b, indent ? ": " : ":");
		http_json_strs(hc, items[i].strs, 1);
	}
	if (reply.services.n)
		json_newline(b, indent, 0);
	buf_char(b, '}');
	return http_json_end(hc);
}

enum api_state http_catalog_service(struct http_call *hc)
{
	struct service_request q = {0};
	struct indexed_service_nodes reply = {0};
	enum api_state state;
	if (!params_service(hc, &q))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_catalog_service_nodes, &q, &reply, &reply.meta, &state))
		return state;
	http_translate_services(hc, q.head.datacenter, reply.nodes);
	struct service_node *nodes = reply.nodes.items;
	for (uint32_t i = 0; i < reply.nodes.n; i++)
		if (!nodes[i].service_tags.items)
			nodes[i].service_tags.items = list_empty;
	return http_json_items(hc, &service_node_schema, reply.nodes);
}

enum api_state http_catalog_node(struct http_call *hc)
{
	struct node_request q = {0};
	struct indexed_node_services reply = {0};
	enum api_state state;
	if (!params_node(hc, &q))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_catalog_node_services, &q, &reply, &reply.meta, &state))
		return state;
	if (!reply.node_services) {
		BUF_LIT(http_json_begin(hc), "null");
		return http_json_end(hc);
	}
	http_translate_node(hc, q.head.datacenter, reply.node_services->node);
	struct named_service *services = reply.node_services->services.items;
	for (uint32_t i = 0; i < reply.node_services->services.n; i++)
		if (!services[i].service.tags.items)
			services[i].service.tags.items = list_empty;
	return http_json(hc, &node_services_schema, reply.node_services);
}
