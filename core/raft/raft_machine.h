/* The inside of the machine: the state that raft's files share, and what they call of each other. Nobody outside of
 * core/raft includes this.
 *
 *   raft.c           life: recovery, time, proposals, applying, flushing
 *   raft_log.c       appends under way, what is durable, a disk that fails
 *   raft_config.c    who is a server of the group
 *   raft_election.c  silence, pre-vote, votes, taking and leaving office
 *   raft_follower.c  requests of others: entries, votes, snapshots
 *   raft_inbound.c   incoming connections and the order of their answers
 *   raft_leader.c    committing, the lease
 *   raft_read.c      reading the newest: leadership checks, a follower's questions and their answers
 *   raft_peer.c      what is sent to one peer, and what its answers mean */
#ifndef CORE_RAFT_RAFT_MACHINE_H
#define CORE_RAFT_RAFT_MACHINE_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/rand.h"
#include "core/raft/raft_cache.h"
#include "core/raft/raft_wire.h"

#define RAFT_NEVER INT64_MAX

enum {
	RAFT_NAME_MAX = 255, /* bytes of an id or address */
	RAFT_BEATS_MAX = 4,  /* beats under way to one peer */
	RAFT_KNOWN_MAX = 4096,
	RAFT_CONNS_MAX = 1024,
	RAFT_ANSWERS_MAX = 1024,        /* requests of one connection that wait for their answer */
	RAFT_REQUEST_BYTES = 1 << 20,   /* entries' data in one request; a single entry may have more */
	RAFT_INFLIGHT_BYTES = 16 << 20, /* … in all requests under way to one peer */
};

/* ---- who is in the group ---- */

struct raft_members {
	raft_index index; /* of the entry; 0: none */
	struct raft_server *servers;
	size_t n;
	struct arena mem;
};

struct raft_known {
	bool prevote;
	size_t n;
	char id[];
};

/* ---- one peer ---- */

enum peer_mode {
	PEER_PROBE,    /* one request at a time, to find where its log and ours part */
	PEER_PIPELINE, /* it follows: requests go out without waiting */
	PEER_BEHIND,   /* what it needs is not kept any more: a snapshot is wanted */
	PEER_INSTALL,  /* … and under way */
};

struct peer_flight {
	uint64_t tag;
	raft_index last; /* of its entries; the entry before if it has none */
	size_t bytes;
	mono_ns sent;
};

struct peer_beat {
	uint64_t tag, round;
	mono_ns sent;
};

struct raft_peer {
	char id[RAFT_NAME_MAX + 1], address[RAFT_NAME_MAX + 1];
	char text[2 * RAFT_NAME_MAX + 16]; /* for log lines */
	unsigned suffrage;
	bool listed;     /* in the latest configuration */
	raft_index left; /* not listed: it is told the log up to here yet; 0: it is not */
	bool prevote;    /* understands it */
	bool drop;       /* connections are to be closed now */
	mono_ns drop_at; /* … or then */

	/* elections */
	bool ask;       /* to be sent */
	uint64_t asked; /* tag of the question; 0: none under way */
	bool granted, denied;

	/* replication */
	enum peer_mode mode;
	raft_index next, match;
	raft_index told; /* commit index it heard */
	struct peer_flight flights[RAFT_INFLIGHT_MAX];
	unsigned flights_at, flights_n;
	size_t flights_bytes;
	unsigned failures; /* in a row */
	raft_index step;   /* how far to go back at the next mismatch */
	mono_ns retry_at, notice_at;
	uint64_t install; /* tag */
	raft_index install_index;

	/* beats */
	struct peer_beat beats[RAFT_BEATS_MAX];
	unsigned beats_n, beat_failures;
	mono_ns beat_at;     /* the next */
	uint64_t round_sent; /* of leadership checks */
	uint64_t round_answered;

	mono_ns contact;  /* the last answer; INT64_MIN: none */
	mono_ns answered; /* when the newest request that was answered had been sent */
};

/* ---- incoming connections ---- */

struct raft_reply {
	struct raft_reply *next;
	uint64_t wait; /* the append it waits for; 0: none */
	bool held;     /* until a snapshot is in place */
	bool reads;    /* a follower's question, answered when a quorum has answered the round */
	uint64_t round;
	bool with_peers; /* the oldest servers want a list of them in the answer to a vote */
	enum raft_wire_kind kind;
	struct raft_wire_answer answer;
	char error[128];
};

struct raft_conn {
	struct raft_conn *next;
	uint64_t id;
	bool leads; /* the leader speaks here */
	bool gone;
	bool shut; /* to be closed when what is before is answered */
	struct raft_reply *first, **end;
	unsigned n;
};

/* ---- the rest ---- */

