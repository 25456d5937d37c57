/* Whole agents in one process on virtual time: core/core.c with its tables, log, leadership and sessions, real gossip
 * pools, the real log and snapshots on a disk that tears, fails and fills up, calls as net/rpc carries them. Only
 * clock, network and disk are played. Everything is drawn from the seed.
 *
 *   cluster_world.c   the clock, the queue of what will happen, one run from birth to the last look
 *   cluster_host.c    one agent: its core, what it asks for, what it publishes
 *   cluster_disk.c    its disk: log and snapshots, slow, failing, full, switched off in the middle of a write
 *   cluster_wire.c    connections of Raft and calls between servers: late, cut one way or both, broken
 *   cluster_gossip.c  packets and streams of the pools: lost, doubled, late
 *   cluster_asked.c   a call at an agent's door, and what it waits for
 *   cluster_client.c  what clients ask of keys and sessions
 *   cluster_services.c what they ask of services, and of a prepared query
 *   cluster_answer.c  whether the answers can be
 *   cluster_end.c     what all must be able to do when all is well again
 *   cluster_truth.c   what is committed, and what each log may say (election safety, log matching, completeness)
 *   cluster_model.c   the same commands applied to a simple store of its own, version by version
 *   cluster_plan.c    the shape of the clusters, and what goes wrong
 *   cluster_main.c    seeds in, verdicts out */
#ifndef TESTS_SIM_CLUSTER_WORLD_H
#define TESTS_SIM_CLUSTER_WORLD_H

#include "cmd/agent/log_batch.h"
#include "core/api/api.h"
#include "core/base/heap.h"
#include "core/base/map.h"
#include "core/core.h"
#include "core/gossip/gossip.h"
#include "core/method/method.h"
#include "core/method/requests.h"
#include "store/model.h"
#include "tests/sim/cluster.h"
#include "tests/sim/disk.h"

enum {
	HOSTS_MAX = 16,
	CHANNELS = 3,
	POOLS = 2,
	KEYS = 5,   /* of clients; the last is left alone until all is well again */
	WEB = KEYS, /* a service; it has versions as keys have */
	THINGS,
	NO_KEY = THINGS,
	CLIENTS_MAX = 8,
	PROBES_MAX = 64, /* who asks in the end, client by client */
	DCS = 3,
	LINK_MAX = 1024,
	INCOMING_MAX = 256,
	INSTALLS_MAX = 8,
	ID_MAX = 40,
};

struct cluster;
struct host;
struct asked;

/* ---- what is to happen ---- */

struct hap {
	struct heap_node timer;
	void (*fire)(struct cluster *c, struct hap *h);
	struct host *host; /* whom it is for; nothing happens, if he died meanwhile. NULL: nobody in particular */
	unsigned life;
	unsigned peer, channel, pool, side;
	uint64_t number, tag;
	struct buf bytes, state;
	void *p; /* not owned */
};

/* ---- disk ---- */

struct platter {
	struct sim_disk disk;
	struct log_writer writer;
	struct log_batch *waiting, **end;
	bool busy;
	unsigned told; /* failures of the log that the core knows */
	dur_ns least, most;
	struct {
		bool running;
		struct buf state;
		raft_index index, configuration;
		raft_term term;
		struct raft_server servers[HOSTS_MAX];
		char texts[HOSTS_MAX][2][64];
		size_t n;
	} snapshot;
};

/* The file that remembers a pool. */
struct peers {
	struct buf bytes;
	size_t synced;
};

/* ---- Raft's connections ---- */

struct link {
	bool open;
	uint64_t conn;   /* at the peer */
	mono_ns arrives; /* the latest request: in order */
	uint64_t tags[LINK_MAX];
	unsigned first, count;
};

struct incoming {
	uint64_t conn;
	unsigned peer, channel, life;
	mono_ns answers;                 /* the latest answer: in order */
	bool gone;                       /* the connection is; states are still lent */
	struct buf states[INSTALLS_MAX]; /* lent to the core until their answers, oldest first */
	unsigned states_n;
};

/* ---- one agent ---- */

/* The log as Raft has handed it to the disk: base is what a snapshot has. */
struct mirror {
	raft_index base;
	const struct known **entries; /* [index - base - 1] */
	size_t n, cap;
};

