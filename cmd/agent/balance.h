/* Which server an agent that is no server asks is drawn anew now and then, so that load moves to servers that came
 * later; the one drawn is asked first whether it is there (Consul 1.0.8: agent/router/manager.go, RebalanceServers).
 * Thread: the front's. */
#ifndef CMD_AGENT_BALANCE_H
#define CMD_AGENT_BALANCE_H

#include "cmd/agent/forward.h"
#include "core/method/router.h"

struct front;

struct balance {
	struct timer timer;
	struct front *front;
	struct router drawn;       /* to be put in place when its first server has answered */
	struct forward_call *ping; /* NULL: none under way */
	unsigned tries;
};

void balance_init(struct balance *b, struct front *f);
void balance_free(struct balance *b);

#endif
