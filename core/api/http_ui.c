/* /v1/internal/ui/ (agent/ui_endpoint.go). */
#include "core/api/http_ui.h"

#include "core/agent/config.h"

#include <stdlib.h>

#include "core/base/map.h"
#include "core/base/slice.h"
#include "core/method/requests.h"
#include "core/state/rows.h"

struct summary {
	struct slice name;
	struct list tags, nodes; /* strings */
	int64_t passing, warning, critical;
};

static const struct field summary_fields[] = {
        FIELD(struct summary, name, "Name", F_STR, 0),
        FIELD(struct summary, tags, "Tags", F_STRS, 0),
        FIELD(struct summary, nodes, "Nodes", F_STRS, 0),
        FIELD(struct summary, passing, "ChecksPassing", F_INT, 0),
        FIELD(struct summary, warning, "ChecksWarning", F_INT, 0),
        FIELD(struct summary, critical, "ChecksCritical", F_INT, 0),
};
static const struct schema summary_schema = SCHEMA(struct summary, "agent.ServiceSummary", summary_fields);

/* The page shows what is known when nobody leads, too. */
static void stale_without_leader(struct http_call *hc, struct read_head *head)
{
	const struct world *w = hc->api->world;
	if (w->config->server_mode && !w->leader.n)
		head->q.allow_stale = true;
}

static void lists_not_nil(struct list dump)
{
	struct node_info *all = dump.items;
	for (uint32_t i = 0; i < dump.n; i++) {
		if (!all[i].services.items)
			all[i].services.items = list_empty;
		if (!all[i].checks.items)
			all[i].checks.items = list_empty;
	}
}

/* True: the dump is there. */
static bool read_dump(struct http_call *hc, struct indexed_node_dump *reply, enum api_state *state)
{
	struct dc_request q = {0};
	*state = API_ANSWERED;
	if (!params_read(hc, &q.head))
		return false;
	stale_without_leader(hc, &q.head);
	return http_read_meta(hc, &method_internal_node_dump, &q, reply, &reply->meta, state);
}

enum api_state http_ui_nodes(struct http_call *hc)
{
	struct indexed_node_dump reply = {0};
	enum api_state state;
	if (!read_dump(hc, &reply, &state))
		return state;
	lists_not_nil(reply.dump);
	return http_json_items(hc, &node_info_schema, reply.dump);
}

enum api_state http_ui_node(struct http_call *hc)
{
	struct node_request q = {0};
	struct indexed_node_dump reply = {0};
	enum api_state state;
	if (!params_node(hc, &q))
		return API_ANSWERED;
	stale_without_leader(hc, &q.head);
	bool read = http_read(hc, &method_internal_node_info, &q, &reply, &state);
	if (!read && state != API_ANSWERED)
		return state;
	if (read && !reply.dump.n)
		return http_status(hc, 404); /* without a word about the index */
	http_meta(hc, &reply.meta);
	lists_not_nil(reply.dump);
	return read ? http_json(hc, &node_info_schema, reply.dump.items) : state;
}

/* ---- services, summed up over all nodes ---- */

struct sums {
	struct arena *a;
	struct map by_name; /* struct sum */
	uint32_t n;
};

struct sum {
	struct summary s; /* first */
	struct rows nodes;
};

static struct sum *sum_of(struct sums *all, struct slice name)
{
	struct sum *s = map_get(&all->by_name, name);
	if (s)
		return s;
	s = ARENA_NEW(all->a, struct sum);
	if (!s)
		return NULL;
	s->s.name = name;
	s->nodes = ROWS(all->a, struct slice);
	if (!map_put(&all->by_name, name, s, NULL))
		return NULL;
	all->n++;
	return s;
}

static void count(struct sum *s, const struct health_check *c)
{
	if (!s)
		return;
	s->s.passing += slice_is(c->status, "passing");
	s->s.warning += slice_is(c->status, "warning");
	s->s.critical += slice_is(c->status, "critical");
}

/* A check of the node counts for each of its instances. */
static void add_node(struct sums *all, const struct node_info *n)
{
	const struct node_service *services = n->services.items;
	const struct health_check *checks = n->checks.items;
	for (uint32_t i = 0; i < n->services.n; i++) {
		struct sum *s = sum_of(all, services[i].service);
		struct slice *node = s ? rows_add(&s->nodes) : NULL;
		if (node)
			*node = n->node;
		if (s)
			s->s.tags = services[i].tags;
	}
	for (uint32_t i = 0; i < n->checks.n; i++) {
		if (checks[i].service_name.n)
			count(sum_of(all, checks[i].service_name), &checks[i]);
		for (uint32_t k = 0; !checks[i].service_name.n && k < n->services.n; k++)
			count(sum_of(all, services[k].service), &checks[i]);
	}
}

static int by_text(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int by_name(const void *a, const void *b)
{
	return slice_cmp(((const struct summary *)a)->name, ((const struct summary *)b)->name);
}

static struct list sorted(struct sums *all)
{
	struct summary *to = ARENA_ARRAY(all->a, struct summary, all->n + (size_t)1);
	size_t at = 0;
	uint32_t n = 0;
	for (struct sum *s; to && (s = map_next(&all->by_name, &at));) {
		s->s.nodes = rows_list(&s->nodes);
		if (s->nodes.n)
			qsort(s->nodes.items, s->nodes.n, sizeof(struct slice), by_text);
		to[n++] = s->s;
	}
	if (n)
		qsort(to, n, sizeof *to, by_name);
	return (struct list){to, n};
}

enum api_state http_ui_services(struct http_call *hc)
{
	struct indexed_node_dump reply = {0};
	enum api_state state;
	if (!read_dump(hc, &reply, &state))
		return state;
	struct sums all = {.a = &hc->api->arena};
	map_init(&all.by_name, rand_u64(&hc->api->rand));
	const struct node_info *nodes = reply.dump.items;
	for (uint32_t i = 0; i < reply.dump.n; i++)
		add_node(&all, &nodes[i]);
	struct list list = sorted(&all);
	map_free(&all.by_name);
	return http_json_items(hc, &summary_schema, list);
}