struct host {
	unsigned number, life, dc;
	bool server, up;
	bool late;    /* not there at the beginning */
	bool leaving; /* it was asked to */
	unsigned moves;
	char name[16], id[ID_MAX], ip[24], address[32];
	struct slice joins[HOSTS_MAX], joins_wan[HOSTS_MAX];
	struct agent_config config;
	struct epoch *epoch;
	struct core *core;
	struct logbuf log;
	struct effects out;
	struct world world; /* the newest that was published */
	bool stepped, stops;
	dur_ns ahead; /* its clock */
	wall_ns wall;
	mono_ns paused; /* until then it stands still */
	mono_ns timer;  /* when it is looked at next */
	struct api api;
	struct asked *asked;
	struct platter disk;
	struct gossip *pools[POOLS];
	struct peers peers[POOLS];
	struct link links[HOSTS_MAX][CHANNELS];
	struct incoming in[INCOMING_MAX];
	struct mirror mirror;
	raft_index applied; /* looked at up to here */
	raft_term led;      /* the last term in which it was seen leading */
};

/* ---- what is asked ---- */

struct asked {
	struct asked *next, **prev;
	struct host *host;
	uint64_t number;
	struct buf method, args;
	enum api_state state;
	struct api_wait wait;
	struct arena mem; /* of the notes */
	struct watchset notes;
	struct message *message; /* with the core */
	/* a blocking query of one key: what the client has seen */
	unsigned key;
	raft_index min_index;
	/* who gets the answer: a client, or another agent's call */
	struct client *client;
	uint64_t call; /* 0: a client's */
};

/* A call under way between two agents. */
struct rpc {
	struct rpc *next;
	uint64_t number, asked, tag; /* whom it is for there: one of `asked`, or else the core's tag */
	struct host *from, *to;
	unsigned from_life, to_life;
	bool core;
	char address[32];
};

/* ---- clients ---- */

enum op_kind {
	OP_SET,
	OP_CAS,
	OP_DELETE,
	OP_DELETE_CAS,
	OP_LOCK,
	OP_UNLOCK,
	OP_TXN,
	OP_SESSION,
	OP_DESTROY,
	OP_RENEW,
	OP_READ,  /* consistent */
	OP_STALE, /* or default */
	OP_BLOCK, /* until it changes */
	OP_TXN_READ,
	OP_REGISTER, /* the service, with a port of its own */
	OP_DEREGISTER,
	OP_SERVICE,       /* consistent, default or stale */
	OP_SERVICE_BLOCK, /* until it changes */
	OP_NODES,
	OP_DATACENTERS,
	OP_DEFINE, /* the prepared query for the service */
	OP_FIND,   /* … executed */
};

struct op {
	enum op_kind kind;
	unsigned key, other;
	unsigned dc;
	bool newest;           /* of a read: no older than what was known when it was asked */
	raft_index floor[DCS]; /* what had been seen by anybody when it was asked */
	raft_index index;      /* of the log, once it is there */
	raft_index seen;       /* what a CAS is based on, what a blocking query knows */
	bool done, refused;    /* done: answered, well or not */
};

struct client {
	unsigned number, dc;     /* whose keys it uses */
	struct host *host;       /* asks there */
	uint64_t op;             /* under way; 0: none */
	char session[ID_MAX];    /* its own; empty: none */
	raft_index last[THINGS]; /* as last seen: of the key's answers, for blocking queries */
	raft_index modify[KEYS];
};

/* ---- the truth ---- */

struct known { /* an entry, by index and term */
	struct known *next;
	raft_index index;
	raft_term term, prev;
	uint8_t type;
	uint64_t hash;
	size_t n;
	char data[];
};

struct version { /* of a key: what it was from an index on */
	raft_index index;
	bool there;
	bool service; /* of it only the flags count: its port */
	uint64_t flags, value;
	char session[ID_MAX];
	raft_index lock, create, modify;
};

struct model;

struct truth {
	struct known *all[4096]; /* by hash of index and term */
	struct known **log;      /* [index - 1]: as it is committed */
	raft_term *committed_in;
	size_t n, cap;
	struct host **leaders; /* [term] */
	size_t terms;
	struct model *model;
};

/* ---- all of it ---- */

