/* Something on a front that can't go on: it waits for the core (a message), to read the newest, for another server (a
 * forwarded call), or for what it looked at to change (parked). Embedded in whatever it is about: a request of the HTTP
 * API, a call of the server RPC. When its time has come the owner runs it again, or takes the message that came back.
 *
 * Thread: the front's. Memory: the owner's; it stays until the wait is over or waiting_end was called. */
#ifndef CMD_AGENT_WAITING_H
#define CMD_AGENT_WAITING_H

#include "cmd/agent/forward.h"
#include "cmd/agent/front_thread.h"

struct waiting;

struct waiting_calls {
	/* Run it again with this. */
	void (*again)(struct waiting *w, const struct call_again *again);
	/* Its message came back; it goes to the pool afterwards. */
	void (*reply)(struct waiting *w, struct message *m);
};

enum waits_for {
	WAITS_FOR_NOTHING,
	WAITS_FOR_CORE,
	WAITS_FOR_NEWEST, /* … which says whether our next world is that, to all at once */
	WAITS_FOR_SERVER,
	WAITS_FOR_CHANGE,
	WAITS_FOR_LEADER,
};

struct waiting {
	const struct waiting_calls *calls;
	struct front *front;
	enum waits_for what;
	struct call_again again;
	union {
		struct message *message;
		struct forward_call *call;
		struct parked *parked;
		struct {
			struct waiting *next, **prev;
		};
	};
};

/* Waits as an api said: API_SENT, API_VERIFY, API_WAIT, API_WAIT_LEADER, API_FORWARD. False: no memory, and it does not
 * wait (the message is back in the pool). */
bool waiting_begin(struct waiting *w, enum api_state state, const struct api_wait *wait);
/* Nobody wants it any more. */
void waiting_end(struct waiting *w);

/* The turn is over: asks the core for all of it who want to read the newest, unless a question is under way already. */
void waiting_verify(struct front *f);

/* A message came back from the core. */
void waiting_reply(struct front *f, struct message *m);
/* For parking_init. */
void waiting_woken(void *front, void *waiting, mono_ns deadline);

#endif
