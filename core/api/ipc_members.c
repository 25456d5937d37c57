/* The commands members-lan and members-wan. */
#include "core/agent/member.h"
#include "core/api/ipc_run.h"
#include "core/base/ip.h"
#include "core/base/slice.h"

/* A member as this port shows it. */
struct shown {
	struct slice addr, name, status;
	struct list tags;
	uint64_t port;
	uint64_t protocol_min, protocol_max, protocol_cur, delegate_min, delegate_max, delegate_cur;
};
static const struct field shown_fields[] = {
        FIELD(struct shown, name, "Name", F_STR, 0),
        FIELD(struct shown, addr, "Addr", F_BYTES, 0),
        FIELD(struct shown, tags, "Tags", F_MAP, 0),
        FIELD(struct shown, status, "Status", F_STR, 0),
        FIELD(struct shown, port, "Port", F_UINT, 0),
        FIELD(struct shown, protocol_min, "ProtocolMin", F_UINT, 0),
        FIELD(struct shown, protocol_max, "ProtocolMax", F_UINT, 0),
        FIELD(struct shown, protocol_cur, "ProtocolCur", F_UINT, 0),
        FIELD(struct shown, delegate_min, "DelegateMin", F_UINT, 0),
        FIELD(struct shown, delegate_max, "DelegateMax", F_UINT, 0),
        FIELD(struct shown, delegate_cur, "DelegateCur", F_UINT, 0),
};
static const struct schema shown_schema = SCHEMA(struct shown, "Member", shown_fields);

static struct slice status_name(const struct member *m)
{
	static const char *const names[] = {[MEMBER_NONE] = "none",
	        [MEMBER_ALIVE] = "alive",
	        [MEMBER_LEAVING] = "leaving",
	        [MEMBER_LEFT] = "left",
	        [MEMBER_FAILED] = "failed"};
	return slice_of((size_t)m->status < ARRAY_LEN(names) ? names[m->status] : "none");
}

/* Four bytes of an IPv4 address, sixteen of an IPv6 one. */
static struct slice ip_bytes(struct arena *a, struct slice text)
{
	struct ip ip;
	if (!ip_parse(text, &ip))
		return S_NONE;
	return arena_copy(a, ip_is_v4(&ip) ? slice_at(ip_v4(&ip), 4) : slice_at(ip.b, IP_BYTES));
}

static void put_member(struct ipc_call *call, const struct member *m)
{
	const struct shown shown = {
	        .addr = ip_bytes(&call->api->arena, m->addr),
	        .name = m->name,
	        .status = status_name(m),
	        .tags = m->tags,
	        .port = m->port,
	        .protocol_min = m->protocol_min,
	        .protocol_max = m->protocol_max,
	        .protocol_cur = m->protocol_cur,
	        .delegate_min = m->delegate_min,
	        .delegate_max = m->delegate_max,
	        .delegate_cur = m->delegate_cur,
	};
	schema_mp_write_new(call->out, &shown_schema, &shown);
}

static enum ipc_state members(struct ipc_call *call, enum db_tree tree)
{
	const struct db_root *db = call->api->world->db;
	struct cursor c;
	ipc_answer(call, S_NONE);
	mp_put_map(call->out, 1);
	mp_put_str_new(call->out, S("Members"));
	mp_put_array(call->out, (uint32_t)db_count(db, tree));
	cursor_prefix(&c, db, tree, S_NONE);
	for (const struct item *it; (it = cursor_next(&c));)
		put_member(call, item_payload(it));
	return IPC_ANSWERED;
}

enum ipc_state ipc_members_lan(struct ipc_call *call)
{
	return members(call, TREE_MEMBERS_LAN);
}

enum ipc_state ipc_members_wan(struct ipc_call *call)
{
	return members(call, TREE_MEMBERS_WAN);
}
