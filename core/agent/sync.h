/* Anti-entropy: the catalog follows the local services and checks. Rules: Consul 1.0.8, agent/local/state.go and
 * agent/ae.
 *
 *   a change here ----> a pass: everything out of step is written, all requests at once, in order
 *   a leader (or for an agent that is no server: a server) appears, or a minute or two have passed ----> first compare
 * with what the catalog has, then a pass
 *
 * One pass at a time: what changes meanwhile goes with the next. Whoever has to know that his change has arrived (an
 * HTTP request) waits for the pass that began after it. What fails stays out of step and goes with the next pass;
 * everything is compared again after half a second to one, later after half a minute.
 *
 * Invariants
 * 1. An entry that is not in step is queued, or its request is under way.
 * 2. A request that was answered puts its entry in step only if nothing changed there since it was written.
 *
 * Thread: core. Time is given. */
#ifndef CORE_AGENT_SYNC_H
#define CORE_AGENT_SYNC_H

#include "core/agent/local.h"
#include "core/message.h"

/* What the catalog has of us. */
struct sync_remote {
	const struct node *node; /* NULL: it does not know us */
	struct list services;    /* of struct node_service */
	struct list checks;      /* of struct health_check */
};

struct sync {
	struct local *local;
	const struct agent_config *config;
	struct logbuf *log;
	struct rand *rand;
	struct message *out, **out_tail; /* written, not yet taken by the core */
	unsigned flying;                 /* requests of the pass under way */
	bool full;                       /* … which began with a comparison */
	struct fail fail;                /* the first failure of it */
	dur_ns retry;                    /* how long was waited after the last failure; 0: it went well */
	struct message *riding;          /* questions answered at its end */
	struct message *waiting;         /* … at the end of the next */
	struct message *answered;
	bool leader;
	bool remote;             /* the catalog is another server's: it is asked for what it has of us */
	struct message *told[2]; /* what it said: our services, our checks */
	mono_ns full_at;         /* INT64_MAX: not without a leader */
};

void sync_init(struct sync *s, struct local *l, const struct agent_config *c, struct rand *r, struct logbuf *log);
void sync_free(struct sync *s);

/* Marks what differs between here and there. Pure: no request is made. */
void sync_compare(struct local *l, const struct sync_remote *remote);

void sync_leader(struct sync *s, bool known, mono_ns now);
/* The message is answered when what has changed up to now is in the catalog, or could not be carried there. */
void sync_wait(struct sync *s, struct message *m);
/* Begins a pass if one is due. Returns its messages, a list by `next`; every one comes back through sync_done. */
struct message *sync_outbox(struct sync *s, mono_ns now);
struct message *sync_answered(struct sync *s);
void sync_done(struct sync *s, struct message *m, mono_ns now);
mono_ns sync_next(const struct sync *s);

#endif
