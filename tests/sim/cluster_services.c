/* What clients ask of the catalog, and whether the answers can be: a service, one instance at most, on a node of each
 * datacenter's own ("x1" in dc1 …); its port is the number of the operation that registered it. Whatever belongs to one
 * datacenter may never be seen in another. */
#include <stdio.h>

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/method/prepared_query.h"
#include "core/state/catalog.h"
#include "core/state/command.h"
#include "core/state/health.h"
#include "tests/sim/cluster_world.h"

#define SERVICE S("web")
#define QUERY S("nearest-web")

static struct slice own_node(char room[static 4], unsigned dc)
{
	snprintf(room, 4, "x%u", dc + 1);
	return slice_at(room, 2);
}

/* ---- what is asked ---- */

/* The number of the operation travels as the token: with ACLs off nobody looks at it. */
static struct slice number_of(const struct client *k, char room[static 24])
{
	snprintf(room, 24, "%llu", (unsigned long long)k->op);
	return slice_of(room);
}

static void ask_register(struct client *k, struct question *q)
{
	char node[4], number[24];
	struct node_service s = {.id = SERVICE, .service = SERVICE, .port = (int64_t)k->op};
	const struct register_request r = {
	        .datacenter = datacenter_name(k->dc),
	        .node = own_node(node, k->dc),
	        .address = S("10.9.9.9"),
	        .service = &s,
	        .token = number_of(k, number),
	};
	q->method = &method_catalog_register;
	method_write_request(q->method, &r, &q->args);
}

static void ask_deregister(struct client *k, struct question *q)
{
	char node[4], number[24];
	const struct deregister_request r = {
	        .datacenter = datacenter_name(k->dc),
	        .node = own_node(node, k->dc),
	        .service_id = SERVICE,
	        .token = number_of(k, number),
	};
	q->method = &method_catalog_deregister;
	method_write_request(q->method, &r, &q->args);
}

static struct read_head head_of(struct cluster *c, const struct client *k)
{
	struct op *o = client_op(c, k);
	struct read_head h = {.datacenter = datacenter_name(k->dc)};
	h.q.require_consistent = o->newest = c->quiet || cluster_chance(c, 50);
	h.q.allow_stale = !o->newest && cluster_chance(c, 60);
	return h;
}

static void ask_service(struct cluster *c, struct client *k, struct question *q)
{
	struct op *o = client_op(c, k);
	struct service_request r = {.head = head_of(c, k), .service_name = SERVICE};
	if (o->kind == OP_SERVICE_BLOCK) {
		r.head.q.min_index = o->seen = k->last[WEB];
		r.head.q.max_query_time = cluster_some(c, 50 * NS_PER_MS, 3 * NS_PER_S);
	}
	q->method = &method_health_service_nodes;
	method_write_request(q->method, &r, &q->args);
}

static void ask_nodes(struct cluster *c, struct client *k, struct question *q)
{
	const struct dc_request r = {.head = head_of(c, k)};
	q->method = client_op(c, k)->kind == OP_NODES ? &method_catalog_nodes : &method_catalog_datacenters;
	method_write_request(q->method, &r, &q->args);
}

/* Who finds none at home looks in the other datacenters, in their order. */
static void ask_define(struct cluster *c, struct client *k, struct question *q)
{
	struct slice others[DCS];
	struct prepared_query p = {.name = QUERY};
	const struct query_request r = {.datacenter = datacenter_name(k->dc), .op = S("create"), .query = &p};
	uint32_t n = 0;
	for (unsigned i = 0; i < c->dcs; i++)
		if (i != k->dc)
			others[n++] = datacenter_name(i);
	p.service.service = SERVICE;
	p.service.failover.datacenters = (struct list){others, n};
	q->method = &method_query_apply;
	method_write_request(q->method, &r, &q->args);
}

static void ask_find(struct cluster *c, struct client *k, struct question *q)
{
	const struct query_execute_request r = {.head = head_of(c, k), .id_or_name = QUERY};
	q->method = &method_query_execute;
	method_write_request(q->method, &r, &q->args);
}

bool services_question(struct cluster *c, struct client *k, struct question *q)
{
	client_op(c, k)->key = WEB;
	switch (client_op(c, k)->kind) {
	case OP_REGISTER: ask_register(k, q); return true;
	case OP_DEREGISTER: ask_deregister(k, q); return true;
	case OP_SERVICE:
	case OP_SERVICE_BLOCK: ask_service(c, k, q); return true;
	case OP_NODES:
	case OP_DATACENTERS: ask_nodes(c, k, q); return true;
	case OP_DEFINE: ask_define(c, k, q); return true;
	case OP_FIND: ask_find(c, k, q); return true;
	default: return false;
	}
}

