/* Catalog.* (agent/consul/catalog_endpoint.go). */
#include <stdlib.h>

#include "core/agent/config.h"
#include "core/base/rand.h"
#include "core/base/slice.h"
#include "core/method/method.h"
#include "core/method/near.h"
#include "core/method/notes.h"
#include "core/state/command.h"

static enum err nodes(struct call *c)
{
	const struct dc_request *q = c->request;
	struct indexed_nodes *reply = c->reply;
	reply->meta.index = catalog_nodes(c->world->db, call_notes(c), q->node_meta_filters, c->arena, &reply->nodes);
	near_sort(c, &q->source, &reply->nodes, sizeof(struct node), offsetof(struct node, name), NEAR_IN_ITEM);
	return OK;
}

static enum err services(struct call *c)
{
	const struct dc_request *q = c->request;
	struct indexed_services *reply = c->reply;
	reply->meta.index =
	        catalog_services(c->world->db, call_notes(c), q->node_meta_filters, c->arena, &reply->services);
	return OK;
}

static void keep_matching(struct list *l, struct list filters)
{
	struct service_node *items = l->items;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < l->n; i++)
		if (catalog_meta_matches(items[i].node_meta, filters))
			items[kept++] = items[i];
	l->n = kept;
}

static enum err service_nodes(struct call *c)
{
	const struct service_request *q = c->request;
	struct indexed_service_nodes *reply = c->reply;
	if (!q->service_name.n)
		return call_fail(c, ERR_FAILED, "Must provide service name");
	reply->meta.index = catalog_service_nodes(c->world->db, call_notes(c), q->service_name,
	        q->tag_filter ? ONLY_TAG : ANY_TAG, q->service_tag, c->arena, &reply->nodes);
	if (q->node_meta_filters.n)
		keep_matching(&reply->nodes, q->node_meta_filters);
	near_sort(c, &q->source, &reply->nodes, sizeof(struct service_node), offsetof(struct service_node, node),
	        NEAR_IN_ITEM);
	return OK;
}

static int by_id(const void *a, const void *b)
{
	return slice_cmp(((const struct named_service *)a)->key, ((const struct named_service *)b)->key);
}

static enum err node_services(struct call *c)
{
	const struct node_request *q = c->request;
	struct indexed_node_services *reply = c->reply;
	if (!q->node.n)
		return call_fail(c, ERR_FAILED, "Must provide node");
	const struct node *node;
	struct list found = {0};
	reply->meta.index = catalog_node_services(c->world->db, call_notes(c), q->node, c->arena, &node, &found);
	if (!node)
		return OK;
	struct node_services *out = ARENA_NEW(c->arena, struct node_services);
	struct node *copy = ARENA_NEW(c->arena, struct node);
	struct named_service *named = ARENA_ARRAY(c->arena, struct named_service, found.n);
	if (!out || !copy || !named)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*copy = *node;
	const struct node_service *items = found.items;
	for (uint32_t i = 0; i < found.n; i++)
		named[i] = (struct named_service){items[i].id, items[i]};
	qsort(named, found.n, sizeof *named, by_id);
	*out = (struct node_services){copy, {found.n ? (void *)named : list_empty, found.n}};
	reply->node_services = out;
	return OK;
}

/* The core knows how far they are. */
static enum err datacenters(struct call *c)
{
	c->message->ask = ASK_DATACENTERS;
	return OK;
}

static bool is_any_address(struct slice s)
{
	return slice_is(s, "0.0.0.0") || slice_is(s, "::") || slice_is(s, "[::]");
}

static enum err fix_service(struct call *c, struct node_service *s)
{
	if (!s->id.n)
		s->id = s->service;
	if (s->id.n && !s->service.n)
		return call_fail(c, ERR_FAILED, "Must provide service name with ID");
	if (is_any_address(s->address))
		return call_fail(c, ERR_FAILED, "Invalid service address");
	return OK;
}

static enum err fix_checks(struct call *c, struct register_request *q)
{
	if (q->check) {
		struct health_check *all = ARENA_ARRAY(c->arena, struct health_check, q->checks.n + 1u);
		if (!all)
			return call_fail(c, ERR_NO_MEMORY, "out of memory");
		if (q->checks.n)
			memcpy(all, q->checks.items, q->checks.n * sizeof *all);
		all[q->checks.n] = *q->check;
		q->checks = (struct list){all, q->checks.n + 1};
		q->check = NULL;
	}
	struct health_check *checks = q->checks.items;
	for (uint32_t i = 0; i < q->checks.n; i++) {
		if (!checks[i].check_id.n)
			checks[i].check_id = checks[i].name;
		if (!checks[i].node.n)
			checks[i].node = q->node;
	}
	return OK;
}

static enum err check_node_id(struct call *c, struct slice id)
{
	if (!id.n || uuid_valid(id))
		return OK;
	if (id.n != UUID_TEXT)
		return call_fail(c, ERR_FAILED, "Bad node ID: uuid string is wrong length");
	static const size_t dashes[] = {8, 13, 18, 23};
	for (size_t i = 0; i < ARRAY_LEN(dashes); i++)
		if (id.p[dashes[i]] != '-')
			return call_fail(c, ERR_FAILED, "Bad node ID: uuid is improperly formatted");
	for (size_t i = 0; i < id.n; i++) {
		unsigned char b = (unsigned char)id.p[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool hex = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
		if (!dash && !hex)
			return call_fail(c, ERR_FAILED, "Bad node ID: encoding/hex: invalid byte: U+%04X '%c'", b, b);
	}
	return OK;
}

static enum err catalog_register(struct call *c)
{
	struct register_request *q = c->request;
	if (!q->node.n)
		return call_fail(c, ERR_FAILED, "Must provide node");
	if (!q->address.n && !q->skip_node_update)
		return call_fail(c, ERR_FAILED, "Must provide address if SkipNodeUpdate is not set");
	if (check_node_id(c, q->id) || (q->service && fix_service(c, q->service)) || fix_checks(c, q))
		return c->err;
	return call_command(c, COMMAND_REGISTER, &register_request_schema, q);
}

static enum err catalog_deregister(struct call *c)
{
	struct deregister_request *q = c->request;
	if (!q->node.n)
		return call_fail(c, ERR_FAILED, "Must provide node");
	return call_command(c, COMMAND_DEREGISTER, &deregister_request_schema, q);
}

const struct method method_catalog_nodes = {
        "Catalog.ListNodes", &dc_request_schema, &indexed_nodes_schema, M_READ, nodes};
const struct method method_catalog_services = {
        "Catalog.ListServices", &dc_request_schema, &indexed_services_schema, M_READ, services};
const struct method method_catalog_service_nodes = {
        "Catalog.ServiceNodes", &service_request_schema, &indexed_service_nodes_schema, M_READ, service_nodes};
const struct method method_catalog_node_services = {
        "Catalog.NodeServices", &node_request_schema, &indexed_node_services_schema, M_READ, node_services};
const struct method method_catalog_datacenters = {"Catalog.ListDatacenters", &dc_request_schema, NULL,
        M_WRITE | M_LOCAL | M_NO_REQUEST | M_TWICE, datacenters, SHAPE_TEXTS};
const struct method method_catalog_register = {
        "Catalog.Register", &register_request_schema, NULL, M_WRITE, catalog_register};
const struct method method_catalog_deregister = {
        "Catalog.Deregister", &deregister_request_schema, NULL, M_WRITE, catalog_deregister};
