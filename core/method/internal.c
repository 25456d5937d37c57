/* Internal.* (agent/consul/internal_endpoint.go). */
#include "core/agent/user_events.h"
#include "core/base/msgpack.h"
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

/* The payload is the event as its maker wrote it; gossip carries it to everybody of this datacenter. */
static enum err event_fire(struct call *c)
{
	const struct event_fire_request *q = c->request;
	struct arena *mem = &c->message->mem;
	struct user_event *e = ARENA_NEW(mem, struct user_event);
	struct mp_reader r = mp_read(arena_copy(mem, q->payload));
	if (!e || mem->failed)
		return call_fail(c, ERR_NO_MEMORY, "out of memory");
	schema_mp_read(&r, &user_event_schema, e, mem);
	if (r.failed) { /* nobody would take it in */
		log_err(c->log, "agent: Failed to decode event");
		return OK;
	}
	e->name = arena_copy(mem, q->name);
	c->message->ask = ASK_EVENT_FIRE;
	c->message->request = e;
	return mem->failed ? call_fail(c, ERR_NO_MEMORY, "out of memory") : OK;
}

static void fired(const struct message *m, void *reply, struct arena *a)
{
	(void)m, (void)a;
	((struct event_fire_reply *)reply)->meta = (struct query_meta){.known_leader = true};
}

static void take_fired(struct call *c, const void *reply)
{
	const struct event_fire_request *q = c->request;
	struct user_event *e = ARENA_NEW(&c->message->mem, struct user_event);
	struct mp_reader r = mp_read(arena_copy(&c->message->mem, q->payload));
	(void)reply;
	if (e)
		schema_mp_read(&r, &user_event_schema, e, &c->message->mem);
	c->message->reply = e;
}

static const struct field event_fire_request_fields[] = {
        FIELD_SUB(struct event_fire_request, head, "QueryOptions", F_EMBED, 0, &read_head_schema),
        FIELD(struct event_fire_request, name, "Name", F_STR, 0),
        FIELD(struct event_fire_request, payload, "Payload", F_BYTES, 0),
};
static const struct schema event_fire_request_schema =
        SCHEMA(struct event_fire_request, "structs.EventFireRequest", event_fire_request_fields);
static const struct field event_fire_reply_fields[] = {
        FIELD_SUB(struct event_fire_reply, meta, "QueryMeta", F_EMBED, 0, &query_meta_schema),
};
static const struct schema event_fire_reply_schema =
        SCHEMA(struct event_fire_reply, "structs.EventFireResponse", event_fire_reply_fields);

const struct method method_internal_event_fire = {"Internal.EventFire", &event_fire_request_schema,
        &event_fire_reply_schema, M_WRITE | M_LOCAL, event_fire, .reply_of = fired, .take_reply = take_fired};
const struct method method_internal_node_info = {
        "Internal.NodeInfo", &node_request_schema, &indexed_node_dump_schema, M_READ, node_info};
const struct method method_internal_node_dump = {
        "Internal.NodeDump", &dc_request_schema, &indexed_node_dump_schema, M_READ, node_dump};
