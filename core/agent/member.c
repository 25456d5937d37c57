#include "core/agent/member.h"

static const struct field member_fields[] = {
        FIELD(struct member, name, "Name", F_STR, 0),
        FIELD(struct member, addr, "Addr", F_STR, 0),
        FIELD(struct member, port, "Port", F_UINT, 0),
        FIELD(struct member, tags, "Tags", F_MAP, 0),
        FIELD(struct member, status, "Status", F_INT, 0),
        FIELD(struct member, protocol_min, "ProtocolMin", F_UINT, 0),
        FIELD(struct member, protocol_max, "ProtocolMax", F_UINT, 0),
        FIELD(struct member, protocol_cur, "ProtocolCur", F_UINT, 0),
        FIELD(struct member, delegate_min, "DelegateMin", F_UINT, 0),
        FIELD(struct member, delegate_max, "DelegateMax", F_UINT, 0),
        FIELD(struct member, delegate_cur, "DelegateCur", F_UINT, 0),
};
const struct schema member_schema = SCHEMA(struct member, "serf.Member", member_fields);
