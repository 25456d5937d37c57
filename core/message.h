/* A message: one request from a front (or from the core itself) to the core thread, and its answer.
 *
 * Ownership travels: whoever made it fills request fields and hands it over through a ring; the core thread owns it
 * until it comes back with the answer. Its arena holds everything the request and the answer point to, so nothing is
 * copied on the way and command bytes may be lent to the log until they are on disk. Fronts keep a pool of them. */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/types.h"
#include "core/state/apply.h"

enum ask {
	ASK_COMMAND,             /* put `command` through Raft; answer: result, index */
	ASK_BARRIER,             /* answer when everything before is applied */
	ASK_SESSION_RENEW,       /* request: struct slice id → the deadline starts anew */
	ASK_COORDINATE,          /* request: struct coordinate_entry → into the next batch */
	ASK_SERVICE_REGISTER,    /* request: struct service_definition */
	ASK_SERVICE_DEREGISTER,  /* request: struct slice id */
	ASK_SERVICE_MAINTENANCE, /* request: struct ask_maintenance */
	ASK_CHECK_REGISTER,      /* request: struct check_definition */
	ASK_CHECK_DEREGISTER,    /* request: struct slice id */
	ASK_CHECK_UPDATE,        /* request: struct ask_check_update */
	ASK_NODE_MAINTENANCE,    /* request: struct ask_maintenance */
	ASK_EVENT_FIRE,          /* request: struct user_event; answer: reply = the event as fired */
	ASK_JOIN,                /* request: struct ask_join; answer: reply = struct ask_joined */
	ASK_FORCE_LEAVE,         /* request: struct ask_force_leave */
	ASK_KEYRING,             /* request: struct ask_keyring (core/agent/keys.h) */
	ASK_ACCUSATIONS,         /* answer: reply = list of struct accusations (core/agent/accusations.h) */
	ASK_LEAVE,               /* leave the pools, answer, then stop */
	ASK_RELOAD,              /* the host reads the configuration again */
	ASK_TOKEN,               /* request: struct ask_token */
	ASK_RESTORE,             /* request: struct ask_restore */
	ASK_DATACENTERS,         /* answer: reply, a struct list: agent/datacenters.h */
	ASK_DATACENTER_MAPS,
	/* the core's own, wherever they can be answered: core_calls.c */
	ASK_OWN_SERVICES, /* what the catalog has of our node; answer: reply, a struct sync_remote without checks */
	ASK_OWN_CHECKS,   /* … its checks; answer: reply, a struct sync_remote with nothing else */
	ASK_JOB,          /* request: struct ask_job (core/agent/remote_exec.h); answer: struct dir_entry, or NULL */
	ASK_KEYRING_FAR,  /* request: struct ask_keyring_far (core/agent/keys.h); answer: struct keyring_reply */
	ASK_VERIFY,       /* answered when the next world may be read as the newest; refused: somebody else has to be
	                     asked */
	ASK_RECOVER,      /* request: struct ask_recover; answer: reply = struct ask_recovered, then we start again */
	ASK_RAFT_CHANGE,  /* request: struct ask_raft_change; answered when it is committed */
};

/* One row of a join: many addresses. */
struct ask_join {
	struct list addresses; /* of struct slice */
	bool wan;
};

struct ask_joined {
	int64_t count;
};

struct ask_force_leave {
	struct slice node;
	bool prune; /* forget it at once, too */
};

struct ask_maintenance {
	struct slice service_id; /* empty: the node */
	bool enable;
	struct slice reason, token;
};

struct ask_check_update {
	struct slice id, status, output;
};

struct ask_token {
	struct slice name, token; /* "acl_token", "acl_agent_token" … */
};

/* All replicated state becomes what these bytes (state.bin of an archive) say, at an index beyond both. */
struct ask_restore {
	struct slice state;
	raft_index index;
};

/* The majority of Raft's servers is gone for good: we go on alone. */
struct ask_recover {
	bool force; /* although it does not look so */
};

struct ask_recovered {
	struct list dropped; /* of struct ask_dropped */
};

struct ask_dropped {
	struct slice id, address, node; /* node: empty if gossip does not know it */
};

/* One server in Raft's configuration (core/raft/raft.h: raft_change). Others may be under way: then it waits. */
struct ask_raft_change {
	int kind; /* enum raft_change */
	struct slice id, address;
};

struct message {
	struct message *next; /* of whatever list it is in */
	struct arena mem;
	enum ask ask;
	struct slice command; /* ASK_COMMAND: type byte and msgpack, as in Consul's log */
	struct slice token;
	void *request; /* by ask; in mem */

	/* the answer */
	enum err err;
	struct slice why; /* the sentence, when err */
	struct apply_result result;
	raft_index index;
	void *reply; /* by ask; in mem */

	/* for the one who sent it; the core thread does not look */
	int front; /* -1: the core itself */
	void *owner;
	uint64_t owner_ticket;
	void (*done)(void *host, struct message *m); /* core's own calls */
	void *finish;                                /* api's continuation */
	void *context;                               /* api's memory of the request, in mem */
	mono_ns began;
};

#endif