struct log_flight {
	uint64_t sequence;
	raft_index last; /* durable with it */
};

enum asking {
	ASK_NOTHING,
	ASK_PREVOTE, /* would they vote for us? */
	ASK_DISK,    /* the new term and our vote for ourselves are not durable yet */
	ASK_VOTES,
};

struct raft_check {
	void *tag;
	uint64_t round;   /* of beats; a follower's: of questions */
	raft_index index; /* applied up to there it may be answered; UINT64_MAX: the leader has not said */
};

struct raft_shown {
	raft_term term;    /* of all of this */
	raft_index index;  /* our log is the leader's up to there */
	raft_index commit; /* … which has committed this much, whether we have it or not */
};

struct raft {
	struct raft_state s;
	char id[RAFT_NAME_MAX + 1], address[RAFT_NAME_MAX + 1];
	int protocol;
	dur_ns heartbeat_timeout, election_timeout, lease_timeout;
	struct rand rand;
	struct logbuf *log;
	mono_ns now;
	bool started;
	size_t kept; /* applied entries in the cache, at least */
	struct raft_cache cache;
	struct arena scratch; /* of one request or answer */

	/* hard state */
	raft_term vote_term;
	char vote[RAFT_NAME_MAX + 1];
	bool hard_changed;      /* since the last append */
	uint64_t hard_sequence; /* the append that has it */
	raft_term floor_term;   /* our log was that new before we went back (raft.h) */
	raft_index floor;
	uint64_t floor_sequence; /* the append that has it, at the earliest */

	/* the log */
	raft_index handed;          /* entries up to here were handed over */
	raft_index cut;             /* the next append cuts; UINT64_MAX: not */
	uint64_t sequence, durable; /* of the last append, and of the last that is done */
	uint64_t voided;            /* appends up to here failed, or are refused because of one that did */
	struct log_flight *flights; /* under way, in order */
	size_t flights_n, flights_cap;
	mono_ns disk_retry; /* the disk failed: when to try again; RAFT_NEVER: it works */
	bool disk_broken;

	/* configurations */
	struct raft_members latest, committed;
	struct raft_peer **peers;
	size_t peers_n;
	struct map known; /* ids of servers, of what gossip says: struct raft_known */
	bool warned;      /* that there is nothing to stand for */

	raft_index recover_commit;

	/* follower and candidate */
	char leader[RAFT_NAME_MAX + 1]; /* address; "": not known */
	mono_ns contact;
	bool suspect;        /* its connection was closed, and nothing heard since */
	mono_ns hurry_until; /* until then we ask who is sure to understand it; 0: we wait */
	unsigned hurries;    /* … so often now */
	unsigned refused;    /* the weight of refusals since a leader was heard (raft_election.c) */
	bool silence;        /* it was said that nothing is heard of a leader */
	dur_ns patience;     /* how long silence may last */
	mono_ns deadline;    /* to stand for election, or again */
	enum asking asking;
	bool hurried;      /* this pre-vote came of a closed connection: silence is no consent */
	uint64_t ask_wait; /* append that has our vote */
	struct raft_conn *conns;
	size_t conns_n;
	struct raft_reply *spare;
	struct raft_shown shown;

	/* those who want to read the newest, oldest first */
	struct raft_check *checks;
	size_t checks_at, checks_n, checks_cap;
	size_t checks_lost;              /* the first so many get a no */
	uint64_t read_round;             /* questions to leaders, so far */
	uint64_t read_tag;               /* the one under way; 0: none */
	raft_term read_term;             /* … in which it was asked */
	char read_of[RAFT_NAME_MAX + 1]; /* … of this server, by its id */
	mono_ns read_until;              /* … until then */
	mono_ns read_pause;              /* none before: one was lost */

	/* a snapshot comes in */
	bool installing, install_new;
	raft_term install_term; /* ours when it came */
	struct raft_members install_members;
	struct raft_install install;
	struct raft_reply *install_reply;

	/* leader */
	mono_ns lease_check;
	uint64_t tags;
	uint64_t round;      /* of leadership checks */
	bool removed;        /* our removal is committed */
	raft_index lent;     /* the last entry whose data was lent when it was handed to the log */
	raft_index dropping; /* proposals from here down are to be given back; 0: none */
	bool drop_cut;       /* … and what is not durable is cut off then */
	struct raft_entry dropped;
};

