/* What members say to each other, as structures and their tables: memberlist's messages, then Serf's.
 *
 * A message is its type byte and one msgpack map (compound, crc, user and encrypt are laid out by packet.h and seal.h).
 * Strings point into what was read; lists come from the arena. Source: Consul 1.0.8, vendored memberlist and serf. */
#ifndef GOSSIP_MESSAGE_H
#define GOSSIP_MESSAGE_H

#include "core/base/schema.h"
#include "core/base/types.h"

/* memberlist: the first byte */
enum swim_type {
	SWIM_PING,
	SWIM_INDIRECT,
	SWIM_ACK,
	SWIM_SUSPECT,
	SWIM_ALIVE,
	SWIM_DEAD,
	SWIM_PUSH_PULL,
	SWIM_COMPOUND,
	SWIM_USER,
	SWIM_COMPRESS,
	SWIM_ENCRYPT,
	SWIM_NACK,
	SWIM_CRC,
	SWIM_ERR,
};

/* Serf: the first byte of a user message */
enum serf_type {
	SERF_LEAVE,
	SERF_JOIN,
	SERF_PUSH_PULL,
	SERF_USER_EVENT,
	SERF_QUERY,
	SERF_RESPONSE,
	SERF_CONFLICT_RESPONSE,
	SERF_KEY_REQUEST,
	SERF_KEY_RESPONSE,
	SERF_RELAY,
};

/* min, max and current of memberlist's protocol, then of Serf's. A real agent panics on fewer than six. */
enum { VSN_BYTES = 6, VSN_SWIM_MIN = 0, VSN_SWIM_MAX, VSN_SWIM, VSN_SERF_MIN, VSN_SERF_MAX, VSN_SERF };

enum { QUERY_ACK = 1, QUERY_NO_BROADCAST = 2 }; /* flags of queries; in a response ACK says that it is one */

struct msg_ping {
	uint64_t seq;
	struct slice node;
};

struct msg_indirect {
	uint64_t seq, port;
	struct slice target, node;
	bool nack;
};

struct msg_ack {
	uint64_t seq;
	struct slice payload;
};

struct msg_nack {
	uint64_t seq;
};

struct msg_suspect { /* dead, too */
	uint64_t incarnation;
	struct slice node, from;
};

struct msg_alive {
	uint64_t incarnation, port;
	struct slice node, addr, meta, vsn;
};

struct msg_push_header {
	int64_t nodes, user_state;
	bool join;
};

struct msg_push_node {
	uint64_t port, incarnation;
	int64_t state;
	struct slice name, addr, meta, vsn;
};

struct msg_user_header {
	int64_t length;
};

struct msg_compress {
	uint64_t algo;
	struct slice bytes;
};

struct msg_err {
	struct slice text;
};

struct msg_intent { /* join and leave */
	uint64_t ltime;
	struct slice node;
	bool prune; /* leave only, not known to peers of Consul's age: they skip it */
};

struct msg_user_event {
	uint64_t ltime;
	struct slice name, payload;
	bool coalesce;
};

struct msg_query {
	uint64_t ltime, id, port, flags, relay;
	struct slice addr, name, payload;
	struct list filters; /* of struct slice */
	dur_ns timeout;
};

struct msg_response {
	uint64_t ltime, id, flags;
	struct slice from, payload;
};

struct msg_member { /* Serf's Member, in a conflict response */
	struct slice name, addr;
	uint64_t port, status;
	struct list tags; /* of struct pair */
	uint64_t swim_min, swim_max, swim, serf_min, serf_max, serf;
};

struct msg_key_request {
	struct slice key;
};

struct msg_key_response {
	bool result;
	struct slice message;
	struct list keys; /* of struct slice, base64 */
};

struct msg_relay_addr {
	struct slice ip, zone;
	int64_t port;
};

struct msg_relay {
	struct msg_relay_addr to;
};

struct msg_event {
	struct slice name, payload;
};

struct msg_events {
	uint64_t ltime;
	struct list events; /* of struct msg_event */
};

struct msg_coordinate {
	struct list vec; /* of double */
	double error, adjustment, height;
};

struct msg_filter_tag {
	struct slice tag, expr;
};

extern const struct schema msg_ping_schema, msg_indirect_schema, msg_ack_schema, msg_nack_schema, msg_suspect_schema,
        msg_alive_schema, msg_push_header_schema, msg_push_node_schema, msg_user_header_schema, msg_compress_schema,
        msg_err_schema;
extern const struct schema msg_intent_schema, msg_user_event_schema, msg_query_schema, msg_response_schema,
        msg_member_schema, msg_key_request_schema, msg_key_response_schema, msg_relay_schema, msg_events_schema,
        msg_coordinate_schema, msg_filter_tag_schema;

/* The type byte, then the map. */
void message_put(struct buf *out, uint8_t type, const struct schema *s, const void *message);
/* Reads the map into `message` (cleared here); false when it is none. *rest, if not NULL: what follows it. */
bool message_get(struct slice body, const struct schema *s, void *message, struct arena *a, struct slice *rest);

#endif
