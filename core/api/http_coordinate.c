/* /v1/coordinate/ (agent/coordinate_endpoint.go). */
#include "core/api/http_coordinate.h"

#include "core/agent/config.h"
#include "core/agent/datacenters.h"
#include "core/base/mapstructure.h"
#include "core/base/slice.h"
#include "core/base/value.h"
#include "core/method/coordinate.h"

static bool disabled(struct http_call *hc)
{
	if (!hc->api->world->config->disable_coordinates)
		return false;
	http_text(hc, 401, "Coordinate support disabled");
	return true;
}

/* ?segment= keeps those of one segment. */
static struct list of_segment(const struct http_call *hc, struct list all)
{
	struct coordinate_entry *items = all.items;
	struct slice segment = param_get(hc, "segment");
	uint32_t kept = 0;
	if (!param_has(hc, "segment"))
		return all;
	for (uint32_t i = 0; i < all.n; i++)
		if (slice_eq(items[i].segment, segment))
			items[kept++] = items[i];
	return (struct list){items, kept};
}

static void show_datacenters(struct http_call *hc, struct message *m)
{
	http_json_items(hc, &datacenter_coordinates_schema, *(const struct list *)m->reply);
}

enum api_state http_coordinate_datacenters(struct http_call *hc)
{
	struct dc_request q = {.head.datacenter = hc->api->world->config->datacenter};
	if (disabled(hc))
		return API_ANSWERED;
	return http_send(hc, &method_coordinate_datacenters, &q, show_datacenters);
}

enum api_state http_coordinate_nodes(struct http_call *hc)
{
	struct dc_request q = {0};
	struct indexed_coordinates reply = {0};
	enum api_state state;
	if (disabled(hc) || !params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_coordinate_nodes, &q, &reply, &reply.meta, &state))
		return state;
	return http_json_items(hc, &coordinate_entry_schema, of_segment(hc, reply.coordinates));
}

enum api_state http_coordinate_node(struct http_call *hc)
{
	struct node_request q = {.node = http_rest(hc)};
	struct indexed_coordinates reply = {0};
	enum api_state state;
	if (disabled(hc) || !params_read(hc, &q.head))
		return API_ANSWERED;
	if (!http_read_meta(hc, &method_coordinate_node, &q, &reply, &reply.meta, &state))
		return state;
	struct list found = of_segment(hc, reply.coordinates);
	if (found.n)
		return http_json_items(hc, &coordinate_entry_schema, found);
	buf_reset(&hc->ans->headers, SIZE_MAX); /* Consul has written the status before it comes to the index */
	BUF_LIT(&hc->ans->headers, "Vary: Accept-Encoding\r\n");
	return http_status(hc, 404);
}

static void noted(struct http_call *hc, struct message *m)
{
	(void)m;
	http_status(hc, 200);
}

enum api_state http_coordinate_update(struct http_call *hc)
{
	struct coordinate_update_request q = {0};
	struct value body;
	struct fail f;
	if (disabled(hc))
		return API_ANSWERED;
	enum err e = http_body_value(hc, &body, &f);
	e = e ? e : mapstructure_read(&coordinate_update_request_schema, &body, &q, &hc->api->arena, &f);
	if (e)
		return http_text(hc, 400, "Request decode failed: %s", f.text);
	struct slice named = q.head.datacenter; /* ?dc= wins over the body, the body over our own */
	params_write(hc, &q.head);
	if (named.n && !param_get(hc, "dc").n)
		q.head.datacenter = named;
	return http_send(hc, &method_coordinate_update, &q, noted);
}