/* raft_log.c */
bool raft_log_dirty(const struct raft *r);
void raft_log_flush(struct raft *r, struct effects *out);
raft_index raft_log_committed(const struct raft *r); /* what may be told of as committed */
void raft_log_proven(struct raft *r, raft_index committed);
void raft_log_floor(struct raft *r); /* our log is about to go back behind what it is now */
bool raft_log_below_floor(const struct raft *r);
uint64_t raft_log_wait_hard(const struct raft *r); /* the append that has term and vote; 0: durable */
uint64_t raft_log_wait_entry(const struct raft *r, raft_index index); /* … the entry */
void raft_log_cut(struct raft *r, raft_index after);
bool raft_log_take(struct raft *r, const struct raft_entry *e, bool copy); /* at the end of the log; false: no room */
void raft_log_reset(struct raft *r, raft_index index, raft_term term);

/* raft_config.c */
bool raft_members_vote(const struct raft_members *m, const char *id);
size_t raft_members_voters(const struct raft_members *m);
size_t raft_members_quorum(const struct raft_members *m);
bool raft_members_name(struct slice s);        /* can it be an id or address? */
bool raft_members_alone(const struct raft *r); /* we are the only voter */
void raft_members_free(struct raft_members *m);
bool raft_members_set(struct raft_members *m, raft_index index, const struct raft_server *servers, size_t n);
void raft_members_entry(struct raft *r, const struct raft_entry *e); /* takes effect if it is a configuration */
void raft_members_cut(struct raft *r, raft_index after);
void raft_members_commit(struct raft *r);
void raft_members_changed(struct raft *r);
struct raft_peer *raft_peer_by_id(const struct raft *r, struct slice id);
enum err raft_members_check(const struct raft_server *servers, size_t n, struct fail *f);
void raft_members_text(struct buf *out, const struct raft_members *m); /* as Go prints the list */

/* raft_election.c */
void raft_election_tick(struct raft *r);
void raft_election_begin(struct raft *r, bool fresh); /* we know nothing of a leader yet */
void raft_election_hurry(struct raft *r);             /* the leader's connection was closed */
void raft_election_logged(struct raft *r);
void raft_election_answer(struct raft *r, struct raft_peer *p, const struct raft_wire_answer *a);
void raft_election_lost(struct raft *r, struct raft_peer *p);
void raft_election_flush(struct raft *r, struct effects *out);
void raft_follow_wait(struct raft *r); /* a new patience, counted from now */
void raft_follow_become(struct raft *r, raft_term term);
void raft_lead_set(struct raft *r, struct slice address);
dur_ns raft_some_time(struct raft *r, dur_ns least, dur_ns most);

/* raft_read.c */
void raft_read_flush(struct raft *r, struct effects *out);
void raft_read_tick(struct raft *r);
mono_ns raft_read_next(const struct raft *r);
void raft_read_lose(struct raft *r); /* all who wait get a no */
void raft_read_answer(struct raft *r, const struct raft_wire_answer *a);
void raft_read_lost(struct raft *r, struct slice peer);
void raft_read_request(struct raft *r, struct raft_conn *c, const struct raft_wire_read *q);
bool raft_read_ready(struct raft *r, struct raft_reply *reply); /* may it leave? */

/* raft_follower.c, raft_inbound.c */
void raft_follow_told(struct raft *r, raft_index commit); /* the leader of our term has committed up to there */
void raft_follow_request(struct raft *r, struct raft_conn *c, const struct raft_wire_request *q, struct slice state);
struct raft_reply *raft_inbound_reply(struct raft *r, struct raft_conn *c, enum raft_wire_kind kind);
void raft_inbound_failed(struct raft *r); /* what waits for the disk gets a no */
void raft_inbound_flush(struct raft *r, struct effects *out);
void raft_answers_free(struct raft *r);

/* raft_leader.c */
void raft_lead_begin(struct raft *r);
void raft_lead_end(struct raft *r);
void raft_lead_tick(struct raft *r);
mono_ns raft_lead_next(const struct raft *r);
void raft_lead_commit(struct raft *r);
void raft_lead_lease(struct raft *r);
void raft_lead_flush(struct raft *r, struct effects *out);
uint64_t raft_lead_round(struct raft *r);
bool raft_lead_confirmed(const struct raft *r, uint64_t round); /* a quorum has answered it; 0: always */

/* raft_peer.c */
void raft_peer_begin(struct raft *r, struct raft_peer *p);
void raft_peer_idle(struct raft_peer *p);                             /* forgets what is under way */
bool raft_peer_done(const struct raft *r, const struct raft_peer *p); /* it left, and heard of it */
void raft_peer_flush(struct raft *r, struct raft_peer *p, struct effects *out);
void raft_peer_tick(struct raft *r, struct raft_peer *p);
mono_ns raft_peer_next(const struct raft *r, struct raft_peer *p);
void raft_peer_send(struct raft *r, struct raft_peer *p, enum raft_channel channel, uint64_t tag,
        const struct raft_wire_request *q, struct effects *out);

#endif
