/* A group of Raft servers in one process, on virtual time. Everything is drawn from a seed: delays, partitions (one-way
 * too), broken connections, crashes that lose what was not synced, slow and failing disks, changes of the group under
 * load, snapshots. After each turn of a server the rules are checked (raft_check.c).
 *
 *   raft_world.c  the clock, and the queue of what will happen
 *   raft_net.c    connections: in order, or closed; never silently short
 *   raft_node.c   one server: a host of core/raft with a disk that forgets
 *   raft_check.c  the invariants, by the numbers in core/raft/raft.h
 *   raft_plan.c   clients and faults
 *   raft_main.c   seeds in, verdicts out */
#ifndef TESTS_SIM_RAFT_WORLD_H
#define TESTS_SIM_RAFT_WORLD_H

#include "core/base/rand.h"
#include "core/raft/raft.h"
#include "core/raft/raft_wire.h"

enum { NODES_MAX = 9, LOG_MAX = 1 << 16, OPS_MAX = 1 << 14, TERMS_MAX = 1 << 14, RESTORES_MAX = 256 };

/* ---- the queue ---- */

enum happening {
	HAP_PUMP,
	HAP_DISK,
	HAP_INSTALLED,
	HAP_SNAPSHOT,
	HAP_RESTORED,
	HAP_KILL,
	HAP_BOOT,
	HAP_DIAL_FAILED,
	HAP_CLIENT,
	HAP_FAULT,
	HAP_CALM,
	HAP_LED,
	HAP_TIMEOUT,
};

struct hap {
	mono_ns at;
	uint64_t order;
	enum happening kind;
	int node;      /* DISK, INSTALLED, SNAPSHOT, RESTORED, KILL, BOOT */
	unsigned life; /* … of which it is; another one: void */
	uint64_t conn; /* PUMP */
	int dir;
	uint64_t value;
};

/* ---- connections ---- */

struct parcel {
	struct parcel *next;
	mono_ns earliest, sent; /* … an answer: when its question was */
	bool close;
	uint64_t tag;
	struct slice bytes, state; /* malloc'ed */
};

struct asked { /* a request that the server has not answered */
	struct asked *next;
	uint64_t tag;
	mono_ns sent;
	enum raft_wire_kind kind;
	raft_term term;
	raft_index shown;
	bool prevote;
	char candidate[64];
	void *state;
};

struct conn {
	struct conn *next;
	uint64_t id;
	int from, to;
	unsigned from_life, to_life;
	uint8_t channel;
	bool open[2]; /* at from, at to */
	bool known;   /* the server has heard of it */
	struct parcel *first[2], **end[2];
	bool pumping[2];
	unsigned unanswered;
	bool timed;
	mono_ns since; /* the last answer, or the first question behind it */
	struct asked *asked, **asked_end;
};

/* ---- servers ---- */

struct stored {
	raft_term term;
	uint8_t type;
	uint64_t hash;
	struct slice data; /* malloc'ed */
};

struct machine { /* the replicated state: what was applied, as one number */
	raft_index index;
	raft_term term;
	uint64_t digest;
};

struct disk_op {
	struct disk_op *next;
	uint64_t sequence;
	unsigned failures;
	raft_index forget; /* drops the entries up to it, and nothing else; 0: no */
	raft_index cut, commit;
	raft_term term, vote_term, floor_term;
	raft_index floor;
	char vote[64];
	raft_index first;
	size_t n;
	struct stored entries[];
};

struct saved_members {
	struct raft_server servers[NODES_MAX];
	size_t n;
	raft_index index;
};

struct node {
	int number;
	char id[40], address[40];
	bool up, old; /* old: does not know the pre-vote */
	unsigned life;
	struct raft *raft;
	struct effects out;
	struct machine machine;
	raft_index shown; /* by requests in this term */
	raft_term shown_term;
	raft_index commit_elected; /* what it knew committed when it began to lead */

	/* what survives */
	struct stored *log;     /* [index - first], of LOG_MAX */
	raft_index first, last; /* last < first: empty */
	raft_term before_first; /* term of the entry before */
	raft_term term, vote_term, floor_term;
	raft_index floor;
	char vote[64];
	raft_index commit;
	struct machine snapshot, older;              /* the two newest */
	struct saved_members members, older_members; /* of them */

	/* the disk's queue */
	struct disk_op *ops, **ops_end;
	unsigned failures, failures_told;
	dur_ns disk_least, disk_most;
	size_t group; /* of them are being synced */
	bool disk_busy, disk_fails;

	struct machine taking; /* a snapshot being written */
	struct saved_members taking_members;
	bool takes;
	struct machine incoming; /* … being installed */
	bool installs;
	struct saved_members incoming_members;
	struct machine restored; /* … of a client, being written */
	bool restores;
};

struct restore {
	raft_index behind; /* … this entry */
	struct machine to;
};

/* ---- what clients know ---- */

