/* Coordinate.* (agent/consul/coordinate_endpoint.go). */
#include "core/method/coordinate.h"

#include "core/agent/config.h"
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

/* Without other servers in the WAN pool we are alone in our datacenter, at the origin (coordinate.NewCoordinate). */
static enum err datacenters(struct call *c)
{
	struct list_reply *reply = c->reply;
	struct datacenter_coordinates *dc = ARENA_NEW(c->arena, struct datacenter_coordinates);
	struct coordinate_entry *e = ARENA_NEW(c->arena, struct coordinate_entry);
	struct coordinate *coord = ARENA_NEW(c->arena, struct coordinate);
	double *vec = ARENA_ARRAY(c->arena, double, COORDINATE_DIMENSIONS);
	if (!dc || !e || !coord || !vec)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	*coord = (struct coordinate){.vec = {vec, COORDINATE_DIMENSIONS}, .error = 1.5, .height = 10e-6};
	*e = (struct coordinate_entry){.node = c->world->config->node_name, .coord = coord};
	*dc = (struct datacenter_coordinates){
		.datacenter = c->world->config->datacenter, .area_id = S("wan"), .coordinates = {e, 1}};
	reply->items = (struct list){dc, 1};
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
const struct method method_coordinate_datacenters = {
	"Coordinate.ListDatacenters", &dc_request_schema, &datacenter_coordinates_schema,
	M_READ | M_LOCAL | M_NO_REQUEST, datacenters, SHAPE_LIST};
const struct method method_coordinate_update = {
	"Coordinate.Update", &coordinate_update_request_schema, NULL, M_WRITE, update};
