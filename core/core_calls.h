/* The core's own calls: what the agent wants of the servers, where we are not the one who can do it.
 *
 * A message of the agent (front -1) becomes a call of a method and goes the way of any other (core/method/run.c): to
 * the leader, from an agent that is no server to a server it picks, again while there is no leader, until the hold time
 * is over. If we lead by then, it is done here. The message comes back with its answer either way. */
#ifndef CORE_CORE_CALLS_H
#define CORE_CORE_CALLS_H

#include "core/core.h"
#include "core/method/router.h"

struct own_call;

struct core_calls {
	struct router router;
	struct own_call *first;
	bool knew;    /* somebody to ask, when last looked */
	uint64_t tag; /* of the last one */
};

void core_calls_init(struct core_calls *o, uint64_t seed);
void core_calls_free(struct core_calls *o);

/* Who keeps the catalog, as far as we know: tells the agent, which syncs with it. */
void core_calls_look(struct core *c);

/* One that is never done by the core itself, even if we lead. */
bool core_call_always(const struct message *m);
/* Takes the message over: one of those, ASK_COMMAND or ASK_COORDINATE. Answered by core_reply. */
void core_call(struct core *c, struct message *m);
/* Sends what is due. */
void core_calls_flush(struct core *c, struct effects *out);
/* EV_CALL_DONE. */
void core_calls_done(struct core *c, const struct event *ev, struct effects *out);
/* When core_calls_flush is wanted next; INT64_MAX: not by itself. */
mono_ns core_calls_next(const struct core_calls *o);

#endif
