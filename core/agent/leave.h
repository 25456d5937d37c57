/* The order of goodbye: the WAN pool, the LAN pool, a while for those who still call us, another until Raft's leader
 * has taken us out of the group that counts on us, the end.
 *
 *   STAYING --leave_begin--> LEAVING_WAN --> LEAVING_LAN --> DRAINING --> COUNTED --> LEFT: answers, then EFF_STOP
 *
 * Who has no such pool skips its stage. Nobody is waited for when nobody else is there. Rules: Consul 1.0.8,
 * agent/consul/server.go and client.go, Leave; fifteen seconds as in command/agent. */
#ifndef CORE_AGENT_LEAVE_H
#define CORE_AGENT_LEAVE_H

#include "core/base/types.h"
#include "core/gossip/gossip.h"

struct agent;
struct message;

enum leave_stage { STAYING, LEAVING_WAN, LEAVING_LAN, DRAINING, COUNTED, LEFT };

struct leave {
	enum leave_stage stage;
	struct message *asked; /* who wants to hear when it is done; a list by `next` */
	mono_ns drained;       /* COUNTED: look again; INT64_MAX: neither */
	bool counted;          /* Raft's group counts on us, and will let us go */
	mono_ns removed;       /* … that long at most */
	mono_ns limit;         /* a signal waits no longer; INT64_MAX: no limit */
};

void leave_init(struct leave *l);
/* A question; answered at the end. */
void leave_ask(struct agent *a, struct message *m);
/* A signal: for at most fifteen seconds. */
void leave_signal(struct agent *a);
/* The pool has heard our goodbye (or the time for it is over). */
void leave_done(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x);
void leave_tick(struct agent *a);
mono_ns leave_next(const struct leave *l);

#endif
