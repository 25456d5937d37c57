/* The servers of the pools, as their tags describe them: whom a call can go to, who may be a peer of Raft.
 *
 * They lie in two trees that are published with the world, so fronts and the core read the same thing: TREE_SERVERS_LAN
 * (key: name of the member) holds those of our own datacenter, TREE_SERVERS_WAN (key: datacenter 0 name) those of the
 * WAN pool, ourselves included in both. A server stands there from its join until it leaves or is reaped; one that
 * failed stays, with alive == false. Written by servers_take on the core thread only. Everything points into items:
 * valid while the root is. Rules: Consul 1.0.8, agent/metadata/server.go. */
#ifndef CORE_AGENT_SERVERS_H
#define CORE_AGENT_SERVERS_H

#include "core/agent/member.h"
#include "core/gossip/gossip.h"
#include "store/db.h"

struct server {
	struct slice name; /* of the member; WAN: "node.dc" */
	struct slice id;   /* node id; old ones may have none */
	struct slice datacenter, segment;
	struct slice address;  /* where its RPC is, as Raft writes it: "10.0.0.1:8300", "[::1]:8300" */
	struct slice host;     /* … the IP alone */
	struct slice build;    /* "1.0.8:1a2b3c4d" */
	int64_t port;          /* of RPC */
	int64_t wan_join_port; /* of its WAN gossip; 0: not said */
	int64_t expect;        /* -bootstrap-expect; 0: none */
	int64_t version;       /* of the server protocol */
	int64_t raft_version;  /* 0: not said (before 0.8) */
	int64_t status;        /* enum member_status */
	bool bootstrap, use_tls, nonvoter;
	bool ours; /* speaks our extensions, too */
	bool alive;
};
extern const struct schema server_schema;

/* What the member's tags say; what is not in them is in the arena. False: no Consul server. */
bool server_of(const struct gossip_member *m, struct arena *a, struct server *out);

/* One GX_MEMBER: keeps the trees in step. */
void servers_take(struct db *db, enum gossip_pool pool, const struct gossip_effect *x);

/* ---- looking ---- */

/* for (servers_lan(&c, root); (s = server_next(&c));) */
void servers_lan(struct cursor *c, const struct db_root *r);
void servers_of_datacenter(struct cursor *c, const struct db_root *r, struct slice dc); /* of the WAN pool */
void servers_wan(struct cursor *c, const struct db_root *r);                            /* by datacenter */
const struct server *server_next(struct cursor *c);

/* Of our own datacenter; NULL when there is none. Ids and addresses are compared one by one: servers are few. */
const struct server *server_by_name(const struct db_root *r, struct slice name);
const struct server *server_by_id(const struct db_root *r, struct slice id);
const struct server *server_by_address(const struct db_root *r, struct slice address);

/* Is any server of the WAN pool in `dc`? */
bool servers_know(const struct db_root *r, struct slice dc);

#endif