struct datacenter {
	unsigned servers, first; /* at the beginning; number of its first host */
	struct truth truth;
	raft_index floor; /* the highest that anybody has seen */
	bool has_query;   /* somebody was told so */
};

struct cluster {
	uint64_t seed;
	struct rand rand;
	bool talk;
	mono_ns now;
	struct heap queue;
	struct host hosts[HOSTS_MAX];
	unsigned hosts_n, dcs;
	struct datacenter dc[DCS];
	bool cut[HOSTS_MAX][HOSTS_MAX]; /* nothing gets from … to … */
	dur_ns delay_most, far;         /* far: on top, from one datacenter to another */
	unsigned loss, odd;             /* per thousand: packets lost; deliveries that take long or break */
	bool calm, quiet, big, quick_wan;
	bool removed; /* by hand: a server that lives was taken out of the group */
	dur_ns fault_pause, client_pause;
	uint64_t numbers; /* of connections, calls, asks */
	struct rpc *rpcs;
	struct stream *streams;
	struct client clients[CLIENTS_MAX + PROBES_MAX + 1];
	unsigned clients_n;
	struct op *ops; /* [number] */
	size_t ops_n, ops_cap;
	unsigned steps, written; /* when calm began */
	struct cluster_report *report;
};

/* cluster_world.c */
/* At its first moment; the shape is the caller's (plan_shape), then plan_begin. The report has to live as long. */
struct cluster *cluster_new(uint64_t seed, bool talk, struct cluster_report *report);
void cluster_end(struct cluster *c);
struct hap *cluster_later(
        struct cluster *c, dur_ns after, void (*fire)(struct cluster *, struct hap *), struct host *h);
