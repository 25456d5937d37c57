#include "core/gossip/message.h"

#include "core/base/msgpack.h"
#include "core/base/slice.h"

static const struct field ping_fields[] = {
        FIELD(struct msg_ping, seq, "SeqNo", F_UINT, 0),
        FIELD(struct msg_ping, node, "Node", F_STR, 0),
};
const struct schema msg_ping_schema = SCHEMA(struct msg_ping, "memberlist.ping", ping_fields);

static const struct field indirect_fields[] = {
        FIELD(struct msg_indirect, seq, "SeqNo", F_UINT, 0),
        FIELD(struct msg_indirect, target, "Target", F_BYTES, 0),
        FIELD(struct msg_indirect, port, "Port", F_UINT, 0),
        FIELD(struct msg_indirect, node, "Node", F_STR, 0),
        FIELD(struct msg_indirect, nack, "Nack", F_BOOL, 0),
};
const struct schema msg_indirect_schema = SCHEMA(struct msg_indirect, "memberlist.indirectPingReq", indirect_fields);

static const struct field ack_fields[] = {
        FIELD(struct msg_ack, seq, "SeqNo", F_UINT, 0),
        FIELD(struct msg_ack, payload, "Payload", F_BYTES, 0),
};
const struct schema msg_ack_schema = SCHEMA(struct msg_ack, "memberlist.ackResp", ack_fields);

static const struct field nack_fields[] = {
        FIELD(struct msg_nack, seq, "SeqNo", F_UINT, 0),
};
const struct schema msg_nack_schema = SCHEMA(struct msg_nack, "memberlist.nackResp", nack_fields);

static const struct field suspect_fields[] = {
        FIELD(struct msg_suspect, incarnation, "Incarnation", F_UINT, 0),
        FIELD(struct msg_suspect, node, "Node", F_STR, 0),
        FIELD(struct msg_suspect, from, "From", F_STR, 0),
};
const struct schema msg_suspect_schema = SCHEMA(struct msg_suspect, "memberlist.suspect", suspect_fields);

static const struct field alive_fields[] = {
        FIELD(struct msg_alive, incarnation, "Incarnation", F_UINT, 0),
        FIELD(struct msg_alive, node, "Node", F_STR, 0),
        FIELD(struct msg_alive, addr, "Addr", F_BYTES, 0),
        FIELD(struct msg_alive, port, "Port", F_UINT, 0),
        FIELD(struct msg_alive, meta, "Meta", F_BYTES, 0),
        FIELD(struct msg_alive, vsn, "Vsn", F_BYTES, 0),
};
const struct schema msg_alive_schema = SCHEMA(struct msg_alive, "memberlist.alive", alive_fields);

static const struct field push_header_fields[] = {
        FIELD(struct msg_push_header, nodes, "Nodes", F_INT, 0),
        FIELD(struct msg_push_header, user_state, "UserStateLen", F_INT, 0),
        FIELD(struct msg_push_header, join, "Join", F_BOOL, 0),
};
const struct schema msg_push_header_schema =
        SCHEMA(struct msg_push_header, "memberlist.pushPullHeader", push_header_fields);

static const struct field push_node_fields[] = {
        FIELD(struct msg_push_node, name, "Name", F_STR, 0),
        FIELD(struct msg_push_node, addr, "Addr", F_BYTES, 0),
        FIELD(struct msg_push_node, port, "Port", F_UINT, 0),
        FIELD(struct msg_push_node, meta, "Meta", F_BYTES, 0),
        FIELD(struct msg_push_node, incarnation, "Incarnation", F_UINT, 0),
        FIELD(struct msg_push_node, state, "State", F_INT, 0),
        FIELD(struct msg_push_node, vsn, "Vsn", F_BYTES, 0),
};
const struct schema msg_push_node_schema = SCHEMA(struct msg_push_node, "memberlist.pushNodeState", push_node_fields);

