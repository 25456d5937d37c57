/* Opening all sockets of an agent before any thread runs, so that a port in use is an error at start. */
#ifndef CMD_AGENT_LISTENERS_H
#define CMD_AGENT_LISTENERS_H

#include "cmd/agent/process.h"

/* Fills p->http, dns_udp, dns_tcp, ipc: a socket a front where a port can be shared, one on front 0 elsewhere. */
enum err listeners_open(struct process *p, struct fail *f);
/* Closes what no front took over, removes unix sockets. */
void listeners_close(struct process *p);

#endif
