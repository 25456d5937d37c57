/* Gossip: one pool of members (LAN or WAN), memberlist and Serf as Consul 0.7–1.0 speaks them.
 *
 * A step machine: the host gives it what happened (struct gossip_event, with the time in it) and carries out what it
 * asks for (struct gossip_effects). No socket, clock, thread or file behind it; random numbers come from the seed.
 *
 *	gossip_new → GE_START → { GE_PACKET | GE_STREAM_* | GE_TIMER at gossip_next | commands }* → gossip_free
 *
 * Ownership: what an event points to lives until the step returns; what an effect points to, until the next step. A
 * member given by an effect or by gossip_find lives until the next step. Thread: the core's; one instance a pool.
 *
 * Commands carry a `tag` of the caller's; each is answered by exactly one GX_DONE with that tag (queries by GX_RESPONSE
 * besides, key operations by GX_KEYS), at once or steps later. Limits and numbered invariants: README.md. */
#ifndef GOSSIP_GOSSIP_H
#define GOSSIP_GOSSIP_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/logline.h"
#include "core/gossip/address.h"
#include "core/gossip/vivaldi.h"

struct cards;

enum { GOSSIP_META_MAX = 512, GOSSIP_NAME_MAX = 512, GOSSIP_EVENT_MAX = 512, GOSSIP_QUERY_MAX = 1024 };
enum { GOSSIP_PACKET_MAX = 65536, GOSSIP_STATE_MAX = 20 << 20 };
enum { GOSSIP_KEEP = 8 << 10 }; /* bytes that a buffer or arena keeps between two uses; usual packets have 1400 */

/* ---- configuration ---- */

enum gossip_pool {
	GOSSIP_LAN,  /* one datacenter, servers and clients */
	GOSSIP_WAN,  /* servers of all datacenters */
	GOSSIP_OPEN, /* plain Serf: whoever comes */
};

struct gossip_timing {
	dur_ns probe_interval, probe_timeout;
	dur_ns gossip_interval, gossip_to_dead;
	dur_ns push_pull_interval, tcp_timeout;
	uint32_t gossip_nodes, indirect_checks, suspicion_mult, suspicion_max_mult, retransmit_mult, awareness_max;
	/* Serf's */
	dur_ns reap_interval, reconnect_interval, reconnect_timeout, tombstone_timeout, intent_timeout;
	dur_ns broadcast_timeout, queue_check_interval, snapshot_interval;
};

/* memberlist's LAN, WAN and local (tests, dev) profiles; Serf's part as Consul sets it. */
extern const struct gossip_timing gossip_lan, gossip_wan, gossip_local;

struct gossip_config {
	enum gossip_pool pool;
	struct gossip_timing timing;
	struct slice name;             /* of the node; WAN: "node.dc" */
	struct gossip_addr addr;       /* what we tell others; its port is also the default for joins */
	uint16_t bind_port;            /* where we listen; a message without a port means this */
	struct slice dc, id, segment;  /* ours, for the merge guards */
	struct list tags;              /* of struct pair */
	struct list keys;              /* of struct slice, raw; the first is the primary. Empty: plain */
	bool accept_plain, send_plain; /* encrypt_verify_incoming/outgoing switched off */
	bool resolve_conflicts;        /* Serf's vote when another claims our name (Consul: clients only) */
	bool rejoin_after_leave;
	bool no_compression;
	bool no_coordinates;
	bool snapshot;               /* write lines for the snapshot file */
	struct slice snapshot_bytes; /* what the file held at start */
	struct logbuf *log;
	uint64_t seed;
	struct cards *cards; /* what several pools of one process know of members, shared; NULL: nothing is */
};

/* ---- members ---- */

enum gossip_status { GOSSIP_NONE, GOSSIP_ALIVE, GOSSIP_LEAVING, GOSSIP_LEFT, GOSSIP_FAILED }; /* Serf's numbers */

/* "none", "alive", "leaving", "left", "failed" */
const char *gossip_status_name(enum gossip_status s);

