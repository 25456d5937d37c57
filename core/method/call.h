/* One call of a method: who asks what, over which world, and what came out.
 *
 * A call runs on whatever thread has a world (fronts; the simulator), allocates from one arena and touches nothing
 * else. A read is answered at once, or must wait: then the caller keeps the watch notes and the request line, forgets
 * everything else, and runs the call again when a note moved or the deadline passed. A write becomes a message to the
 * core thread. */
#ifndef CORE_METHOD_CALL_H
#define CORE_METHOD_CALL_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/logline.h"
#include "core/base/rand.h"
#include "core/base/schema.h"
#include "core/message.h"
#include "core/world.h"
#include "store/watchset.h"

/* What every read may say (structs.QueryOptions). */
struct query_options {
	struct slice token;
	raft_index min_index;
	dur_ns max_query_time;
	bool allow_stale, require_consistent;
	dur_ns max_stale;
};

/* What every answer to a read carries (structs.QueryMeta). First member of every reply struct. */
struct query_meta {
	raft_index index;
	dur_ns last_contact;
	bool known_leader;
	struct slice consistency;
};

/* First member of every request of a read. */
struct read_head {
	struct slice datacenter;
	struct query_options q;
};

/* First member of every request of a write. */
struct write_head {
	struct slice datacenter, token;
};

struct method;

enum call_state {
	CALL_DONE,        /* the reply is filled */
	CALL_FAILED,      /* err and fail say why */
	CALL_WAIT,        /* nothing new: wait for a note of `watched` to move, or for `deadline` */
	CALL_WAIT_LEADER, /* no leader: run again when the world's leader changes, or at `wake` */
	CALL_SENT,        /* `message` is ready for the core thread; the answer comes with it */
	CALL_VERIFY,      /* is it the newest here? ASK_VERIFY to the core thread, then run again with what it says */
	CALL_FORWARD,     /* another server has to answer: `forward` says who; run again with its answer */
};

/* What a call that was put off has to know when it runs again. The host keeps it beside the request; all zero: first
 * run. */
struct call_again {
	mono_ns deadline; /* of a blocking query; 0: it did not block yet */
	mono_ns hold;     /* until then a leader is waited for; 0: not yet */
	bool verified;    /* the next run may take this world as the newest */
	bool unsure;      /* that was refused: a follower leaves it to its leader */
	uint64_t seed;    /* for what the request makes up by lot and has to make up again; 0: nothing yet */
	const struct call_answer *answer; /* another server's, to this very call; else NULL */
	/* So many other datacenters were asked for the nodes of a prepared query: the answer is that of the last one;
	   and the last that had an answer at all. */
	uint32_t failovers, failover_heard;
};

/* What came of a call that another server had to answer. Lent for the run. */
enum answer_kind {
	ANSWER_REPLY,       /* `body` */
	ANSWER_ERROR,       /* the other server's sentence, "rpc error making call: …" before it */
	ANSWER_LOST,        /* sent, but the connection ended before an answer */
	ANSWER_UNREACHABLE, /* never sent: "rpc error getting client: …" */
};

struct call_answer {
	enum answer_kind kind;
	struct slice from; /* whom we asked */
	struct slice body, text;
};

/* Whom to ask instead of ourselves. Everything is in the arena of the call. */
struct call_forward {
	struct slice to;           /* "10.0.0.1:8300" */
	struct slice datacenter;   /* of that server */
	bool tls;                  /* its tag says that it takes TLS */
	struct slice method, args; /* no method: a snapshot (core/api/snapshot_call.h), on a connection of its own */
	struct slice tail;         /* sent behind args; lent by whoever has the request */
	dur_ns patience;           /* how long the answer may take by right */
};

struct router;

struct call {
	const struct method *method;
	const struct world *world;
	struct arena *arena;
	struct logbuf *log;
	struct rand *rand;
	struct router *router; /* NULL: nothing is forwarded */
	mono_ns now;
	wall_ns wall;
	void *request, *reply;
	struct call_again again; /* in and out */

	/* out */
	struct watchset watched;
	mono_ns wake; /* CALL_WAIT, CALL_WAIT_LEADER: run again then at the latest */
	struct call_forward forward;
	enum err err;
	struct fail fail;
	struct message *message;     /* for a write: the caller gives an empty one, the method fills it */
	struct apply_result refused; /* CALL_DONE of a write: answered without the log (lock delays) */
	bool answered;               /* CALL_DONE of a write: another server did it, and the message has its answer */
};

/* Runs it. Order: answer of another server → datacenter → leader → token → read or prepare → park. */
enum call_state method_run(struct call *c);

/* For handlers: fail with a text. Returns CALL_FAILED's err. */
enum err call_fail(struct call *c, enum err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* For handlers of reads that need another datacenter's answer first. Asking sets c->forward: the handler returns OK and
 * runs again with c->again.answer; c->again.failovers must not be 0 then. Both false: c->fail says why not. */
bool call_ask_datacenter(struct call *c, struct slice dc, const struct method *m, const void *request);
bool call_take_answer(struct call *c, struct slice dc, struct slice *body);

/* For write handlers: the command, encoded into the message's arena. */
struct schema;
enum err call_command(struct call *c, unsigned command_type, const struct schema *s, const void *request);

#endif
