/* Port 8400 on a front: net's server of messages on one side, core's api/ipc on the other.
 *
 * A command is answered inside the server's callback, or its message goes to the core and the connection is held until
 * it comes back. `api` is an exchange (exchange.h) like any request over HTTP. Those who monitor are monitors
 * (monitors.h). */
#ifndef CMD_AGENT_FRONT_IPC_H
#define CMD_AGENT_FRONT_IPC_H

#include "cmd/agent/front_thread.h"

/* f->ipc; nothing when the configuration has no such address. False: no memory. */
bool front_ipc_init(struct front *f, struct fail *why);
bool front_ipc_listen(struct front *f, struct fail *why);
void front_ipc_free(struct front *f);

#endif
