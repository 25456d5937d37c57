#include "core/agent/servers.h"

#include "core/base/must.h"
#include "core/base/slice.h"
#include "core/gossip/tags.h"
#include "store/model.h"

#define SERVER(member, ftype) FIELD(struct server, member, #member, ftype, 0)
static const struct field server_fields[] = {
        SERVER(name, F_STR),
        SERVER(id, F_STR),
        SERVER(datacenter, F_STR),
        SERVER(segment, F_STR),
        SERVER(address, F_STR),
        SERVER(host, F_STR),
        SERVER(build, F_STR),
        SERVER(port, F_INT),
        SERVER(wan_join_port, F_INT),
        SERVER(expect, F_INT),
        SERVER(version, F_INT),
        SERVER(raft_version, F_INT),
        SERVER(status, F_INT),
        SERVER(bootstrap, F_BOOL),
        SERVER(use_tls, F_BOOL),
        SERVER(nonvoter, F_BOOL),
        SERVER(ours, F_BOOL),
        SERVER(alive, F_BOOL),
};
const struct schema server_schema = SCHEMA(struct server, "metadata.Server", server_fields);

bool server_of(const struct gossip_member *m, struct arena *a, struct server *out)
{
	struct server_tags t;
	char ip[IP_TEXT];
	if (!tags_server(m->meta, &t))
		return false;
	struct slice host = arena_copy(a, slice_at(ip, ip_print(&m->addr.ip, ip)));
	*out = (struct server){
	        .name = m->name,
	        .id = t.id,
	        .datacenter = t.dc,
	        .segment = t.segment,
	        .address =
	                arena_str(a, ip_is_v4(&m->addr.ip) ? "%.*s:%lld" : "[%.*s]:%lld", PS(host), (long long)t.port),
	        .host = host,
	        .build = t.build,
	        .port = t.port,
	        .wan_join_port = t.wan_join_port,
	        .expect = t.expect,
	        .version = t.vsn,
	        .raft_version = t.raft_vsn,
	        .status = (int64_t)m->status,
	        .bootstrap = t.bootstrap,
	        .use_tls = t.use_tls,
	        .nonvoter = t.nonvoter,
	        .ours = t.marked,
	        .alive = m->status == GOSSIP_ALIVE,
	};
	return true;
}

/* ---- keeping ---- */

static struct slice key_of(enum gossip_pool pool, struct slice dc, struct slice name, struct arena *a)
{
	return pool == GOSSIP_LAN ? name : arena_str(a, "%.*s%c%.*s", PS(dc), 0, PS(name));
}

static void put(struct db *db, enum db_tree t, struct slice key, const struct server *s)
{
	struct item *it = model_item(db, key, &server_schema, s);
	MUST(it && db_put(db, t, it));
}

void servers_take(struct db *db, enum gossip_pool pool, const struct gossip_effect *x)
{
	const struct gossip_member *m = x->member.member;
	enum db_tree t = pool == GOSSIP_WAN ? TREE_SERVERS_WAN : TREE_SERVERS_LAN;
	bool gone = x->member.change == CHANGE_REAP || x->member.change == CHANGE_LEAVE;
	struct arena a = {0};
	struct server s;
	if (server_of(m, &a, &s) && !gone)
		put(db, t, key_of(pool, s.datacenter, m->name, &a), &s);
	else
		db_remove(db, t, key_of(pool, tags_find(m->meta, S("dc"), NULL), m->name, &a));
	MUST(!a.failed);
	arena_free(&a);
}

/* ---- looking ---- */

void servers_lan(struct cursor *c, const struct db_root *r)
{
	cursor_prefix(c, r, TREE_SERVERS_LAN, S_NONE);
}

void servers_wan(struct cursor *c, const struct db_root *r)
{
	cursor_prefix(c, r, TREE_SERVERS_WAN, S_NONE);
}

enum { DATACENTER_MAX = 512 };

void servers_of_datacenter(struct cursor *c, const struct db_root *r, struct slice dc)
{
	char prefix[DATACENTER_MAX + 1];
	size_t n = dc.n < DATACENTER_MAX ? dc.n : DATACENTER_MAX; /* tags are shorter: a longer one finds nothing */
	memcpy(prefix, dc.p ? dc.p : "", n);
	prefix[n] = 0;
	cursor_prefix(c, r, TREE_SERVERS_WAN, slice_at(prefix, n + 1));
}

const struct server *server_next(struct cursor *c)
{
	const struct item *it = cursor_next(c);
	return it ? item_payload(it) : NULL;
}

const struct server *server_by_name(const struct db_root *r, struct slice name)
{
	const struct item *it = db_get(r, TREE_SERVERS_LAN, name);
	return it ? item_payload(it) : NULL;
}

const struct server *server_by_id(const struct db_root *r, struct slice id)
{
	struct cursor c;
	const struct server *s;
	servers_lan(&c, r);
	while ((s = server_next(&c)) && !slice_eq(s->id, id))
		;
	return s;
}

const struct server *server_by_address(const struct db_root *r, struct slice address)
{
	struct cursor c;
	const struct server *s;
	servers_lan(&c, r);
	while ((s = server_next(&c)) && !slice_eq(s->address, address))
		;
	return s;
}

bool servers_know(const struct db_root *r, struct slice dc)
{
	struct cursor c;
	servers_of_datacenter(&c, r, dc);
	return server_next(&c) != NULL;
}
