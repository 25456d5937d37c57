/* Coordinate.* (agent/consul/coordinate_endpoint.go). */
#include "core/method/coordinate.h"

#include "core/agent/datacenters.h"
#include "core/method/notes.h"
#include "core/state/coordinates.h"

static enum err nodes(struct call *c)
{
	struct indexed_coordinates *reply = c->reply;
	reply->meta.index = coordinates_all(c->world->db, call_notes(c), c->arena, &reply->coordinates);
	return OK;
}

static enum err one_node(struct call *c)
{
	const struct node_request *q = c->request;
	struct indexed_coordinates *reply = c->reply;
	reply->meta.index = coordinates_of_node(c->world->db, call_notes(c), q->node, c->arena, &reply->coordinates);
	return OK;
}

/* The core has the pool. */
static enum err datacenters(struct call *c)
{
	c->message->ask = ASK_DATACENTER_MAPS;
	return OK;
}

static enum err update(struct call *c)
{
	const struct coordinate_update_request *q = c->request;
	if (q->coord && !coordinate_valid(q->coord))
		return call_fail(c, ERR_FAILED, "invalid coordinate");
	if (!q->coord || q->coord->vec.n != COORDINATE_DIMENSIONS)
		return call_fail(c, ERR_FAILED, "incompatible coordinate");
	const struct coordinate_entry e = {q->node, q->segment, q->coord};
	c->message->ask = ASK_COORDINATE;
	c->message->request = schema_copy(&coordinate_entry_schema, &e, &c->message->mem);
	return c->message->request ? OK : call_fail(c, ERR_NO_MEMORY, "out of memory");
}

static const struct field update_fields[] = {
        FIELD(struct coordinate_update_request, head.datacenter, "Datacenter", F_STR, 0),
        FIELD(struct coordinate_update_request, node, "Node", F_STR, 0),
        FIELD(struct coordinate_update_request, segment, "Segment", F_STR, 0),
        FIELD_SUB(struct coordinate_update_request, coord, "Coord", F_PTR, 0, &coordinate_schema),
        FIELD(struct coordinate_update_request, head.token, "Token", F_STR, 0),
};
const struct schema coordinate_update_request_schema =
        SCHEMA(struct coordinate_update_request, "structs.CoordinateUpdateRequest", update_fields);

const struct method method_coordinate_nodes = {
        "Coordinate.ListNodes", &dc_request_schema, &indexed_coordinates_schema, M_READ, nodes};
const struct method method_coordinate_node = {
        "Coordinate.Node", &node_request_schema, &indexed_coordinates_schema, M_READ, one_node};
const struct method method_coordinate_datacenters = {"Coordinate.ListDatacenters", &dc_request_schema,
        &datacenter_coordinates_schema, M_WRITE | M_LOCAL | M_NO_REQUEST | M_TWICE, datacenters, SHAPE_LIST};
const struct method method_coordinate_update = {
        "Coordinate.Update", &coordinate_update_request_schema, NULL, M_WRITE, update};
