/* The agent in its gossip pools: news that come from there, commands that go there.
 *
 * A command carries a tag; its end (GX_DONE) comes back with it. Small tags are our own, a large one is the message
 * that waits. */
#ifndef CORE_AGENT_POOLS_H
#define CORE_AGENT_POOLS_H

#include "core/agent/agent.h"
#include "core/gossip/gossip.h"

enum pools_tag { TAG_NOBODY, TAG_LEAVE, TAG_START, TAG_RETRY, TAG_ALONE, TAG_FLOOD, TAG_MESSAGES = 4096 };

/* News. The world is to be published afterwards. */
void pools_event(struct agent *a, enum gossip_pool pool, const struct gossip_effect *x);

/* ASK_JOIN, ASK_FORCE_LEAVE, ASK_EVENT_FIRE, ASK_KEYRING. True: answered. */
bool pools_ask(struct agent *a, struct message *m);

/* The pool hears that we lead now. */
void pools_new_leader(struct agent *a);

/* ---- for join.c, leave.c, keys.c ---- */

/* A command for the caller to fill; it lives until it is carried out. */
struct gossip_event *pools_command(struct agent *a, enum gossip_pool pool, enum gossip_event_kind kind, uint64_t tag);
void pools_join(struct agent *a, enum gossip_pool pool, uint64_t tag, struct list names);
/* The message goes back to whoever sent it. */
void pools_answer(struct agent *a, struct message *m);

#endif
