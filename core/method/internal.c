/* Internal.* (agent/consul/internal_endpoint.go). */
#include "core/method/method.h"
#include "core/method/notes.h"
#include "core/method/requests.h"

static enum err node_info(struct call *c)
{
	const struct node_request *q = c->request;
	struct indexed_node_dump *reply = c->reply;
	reply->meta.index = catalog_node_info(c->world->db, call_notes(c), q->node, c->arena, &reply->dump);
	return OK;
}

static enum err node_dump(struct call *c)
{
	struct indexed_node_dump *reply = c->reply;
	reply->meta.index = catalog_node_dump(c->world->db, call_notes(c), c->arena, &reply->dump);
	return OK;
}

const struct method method_internal_node_info = {
        "Internal.NodeInfo", &node_request_schema, &indexed_node_dump_schema, M_READ, node_info};
const struct method method_internal_node_dump = {
        "Internal.NodeDump", &dc_request_schema, &indexed_node_dump_schema, M_READ, node_dump};
