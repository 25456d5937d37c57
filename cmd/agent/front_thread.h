/* A front: listeners of HTTP, DNS and 8400 on one thread; the newest world; parked queries; its pair of rings.
 *
 * A front owns its loop, its connections and what waits in it; the process owns the fronts. What is taken from the
 * world lives until the turn ends. Only the rings, the bell and the atomics of process.h are touched by other threads.
 */
#ifndef CMD_AGENT_FRONT_THREAD_H
#define CMD_AGENT_FRONT_THREAD_H

#include "cmd/agent/balance.h"
#include "cmd/agent/parking.h"
#include "cmd/agent/process.h"
#include "core/api/api.h"
#include "net/http_server.h"

struct forward;
struct waiter;
struct watches;
struct waiting;

/* Those who want to read the newest share a question to the core: the ones that it is under way for, and the next. */
struct front_verify {
	struct waiting *asked, *next; /* lists */
	bool under_way;
};

struct front {
	struct process *process;
	pthread_t thread;
	int id;
	int reader; /* slot of the epoch */
	struct loop loop;
	struct bell bell;
	struct ring to_core, from_core;
	struct api api;
	struct parking parking;
	struct front_verify verify;
	struct forward *forward;          /* calls to other servers */
	struct balance balance;           /* … which of them; only where we are none */
	struct front_rpc *rpc;            /* NULL: no server */
	struct front_snapshot *snapshots; /* streams of others */
	struct http_server *http;
	struct waiter *spare; /* of front_http */
	unsigned spares;
	struct watches *watches;   /* of the first front */
	struct http_answer answer; /* reused */
	const struct world *world; /* of this turn; NULL: not taken yet */
	uint64_t looked;           /* number of the world that parked queries have seen */
	bool led;                  /* was there a leader in it? */
	uint64_t restores;         /* world.restores in it */
	struct message *unsent;    /* the ring to the core was full */
	struct monitor *monitors;  /* streams of log lines */
	struct front_dns *dns;     /* NULL: no DNS */
	struct ipc_server *ipc;    /* NULL: no port 8400 */
	struct buf ipc_out;        /* answers of 8400, reused */
	bool reloading;            /* a reload asked for over 8400 is under way */
};

struct front *front_new(struct process *p, int id);
/* Joins the listeners: after front_new of all, before the threads start. */
bool front_listen(struct front *f, struct fail *why);
void *front_run(void *front);
void front_free(struct front *f);

/* The newest world, taken once a turn (the thread is inside its epoch until the end of the turn). */
const struct world *front_world(struct front *f);
/* A message for the core. */
void front_send(struct front *f, struct message *m);
/* The request at hand is over: its memory is given back. */
void front_over(struct front *f);

#endif
