/* /v1/agent/, reading (agent/agent_endpoint.go). */
#include "core/api/http_agent.h"

#include "core/agent/config.h"
#include "core/agent/config_json.h"
#include "core/agent/local.h"
#include "core/agent/member.h"
#include "core/api/stats.h"
#include "core/base/json.h"
#include "core/base/slice.h"
#include "core/state/rows.h"

/* ---- pieces of JSON ---- */

static void put_key(struct http_call *hc, struct slice key, unsigned depth, bool first)
{
	struct buf *b = &hc->ans->body;
	if (!first)
		buf_char(b, ',');
	json_newline(b, http_indent(hc), depth);
	json_string(b, key);
	buf_cstr(b, http_indent(hc) ? ": " : ":");
}

static void put_end(struct http_call *hc, unsigned depth, bool empty)
{
	if (!empty)
		json_newline(&hc->ans->body, http_indent(hc), depth);
	buf_char(&hc->ans->body, '}');
}

static void put_map(struct http_call *hc, struct list map, unsigned depth)
{
	const struct pair *at = map.items;
	buf_char(&hc->ans->body, '{');
	for (uint32_t i = 0; i < map.n; i++) {
		put_key(hc, at[i].key, depth + 1, i == 0);
		json_string(&hc->ans->body, at[i].val);
	}
	put_end(hc, depth, map.n == 0);
}

/* ---- self ---- */

static void put_coordinate(struct http_call *hc)
{
	const struct world *w = hc->api->world;
	struct vivaldi_point at = w->coordinate;
	const struct coordinate c = {{at.vec, VIVALDI_DIMENSIONS}, at.error, at.adjustment, at.height};
	if (w->config->disable_coordinates)
		BUF_LIT(&hc->ans->body, "null");
	else
		schema_json_write(&hc->ans->body, &coordinate_schema, &c, http_indent(hc), 1);
}

static void put_member(struct http_call *hc)
{
	const struct item *it = db_get(hc->api->world->db, TREE_MEMBERS_LAN, hc->api->world->config->node_name);
	if (it)
		schema_json_write(&hc->ans->body, &member_schema, item_payload(it), http_indent(hc), 1);
	else
		BUF_LIT(&hc->ans->body, "null");
}

enum api_state http_agent_self(struct http_call *hc)
{
	const struct agent_config *c = hc->api->world->config;
	struct buf *b = http_json_begin(hc);
	buf_char(b, '{');
	put_key(hc, S("Config"), 1, true);
	config_json_self(b, c, http_indent(hc), 1);
	put_key(hc, S("DebugConfig"), 1, false);
	config_json_debug(b, c, http_indent(hc), 1);
	put_key(hc, S("Coord"), 1, false);
	put_coordinate(hc);
	put_key(hc, S("Member"), 1, false);
	put_member(hc);
	put_key(hc, S("Stats"), 1, false);
	stats_put_json(b, stats_of(hc->api), http_indent(hc), 1);
	put_key(hc, S("Meta"), 1, false);
	put_map(hc, local_metadata(c, &hc->api->arena), 1);
	put_end(hc, 0, false);
	return http_json_end(hc);
}

/* ---- members ---- */

enum api_state http_agent_members(struct http_call *hc)
{
	struct slice segment = param_get(hc, "segment");
	bool wan = param_get(hc, "wan").n > 0, any = !segment.n || slice_is(segment, "_all");
	if (wan && !any)
		return http_text(hc, 400, "Cannot provide a segment with wan=true");
	if (!any)
		return http_failed(hc, ERR_FAILED, S("Network segments are not supported in this version of Consul"));
	struct rows rows = ROWS(&hc->api->arena, struct member);
	struct cursor c;
	cursor_prefix(&c, hc->api->world->db, wan ? TREE_MEMBERS_WAN : TREE_MEMBERS_LAN, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));) {
		struct member *to = rows_add(&rows);
		if (to)
			memcpy(to, item_payload(it), sizeof *to);
	}
	if (wan && !hc->api->world->config->server_mode)
		return http_json_list(hc, &member_schema, (struct list){0}); /* null: not even an empty pool */
	return http_json_items(hc, &member_schema, rows_list(&rows));
}

/* ---- services and checks ---- */

enum api_state http_agent_services(struct http_call *hc)
{
	struct cursor c;
	bool empty = true;
	struct buf *b = http_json_begin(hc);
	buf_char(b, '{');
	cursor_prefix(&c, hc->api->world->db, TREE_LOCAL_SERVICES, S_NONE);
	for (const struct item *it; (it = cursor_next(&c)); empty = false) {
		struct node_service s = ((const struct local_service *)item_payload(it))->service;
		if (!s.tags.items)
			s.tags.items = list_empty;
		put_key(hc, s.id, 1, empty);
		schema_json_write(b, &node_service_schema, &s, http_indent(hc), 1);
	}
	put_end(hc, 0, empty);
	return http_json_end(hc);
}

enum api_state http_agent_checks(struct http_call *hc)
{
	struct cursor c;
	bool empty = true;
	struct buf *b = http_json_begin(hc);
	buf_char(b, '{');
	cursor_prefix(&c, hc->api->world->db, TREE_LOCAL_CHECKS, S_NONE);
	for (const struct item *it; (it = cursor_next(&c)); empty = false) {
		struct health_check check = ((const struct local_check *)item_payload(it))->check;
		if (!check.service_tags.items)
			check.service_tags.items = list_empty;
		put_key(hc, check.check_id, 1, empty);
		schema_json_write(b, &health_check_schema, &check, http_indent(hc), 1);
	}
	put_end(hc, 0, empty);
	return http_json_end(hc);
}

/* ---- monitor ---- */

static struct slice upper(struct slice s, struct arena *a)
{
	char *p = arena_alloc(a, s.n + 1);
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = (char)(s.p[i] >= 'a' && s.p[i] <= 'z' ? s.p[i] - 32 : s.p[i]);
	return p ? slice_at(p, s.n) : S_NONE;
}

enum api_state http_agent_monitor(struct http_call *hc)
{
	struct slice level = param_get(hc, "loglevel");
	if (!level.n)
		level = S("INFO");
	if (!log_level_parse(level, &hc->wait->level))
		return http_text(hc, 400, "Unknown log level: %.*s", PS(upper(level, &hc->api->arena)));
	hc->ans->content_type = S("text/plain; charset=utf-8");
	return API_STREAM;
}