dur_ns cluster_some(struct cluster *c, dur_ns least, dur_ns most);
uint64_t cluster_below(struct cluster *c, uint64_t n);
bool cluster_chance(struct cluster *c, unsigned percent);
void cluster_say(struct cluster *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cluster_wrong(struct cluster *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool cluster_over(const struct cluster *c);
void cluster_until(struct cluster *c, mono_ns end);

/* cluster_host.c */
void host_name(struct cluster *c, struct host *h, unsigned number);
void host_configure(struct cluster *c, struct host *h);
void host_start(struct cluster *c, struct host *h);
enum crash { CRASH_KILL, CRASH_POWER };
void host_crash(struct cluster *c, struct host *h, enum crash how);
void host_step(struct cluster *c, struct host *h, struct event *ev);
void host_turn(struct cluster *c, struct host *h); /* after steps; also when its timer is due */
mono_ns host_now(const struct cluster *c, const struct host *h);
mono_ns host_next(const struct host *h); /* by the common clock */
void host_show(struct cluster *c, const struct host *h);
void host_free(struct cluster *c, struct host *h);

/* cluster_disk.c */
void platter_init(struct cluster *c, struct host *h);
void platter_recover(struct cluster *c, struct host *h);
void platter_append(struct cluster *c, struct host *h, const struct effect *e);
void platter_forget(struct cluster *c, struct host *h, const struct effect *e);
void platter_snapshot(struct cluster *c, struct host *h, const struct effect *e);
void platter_drop(struct cluster *c, struct host *h, const struct effect *e);
void platter_crash(struct cluster *c, struct host *h, enum crash how);
void platter_free(struct host *h);
void platter_state(const struct db_root *r, struct buf *out);

/* cluster_wire.c */
struct host *wire_host(struct cluster *c, struct slice address);
dur_ns wire_delay(struct cluster *c, const struct host *from, const struct host *to);
bool wire_open(const struct cluster *c, const struct host *from, const struct host *to);
void wire_send(struct cluster *c, struct host *h, const struct effect *e);
void wire_answer(struct cluster *c, struct host *h, const struct effect *e);
void wire_drop(struct cluster *c, struct host *h, const struct effect *e);
void wire_break(struct cluster *c, struct host *from, struct host *to); /* all of Raft's connections between them */
void wire_crashed(struct cluster *c, struct host *h);
void wire_call(struct cluster *c, struct host *from, const struct call_forward *what, uint64_t asked, uint64_t tag);
void wire_called(struct cluster *c, struct host *at, uint64_t call, struct slice error, struct slice body);
void wire_free(struct cluster *c);

/* cluster_gossip.c */
void chat_start(struct cluster *c, struct host *h);
void chat_stop(struct cluster *c, struct host *h);
void chat_power_off(struct cluster *c, struct host *h);
void chat_tick(struct cluster *c, struct host *h);
mono_ns chat_next(const struct host *h); /* by its own clock */
void chat_command(struct cluster *c, struct host *h, const struct effect *e);
void chat_free(struct cluster *c);
const struct host *chat_host(const struct cluster *c, const struct gossip_addr *a); /* who is there now */

/* cluster_asked.c */
struct asked *asked_new(struct cluster *c, struct host *h, struct slice method, struct slice args);
void asked_run(struct cluster *c, struct asked *a);
void asked_reply(struct cluster *c, struct host *h, struct message *m);
void asked_forwarded(struct cluster *c, struct host *h, uint64_t number, const struct call_answer *answer);
enum asked_news { NEWS_OF_TABLES = 1, NEWS_OF_LEADER = 2, NEWS_OF_RESTORE = 4 };
void asked_published(struct cluster *c, struct host *h, unsigned news);
void asked_crashed(struct cluster *c, struct host *h);
void asked_settled(struct cluster *c, struct host *h); /* in the end: does the core owe anybody an answer? */

/* cluster_client.c */
struct question {
	const struct method *method;
	struct buf args;
};
void client_begin(struct cluster *c);
/* Of the client's datacenter, at any agent. Returns the operation's number. */
uint64_t client_asks(struct cluster *c, struct client *k, struct host *h, enum op_kind kind, unsigned key);
void client_answered(struct cluster *c, struct client *k, struct slice error, struct slice body);
void client_lost(struct cluster *c, struct client *k); /* the agent that it had asked is gone */
struct op *client_op(struct cluster *c, const struct client *k);
struct slice datacenter_name(unsigned dc);

/* cluster_services.c */
bool services_question(struct cluster *c, struct client *k, struct question *q); /* false: it is none of these */
void services_answer(struct cluster *c, struct client *k, struct mp_reader *r, struct arena *a);
void services_compare(struct cluster *c, struct host *h); /* is anything there that belongs elsewhere? */

/* cluster_answer.c */
void answer_take(struct cluster *c, struct client *k, struct slice body);
void answer_written(struct cluster *c, struct client *k, bool yes); /* yes: what it was told */
/* Of a thing of a datacenter it was told this, or that it is not there (NULL). */
void answer_read(struct cluster *c, struct client *k, unsigned dc, unsigned thing, const struct dir_entry *e);
void answer_wrong(struct cluster *c, const struct client *k, const char *what);

/* cluster_end.c */
void end_look(struct cluster *c);

/* cluster_truth.c */
void truth_appended(struct cluster *c, struct host *h, const struct effect *e);
void truth_recovered(struct cluster *c, struct host *h);
void truth_installed(struct cluster *c, struct host *h, raft_index index);
void truth_published(struct cluster *c, struct host *h);
void truth_same(struct cluster *c, struct datacenter *d); /* all that run have the same tables */
void truth_free(struct truth *t);

/* cluster_model.c */
struct model *model_new(void);
void model_free(struct model *m);
/* Number of the client's operation in it, or 0. */
uint64_t model_apply(struct model *m, const struct known *e);
/* What an operation answers that was applied as this entry. */
struct outcome {
	enum { OUTCOME_DONE, OUTCOME_NO, OUTCOME_ERROR } how;
	char id[ID_MAX]; /* of a session made */
};
const struct outcome *model_outcome(const struct model *m, raft_index index);
const struct version *model_at(const struct model *m, unsigned thing, raft_index index);
/* The next version (of NULL: the first, which is nothing since index 0); it held up to `until`. NULL: there is none. */
const struct version *model_next(const struct model *m, unsigned thing, const struct version *v, raft_index *until);
bool model_same(const struct version *v, const struct dir_entry *e);
bool model_session(const struct model *m, const char *id); /* is it alive now? */
void model_compare(struct cluster *c, struct host *h);     /* its tables, as applied, with the model */

/* cluster_plan.c */
void plan_shape(struct cluster *c);
void plan_begin(struct cluster *c);
void plan_fault(struct cluster *c);
dur_ns plan_calm(struct cluster *c); /* so long until it has healed, at most */
bool plan_healed(struct cluster *c);

#endif