/* What Consul's layer sees of a member. */
struct gossip_member {
	struct slice name;
	struct gossip_addr addr;
	enum gossip_status status;
	struct slice meta;    /* its tags, encoded: tags.h */
	const uint8_t *vsn;   /* VSN_BYTES */
	uint64_t status_time; /* Lamport */
	uint32_t incarnation;
	mono_ns since;        /* failed or left: when it died */
	uint64_t accusations; /* suspicions that it has raised against others */
	uint64_t accused;     /* suspicions raised against it */
	bool measured;        /* a ping of ours was answered straight */
	const struct vivaldi_point
	        *coordinate; /* as last seen in an ack; NULL: never, or a LAN pool, which keeps none */
};

/* ---- events ---- */

enum gossip_event_kind {
	GE_START, /* once, first */
	GE_TIMER, /* time has passed: gossip_next is due */
	GE_PACKET,
	GE_STREAM_OPENED, /* somebody connected: `stream` is new, its number has GOSSIP_STREAM_THEIRS set; or ours is
	                     through */
	GE_STREAM_DATA,
	GE_STREAM_CLOSED, /* the other side has ended, or connecting failed (`why`) */
	GE_JOIN,          /* push/pull with each address; GX_DONE.n: how many worked */
	GE_LEAVE,         /* say goodbye; GX_DONE when told (or the time is over), then the host may close */
	GE_FORCE_LEAVE,   /* name: a failed member has left; prune: forget it, too */
	GE_USER_EVENT,
	GE_QUERY,
	GE_RESPOND,  /* the answer to a GX_QUERY; no tag, no GX_DONE */
	GE_KEY,      /* install, use, remove, list on all members */
	GE_TAGS,     /* ours have changed */
	GE_TIMEOUTS, /* reconnect_timeout was reloaded */
};

enum key_operation { KEY_INSTALL, KEY_USE, KEY_REMOVE, KEY_LIST };

/* Where an answer goes: copied out of a GX_QUERY, kept as long as the application thinks. */
struct gossip_asked {
	uint64_t ltime;
	uint32_t id;
	struct gossip_addr from;
	uint8_t relay;
	mono_ns deadline;
};

enum { GOSSIP_STREAM_THEIRS = 1u << 31 }; /* streams that the host numbered */

struct gossip_event {
	enum gossip_event_kind kind;
	mono_ns now;
	uint64_t tag;
	union {
		struct {
			struct gossip_addr from;
			struct slice data;
		} packet;
		struct {
			uint32_t id;
			struct gossip_addr peer; /* GE_STREAM_OPENED of theirs */
			struct slice data;       /* GE_STREAM_DATA */
			struct slice why;        /* GE_STREAM_CLOSED: empty for an orderly end */
		} stream;
		struct {
			const struct gossip_addr *addrs;
			uint32_t n;
			struct list errors;   /* of struct slice: names that did not resolve, told first in GX_DONE */
			bool keep_old_events; /* Consul never wants events from before the join */
		} join;
		struct {
			struct slice name;
			bool prune;
		} member;
		struct {
			struct slice name, payload;
			bool coalesce;
		} user_event;
		struct {
			struct slice name, payload;
			struct list nodes; /* of struct slice: only these */
			struct list tags;  /* of struct pair: tag → regexp */
			dur_ns timeout;    /* 0: Serf's default */
			bool ack;
			uint8_t relay;
		} query;
		struct {
			struct gossip_asked to;
			struct slice payload;
		} respond;
		struct {
			enum key_operation operation;
			struct slice key; /* raw */
			uint8_t relay;
		} key;
		struct list tags; /* of struct pair */
		struct {
			dur_ns reconnect;
		} timeouts;
	};
};

/* ---- effects ---- */

