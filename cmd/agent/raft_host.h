/* The host of Raft: connections to and from the other servers, snapshots for them, around core/raft.
 *
 * Outgoing: a link a peer and channel (raft_link.h), so that beats wait for nothing. Incoming: raft_incoming.h. A
 * snapshot for a peer is made of the published state on a thread of its own, into a spool, and then sent as the peer
 * takes it.
 *
 * Thread: core, but for raft_host_arrived. */
#ifndef CMD_AGENT_RAFT_HOST_H
#define CMD_AGENT_RAFT_HOST_H

#include "cmd/agent/process.h"
#include "net/stream.h"

struct raft_host;

/* `event` is called from the loop, never from inside raft_host_carry_out. */
struct raft_host *raft_host_new(struct process *p, void (*event)(void *process, struct event *ev), struct fail *f);
void raft_host_free(struct raft_host *h);

/* EFF_RAFT_…; behind the turn's publication. */
void raft_host_carry_out(struct raft_host *h, const struct effect *e);
/* Once a turn: takes the snapshots that were finished, and the connections that arrived. */
void raft_host_turn(struct raft_host *h);

/* Any thread: a connection whose first byte said Raft, off its loop (stream_leave). The struct is copied. */
bool raft_host_arrived(struct raft_host *h, const struct stream *s);

#endif
