/* Raft's servers and the pool's: which change of Raft's configuration follows when a server joined or left
 * (Consul 1.0.8, agent/consul/leader.go: joinConsulServer, removeConsulServer).
 *
 * One change at a time, and each decision looks at what is so now: carry out what is asked for (raft_change), and ask
 * again when its entry is committed, until there is nothing more to do. Asking again is harmless at any time.
 *
 * Two things are ours:
 *  - A server that came back under another address keeps its vote: its entry is changed in place (adding a known id
 * does that in hashicorp/raft, too), where the real leader removes it and adds it again as one that has no vote yet. So
 * a group whose servers all have new addresses stays a group.
 *  - A server that leaves keeps its place when the others that are alive would be no majority without it: it will be
 *    needed when it comes back.
 *
 * Pure: reads the published or working trees and what it is given. What is returned points into the arguments. */
#ifndef CORE_LEADER_SERVERS_H
#define CORE_LEADER_SERVERS_H

#include "core/agent/servers.h"
#include "core/raft/raft.h"

/* What is so now, on the leader. */
struct raft_view {
	const struct db_root *root;        /* the servers of the pool */
	const struct raft_server *servers; /* Raft's latest configuration */
	size_t n;
	struct slice self; /* our node's name */
	struct logbuf *log;
};

struct server_change {
	enum raft_change kind;
	struct slice id, address;
};

/* A server of our datacenter is alive. False: nothing is to be changed. */
bool server_joined(const struct raft_view *v, const struct server *s, struct server_change *out);

/* One left, or was reaped: what its tags said last. */
bool server_left(const struct raft_view *v, const struct server *s, struct server_change *out);

/* The lowest Raft protocol of the servers that are alive; those that do not say have 1. -1: nobody is. */
int64_t servers_raft_protocol(const struct db_root *r);

/* Is every server of this version or a later one? One that failed counts (the reference passes it over): it may come
 * back. Those whose build can't be read are passed over. */
bool servers_all_since(const struct db_root *r, const uint32_t version[static 3]);
/* Does the pool know each server of Raft's configuration, where there are several? After a restart it tells nothing of
 * those that failed before. */
bool servers_peers_known(const struct db_root *r);

/* Does the pool say that this one is alive? */
bool servers_alive(const struct db_root *r, const struct raft_server *s);

/* The servers that vote. */
size_t servers_voters(const struct raft_server *servers, size_t n);

#endif