static const struct field user_header_fields[] = {
        FIELD(struct msg_user_header, length, "UserMsgLen", F_INT, 0),
};
const struct schema msg_user_header_schema =
        SCHEMA(struct msg_user_header, "memberlist.userMsgHeader", user_header_fields);

static const struct field compress_fields[] = {
        FIELD(struct msg_compress, algo, "Algo", F_UINT, 0),
        FIELD(struct msg_compress, bytes, "Buf", F_BYTES, 0),
};
const struct schema msg_compress_schema = SCHEMA(struct msg_compress, "memberlist.compress", compress_fields);

static const struct field err_fields[] = {
        FIELD(struct msg_err, text, "Error", F_STR, 0),
};
const struct schema msg_err_schema = SCHEMA(struct msg_err, "memberlist.errResp", err_fields);

/* ---- Serf ---- */

static const struct field intent_fields[] = {
        FIELD(struct msg_intent, ltime, "LTime", F_UINT, 0),
        FIELD(struct msg_intent, node, "Node", F_STR, 0),
        FIELD(struct msg_intent, prune, "Prune", F_BOOL, FF_MP_OMITEMPTY),
};
const struct schema msg_intent_schema = SCHEMA(struct msg_intent, "serf.messageLeave", intent_fields);

static const struct field user_event_fields[] = {
        FIELD(struct msg_user_event, ltime, "LTime", F_UINT, 0),
        FIELD(struct msg_user_event, name, "Name", F_STR, 0),
        FIELD(struct msg_user_event, payload, "Payload", F_BYTES, 0),
        FIELD(struct msg_user_event, coalesce, "CC", F_BOOL, 0),
};
const struct schema msg_user_event_schema = SCHEMA(struct msg_user_event, "serf.messageUserEvent", user_event_fields);

static const struct field query_fields[] = {
        FIELD(struct msg_query, ltime, "LTime", F_UINT, 0),
        FIELD(struct msg_query, id, "ID", F_UINT, 0),
        FIELD(struct msg_query, addr, "Addr", F_BYTES, 0),
        FIELD(struct msg_query, port, "Port", F_UINT, 0),
        FIELD(struct msg_query, filters, "Filters", F_STRS, 0),
        FIELD(struct msg_query, flags, "Flags", F_UINT, 0),
        FIELD(struct msg_query, relay, "RelayFactor", F_UINT, 0),
        FIELD(struct msg_query, timeout, "Timeout", F_DUR, 0),
        FIELD(struct msg_query, name, "Name", F_STR, 0),
        FIELD(struct msg_query, payload, "Payload", F_BYTES, 0),
};
const struct schema msg_query_schema = SCHEMA(struct msg_query, "serf.messageQuery", query_fields);

static const struct field response_fields[] = {
        FIELD(struct msg_response, ltime, "LTime", F_UINT, 0),
        FIELD(struct msg_response, id, "ID", F_UINT, 0),
        FIELD(struct msg_response, from, "From", F_STR, 0),
        FIELD(struct msg_response, flags, "Flags", F_UINT, 0),
        FIELD(struct msg_response, payload, "Payload", F_BYTES, 0),
};
const struct schema msg_response_schema = SCHEMA(struct msg_response, "serf.messageQueryResponse", response_fields);

static const struct field member_fields[] = {
        FIELD(struct msg_member, name, "Name", F_STR, 0),
        FIELD(struct msg_member, addr, "Addr", F_BYTES, 0),
        FIELD(struct msg_member, port, "Port", F_UINT, 0),
        FIELD(struct msg_member, tags, "Tags", F_MAP, 0),
        FIELD(struct msg_member, status, "Status", F_UINT, 0),
        FIELD(struct msg_member, swim_min, "ProtocolMin", F_UINT, 0),
        FIELD(struct msg_member, swim_max, "ProtocolMax", F_UINT, 0),
        FIELD(struct msg_member, swim, "ProtocolCur", F_UINT, 0),
        FIELD(struct msg_member, serf_min, "DelegateMin", F_UINT, 0),
        FIELD(struct msg_member, serf_max, "DelegateMax", F_UINT, 0),
        FIELD(struct msg_member, serf, "DelegateCur", F_UINT, 0),
};
const struct schema msg_member_schema = SCHEMA(struct msg_member, "serf.Member", member_fields);

