/* Health.* (agent/consul/health_endpoint.go). */
#include "core/state/health.h"

#include "core/method/method.h"
#include "core/method/near.h"
#include "core/method/notes.h"

static void sort_checks(struct call *c, const struct query_source *source, struct list *checks)
{
	near_sort(c, source, checks, sizeof(struct health_check), offsetof(struct health_check, node), NEAR_IN_ITEM);
}

static enum err in_state(struct call *c)
{
	const struct state_request *q = c->request;
	struct indexed_checks *reply = c->reply;
	reply->meta.index = health_checks_in_state(
	        c->world->db, call_notes(c), q->state, q->node_meta_filters, c->arena, &reply->checks);
	sort_checks(c, &q->source, &reply->checks);
	return OK;
}

static enum err of_node(struct call *c)
{
	const struct node_request *q = c->request;
	struct indexed_checks *reply = c->reply;
	reply->meta.index = health_checks_of_node(c->world->db, call_notes(c), q->node, c->arena, &reply->checks);
	return OK;
}

static enum err of_service(struct call *c)
{
	const struct service_request *q = c->request;
	struct indexed_checks *reply = c->reply;
	if (q->tag_filter)
		return call_fail(c, ERR_FAILED, "Tag filtering is not supported");
	reply->meta.index = health_checks_of_service(
	        c->world->db, call_notes(c), q->service_name, q->node_meta_filters, c->arena, &reply->checks);
	sort_checks(c, &q->source, &reply->checks);
	return OK;
}

static enum err service_nodes(struct call *c)
{
	const struct service_request *q = c->request;
	struct indexed_check_service_nodes *reply = c->reply;
	if (!q->service_name.n)
		return call_fail(c, ERR_FAILED, "Must provide service name");
	reply->meta.index = health_service_nodes(c->world->db, call_notes(c), q->service_name,
	        q->tag_filter ? ONLY_TAG : ANY_TAG, q->service_tag, c->arena, &reply->nodes);
	if (q->node_meta_filters.n) {
		struct check_service_node *items = reply->nodes.items;
		uint32_t kept = 0;
		for (uint32_t i = 0; i < reply->nodes.n; i++)
			if (catalog_meta_matches(items[i].node->meta, q->node_meta_filters))
				items[kept++] = items[i];
		reply->nodes.n = kept;
	}
	near_sort(c, &q->source, &reply->nodes, sizeof(struct check_service_node), offsetof(struct node, name),
	        NEAR_IN_POINTER);
	return OK;
}

const struct method method_health_state = {
        "Health.ChecksInState", &state_request_schema, &indexed_checks_schema, M_READ, in_state};
const struct method method_health_node = {
        "Health.NodeChecks", &node_request_schema, &indexed_checks_schema, M_READ, of_node};
const struct method method_health_service_checks = {
        "Health.ServiceChecks", &service_request_schema, &indexed_checks_schema, M_READ, of_service};
const struct method method_health_service_nodes = {
        "Health.ServiceNodes", &service_request_schema, &indexed_check_service_nodes_schema, M_READ, service_nodes};
