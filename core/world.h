/* The world: everything that a front may read, behind one pointer, of one consistent moment.
 *
 * Built by the core thread at most once a turn, published by one atomic store, never changed afterwards, freed when
 * every front has passed a quiescent point. A front takes the newest once a turn of its loop. */
#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include "core/base/types.h"
#include "core/gossip/gossip.h"
#include "core/raft/role.h"
#include "store/db.h"

struct agent_config;

/* The datacenters of the WAN pool by distance: their names as a hash each (crc32c), the nearest first, our own among
 * them. Looked at with datacenters_near. */
enum { WORLD_DATACENTERS = 32 };
struct datacenter_order {
	uint32_t n, names[WORLD_DATACENTERS];
};

struct world {
	uint64_t number; /* grows with each publication */
	const struct db_root *db;
	uint64_t restores; /* how often a snapshot took the place of the state: indexes may have gone back */
	const struct agent_config *config;

	/* leadership, as seen now */
	enum raft_role role;
	struct slice leader; /* "127.0.0.1:8300" of the leader; empty: none known. Lives as long as the world */
	struct slice self;   /* our own server address, in the same form */
	bool ready;          /* we lead and have applied everything of earlier terms: consistent reads are */
	bool reads; /* we follow one who tells us up to where the newest is: default reads are, too (ASK_VERIFY) */
	mono_ns leader_contact; /* when a follower last heard from it; 0: never */
	bool voter;             /* we have a voice in Raft's configuration, whose entry is at configuration_index */
	uint32_t voters;        /* … in which so many have one; all servers: core/leader/peers.h */
	raft_index configuration_index;
	wall_ns leading_since; /* when we became ready; 0: we do not lead */

	/* for `info` and operators */
	raft_term term;
	raft_index last_log, commit, applied, last_snapshot;
	raft_term last_log_term, last_snapshot_term;
	size_t memory_used, memory_held; /* bytes of the store */
	uint64_t objects;                /* rows in it */
	uint32_t local_services, local_checks, local_ttl_checks, local_monitors;
	struct gossip_stats lan, wan;    /* the pools; zero where there is none */
	struct vivaldi_point coordinate; /* where we seem to be */
	struct datacenter_order datacenters;
	bool leaving;
	uint64_t users_tokens_version;
	struct slice user_token, agent_token, agent_master_token;

	char self_text[64], leader_text[64];
};

static inline bool world_leading(const struct world *w)
{
	return w->role == RAFT_LEADER;
}

#endif
