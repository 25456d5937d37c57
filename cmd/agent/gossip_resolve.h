/* Names into addresses for a join, on a thread of their own: the system's resolver blocks. */
#ifndef CMD_AGENT_GOSSIP_RESOLVE_H
#define CMD_AGENT_GOSSIP_RESOLVE_H

#include <pthread.h>

#include "core/base/arena.h"
#include "core/gossip/address.h"
#include "net/ring.h"

enum { RESOLVE_EACH_MAX = 64 };

struct resolve {
	struct resolve *next;
	struct list names; /* of struct slice */
	uint16_t port;     /* where a name has none */
	int pool;
	uint64_t tag;
	struct arena mem;
	/* the result */
	struct gossip_addr *addrs;
	uint32_t n;
	struct list errors; /* of struct slice: "Failed to resolve x: lookup x: no such host" */
};

/* A job with copies of the names; NULL when out of memory. */
struct resolve *resolve_new(struct list names, uint16_t port, int pool, uint64_t tag);
void resolve_free(struct resolve *r);

/* True if no name needs asking: the result is there at once. */
bool resolve_here(struct resolve *r);
/* Blocks. */
void resolve_all(struct resolve *r);

#endif
