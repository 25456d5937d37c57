#include "core/agent/members.h"

#include "core/agent/member.h"
#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/message.h"
#include "core/gossip/tags.h"
#include "store/model.h"

_Static_assert((int)MEMBER_FAILED == (int)GOSSIP_FAILED, "both number as Serf does");

static void put(struct db *db, enum db_tree t, const struct gossip_member *m)
{
	struct arena a = {0};
	char ip[IP_TEXT];
	struct member record = {
	        .name = m->name,
	        .addr = {ip, ip_print(&m->addr.ip, ip)},
	        .port = m->addr.port,
	        .status = (int64_t)m->status,
	        .protocol_min = m->vsn[VSN_SWIM_MIN],
	        .protocol_max = m->vsn[VSN_SWIM_MAX],
	        .protocol_cur = m->vsn[VSN_SWIM],
	        .delegate_min = m->vsn[VSN_SERF_MIN],
	        .delegate_max = m->vsn[VSN_SERF_MAX],
	        .delegate_cur = m->vsn[VSN_SERF],
	};
	tags_get(m->meta, &a, &record.tags);
	struct item *it = model_item(db, m->name, &member_schema, &record);
	MUST(it && db_put(db, t, it));
	arena_free(&a);
}

void members_take(struct db *db, enum gossip_pool pool, const struct gossip_effect *x)
{
	enum db_tree t = pool == GOSSIP_WAN ? TREE_MEMBERS_WAN : TREE_MEMBERS_LAN;
	if (x->member.change == CHANGE_REAP)
		db_remove(db, t, x->member.member->name);
	else
		put(db, t, x->member.member);
}