static const struct field key_request_fields[] = {
        FIELD(struct msg_key_request, key, "Key", F_BYTES, 0),
};
const struct schema msg_key_request_schema = SCHEMA(struct msg_key_request, "serf.keyRequest", key_request_fields);

static const struct field key_response_fields[] = {
        FIELD(struct msg_key_response, result, "Result", F_BOOL, 0),
        FIELD(struct msg_key_response, message, "Message", F_STR, 0),
        FIELD(struct msg_key_response, keys, "Keys", F_STRS, 0),
};
const struct schema msg_key_response_schema =
        SCHEMA(struct msg_key_response, "serf.nodeKeyResponse", key_response_fields);

static const struct field relay_addr_fields[] = {
        FIELD(struct msg_relay_addr, ip, "IP", F_BYTES, 0),
        FIELD(struct msg_relay_addr, port, "Port", F_INT, 0),
        FIELD(struct msg_relay_addr, zone, "Zone", F_STR, 0),
};
static const struct schema msg_relay_addr_schema = SCHEMA(struct msg_relay_addr, "net.UDPAddr", relay_addr_fields);
static const struct field relay_fields[] = {
        FIELD_SUB(struct msg_relay, to, "DestAddr", F_STRUCT, 0, &msg_relay_addr_schema),
};
const struct schema msg_relay_schema = SCHEMA(struct msg_relay, "serf.relayHeader", relay_fields);

static const struct field event_fields[] = {
        FIELD(struct msg_event, name, "Name", F_STR, 0),
        FIELD(struct msg_event, payload, "Payload", F_BYTES, 0),
};
static const struct schema msg_event_schema = SCHEMA(struct msg_event, "serf.userEvent", event_fields);
static const struct field events_fields[] = {
        FIELD(struct msg_events, ltime, "LTime", F_UINT, 0),
        FIELD_SUB(struct msg_events, events, "Events", F_LIST, 0, &msg_event_schema),
};
const struct schema msg_events_schema = SCHEMA(struct msg_events, "serf.userEvents", events_fields);

static const struct field coordinate_fields[] = {
        FIELD(struct msg_coordinate, vec, "Vec", F_FLOATS, 0),
        FIELD(struct msg_coordinate, error, "Error", F_FLOAT, 0),
        FIELD(struct msg_coordinate, adjustment, "Adjustment", F_FLOAT, 0),
        FIELD(struct msg_coordinate, height, "Height", F_FLOAT, 0),
};
const struct schema msg_coordinate_schema = SCHEMA(struct msg_coordinate, "coordinate.Coordinate", coordinate_fields);

static const struct field filter_tag_fields[] = {
        FIELD(struct msg_filter_tag, tag, "Tag", F_STR, 0),
        FIELD(struct msg_filter_tag, expr, "Expr", F_STR, 0),
};
const struct schema msg_filter_tag_schema = SCHEMA(struct msg_filter_tag, "serf.filterTag", filter_tag_fields);

/* ---- both ways ---- */

void message_put(struct buf *out, uint8_t type, const struct schema *s, const void *message)
{
	buf_char(out, (char)type);
	schema_mp_write(out, s, message);
}

bool message_get(struct slice body, const struct schema *s, void *message, struct arena *a, struct slice *rest)
{
	struct mp_reader r = mp_read(body);
	memset(message, 0, s->size);
	if (mp_peek(&r) == MP_NONE)
		return false;
	schema_mp_read(&r, s, message, a);
	if (rest)
		*rest = slice_at(r.at, mp_left(&r));
	return !r.failed;
}