/* ---- what is answered ---- */

static int dc_named(const struct cluster *c, struct slice name)
{
	for (unsigned i = 0; i < c->dcs; i++)
		if (slice_eq(name, datacenter_name(i)))
			return (int)i;
	return -1;
}

/* Its node, and an agent's, may stand in the catalog of one datacenter only. */
static bool belongs(const struct cluster *c, unsigned dc, struct slice node)
{
	char own[4];
	for (unsigned i = 0; i < c->hosts_n; i++)
		if (slice_is(node, c->hosts[i].name))
			return c->hosts[i].dc == dc;
	return slice_eq(node, own_node(own, dc));
}

/* The instance among the answered ones as if it were a key, or that there is none. */
static void take_instances(struct cluster *c, struct client *k, unsigned dc, struct list nodes)
{
	const struct check_service_node *n = nodes.items;
	struct dir_entry e = {0};
	c->report->reads++;
	if (nodes.n > 1 || (nodes.n && !belongs(c, dc, n->node->name)))
		answer_wrong(c, k, "it was shown an instance of another datacenter");
	e.flags = nodes.n ? (uint64_t)n->service->port : 0;
	answer_read(c, k, dc, WEB, nodes.n ? &e : NULL);
}

static void take_found(struct cluster *c, struct client *k, const struct query_execute_reply *r)
{
	int dc = dc_named(c, r->datacenter);
	c->dc[k->dc].has_query = true;
	if (dc < 0) {
		answer_wrong(c, k, "it was sent to a datacenter that does not exist");
		return;
	}
	if ((unsigned)dc != k->dc || r->failovers)
		answer_read(c, k, k->dc, WEB, NULL);
	if (r->nodes.n || !r->failovers) /* who finds none elsewhere may just not have got there */
		take_instances(c, k, (unsigned)dc, r->nodes);
	c->report->failovers += r->nodes.n && (unsigned)dc != k->dc;
}

static void take_nodes(struct cluster *c, struct client *k, struct list nodes)
{
	const struct node *n = nodes.items;
	for (uint32_t i = 0; i < nodes.n; i++)
		if (!belongs(c, k->dc, n[i].name))
			answer_wrong(c, k, "it was shown a node of another datacenter");
}

static void take_datacenters(struct cluster *c, struct client *k, struct mp_reader *r)
{
	uint32_t n = mp_array(r);
	if (n > c->dcs || (c->quiet && n < c->dcs))
		answer_wrong(c, k, c->quiet ? "it is not shown all datacenters" : "it is shown too many datacenters");
	for (uint32_t i = 0; i < n && !r->failed; i++)
		if (dc_named(c, mp_str(r)) < 0)
			answer_wrong(c, k, "it was shown a datacenter that does not exist");
}

void services_answer(struct cluster *c, struct client *k, struct mp_reader *r, struct arena *a)
{
	struct indexed_check_service_nodes instances = {0};
	struct indexed_nodes nodes = {0};
	struct query_execute_reply found = {0};
	switch (client_op(c, k)->kind) {
	case OP_REGISTER:
	case OP_DEREGISTER: answer_written(c, k, true); break;
	case OP_NODES:
		schema_mp_read(r, &indexed_nodes_schema, &nodes, a);
		take_nodes(c, k, nodes.nodes);
		break;
	case OP_DATACENTERS: take_datacenters(c, k, r); break;
	case OP_DEFINE: c->dc[k->dc].has_query = true; break;
	case OP_FIND:
		schema_mp_read(r, &query_execute_reply_schema, &found, a);
		take_found(c, k, &found);
		break;
	default:
		schema_mp_read(r, &indexed_check_service_nodes_schema, &instances, a);
		c->report->blocked += client_op(c, k)->kind == OP_SERVICE_BLOCK;
		take_instances(c, k, k->dc, instances.nodes);
		k->last[WEB] = instances.meta.index;
	}
}

/* ---- in an agent's tables ---- */

void services_compare(struct cluster *c, struct host *h)
{
	struct arena a = {0};
	struct list nodes = {0};
	catalog_nodes(h->world.db, NULL, (struct list){0}, &a, &nodes);
	const struct node *n = nodes.items;
	for (uint32_t i = 0; i < nodes.n; i++)
		if (!belongs(c, h->dc, n[i].name))
			cluster_wrong(c, "%s has node %.*s, which is of another datacenter", h->name, PS(n[i].name));
	arena_free(&a);
}
