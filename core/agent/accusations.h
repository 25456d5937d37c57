/* Who suspects whom: how many suspicions each member has raised against others, and how many were raised against it. In
 * a pool with one sick node that node alone accuses everybody; here it has a name.
 *
 * Counted by gossip; asked for (ASK_ACCUSATIONS), not published: it changes often and hardly anybody looks. */
#ifndef CORE_AGENT_ACCUSATIONS_H
#define CORE_AGENT_ACCUSATIONS_H

#include "core/gossip/gossip.h"
#include "core/message.h"

struct accusations {
	struct slice node;
	bool wan;
	uint64_t raised, suffered;
};

/* The reply: struct list of struct accusations, members without any left out, by pool and name. */
void accusations_ask(const struct gossip *const pools[], struct message *m);

#endif
