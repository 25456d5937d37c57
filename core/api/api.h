/* The ways in, as one object a front thread: what translations need to turn a request into a method call and back.
 *
 * An api belongs to one thread. It holds this turn's world, one arena for the request at hand and the log lines. It
 * never keeps anything of a request after it was answered: a request that waits is kept by the host (its request line,
 * the watch notes, the deadline) and translated again when it is woken. */
#ifndef CORE_API_API_H
#define CORE_API_API_H

#include "core/base/arena.h"
#include "core/base/http_message.h"
#include "core/base/logline.h"
#include "core/base/rand.h"
#include "core/message.h"
#include "core/method/call.h"
#include "core/method/router.h"
#include "core/world.h"

enum api_state {
	API_ANSWERED,    /* the answer is complete */
	API_WAIT,        /* park it until a note of wait->watched moves, or wait->wake */
	API_WAIT_LEADER, /* until there is another leader, or wait->wake */
	API_VERIFY,      /* park it, send an ASK_VERIFY, and run it again with again.verified or again.unsure */
	API_FORWARD,     /* park it, ask the server of wait->forward, and run it again with the answer in wait->again */
	API_SENT,        /* wait->message goes to the core thread; api_http_finish turns its answer into ours */
	API_STREAM, /* the answer's head is complete; log lines of wait->level and above follow until the client goes */
};

/* What a request that could not be answered at once waits for. `again` goes in again with the same request. */
struct api_wait {
	struct watchset watched;
	struct call_again again; /* in and out; zero at first */
	mono_ns wake;
	struct call_forward forward; /* in the api's arena */
	struct message *message;
	enum log_level level;
};

struct api {
	const struct world *world;
	struct arena arena; /* of the request at hand; the host resets it after each */
	struct logbuf log;
	struct rand rand;
	struct router router;
	mono_ns now;
	wall_ns wall;
	int front;
	unsigned processors, threads; /* of this process, for stats; set by the host */
	struct message *spare;        /* pool of messages, a list; `message_take` */
	unsigned spare_n;
};

void api_init(struct api *a, int front, uint64_t seed);
void api_free(struct api *a);

/* A clean message from the pool or new; NULL: no memory. And back. */
struct message *message_take(struct api *a);
void message_give(struct api *a, struct message *m);

/* A method call on this turn's world. */
struct call api_call(struct api *a, const struct method *m, void *request, void *reply, const struct call_again *again);
/* What the caller has to wait for, of a call that was put off. */
void api_put_off(const struct call *c, struct api_wait *wait);

/* Translates one HTTP request. */
enum api_state api_http(struct api *a, const struct http_request *r, struct http_answer *ans, struct api_wait *wait);

/* By its head alone: api_http will answer it at once and does not look at the body. */
bool api_http_early(const struct http_request *r);
/* … it brings a snapshot, of up to SNAPSHOT_CALL_MAX bytes. */
bool api_http_brings_snapshot(const struct http_request *r);

/* The answer to a message that api_http sent. The message goes back to the pool by message_give afterwards. */
void api_http_finish(struct api *a, struct message *m, struct http_answer *ans);

#endif
