/* Names to addresses without stopping a loop: each look-up is a thread of its own, for the system's resolver blocks.
 *
 * The state belongs to the thread and the loop together until both are done: resolve_cancel only lets go of it. At most
 * RESOLVE_MAX look-ups at a time; beyond that a look-up fails. Thread: the loop's. */
#ifndef CMD_AGENT_RESOLVE_H
#define CMD_AGENT_RESOLVE_H

#include "core/base/err.h"
#include "net/address.h"
#include "net/loop.h"

enum { RESOLVE_MAX = 32, RESOLVE_ADDRESSES = 8 };

struct lookup;

struct resolve {
	/* Called once with the addresses, or with *f set; not from inside resolve_start. */
	void (*done)(struct resolve *r, const struct address *all, unsigned n, const struct fail *f);
	struct lookup *lookup; /* NULL: nothing under way */
};

bool resolve_start(struct resolve *r, struct loop *l, struct slice host, uint16_t port, struct fail *f);
void resolve_cancel(struct resolve *r);

#endif