struct op {
	bool read;
	raft_index index; /* of the write; of a read: what was acknowledged before */
	bool done;
	mono_ns at;
	unsigned changes; /* of the group, when it was asked */
	char text[56];
};

struct world {
	uint64_t seed;
	struct rand rand;
	mono_ns now;
	struct hap *queue;
	size_t queue_n, queue_cap;
	uint64_t order;
	bool talk;
	struct logbuf log;

	struct node nodes[NODES_MAX];
	int nodes_n, first_n;
	int protocol;
	bool cut[NODES_MAX][NODES_MAX];      /* nothing gets from … to … */
	mono_ns heard[NODES_MAX][NODES_MAX]; /* … was answered by … what it had sent then */
	struct conn *conns;
	uint64_t conn_ids;
	dur_ns delay_least, delay_most;
	dur_ns client_pause, fault_pause;
	bool calm;
	bool brief; /* short runs, many of them */
	mono_ns trouble, end;
	bool quick; /* nothing but killed leaders: somebody has to follow at once */
	unsigned snapshot_every;
	size_t kept; /* by servers, for others; 0: as many as they like */

	struct op ops[OPS_MAX];
	size_t ops_n, acked_n, reads_n, follower_reads_n;
	raft_index acked; /* the highest index that was acknowledged */
	uint64_t commands;

	/* truth, as far as it is known */
	struct {
		raft_term term, committed_in;
		uint8_t type;
		uint64_t hash, digest;
	} truth[LOG_MAX];
	raft_index truth_last;
	struct restore restores[RESTORES_MAX]; /* of clients; who knows which of them came to be */
	size_t restores_n, overruled;
	int leader_of[TERMS_MAX];
	char vote_of[NODES_MAX][TERMS_MAX]; /* 1 + number of whom it voted for */
	struct twin *twins;                 /* (index, term) → entry */
	size_t twins_cap, twins_n;

	unsigned still; /* turns in which no time passed */
	bool broken;
	char why[512];
	unsigned turns, elections, installs, crashes, changes;
};

/* raft_world.c */
void world_later(struct world *w, dur_ns after, struct hap h);
dur_ns world_some(struct world *w, dur_ns least, dur_ns most);
bool world_chance(struct world *w, unsigned percent);
uint64_t world_below(struct world *w, uint64_t n);
void world_say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_break(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool world_run(struct world *w, uint64_t seed, bool talk, bool brief); /* all zero at first. False: why says */
uint64_t hash_of(struct slice s, uint64_t seed);

/* raft_net.c */
void net_send(struct world *w, struct node *from, const struct effect *e, struct slice state);
void net_answer(struct world *w, struct node *at, uint64_t conn, struct slice bytes);
void net_drop(struct world *w, struct node *from, struct slice peer);
void net_crashed(struct world *w, struct node *n);
void net_pump(struct world *w, const struct hap *h);
void net_timeout(struct world *w, const struct hap *h);
void net_dial_failed(struct world *w, const struct hap *h);
void net_break(struct world *w); /* some connection */
void net_reset(struct world *w, struct node *n);
void net_free(struct world *w);

/* raft_node.c */
struct node *node_named(struct world *w, struct slice id);
void node_prepare(struct world *w, struct node *n, int number);
void node_boot(struct world *w, struct node *n);
void node_crash(struct world *w, struct node *n);
void node_turn(struct world *w, struct node *n);
void node_disk(struct world *w, const struct hap *h);
void node_installed(struct world *w, const struct hap *h);
void node_restore(struct world *w, struct node *n);
void node_restored(struct world *w, const struct hap *h);
void node_snapshot(struct world *w, struct node *n);
void node_snapshot_done(struct world *w, const struct hap *h);
/* On disk; 0: not there. */
raft_term node_term_of(struct node *n, raft_index index);
uint8_t node_type_of(struct node *n, raft_index index);
void node_free(struct node *n);

/* raft_check.c */
void check_entry(struct world *w, struct node *n, raft_index index, const struct stored *e, raft_term prev);
void check_applied(struct world *w, struct node *n, const struct raft_entry *e, const struct machine *before);
void check_installed(struct world *w, struct node *n, const struct machine *m);
void check_request(struct world *w, struct node *n, struct slice bytes);
void check_answer(struct world *w, struct node *n, const struct asked *q, struct slice bytes);
void check_read(struct world *w, struct node *n, const struct op *op);
void check_turn(struct world *w, struct node *n);
void check_end(struct world *w);

/* raft_plan.c */
void plan_begin(struct world *w);
void plan_client(struct world *w);
void plan_fault(struct world *w);
void plan_kill(struct world *w, struct node *n);
void plan_restored(struct world *w, struct node *n);
void plan_calm(struct world *w);
void plan_led(struct world *w);
void plan_op_done(struct world *w, struct node *n, void *tag, raft_index index, bool ok);

#endif
