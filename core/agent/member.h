/* A member of a gossip pool, as fronts see it in TREE_MEMBERS_LAN and TREE_MEMBERS_WAN (key: its name) and as
 * /v1/agent/members and port 8400 show it. Written by the core thread; readers hold a world. */
#ifndef CORE_AGENT_MEMBER_H
#define CORE_AGENT_MEMBER_H

#include "core/base/schema.h"
#include "core/base/types.h"

/* serf.MemberStatus: the numbers stand in JSON. */
enum member_status { MEMBER_NONE, MEMBER_ALIVE, MEMBER_LEAVING, MEMBER_LEFT, MEMBER_FAILED };

struct member {
	struct slice name;
	struct slice addr; /* IP as text */
	uint64_t port;
	struct list tags; /* of struct pair, sorted */
	int64_t status;   /* enum member_status */
	uint64_t protocol_min, protocol_max, protocol_cur;
	uint64_t delegate_min, delegate_max, delegate_cur;
};

/* Fields in the order of Go's serf.Member. */
extern const struct schema member_schema;

#endif
