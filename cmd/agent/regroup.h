/* Raft's servers by hand: raft/peers.json, for a group whose majority is gone for good (Consul 1.0.8: agent/consul/
 * server.go, setupRaft; hashicorp/raft: RecoverCluster).
 *
 * At the start of a server: everything in the log counts as committed, the servers of the file take the place of those
 * that were, all of it becomes a snapshot and the log begins anew behind it. The file is deleted then. A crash on the
 * way is made up for by the next start, which does it again.
 *
 * The first start on a data directory writes raft/peers.info, which explains this, and deletes a peers.json that was
 * there before, unread: very old servers kept one as a matter of course. `consul operator recover` writes the file and
 * starts the agent again. */
#ifndef CMD_AGENT_REGROUP_H
#define CMD_AGENT_REGROUP_H

#include "cmd/agent/process.h"

enum { REGROUP_SERVERS_MAX = 256 };

struct regroup {
	struct raft_server *servers;
	size_t n; /* 0: nothing to do */
	struct arena mem;
};

/* Before the log is read. ERR_INVALID: the file can't be what is meant. */
enum err regroup_look(struct process *p, struct regroup *r, struct fail *f);
/* Once snapshot and log are in the core, all applied. Frees r's memory in any case. */
enum err regroup_carry_out(
        struct process *p, struct regroup *r, raft_index snapshot, raft_term snapshot_term, struct fail *f);

/* The text of a peers.json, and back; `protocol` of Raft decides the form. */
enum err regroup_parse(struct slice text, int64_t protocol, struct regroup *r, struct fail *f);
void regroup_print(const struct raft_server *servers, size_t n, int64_t protocol, struct buf *out);

/* Writes raft/peers.json, whole or not at all, so that the next start takes it. */
enum err regroup_write(struct disk *d, struct slice text, struct fail *f);

#endif
