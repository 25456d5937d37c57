#include "core/state/command.h"

/* ---- the shapes; the embedded WriteRequest is its one field, Token ---- */

static const struct field register_fields[] = {
        FIELD(struct register_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct register_request, id, "ID", F_STR, 0),
        FIELD(struct register_request, node, "Node", F_STR, 0),
        FIELD(struct register_request, address, "Address", F_STR, 0),
        FIELD(struct register_request, tagged_addresses, "TaggedAddresses", F_MAP, 0),
        FIELD(struct register_request, node_meta, "NodeMeta", F_MAP, 0),
        FIELD_SUB(struct register_request, service, "Service", F_PTR, 0, &node_service_schema),
        FIELD_SUB(struct register_request, check, "Check", F_PTR, 0, &health_check_schema),
        FIELD_SUB(struct register_request, checks, "Checks", F_LIST, 0, &health_check_schema),
        FIELD(struct register_request, skip_node_update, "SkipNodeUpdate", F_BOOL, 0),
        FIELD(struct register_request, token, "Token", F_STR, 0),
};
const struct schema register_request_schema =
        SCHEMA(struct register_request, "structs.RegisterRequest", register_fields);

static const struct field deregister_fields[] = {
        FIELD(struct deregister_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct deregister_request, node, "Node", F_STR, 0),
        FIELD(struct deregister_request, service_id, "ServiceID", F_STR, 0),
        FIELD(struct deregister_request, check_id, "CheckID", F_STR, 0),
        FIELD(struct deregister_request, token, "Token", F_STR, 0),
};
const struct schema deregister_request_schema =
        SCHEMA(struct deregister_request, "structs.DeregisterRequest", deregister_fields);

static const struct field kvs_fields[] = {
        FIELD(struct kvs_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct kvs_request, op, "Op", F_STR, 0),
        FIELD_SUB(struct kvs_request, dir_entry, "DirEnt", F_STRUCT, 0, &dir_entry_schema),
        FIELD(struct kvs_request, token, "Token", F_STR, 0),
};
const struct schema kvs_request_schema = SCHEMA(struct kvs_request, "structs.KVSRequest", kvs_fields);

static const struct field session_fields[] = {
        FIELD(struct session_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct session_request, op, "Op", F_STR, 0),
        FIELD_SUB(struct session_request, session, "Session", F_STRUCT, 0, &session_schema),
        FIELD(struct session_request, token, "Token", F_STR, 0),
};
const struct schema session_request_schema = SCHEMA(struct session_request, "structs.SessionRequest", session_fields);

static const struct field acl_fields[] = {
        FIELD(struct acl_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct acl_request, op, "Op", F_STR, 0),
        FIELD_SUB(struct acl_request, acl, "ACL", F_STRUCT, 0, &acl_schema),
        FIELD(struct acl_request, token, "Token", F_STR, 0),
};
const struct schema acl_request_schema = SCHEMA(struct acl_request, "structs.ACLRequest", acl_fields);

static const struct field tombstone_fields[] = {
        FIELD(struct tombstone_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct tombstone_request, op, "Op", F_STR, 0),
        FIELD(struct tombstone_request, reap_index, "ReapIndex", F_UINT, 0),
        FIELD(struct tombstone_request, token, "Token", F_STR, 0),
};
const struct schema tombstone_request_schema =
        SCHEMA(struct tombstone_request, "structs.TombstoneRequest", tombstone_fields);

static const struct field query_fields[] = {
        FIELD(struct query_request, datacenter, "Datacenter", F_STR, 0),
        FIELD(struct query_request, op, "Op", F_STR, 0),
        FIELD_SUB(struct query_request, query, "Query", F_PTR, 0, &prepared_query_schema),
        FIELD(struct query_request, token, "Token", F_STR, 0),
};
const struct schema query_request_schema = SCHEMA(struct query_request, "structs.PreparedQueryRequest", query_fields);

static const struct field txn_fields[] = {
        FIELD(struct txn_request, datacenter, "Datacenter", F_STR, 0),
        FIELD_SUB(struct txn_request, ops, "Ops", F_LIST, 0, &txn_op_schema),
        FIELD(struct txn_request, token, "Token", F_STR, 0),
};
const struct schema txn_request_schema = SCHEMA(struct txn_request, "structs.TxnRequest", txn_fields);

static const struct field autopilot_fields[] = {
        FIELD(struct autopilot_request, datacenter, "Datacenter", F_STR, 0),
        FIELD_SUB(struct autopilot_request, config, "Config", F_STRUCT, 0, &autopilot_config_schema),
        FIELD(struct autopilot_request, cas, "CAS", F_BOOL, 0),
        FIELD(struct autopilot_request, token, "Token", F_STR, 0),
};
const struct schema autopilot_request_schema =
        SCHEMA(struct autopilot_request, "structs.AutopilotSetConfigRequest", autopilot_fields);

/* ---- bytes ---- */

void command_write(struct buf *out, enum command_type type, const struct schema *s, const void *request)
{
	buf_char(out, (char)type);
	schema_mp_write(out, s, request);
}

/* The body is a bare list; a holder of one is read and written entry by entry. */
void command_write_coordinates(struct buf *out, struct list entries)
{
	const struct coordinate_entry *e = entries.items;
	buf_char(out, (char)(COMMAND_COORDINATES | COMMAND_IGNORE));
	mp_put_array(out, entries.n);
	for (uint32_t i = 0; i < entries.n; i++)
		schema_mp_write(out, &coordinate_entry_schema, &e[i]);
}

bool command_read(struct slice body, const struct schema *s, void *request, struct arena *a)
{
	struct mp_reader r = mp_read(body);
	memset(request, 0, s->size);
	schema_mp_read(&r, s, request, a);
	return !r.failed;
}

bool command_read_coordinates(struct slice body, struct arena *a, struct list *entries)
{
	struct mp_reader r = mp_read(body);
	uint32_t n = mp_array(&r);
	struct coordinate_entry *e = n && !r.failed ? ARENA_ARRAY(a, struct coordinate_entry, n) : NULL;
	*entries = (struct list){e, e ? n : 0};
	for (uint32_t i = 0; i < entries->n && !r.failed; i++)
		schema_mp_read(&r, &coordinate_entry_schema, &e[i], a);
	return !r.failed;
}
