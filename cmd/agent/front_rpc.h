/* The server RPC (port 8300) on a front: net's server of calls on one side, core's api/rpc on the other. Calls are
 * answered at once, wait (waiting.h), or go on to the leader or another datacenter. Connections of Raft and snapshot
 * streams, which begin with another byte, are handed on. Only where the agent is a server. */
#ifndef CMD_AGENT_FRONT_RPC_H
#define CMD_AGENT_FRONT_RPC_H

#include "cmd/agent/front_thread.h"

/* f->rpc; nothing when the agent is no server. False: no memory. */
bool front_rpc_init(struct front *f, struct fail *why);
bool front_rpc_listen(struct front *f, struct fail *why);
void front_rpc_free(struct front *f);

#endif