enum gossip_effect_kind {
	GX_PACKET,
	GX_STREAM_OPEN, /* connect; then GE_STREAM_OPENED or GE_STREAM_CLOSED */
	GX_STREAM_WRITE,
	GX_STREAM_CLOSE, /* when all is written; no GE_STREAM_CLOSED follows */
	GX_MEMBER,       /* a member's status or tags have changed */
	GX_USER_EVENT,
	GX_QUERY,    /* to be answered by GE_RESPOND, or not */
	GX_RESPONSE, /* to a query of ours */
	GX_KEYS,     /* the result of a key operation; GX_DONE follows */
	GX_DONE,     /* a command is finished */
	GX_KEYRING,  /* the ring has changed: save these bytes */
	GX_SNAPSHOT, /* append to (or replace) the snapshot file */
	GX_STOP,     /* we lost our name to another: the agent ends */
};

enum gossip_change { CHANGE_JOIN, CHANGE_LEAVE, CHANGE_FAILED, CHANGE_UPDATE, CHANGE_REAP };

struct gossip_key_count {
	struct slice key; /* base64 */
	uint32_t n;       /* nodes that have it */
};

struct gossip_keys {
	uint32_t nodes, answers, errors;
	const struct gossip_key_count *keys;
	uint32_t key_n;
	const struct pair *messages; /* node → what went wrong there */
	uint32_t message_n;
};

struct gossip_effect {
	enum gossip_effect_kind kind;
	union {
		struct {
			struct gossip_addr to;
			struct slice data;
		} packet;
		struct {
			uint32_t id;
			struct gossip_addr to; /* OPEN */
			struct slice data;     /* WRITE */
		} stream;
		struct {
			enum gossip_change change;
			const struct gossip_member *member;
		} member;
		struct {
			uint64_t ltime;
			struct slice name, payload;
			bool coalesce;
		} user_event;
		struct {
			struct gossip_asked from;
			struct slice name, payload;
		} query;
		struct {
			uint64_t tag;
			struct slice from, payload;
			bool ack; /* only that it was received */
		} response;
		struct {
			uint64_t tag;
			const struct gossip_keys *result;
		} keys;
		struct {
			uint64_t tag;
			enum err err;
			struct slice text; /* when err */
			uint32_t n;        /* joined addresses; answers to a query */
		} done;
		struct slice keyring;
		struct {
			struct slice bytes;
			bool replace; /* the whole file anew, atomically */
			bool sync;    /* must survive a crash: we are leaving */
		} snapshot;
	};
};

struct gossip_effects {
	struct gossip_effect *items;
	size_t n, cap;
	struct arena mem; /* what they point to */
};

void gossip_effects_reset(struct gossip_effects *out);
void gossip_effects_free(struct gossip_effects *out);

/* ---- the machine ---- */

struct gossip;

/* NULL with *f when the configuration can't be: too many bytes of tags, a key of a wrong size. Copies all it needs;
 * the log stays the caller's. */
struct gossip *gossip_new(const struct gossip_config *c, struct fail *f);
void gossip_free(struct gossip *g);

/* `out` is emptied first. */
void gossip_step(struct gossip *g, const struct gossip_event *ev, struct gossip_effects *out);

/* When GE_TIMER is wanted at the latest. */
mono_ns gossip_next(const struct gossip *g);

/* ---- looking ---- */

/* In no order; *at starts at 0, false at the end. */
bool gossip_member_next(const struct gossip *g, uint32_t *at, struct gossip_member *out);
bool gossip_find(const struct gossip *g, struct slice name, struct gossip_member *out);

struct gossip_stats {
	uint32_t members, failed, left, alive, health_score;
	uint64_t member_time, event_time, query_time;
	uint32_t intent_queue, event_queue, query_queue, swim_queue;
	uint64_t coordinate_resets;
	uint64_t packets_in, packets_out, bytes_in, bytes_out; /* packets, streams included in bytes */
	bool encrypted;
};
void gossip_stats(const struct gossip *g, struct gossip_stats *out);
const struct vivaldi_point *gossip_coordinate(const struct gossip *g); /* ours */

/* The numbered invariants of README.md that one member can see of itself; the simulator asks after each step. */
bool gossip_invariants(const struct gossip *g);

#endif
